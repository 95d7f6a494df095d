"""The judge: holds one task's tests and says what became of each sample.

Its process has an unprivileged uid of its own, so that no player can read its
memory or signal it, and it executes no sample. What it runs itself (reference
solution, published test code) is trusted data of the benchmark.
"""

from __future__ import annotations

import os
import reprlib
import resource
import socket
import time
from typing import Any, Callable, Dict

from . import channel, wire
from .zygote import Cage

Result = Dict[str, Any]
Grader = Callable[[str], Dict[str, Result]]

_repr = reprlib.Repr()
_repr.maxstring = _repr.maxother = 300
_repr.maxlist = _repr.maxtuple = _repr.maxset = _repr.maxdict = 20
_repr.maxlevel = 4
_repr.maxlong = 80


def show(value: Any) -> str:
    """A value as short display text."""
    try:
        return _repr.repr(value)[:600]
    except Exception as error:  # e.g. integers too long to print
        return f"<{type(value).__name__}: {type(error).__name__}>"


def result(verdict: str, detail: str = "", **more: Any) -> Result:
    """One suite's result; see opencodeeval.types.SuiteResult for the fields."""
    return {"verdict": verdict, "detail": detail, **more}


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
            except MemoryError:
                answer = {"fault": "the judge ran out of memory"}
            wire.send(jobs, answer)
    except (wire.Closed, wire.Late):
        os._exit(0)


def _prepared(task: Dict[str, Any], room: channel.Room, jobs: int) -> Grader:
    began = time.monotonic()
    try:
        grader = _grader(task, room)
    except (wire.Closed, wire.Late):
        raise
    except BaseException as error:  # a broken task must be told to the host, not crash the slot
        wire.send(jobs, {"fault": f"task cannot be prepared: {type(error).__name__}: {error}"})
        os._exit(0)
    wire.send(jobs, {"prepared_s": time.monotonic() - began})
    return grader


def _grader(task: Dict[str, Any], room: channel.Room) -> Grader:
    kind = task["kind"]
    prepare = kinds().get(kind)
    if prepare is None:
        raise ValueError(f"unknown kind of task {kind!r}")
    return prepare(task, room)


def kinds() -> Dict[str, Callable[[Dict[str, Any], channel.Room], Grader]]:
    """How tasks of each kind are prepared.

    Imported late: the zygote forks before this, so no player has judge code.
    """
    from . import judge_calls, judge_check, judge_stdio, judge_unittest

    return {
        "calls": judge_calls.prepare,
        "check": judge_check.prepare,
        "stdio": judge_stdio.prepare,
        "unittest": judge_unittest.prepare,
    }


def player_limits(limits: Dict[str, Any], seconds: float) -> Dict[str, int]:
    """The rlimits of a player that may run `seconds` of wall time."""
    return {
        "memory_mb": int(limits.get("memory_mb", 4096)),
        "pids": int(limits.get("pids", 128)),
        # Several threads may burn several seconds of processor in one of wall time.
        "cpu_s": int(seconds * 4) + 2,
    }
