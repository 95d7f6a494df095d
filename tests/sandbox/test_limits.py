"""Where limits begin and end, and what is reported at them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from opencodeeval.core.types import Program, Style, SuiteResult, Task, Verdict
from opencodeeval.execution import open_sandbox
from opencodeeval.execution.guest import encoded

pytestmark = pytest.mark.timeout(120)

IDENTITY = "def same(n):\n    return n\n"


def _calls(inputs: list[Any], reference: str = IDENTITY, **more: Any) -> Task:
    limits = {
        "min_call_s": 0.5,
        "reference_factor": 4.0,
        "total_s": 3.0,
        "grace_s": 0.2,
        "memory_mb": 256,
        **more.pop("limits", {}),
    }
    tests = {
        "kind": "calls",
        "entry_point": "same",
        "reference": reference,
        "suites": [{"name": "base", "calls": encoded([n] for n in inputs), **more}],
        "compare": {"rule": "value"},
        "limits": limits,
    }
    return Task("limits", Style.FUNCTION, "", "same", reference, tests)


def _stdio(count: int, test_s: float, total_s: float) -> Task:
    tests = {
        "kind": "stdio",
        "tests": [{"input": f"{n}\n", "output": f"{n}\n"} for n in range(count)],
        "compare": {"rule": "lines"},
        "limits": {"test_s": test_s, "total_s": total_s, "memory_mb": 256},
    }
    return Task("limits", Style.STDIO, "", "", "print(input())", tests)


def _when(condition: str, action: str) -> str:
    """A function that is right but does `action` for some inputs."""
    return f"import time\ndef same(n):\n    if {condition}: {action}\n    return n\n"


CASES: dict[str, tuple[Task, str]] = {
    "right": (_calls(list(range(2000))), IDENTITY),
    "wrong at 0": (_calls(list(range(2000))), _when("n == 0", "return -1")),
    "wrong at 1000": (_calls(list(range(2000))), _when("n == 1000", "return -1")),
    "wrong at 1999": (_calls(list(range(2000))), _when("n == 1999", "return -1")),
    "raises at 1000": (_calls(list(range(2000))), _when("n == 1000", "raise KeyError")),
    "dies at 1000": (_calls(list(range(2000))), _when("n == 1000", "__import__('os')._exit(0)")),
    "hangs at 777": (_calls(list(range(2000))), _when("n == 777", "time.sleep(60)")),
    "spins at 777": (_calls(list(range(2000))), _when("n == 777", "\n        while True: pass")),
    "one call too slow": (_calls([1, 2, 3]), _when("n == 2", "time.sleep(1.2)")),
    "every call within its limit": (
        _calls([1, 2, 3], limits={"total_s": 9.0}),
        _when("True", "time.sleep(0.3)"),
    ),
    "all calls together too slow": (
        _calls(list(range(20)), limits={"total_s": 1.0}),
        _when("True", "time.sleep(0.2)"),
    ),
    "slow reference earns time": (
        _calls([1], reference="import time\ndef same(n):\n    time.sleep(0.4)\n    return n\n"),
        _when("True", "time.sleep(1.0)"),
    ),
    "expected values are believed": (
        _calls([1, 2], expected=encoded([5, 6])),
        "def same(n): return n + 4",
    ),
    "reference is not run": (
        _calls([1, 2], reference="def same(n):\n    1 / 0\n", expected=encoded([1, 2])),
        IDENTITY,
    ),
    "reference decides": (
        _calls([1, 2], reference="def same(n):\n    n *= 2\n    return (n,)\n"),
        "def same(n): return (2 * n,)",
    ),
    "reference changes its arguments": (
        _calls([[3, 1], [2]], reference="def same(n):\n    n.append(0)\n    return n\n"),
        "def same(n): return n + [0]",
    ),
    "too much memory": (_calls([1]), _when("True", "return len(bytearray(300 << 20))")),
    "memory within limits": (
        _calls([1]),
        "import numpy\ndef same(n):\n    len(bytearray(60 << 20))\n    return n\n",
    ),
    "takes 120 MiB": (_calls([1]), _when("True", "len(b'x' * (120 << 20))")),
    "a child takes 120 MiB": (
        _calls([1]),
        _when(
            "not __import__('os').fork()", "len(b'x' * (120 << 20)); __import__('os')._exit(0)"
        ).replace("return n", "__import__('os').wait(); return n"),
    ),
    "chance repeats itself": (
        _calls([1]),
        (
            "import random\nimport numpy\ndef same(n):\n"
            "    drawn = [random.random(), numpy.random.random()]\n"
            "    return n if drawn == [0.8444218515250481, 0.5488135039273248] else drawn\n"
        ),
    ),
    "script right": (_stdio(3, 1.0, 5.0), "print(input())"),
    "script takes 120 MiB in test 1": (
        _stdio(3, 1.0, 5.0),
        "n = input()\nlen(b'x' * ((120 << 20) * (n == '1')))\nprint(n)",
    ),
    "script slow in test 2": (
        _stdio(4, 0.6, 5.0),
        "import time\nn = input()\ntime.sleep(3 * (n == '2'))\nprint(n)",
    ),
    "script slow in all": (_stdio(6, 1.0, 1.5), "import time\ntime.sleep(0.6)\nprint(input())"),
    "script wrong in test 1": (_stdio(4, 1.0, 5.0), "n = input()\nprint(n if n != '1' else 7)"),
    "script out of memory": (_stdio(1, 1.0, 5.0), "print(input(), len(bytearray(300 << 20)))"),
    "no code that compiles": (_calls([1]), "def same(n:\n"),
    "no function of that name": (_calls([1]), "def other(n): return n"),
}


@pytest.fixture(scope="module")
def results(local_jail: None) -> dict[str, SuiteResult]:
    async def run() -> list[Any]:
        sandbox = open_sandbox("local", 2)
        try:
            return await asyncio.gather(
                *(
                    sandbox.grade(task, Program("limits", i, code, "program"))
                    for i, (task, code) in enumerate(CASES.values())
                )
            )
        finally:
            await sandbox.close()

    grades = asyncio.run(run())
    return {name: grade.suites["base"] for name, grade in zip(CASES, grades, strict=True)}


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("right", Verdict.PASSED),
        ("every call within its limit", Verdict.PASSED),
        ("slow reference earns time", Verdict.PASSED),
        ("expected values are believed", Verdict.PASSED),
        ("reference is not run", Verdict.PASSED),
        ("reference decides", Verdict.PASSED),
        ("reference changes its arguments", Verdict.PASSED),
        ("memory within limits", Verdict.PASSED),
        ("takes 120 MiB", Verdict.PASSED),
        ("a child takes 120 MiB", Verdict.PASSED),
        ("script takes 120 MiB in test 1", Verdict.PASSED),
        ("chance repeats itself", Verdict.PASSED),
        ("script right", Verdict.PASSED),
        ("one call too slow", Verdict.TIMEOUT),
        ("all calls together too slow", Verdict.TIMEOUT),
        ("script slow in all", Verdict.TIMEOUT),
        ("too much memory", Verdict.MEMORY),
        ("no code that compiles", Verdict.ERROR),
        ("no function of that name", Verdict.ERROR),
    ],
)
def test_verdict(results: dict[str, SuiteResult], name: str, verdict: Verdict) -> None:
    assert results[name].verdict is verdict, results[name]


@pytest.mark.parametrize(
    ("name", "verdict", "index"),
    [
        ("wrong at 0", Verdict.WRONG, 0),
        ("wrong at 1000", Verdict.WRONG, 1000),
        ("wrong at 1999", Verdict.WRONG, 1999),
        ("raises at 1000", Verdict.ERROR, 1000),
        ("hangs at 777", Verdict.TIMEOUT, 777),
        ("spins at 777", Verdict.TIMEOUT, 777),
        ("one call too slow", Verdict.TIMEOUT, 1),
        ("script wrong in test 1", Verdict.WRONG, 1),
        ("script slow in test 2", Verdict.TIMEOUT, 2),
    ],
)
def test_the_first_failing_test_is_named(
    results: dict[str, SuiteResult], name: str, verdict: Verdict, index: int
) -> None:
    found = results[name]
    assert found.verdict is verdict, found
    assert found.failure is not None
    assert found.failure["index"] == index
    assert found.tests_run == index
    assert str(index) in found.failure["input"] or name == "one call too slow"


def test_a_death_is_somewhere_in_the_batch_under_way(results: dict[str, SuiteResult]) -> None:
    found = results["dies at 1000"]
    assert found.verdict is Verdict.ERROR
    assert found.failure is not None
    assert found.failure["index"] <= 1000


def test_the_failing_call_is_shown(results: dict[str, SuiteResult]) -> None:
    failure = results["wrong at 1000"].failure
    assert failure == {"index": 1000, "input": "1000", "expected": "1000", "got": "-1"}


def test_all_tests_are_counted(results: dict[str, SuiteResult]) -> None:
    for name in ("right", "wrong at 1000", "hangs at 777"):
        assert results[name].tests_total == 2000
    assert results["right"].tests_run == 2000
    assert results["right"].failure is None


def test_the_total_limit_ends_a_suite_between_its_calls(results: dict[str, SuiteResult]) -> None:
    found = results["all calls together too slow"]
    assert 3 <= found.tests_run <= 6
    assert 1.0 <= found.wall_s < 3.0


def test_a_script_s_total_limit_counts_all_its_tests(results: dict[str, SuiteResult]) -> None:
    found = results["script slow in all"]
    assert 1 <= found.tests_run <= 2
    assert found.tests_total == 6


def test_time_spent_is_reported(results: dict[str, SuiteResult]) -> None:
    assert 0.9 <= results["every call within its limit"].wall_s < 4
    assert results["every call within its limit"].cpu_s < 0.5
    assert results["spins at 777"].cpu_s > 0.1


@pytest.mark.parametrize(
    "name", ["takes 120 MiB", "a child takes 120 MiB", "script takes 120 MiB in test 1"]
)
def test_the_memory_of_the_largest_process_is_reported(
    results: dict[str, SuiteResult], name: str
) -> None:
    own = results["script right" if name.startswith("script") else "right"].peak_mb
    assert 1 < own < 100
    assert 110 < results[name].peak_mb - own < 130


def test_memory_errors_of_scripts_are_errors_of_theirs(results: dict[str, SuiteResult]) -> None:
    found = results["script out of memory"]
    assert found.verdict in {Verdict.MEMORY, Verdict.ERROR}
