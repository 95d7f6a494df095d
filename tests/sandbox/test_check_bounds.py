"""Published tests of the kind "check": what a program returns cannot keep the judge busy."""

from __future__ import annotations

import asyncio

import pytest

from opencodeeval.core.types import Program, Style, SuiteResult, Task, Verdict
from opencodeeval.execution import open_sandbox

REFERENCE = "def few(n):\n    return [1, 2]\n"
TEST = "def check(candidate):\n    assert set(candidate(1)) == {1, 2}\n"
# Python looks for each in a row of all that came before.
COLLIDING = "i * (2**61 - 1) for i in range(1, 60_000)"

PROGRAMS = {
    "a list": f"found = [{COLLIDING}]",
    "a tuple": f"found = tuple({COLLIDING})",
    "tuples": f"found = [(each,) for each in ({COLLIDING})]",
    "a deque": "import collections as c\nfound = c.deque(i * (2**61 - 1) for i in range(19_000))",
}


def _task(test: str, seconds: float) -> Task:
    spec = {
        "kind": "check",
        "entry_point": "few",
        "helpers": REFERENCE,
        "test": test,
        "limits": {"total_s": seconds, "memory_mb": 1024},
    }
    return Task("few", Style.FUNCTION, "", "few", REFERENCE, spec)


def _graded(test: str, *programs: str, seconds: float = 3.0) -> tuple[list[SuiteResult], list[str]]:
    log: list[str] = []

    async def grade() -> list[SuiteResult]:
        sandbox = open_sandbox("local", 1, log.append)
        try:
            task = _task(test, seconds)
            grades = [
                await sandbox.grade(task, Program("few", number, code, "program"))
                for number, code in enumerate(programs)
            ]
        finally:
            await sandbox.close()
        return [grade.suites["base"] for grade in grades]

    return asyncio.run(grade()), log


@pytest.mark.usefixtures("local_jail")
def test_elements_with_one_hash_are_refused_before_a_test_makes_a_set_of_them() -> None:
    codes = [f"{code}\ndef few(n):\n    return found\n" for code in PROGRAMS.values()]
    found, log = _graded(TEST, *codes, REFERENCE)
    assert [each.verdict for each in found] == [Verdict.WRONG] * len(codes) + [Verdict.PASSED]
    assert {each.detail for each in found[:-1]} == {
        "more elements with one hash than any right answer has"
    }
    assert not [line for line in log if "attempt" in line]


@pytest.mark.usefixtures("local_jail")
def test_a_test_that_never_ends_with_what_was_returned_is_ended() -> None:
    test = "def check(candidate):\n    found = candidate(1)\n    while found != [1, 2]: pass\n"
    (stuck, right), log = _graded(test, "def few(n):\n    return [1]\n", REFERENCE, seconds=1.0)
    assert (stuck.verdict, right.verdict) == (Verdict.WRONG, Verdict.PASSED)
    assert stuck.detail == "the test takes too long with what was returned"
    assert not [line for line in log if "attempt" in line]


@pytest.mark.usefixtures("local_jail")
def test_equal_elements_are_as_many_as_they_like() -> None:
    many = "def few(n):\n    return [1, 2] * 100_000\n"
    assert [each.verdict for each in _graded(TEST, many)[0]] == [Verdict.PASSED]
