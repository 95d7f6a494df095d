"""Whether the judge's clock tells a player that did not get the processor from one that did."""

from __future__ import annotations

import importlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

clocks: Any = importlib.import_module("guest.clock")

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
    clock = clocks.Clock(pid)
    assert 0 < clock.early() <= clocks.QUICK_S
    time.sleep(clocks.QUICK_S)
    assert clock.early() == float("inf")
    time.sleep(STRETCH_S)
    return clock


def test_processes_that_share_a_processor_are_starved() -> None:
    with processes("while True: pass", 2) as (pid, _):
        clock = looked_at(pid)
        assert clock.starved()
        clock.close()


IN_A_THREAD = """
import threading
def burn():
    while True: pass
threading.Thread(target=burn, daemon=True).start()
time.sleep(60)
"""
IN_A_CHILD = """
if os.fork() == 0:
    import ctypes
    ctypes.CDLL(None).prctl(1, 9)  # ends with its parent
    while True: pass
time.sleep(60)
"""


@pytest.mark.parametrize("code", [IN_A_THREAD, IN_A_CHILD])
def test_threads_and_children_that_share_a_processor_are_starved(code: str) -> None:
    with processes(code, 2) as (pid, _):
        clock = looked_at(pid)
        assert clock.starved()
        clock.close()


def test_threads_that_had_waited_before_are_not_starved() -> None:
    with processes(IN_A_THREAD, 2) as (pid, _):
        time.sleep(STRETCH_S)
        os.kill(pid, signal.SIGSTOP)
        clock = looked_at(pid)
        assert not clock.starved()
        clock.close()


def test_a_process_that_sleeps_is_not_starved() -> None:
    with processes("time.sleep(60)", 1) as (pid,):
        clock = looked_at(pid)
        assert not clock.starved()
        clock.since()  # a new stretch of the same process
        assert clock.early() <= clocks.QUICK_S
        clock.close()


def test_what_is_not_known_is_to_be_confirmed_and_what_has_left_waits_for_nothing() -> None:
    with processes("time.sleep(60)", 1) as (pid,):
        early = clocks.Clock(pid)
        assert early.starved()  # its time was up before there was anything to compare with
        gone = looked_at(pid)
    assert not gone.starved()
    for clock in (early, gone):
        clock.close()
        assert clock.fd is None


def test_what_the_only_thread_at_work_has_waited_is_given_back() -> None:
    clocks.begin_sample()
    with processes("while True: pass", 2) as (pid, _):
        clock = looked_at(pid)
        before = clocks.now() - time.monotonic()
        assert clock.give_back()
        given = before - (clocks.now() - time.monotonic())
        assert given > clocks.UNNOTICED * STRETCH_S
        assert not clock.starved(), "what has been given back counts as waited"
        assert not clock.give_back(), "the same time is given back twice"
        clock.close()
    clocks.begin_sample()
    assert clocks.now() == pytest.approx(time.monotonic(), abs=given / 2)


def test_the_judge_waits_for_longer_where_its_player_had_to_wait() -> None:
    """A player whose descriptors say nothing, as while a program computes."""
    channel = importlib.import_module("guest.channel")
    clocks.begin_sample()
    ours, theirs = socket.socketpair()
    pipes = [socket.socketpair() for _ in range(3)]
    with ours, theirs, processes("while True: pass", 2) as (pid, _):
        fds = [each.detach() for each, _ in pipes]
        player = channel.Player(pid, "command", fds, channel.Room(ours))
        began, limit = time.monotonic(), clocks.now() + STRETCH_S
        with pytest.raises(channel.TimeUp) as late:
            player.line(limit)
        took = time.monotonic() - began
        assert took > 1.3 * STRETCH_S, "what it waited was not given back"
        assert not late.value.starved
        player.clock.close()
        for fd in fds:
            os.close(fd)
    for _, other in pipes:
        other.close()
    clocks.begin_sample()


def test_a_child_that_works_for_a_waiting_parent_gets_its_time_back_too() -> None:
    clocks.begin_sample()
    with processes(IN_A_CHILD, 2) as (pid, _):
        clock = looked_at(pid)
        assert clock.give_back()
        clock.close()


IN_TWO_THREADS = IN_A_THREAD.replace("time.sleep(60)", "burn()")
# With a uid that nothing else has, a process goes on whose parent has ended.
LEFT_BEHIND = """
os.setuid(1_711_000_000)
if os.fork() == 0:
    if os.fork() == 0:
        end = time.monotonic() + 10
        while time.monotonic() < end: pass
    os._exit(0)
os.wait()
while True: pass
"""


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(IN_TWO_THREADS, id="threads"),
        pytest.param(
            LEFT_BEHIND,
            id="left-behind",
            marks=pytest.mark.skipif(os.geteuid() != 0, reason="only root may take a uid"),
        ),
    ],
)
def test_what_waits_for_others_of_the_same_program_gets_nothing_back(code: str) -> None:
    clocks.begin_sample()
    with processes(code, 1) as (pid,):
        clock = looked_at(pid)
        assert not clock.give_back()
        assert clock.starved()
        clock.close()


def test_a_sample_gets_back_no_more_than_the_supervisor_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clocks.begin_sample()
    monkeypatch.setattr(clocks, "MOST_GIVEN_S", 0.01)
    with processes("while True: pass", 2) as (pid, _):
        clock = looked_at(pid)
        assert not clock.give_back()
        assert clock.starved()
        clock.close()
