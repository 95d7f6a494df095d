"""The conformance suite of the jails: original programs, and bystanders between them."""

from __future__ import annotations

from dataclasses import dataclass

from opencodeeval.core.types import Program, Task
from tests.sandbox import exhausting, forging, forging_runs, odd, odd_scripts, odd_units, reaching
from tests.sandbox.cases import BROKEN, PASSED, RIGHT, TASKS, WRONG, Case, observer, program

HOSTILE = (*forging.CASES, *forging_runs.CASES, *exhausting.CASES, *reaching.CASES)
CASES: tuple[Case, ...] = (*HOSTILE, *odd.CASES, *odd_scripts.CASES, *odd_units.CASES)


@dataclass(frozen=True)
class Job:
    """One grading: a case of the suite, or a bystander (`case.name` says after which)."""

    case: Case
    task: Task
    program: Program


def _bystander(number: int, after: Case) -> Case:
    name, task = after.name, after.task
    return (
        Case(f"observer after {name}", task, observer(task), PASSED),
        Case(f"right after {name}", task, RIGHT[task], PASSED),
        Case(f"wrong after {name}", task, BROKEN[task], WRONG),
    )[number % 3]


def plan() -> list[Job]:
    """All cases, each hostile one followed by two plain programs of the same task."""
    cases: list[Case] = []
    for number, case in enumerate(HOSTILE):
        cases += [case, _bystander(0, case), _bystander(1 + number % 2, case)]
    cases += CASES[len(HOSTILE) :]
    return [Job(c, TASKS[c.task], program(c.code, c.task, n)) for n, c in enumerate(cases)]
