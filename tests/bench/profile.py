"""Where the processor time of a trivial sample goes, process by process.

One slot; the kernel's counts of each of its processes before and after, those
of ended processes by whoever waited for them.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import NamedTuple

from opencodeeval.core.types import Program, Style, Task
from opencodeeval.execution import open_sandbox
from opencodeeval.execution.pool import SlotPool
from tests.bench import usage

SAMPLES = 2000


class Spent(NamedTuple):
    """Seconds of processor, in user space and in the kernel."""

    user: float
    kernel: float


def profile(jails: list[str]) -> None:
    """Print milliseconds a sample for function calls and for stdin/stdout."""
    print(f"\nA trivial sample's processor time, ms ({SAMPLES} samples, one slot)")
    print(f"{'':32} {'user':>7} {'kernel':>7}")
    for jail in jails:
        for kind, tests, program in usage.TRIVIAL:
            print(f"{jail}, {kind}")
            for name, spent in asyncio.run(_run(jail, tests, program)).items():
                user, kernel = (1000 * part / SAMPLES for part in spent)
                print(f"  {name:30} {user:7.2f} {kernel:7.2f}", flush=True)


async def _run(jail: str, tests: dict[str, object], program: str) -> dict[str, Spent]:
    pool = open_sandbox(jail, 1)
    assert isinstance(pool, SlotPool)
    task = Task("trivial", Style.FUNCTION, "", "f", "", tests)

    async def grade(numbers: range) -> None:
        programs = (Program("trivial", i, f"{program}#{i}\n", "program") for i in numbers)
        await asyncio.gather(*(pool.grade(task, each) for each in programs))

    await grade(range(-20, 0))
    before = _spent(pool)
    await grade(range(SAMPLES))
    after = _spent(pool)
    await pool.close()
    return {
        name: Spent(*(a - b for a, b in zip(after[name], before[name], strict=True)))
        for name in after
    }


def _spent(pool: SlotPool) -> dict[str, Spent]:
    (root,) = usage.roots(pool)
    # In the order in which the supervisor forked them.
    zygote, _, judge = sorted(usage.children(root))[:3]
    live = {"supervisor": root, "zygote (forks players)": zygote, "judge": judge}
    rows = {name: Spent(*_ticks(pid)[:2]) for name, pid in live.items()}
    ended = [_ticks(pid)[2:] for pid in live.values()]
    rows["players, and other ended ones"] = Spent(*map(sum, zip(*ended, strict=True)))
    own = os.times()
    rows["harness (host)"] = Spent(own.user, own.system)
    return rows


def _ticks(pid: int) -> list[float]:
    """User and kernel seconds of a process, and of children that it has waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return [int(word) / usage.TICK for word in fields[11:15]]
