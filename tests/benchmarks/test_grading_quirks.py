"""The grading side of the quirk tables, seen in a real jail: one test a row."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from opencodeeval.core.types import Grade, Program, Style, Task, Verdict
from opencodeeval.execution import Sandbox, open_sandbox
from opencodeeval.execution.guest import encoded

LIMITS = {
    "min_call_s": 1.0,
    "reference_factor": 4.0,
    "total_s": 10.0,
    "grace_s": 1.0,
    "memory_mb": 1024,
}


class Judge:
    """Grades single programs in the local jail."""

    def __init__(self, sandbox: Sandbox, loop: asyncio.AbstractEventLoop) -> None:
        self.sandbox, self.loop = sandbox, loop

    def grade(self, tests: dict[str, Any], program: str) -> Grade:
        task = Task("quirk", Style.FUNCTION, "", "f", "", tests)
        return self.loop.run_until_complete(
            self.sandbox.grade(task, Program("quirk", 0, program, "program"))
        )

    def evalplus(
        self,
        reference: str,
        program: str,
        *calls: Any,
        atol: float = 0,
        entry_point: str = "f",
        dataset: str = "humaneval",
    ) -> Verdict:
        """The verdict under EvalPlus's rule; each call is its list of arguments."""
        tests = {
            "kind": "calls",
            "entry_point": entry_point,
            "reference": reference,
            "suites": [{"name": "base", "calls": encoded(calls)}],
            "compare": {"rule": "evalplus", "dataset": dataset, "atol": atol},
            "limits": LIMITS,
        }
        return self.grade(tests, program).suites["base"].verdict

    def mbpp(self, name: str, reference: str, out: str, *calls: Any, atol: float = 0) -> Verdict:
        """The verdict on a function of MBPP+ that returns `out`, where `reference` is right."""
        right, program = (
            f"import re\ndef {name}(*_):\n    return {value}\n" for value in (reference, out)
        )
        calls = calls or ([],)
        return self.evalplus(right, program, *calls, atol=atol, entry_point=name, dataset="mbpp")

    def check(self, test: str, program: str, total_s: float = 3.0, helpers: str = "") -> Verdict:
        """The verdict of a HumanEval `check`."""
        tests = {
            "kind": "check",
            "entry_point": "f",
            "test": test,
            "helpers": helpers,
            "limits": {"total_s": total_s, "memory_mb": 1024},
        }
        return self.grade(tests, program).suites["base"].verdict


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    loop = asyncio.new_event_loop()
    sandbox = open_sandbox("local", 1)
    yield Judge(sandbox, loop)
    loop.run_until_complete(sandbox.close())
    loop.close()


def returns(value: str) -> str:
    return f"def f(*_):\n    return {value}\n"


@pytest.mark.parametrize(
    ("expected", "out", "verdict"),
    [
        ("True", "1", Verdict.PASSED),
        ("1", "1.0", Verdict.PASSED),
        ("[1]", "(1,)", Verdict.WRONG),
        ("(1, 2)", "[1, 2]", Verdict.WRONG),
        ("float('nan')", "float('nan')", Verdict.WRONG),
        ("[float('nan')]", "[float('nan')]", Verdict.WRONG),
        ("[1, 2]", "__import__('numpy').array([1, 2])", Verdict.WRONG),
        ("True", "__import__('numpy').bool_(True)", Verdict.PASSED),
        ("0.5", "__import__('fractions').Fraction(1, 2)", Verdict.PASSED),
        ("0.3", "0.1 + 0.2", Verdict.PASSED),
        ("0.3", "0.3001", Verdict.WRONG),
        ("[0.3]", "(0.30000000000000004,)", Verdict.WRONG),
        ("2 ** 20000", "2 ** 20000", Verdict.PASSED),
    ],
)
def test_evalplus_compares_values_as_published(
    judge: Judge, expected: str, out: str, verdict: Verdict
) -> None:
    assert judge.evalplus(returns(expected), returns(out), []) is verdict


def test_evalplus_tolerance_is_sticky_within_a_suite(judge: Judge) -> None:
    reference = "def f(n):\n    return [0.5, 10**9][n]\n"
    off_by_50 = "def f(n):\n    return [0.5, 10**9 + 50][n]\n"
    assert judge.evalplus(reference, off_by_50, [0], [1]) is Verdict.PASSED
    assert judge.evalplus(reference, off_by_50, [1]) is Verdict.WRONG


def test_evalplus_find_zero_is_judged_by_the_polynomial_of_the_original_input(
    judge: Judge,
) -> None:
    reference = "def find_zero(xs):\n    return -xs[0] / xs[1]\n"
    cheat = "def find_zero(xs):\n    xs[:] = [0] * len(xs)\n    return 0\n"
    nearly = "def find_zero(xs):\n    return -xs[0] / xs[1] + 1e-6\n"
    case = {"atol": 1e-4, "entry_point": "find_zero"}
    assert judge.evalplus(reference, nearly, [[3, 4]], **case) is Verdict.PASSED  # type: ignore[arg-type]
    assert judge.evalplus(reference, cheat, [[3, 4]], **case) is Verdict.WRONG  # type: ignore[arg-type]


