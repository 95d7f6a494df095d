"""How many tests pass, where a request asks for that: the tests go on after the first failure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from opencodeeval.core.types import Grade, Task
from opencodeeval.serve.refusals import bad_request

# Kinds of task whose tests are counted one by one, outside the program's process.
COUNTED = ("calls", "stdio")


def with_every_test(task: Task) -> Task:
    """The task, with all its tests run.

    Raises:
        Refused: its tests cannot be counted.
    """
    kind = task.tests["kind"]
    if kind not in COUNTED:
        raise bad_request(
            f"the tests of {task.task_id} are of the kind {kind!r}, of which no share is known: "
            f"leave out share from tell (kinds with one: {', '.join(COUNTED)})"
        )
    return replace(task, tests={**task.tests, "every": True})


def share(grade: Grade, suites: Iterable[str]) -> float:
    """The share of the tests of these suites that passed: 0 to 1, and 1 only if all did."""
    each = "".join((grade.suites[name].extra or {}).get("each", "0") for name in suites)
    return each.count("1") / len(each)
