"""Programs through each executor: what of the slots' time is used, and what a program costs more.

Programs that sleep stand for more slots than this machine has processors: efficiency is
the programs' own time, as the guest measured it, against the time of all slots. Programs
that do nothing show what Ray adds to each.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Mapping

from opencodeeval.core.types import Grade, Program, Style, Task
from opencodeeval.execution.guest import encoded
from opencodeeval.runs.executors.options import ExecutorOptions
from opencodeeval.runs.options import SandboxOptions
from tests.bench.usage import TRIVIAL_CALL
from tests.support.ray_cluster import ray_cluster

SLOTS = (1, 2, 4, 8)
SLEEP_S = 0.5
ROUNDS = 30
TRIVIAL = 1000
# One call, with time for it on a busy machine.
TESTS = {
    **TRIVIAL_CALL,
    "suites": [{"name": "base", "calls": encoded([[1]])}],
    "limits": {**TRIVIAL_CALL["limits"], "min_call_s": 20.0, "total_s": 20.0},
}
TASK = Task("executors", Style.FUNCTION, "", "f", "", TESTS)


def _programs(count: int, seconds: float) -> list[Program]:
    body = f"import time\n    time.sleep({seconds})\n    " if seconds else ""
    return [
        Program(TASK.task_id, number, f"def f(x):\n    {body}return x\n# {number}\n", "program")
        for number in range(count)
    ]


async def _graded(
    options: ExecutorOptions, jail: str, slots: int, programs: list[Program]
) -> tuple[list[Grade], float]:
    executor = options.open(SandboxOptions(jail, slots=slots), lambda line: None)
    try:
        sandbox = executor.open_sandbox("")
        warm = _programs(4 * slots, 0.1)
        await asyncio.gather(*(sandbox.grade(TASK, program) for program in warm))
        began = time.perf_counter()
        grades = await asyncio.gather(*(sandbox.grade(TASK, program) for program in programs))
        wall = time.perf_counter() - began
        await sandbox.close()
        failed = [grade for grade in grades if str(grade.suites["base"].verdict) != "passed"]
        assert not failed, failed[0]
        return list(grades), wall
    finally:
        await executor.close()


def executors(jails: list[str], rounds: int) -> None:
    """Print efficiency by number of slots, and milliseconds of a trivial program."""
    with ray_cluster() as cluster:
        for _ in range(2):
            cluster.add(slots=max(SLOTS) // 2)
        address = {"address": cluster.address}
        chosen = {"local": ExecutorOptions(), "ray": ExecutorOptions("ray", address)}
        for jail in jails:
            _efficiency(jail, chosen)
            _overhead(jail, chosen, rounds)


def _efficiency(jail: str, chosen: Mapping[str, ExecutorOptions]) -> None:
    print(f"\nprograms that sleep {SLEEP_S} s, {ROUNDS} for each slot, jail {jail}")
    print(f"{'':8} slots  wall s  efficiency")
    for name, options in chosen.items():
        for slots in SLOTS:
            programs = _programs(ROUNDS * slots, SLEEP_S)
            grades, wall = asyncio.run(_graded(options, jail, slots, programs))
            own = sum(suite.wall_s for grade in grades for suite in grade.suites.values())
            print(f"{name:8} {slots:5}  {wall:6.1f}  {own / (slots * wall):10.3f}", flush=True)


def _overhead(jail: str, chosen: Mapping[str, ExecutorOptions], rounds: int) -> None:
    print(f"\ntrivial programs, {TRIVIAL} in 2 slots, jail {jail}, median of {rounds}")
    taken: dict[str, list[float]] = {name: [] for name in chosen}
    for _ in range(rounds):
        for name, options in chosen.items():
            _, wall = asyncio.run(_graded(options, jail, 2, _programs(TRIVIAL, 0)))
            taken[name].append(1000 * wall / TRIVIAL)
    for name, found in taken.items():
        more = statistics.median(found) - statistics.median(taken["local"])
        print(
            f"{name:8} {statistics.median(found):6.2f} ms a program, {more:+.2f} ms against local",
            flush=True,
        )
