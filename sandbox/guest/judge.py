"""The judge: holds a task's tests and says what became of each sample.

Its process has an unprivileged uid of its own, so that no player can read its
memory or signal it, and it executes no sample. What it runs itself (reference
solution, published test code) is trusted data of the benchmark; a judge that
has run any serves that task only.
"""

from __future__ import annotations

import os
import resource
import socket
import time
from typing import Any, Callable, Dict, Optional

from . import (
    channel,
    clock,
    judge_calls,
    judge_check,
    judge_input,
    judge_livecodebench,
    judge_output,
    judge_program,
    judge_run,
    judge_stdio,
    judge_unittest,
    kinds,
    wire,
)
from .cages import Cage
from .verdicts import Grader, Prepared

MAX_KNOWN = 4 << 20
# A judge that has grown by this (MiB) gives way to a fresh one: over its samples at once, with its
# task when the next task comes.
FULL_GROWN = 512

# The modules that kinds.py names; imported here, for a judge finds no files later.
MODULES = (
    judge_calls,
    judge_check,
    judge_input,
    judge_livecodebench,
    judge_output,
    judge_program,
    judge_run,
    judge_stdio,
    judge_unittest,
)
JUDGES: Dict[str, Callable[[Dict[str, Any], channel.Room], Prepared]] = {
    each.__name__.rpartition(".")[2]: each.prepare for each in MODULES
}


def is_data(message: Dict[str, Any]) -> bool:
    """Whether a task can be prepared without running any of its code."""
    spec = message["spec"]
    if spec["kind"] == "calls":
        return not judge_calls.needs_reference({**spec, **message})
    kind = kinds.KINDS.get(spec["kind"])
    return kind is not None and kind.is_data


def main(jobs: int, control: socket.socket, cage: Cage, memory_mb: int) -> None:
    """Answer {"spec", "known"?, "blobs"} with what was learned, {"program"} with suites.

    A task replaces the one before it. The blobs are the texts that the spec's
    suites and its payload name by number and, last, what an earlier judge learned.
    """
    resource.setrlimit(resource.RLIMIT_AS, (memory_mb << 20, memory_mb << 20))
    cage.enter_judge()
    room = channel.Room(control)
    grader: Optional[Grader] = None
    start = _peak_mb()
    try:
        while True:
            message = wire.receive(jobs)
            if "spec" in message:
                grader = None
                grader, answer = _prepared(_task(message), room)
                if _peak_mb() > FULL_GROWN:
                    answer["grown"] = True
                start = _peak_mb()
            elif grader is not None:
                answer = _graded(grader, message["program"])
                if _peak_mb() > start + FULL_GROWN:
                    answer["grown"] = True
            wire.send(jobs, answer)
    except (wire.Closed, wire.Late):
        os._exit(0)


def _task(message: Dict[str, Any]) -> Dict[str, Any]:
    """The spec with its blobs in their places."""
    task: Dict[str, Any] = message["spec"]
    blobs = message.get("blobs", [])
    for suite in task.get("suites", ()):
        for name in ("calls", "expected"):
            if name in suite:
                suite[name] = blobs[suite[name]].decode("ascii")
    if "payload" in task:
        task["payload"] = [blobs[number] for number in task["payload"]]
    if message.get("known"):
        task["known"] = blobs[-1]
    return task


def _prepared(task: Dict[str, Any], room: channel.Room) -> "tuple[Optional[Grader], Any]":
    began = time.monotonic()
    try:
        prepared = _prepare(task, room)
    except (wire.Closed, wire.Late):
        raise
    except BaseException as error:  # a broken task must be told to the host, not crash the slot
        return None, {"fault": f"task cannot be prepared: {type(error).__name__}: {error}"[:2000]}
    answer: Dict[str, Any] = {"prepared_s": time.monotonic() - began}
    # What is larger is not worth keeping: computing it again takes less than reading it.
    if prepared.known is not None and len(prepared.known) <= MAX_KNOWN:
        answer["blobs"] = [prepared.known]
    return prepared.grade, answer


def _prepare(task: Dict[str, Any], room: channel.Room) -> Prepared:
    carried = ("payload", "known")
    kind = kinds.check({name: each for name, each in task.items() if name not in carried})
    return JUDGES[kind.judge](task, room)


def _graded(grader: Grader, program: str) -> Dict[str, Any]:
    clock.begin_sample()
    try:
        answer: Dict[str, Any] = {"suites": grader(program)}
    except (wire.Closed, wire.Late):
        raise
    except Exception as error:  # a defect of ours must be loud, and never a verdict
        return {"fault": f"the judge failed: {type(error).__name__}: {error}"[:500]}
    return answer


def _peak_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
