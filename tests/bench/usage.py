"""Processor time and memory of jails, seen from the machine."""

from __future__ import annotations

import contextlib
import os
import resource
from pathlib import Path
from typing import Any, NamedTuple

from opencodeeval.execution.guest import encoded
from opencodeeval.execution.jails.docker import DockerSlot
from opencodeeval.execution.jails.local import LocalSlot
from opencodeeval.execution.pool import SlotPool

TICK = os.sysconf("SC_CLK_TCK")

TRIVIAL_CALL: dict[str, Any] = {
    "kind": "calls",
    "entry_point": "f",
    "reference": "def f(x):\n    return x\n",
    "suites": [{"name": "base", "calls": encoded([i] for i in range(10))}],
    "compare": {"rule": "value"},
    "limits": {
        "min_call_s": 4.0,
        "reference_factor": 4.0,
        "total_s": 20.0,
        "grace_s": 1.0,
        "memory_mb": 1024,
    },
}
TRIVIAL_STDIO: dict[str, Any] = {
    "kind": "stdio",
    "tests": [{"input": "1\n", "output": "1\n"}],
    "compare": {"rule": "lines"},
    "limits": {"test_s": 4.0, "total_s": 20.0, "memory_mb": 1024},
}

# What is tried, its tests, and a program that does nothing.
TRIVIAL = (
    ("function call", TRIVIAL_CALL, "def f(x):\n    return x\n"),
    ("stdin/stdout", TRIVIAL_STDIO, "print(input())\n"),
)


class Usage(NamedTuple):
    """Seconds of processor since the jails began; largest resident set of a jail, in MiB."""

    cpu: float
    peak_mb: float


def own_cpu() -> float:
    """Processor seconds of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def own_mb() -> float:
    """The most memory that this process has had, in MiB."""
    # ru_maxrss would count the process that started it.
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def of_sandbox(pool: SlotPool) -> Usage:
    """All jails of a pool, their ended processes included."""
    total, peak = 0.0, 0.0
    for root in roots(pool):
        processes = _tree(root)
        total += sum(map(cpu, processes))
        peak = max(peak, sum(map(_resident, processes)))
    return Usage(total, peak)


def roots(pool: SlotPool) -> list[int]:
    """The first process of every jail, by its pid on the machine."""
    found = []
    for slot in pool.running | set(pool.idle):
        if isinstance(slot, DockerSlot):
            found.append(slot.init_pid)
        else:
            assert isinstance(slot, LocalSlot)
            assert slot.process
            found.append(children(slot.process.pid)[0])
    return found


def children(pid: int) -> list[int]:
    """The processes that a process has started and that have not ended."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def descendants(pid: int) -> list[int]:
    """The processes below one, whichever of its threads started them; those that end meanwhile
    are left out."""
    found, todo = [], [pid]
    while todo:
        for each in Path(f"/proc/{todo.pop()}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                below = [int(word) for word in each.read_text().split()]
                todo += below
                found += below
    return found


def _tree(root: int) -> list[int]:
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += children(pid)
    return found


def cpu(pid: int, ended: bool = True) -> float:
    """Processor seconds of a process, and of the children that it has waited for (`ended`); 0 if
    it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return sum(map(int, fields[11 : 15 if ended else 13])) / TICK


def resident_mb(pid: int) -> float:
    """The memory of a process, in MiB: what it shares with others counts in part. 0 if it is
    gone."""
    return _resident(pid)


def _resident(pid: int) -> float:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    return 0.0
