"""A run of which one program in twenty never ends, with one slot and with all.

What endless programs cost beside others: wall time against the programs' own times
divided by the slots, and whether any verdict depends on what ran beside it. Some
programs need most of their limit, so that a processor shared with others matters.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter

from opencodeeval.core.types import Grade, Program, Style, Task
from opencodeeval.execution import open_sandbox
from opencodeeval.execution.guest import encoded
from tests.bench.measures import WORKERS
from tests.bench.usage import TRIVIAL_CALL

PROGRAMS = 8200
LIMIT_S = 1.2
ENDLESS = "while True: pass\n"
# Seconds of processor time that a program takes for its call, and how many of 20 do.
TAKES = {0.0: 17, 0.05: 1, 0.6: 1}

TESTS = {
    **TRIVIAL_CALL,
    "suites": [{"name": "base", "calls": encoded([[1]])}],
    "limits": {**TRIVIAL_CALL["limits"], "min_call_s": LIMIT_S, "total_s": LIMIT_S, "grace_s": 0.2},
}
TASK = Task("timeouts", Style.FUNCTION, "", "f", "", TESTS)


def _program(number: int, takes: list[float | None]) -> Program:
    seconds = takes[number % len(takes)]
    body = ENDLESS if seconds is None else _burning(seconds)
    return Program(
        TASK.task_id, number, f"def f(x):\n    {body}    return x\n# {number}\n", "program"
    )


def _burning(seconds: float) -> str:
    return (
        "import time\n"
        f"    end = time.process_time() + {seconds}\n"
        "    while time.process_time() < end: pass\n"
    )


def timeouts(jails: list[str], count: int = PROGRAMS) -> None:
    """Print wall against floor ÷ slots, and how many verdicts differ from those of one slot."""
    takes: list[float | None] = [None]
    for seconds, many in TAKES.items():
        takes += [seconds] * many
    programs = [_program(number, takes) for number in range(count)]
    each = [takes[number % len(takes)] for number in range(count)]
    floor = sum(LIMIT_S if seconds is None else seconds for seconds in each)
    print(
        f"\n{count} programs of which {each.count(None)} never end "
        f"(limit {LIMIT_S} s), floor {floor:.0f} s"
    )
    print(f"{'':10} slots  wall s  wall / (floor / slots)  verdicts")
    for jail in jails:
        alone: list[Grade] = []
        for slots in (1, WORKERS):
            grades, wall = asyncio.run(_graded(jail, slots, programs))
            alone = alone or grades
            verdicts = Counter(grade.suites["base"].verdict.value for grade in grades)
            differ = sum(
                grade.suites["base"].verdict is not by_itself.suites["base"].verdict
                for grade, by_itself in zip(grades, alone, strict=True)
            )
            said = ", ".join(f"{each} {name}" for name, each in sorted(verdicts.items()))
            print(
                f"{jail:10} {slots:5}  {wall:6.1f}  {wall * slots / floor:22.2f}  {said}; "
                f"{differ} not as with 1 slot",
                flush=True,
            )


async def _graded(jail: str, slots: int, programs: list[Program]) -> tuple[list[Grade], float]:
    sandbox = open_sandbox(jail, slots)
    began = time.perf_counter()
    try:
        grades = await asyncio.gather(*(sandbox.grade(TASK, program) for program in programs))
        return list(grades), time.perf_counter() - began
    finally:
        await sandbox.close()