def test_evalplus_calls_of_one_suite_share_a_process(judge: Judge) -> None:
    reference = "def f(n):\n    return n\n"
    counting = "seen = []\ndef f(n):\n    seen.append(n)\n    return len(seen) - 1\n"
    assert judge.evalplus(reference, counting, [0], [1], [2]) is Verdict.PASSED


def test_evalplus_suites_are_different_processes(judge: Judge) -> None:
    tests = {
        "kind": "calls",
        "entry_point": "f",
        "reference": returns("1"),
        "suites": [
            {"name": "base", "calls": encoded([[0]])},
            {"name": "plus", "calls": encoded([[0]])},
        ],
        "compare": {"rule": "evalplus", "dataset": "humaneval", "atol": 0},
        "limits": LIMITS,
    }
    counting = "seen = []\ndef f(n):\n    seen.append(n)\n    return len(seen)\n"
    grade = judge.grade(tests, counting)
    assert {suite.verdict for suite in grade.suites.values()} == {Verdict.PASSED}


def test_evalplus_suite_without_inputs_passes(judge: Judge) -> None:
    assert judge.evalplus(returns("1"), returns("2")) is Verdict.PASSED


def test_evalplus_limits_each_call_not_the_import(judge: Judge) -> None:
    slow_import = "import time\ntime.sleep(1.5)\n" + returns("1")
    slow_call = "import time\ndef f(*_):\n    time.sleep(1.5)\n    return 1\n"
    assert judge.evalplus(returns("1"), slow_import, []) is Verdict.PASSED
    assert judge.evalplus(returns("1"), slow_call, []) is Verdict.TIMEOUT


def test_leaving_the_process_never_passes(judge: Judge) -> None:
    for leave in ("sys.exit(0)", "os._exit(0)", "os.kill(os.getpid(), 9)"):
        program = f"import os, sys\ndef f(*_):\n    {leave}\n"
        assert judge.evalplus(returns("1"), program, []) is Verdict.ERROR
        assert judge.check("def check(f):\n    f()\n", program) is Verdict.ERROR


def test_an_object_equal_to_everything_does_not_pass(judge: Judge) -> None:
    program = (
        "class Any:\n    def __eq__(self, other):\n        return True\n"
        "def f(*_):\n    return Any()\n"
    )
    assert judge.evalplus(returns("1"), program, []) is Verdict.WRONG
    assert judge.check("def check(f):\n    assert f() == 1\n", program) is Verdict.WRONG


def test_files_and_os_functions_work(judge: Judge) -> None:
    program = (
        "import os, subprocess, tempfile\n"
        "def f(*_):\n"
        "    with tempfile.TemporaryDirectory() as folder:\n"
        "        with open(os.path.join(folder, 'x'), 'w') as file:\n"
        "            file.write('1')\n"
        "        os.getcwd()\n"
        "        return int(open(os.path.join(folder, 'x')).read())\n"
    )
    assert judge.evalplus(returns("1"), program, []) is Verdict.PASSED
    assert judge.check("def check(f):\n    assert f() == 1\n", program) is Verdict.PASSED


def test_reading_standard_input_fails(judge: Judge) -> None:
    assert judge.evalplus(returns("1"), returns("int(input())"), []) is Verdict.ERROR


def test_annotations_are_evaluated_as_everywhere(judge: Judge) -> None:
    """No future import of the guest's own modules reaches a program."""
    program = "def f(*_: List[int]):\n    return 1\n"
    assert judge.evalplus(returns("1"), program, []) is Verdict.ERROR
    assert judge.check("def check(f):\n    assert f() == 1\n", program) is Verdict.ERROR
    imported = "from __future__ import annotations\n" + program
    assert judge.evalplus(returns("1"), imported, []) is Verdict.PASSED


def test_main_guards_are_not_run(judge: Judge) -> None:
    program = returns("1") + "if __name__ == '__main__':\n    raise SystemExit(1)\n"
    assert judge.evalplus(returns("1"), program, []) is Verdict.PASSED


@pytest.mark.parametrize(
    ("reference", "out", "verdict"),
    [
        ("[1, 2]", "(2, 1, 1)", Verdict.PASSED),
        ("{1, 2}", "[2, 1]", Verdict.PASSED),
        ("[1, 2]", "filter(None, [0, 1, 2])", Verdict.PASSED),
        ("[1, 2]", "{1: 0, 2: 0}.keys()", Verdict.PASSED),
        ("[1, 2]", "[1]", Verdict.WRONG),
        ("[1, 2]", "[[1], [2]]", Verdict.WRONG),
        ("[1, 2]", "None", Verdict.WRONG),
        ("[1, 2]", "(1 / 0 for _ in 'x')", Verdict.WRONG),
        ("[[1], [2]]", "[[1], [2]]", Verdict.WRONG),
    ],
)
def test_mbpp_compares_some_results_as_sets(
    judge: Judge, reference: str, out: str, verdict: Verdict
) -> None:
    assert judge.mbpp("Diff", reference, out) is verdict


