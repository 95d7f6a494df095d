"""Whether the judge's clock tells a player that did not get the processor from one that did."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

channel: Any = importlib.import_module("guest.channel")

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/schedstat").exists(), reason="the kernel does not tell"
)

STRETCH_S = 0.5


@contextmanager
def processes(code: str, count: int) -> Iterator[list[int]]:
    """So many processes that run `code`, all on one processor."""
    one = min(os.sched_getaffinity(0))
    code = f"import os, time\nos.sched_setaffinity(0, [{one}])\nprint(flush=True)\n{code}"
    started = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) for _ in range(count)
    ]
    try:
        for process in started:
            assert process.stdout
            process.stdout.readline()
        yield [process.pid for process in started]
    finally:
        for process in started:
            process.kill()
            process.communicate()


def looked_at(pid: int) -> Any:
    """A clock that has had its first look, at a process that has gone on since."""
    clock = channel._Clock(pid)
    assert 0 < clock.early() <= channel.QUICK_S
    time.sleep(channel.QUICK_S)
    assert clock.early() == float("inf")
    time.sleep(STRETCH_S)
    return clock


def test_processes_that_share_a_processor_are_starved() -> None:
    with processes("while True: pass", 2) as (pid, _):
        clock = looked_at(pid)
        assert clock.starved()
        clock.close()


def test_a_process_that_sleeps_is_not_starved() -> None:
    with processes("time.sleep(60)", 1) as (pid,):
        clock = looked_at(pid)
        assert not clock.starved()
        clock.since()  # a new stretch of the same process
        assert clock.early() <= channel.QUICK_S
        clock.close()


def test_what_is_not_known_is_to_be_confirmed_and_what_has_left_waits_for_nothing() -> None:
    with processes("time.sleep(60)", 1) as (pid,):
        early = channel._Clock(pid)
        assert early.starved()  # its time was up before there was anything to compare with
        gone = looked_at(pid)
    assert not gone.starved()
    for clock in (early, gone):
        clock.close()
        assert clock.fd is None
