"""The judge: holds one task's tests and says what became of each sample.

Its process has an unprivileged uid of its own, so that no player can read its
memory or signal it, and it executes no sample. What it runs itself (reference
solution, published test code) is trusted data of the benchmark.
"""

from __future__ import annotations

import json
import os
import resource
import socket
import time
from typing import Any, Callable, Dict

from . import channel, judge_calls, judge_check, judge_stdio, judge_unittest, wire
from .cages import Cage
from .verdicts import Grader, Prepared

MAX_KNOWN = 4 << 20

KINDS: Dict[str, Callable[[Dict[str, Any], channel.Room], Prepared]] = {
    "calls": judge_calls.prepare,
    "check": judge_check.prepare,
    "stdio": judge_stdio.prepare,
    "unittest": judge_unittest.prepare,
}


def main(jobs: int, control: socket.socket, cage: Cage, memory_mb: int) -> None:
    """Serve one task: first frame the task, then one frame a sample, until closed."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_mb << 20, memory_mb << 20))
    cage.enter_judge()
    room = channel.Room(control)
    try:
        task = wire.receive(jobs)["task"]
        grader = _prepared(task, room, jobs)
        while True:
            sample = wire.receive(jobs)
            try:
                answer: Dict[str, Any] = {"suites": grader(sample["program"])}
            except (wire.Closed, wire.Late):
                raise
            except Exception as error:  # a defect of ours must be loud, and never a verdict
                answer = {"fault": f"the judge failed: {type(error).__name__}: {error}"[:500]}
            wire.send(jobs, answer)
    except (wire.Closed, wire.Late):
        os._exit(0)


def _prepared(task: Dict[str, Any], room: channel.Room, jobs: int) -> Grader:
    began = time.monotonic()
    try:
        prepared = _prepare(task, room)
    except (wire.Closed, wire.Late):
        raise
    except BaseException as error:  # a broken task must be told to the host, not crash the slot
        wire.send(jobs, {"fault": f"task cannot be prepared: {type(error).__name__}: {error}"})
        os._exit(0)
    known = prepared.known
    if known is not None and len(json.dumps(known)) > MAX_KNOWN:
        known = None  # not worth keeping: computing it again takes less than reading it
    wire.send(jobs, {"prepared_s": time.monotonic() - began, "known": known})
    return prepared.grade


def _prepare(task: Dict[str, Any], room: channel.Room) -> Prepared:
    kind = task["kind"]
    prepare = KINDS.get(kind)
    if prepare is None:
        raise ValueError(f"unknown kind of task {kind!r}")
    return prepare(task, room)