@pytest.mark.parametrize(
    ("reference", "out", "verdict"),
    [
        ("re.match('a', 'a')", "re.match('b', 'b')", Verdict.PASSED),
        ("re.match('a', 'a')", "True", Verdict.PASSED),
        ("re.match('a', 'a')", "'Found a match!'", Verdict.PASSED),
        ("re.match('a', 'a')", "0", Verdict.PASSED),
        ("re.match('a', 'a')", "None", Verdict.WRONG),
        ("re.match('a', 'a')", "False", Verdict.WRONG),
        ("None", "None", Verdict.PASSED),
        ("None", "False", Verdict.PASSED),
        ("None", "'Not matched!'", Verdict.WRONG),
        ("None", "re.match('a', 'a')", Verdict.WRONG),
    ],
)
def test_mbpp_asks_some_results_only_whether_they_are_none(
    judge: Judge, reference: str, out: str, verdict: Verdict
) -> None:
    assert judge.mbpp("check_str", reference, out) is verdict


@pytest.mark.parametrize(
    ("name", "out", "arguments", "atol", "verdict"),
    [
        ("are_equivalent", "'anything'", [36, 57], 0, Verdict.PASSED),
        ("sum_div", "0", [8], 0, Verdict.PASSED),
        ("sum_div", "1", [8], 0, Verdict.WRONG),
        ("surface_Area", "28", [3, 4 / 3], 0, Verdict.WRONG),
        ("surface_Area", "22", [3, 2], 0, Verdict.WRONG),
        ("surface_Area", "24", [3, 2], 0, Verdict.PASSED),
        ("surface_Area", "25", [3, 2], 1, Verdict.PASSED),
        ("digit_distance_nums", "4", [1, 23], 0, Verdict.PASSED),
        ("digit_distance_nums", "2", [1, 23], 0, Verdict.WRONG),
        ("f", "0", [8], 0, Verdict.WRONG),
    ],
)
def test_mbpp_accepts_other_readings_of_some_tasks(
    judge: Judge, name: str, out: str, arguments: list[Any], atol: float, verdict: Verdict
) -> None:
    assert judge.mbpp(name, "12345", out, arguments, atol=atol) is verdict


def test_carrying_a_huge_value_is_not_the_samples_time(judge: Judge) -> None:
    """Made at once, for it is one tuple many times over; written out it is 30 million strings."""
    huge = "[('Dog',) * 1000] * 30_000"
    assert judge.evalplus(returns(huge), returns(huge), [], []) is Verdict.PASSED


def test_human_eval_limits_the_whole_program(judge: Judge) -> None:
    test = "def check(f):\n    for _ in range(4):\n        assert f() == 1\n"
    program = "import time\ndef f():\n    time.sleep(0.3)\n    return 1\n"
    assert judge.check(test, program, total_s=3.0) is Verdict.PASSED
    assert judge.check(test, program, total_s=0.6) is Verdict.TIMEOUT


def test_human_eval_helpers_come_from_the_task(judge: Judge) -> None:
    helpers = "def double(x):\n    return 2 * x\ndef f(x):\n    return double(x)\n"
    test = "def check(candidate):\n    assert double(candidate(2)) == 8\n    assert f(1) == 2\n"
    assert judge.check(test, "def f(x):\n    return x + x\n", helpers=helpers) is Verdict.PASSED
    cheat = "def double(x):\n    return 8\ndef f(x):\n    return 2\n"
    assert judge.check(test, cheat, helpers=helpers) is Verdict.WRONG


def test_human_eval_tests_may_expect_exceptions(judge: Judge) -> None:
    test = (
        "def check(f):\n    try:\n        f()\n    except ValueError:\n        return\n"
        "    assert False\n"
    )
    assert judge.check(test, "def f():\n    raise ValueError('x')\n") is Verdict.PASSED
    assert judge.check(test, "def f():\n    raise KeyError('x')\n") is Verdict.ERROR
    assert judge.check(test, returns("1")) is Verdict.WRONG


@pytest.mark.parametrize("value", ["'x' * (40 << 20)", "set(range(100_000))"])
def test_far_more_than_any_right_answer_is_wrong_and_no_forgery(judge: Judge, value: str) -> None:
    assert judge.evalplus(returns("1"), returns(value), []) is Verdict.WRONG
    assert judge.check("def check(f):\n    assert f() == 1\n", returns(value)) is Verdict.WRONG
