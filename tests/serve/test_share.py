"""The share of the tests that pass, as a reward: asked for, and told as one number."""

from __future__ import annotations

import pytest

from tests.serve.test_service import ADDS, RIGHT, SPEC, WRONG, grade, of
from tests.support.serving import Server

HALF = "def count_rises(values):\n    return 2 if values and values[0] == 3 else 0\n"
LATER = "def count_rises(values):\n    return 0\n"


def test_the_share_counts_every_test_and_tells_no_more(server: Server) -> None:
    found = grade(server, of(HALF, tell=["share"])).json()
    assert set(found) == {"task_id", "passed", "verdict", "suites", "digest", "share"}
    assert set(found["suites"]["base"]) == {"verdict", "wall_s", "cpu_s", "peak_mb"}
    assert (found["passed"], found["verdict"]) == (False, "wrong")
    # The first test fails and later ones pass, which is nothing without the share.
    later = grade(server, of(LATER, tell=["share", "tests"])).json()
    assert 0 < later["share"] < 1
    assert later["suites"]["base"]["tests_passed"] == 0
    plain = grade(server, of(LATER, tell=["tests"])).json()
    assert plain["suites"]["base"]["tests_passed"] == 0
    assert "share" not in plain


@pytest.mark.parametrize(
    ("program", "share"), [(RIGHT, 1.0), ("def other(): pass", 0.0), (" ", 0.0)]
)
def test_all_and_nothing(server: Server, program: str, share: float) -> None:
    assert grade(server, of(program, tell=["share"])).json()["share"] == share


def test_a_specification_s_tests_are_counted_too(server: Server) -> None:
    half = "a, b = map(int, input().split())\nprint(5)\n"
    asked = {"spec": SPEC, "tell": ["share"]}
    assert grade(server, {**asked, "program": half}).json()["share"] == 0.5
    assert grade(server, {**asked, "program": ADDS}).json()["share"] == 1.0
    without = grade(server, {"spec": SPEC, "program": half}).json()
    assert (without["verdict"], "share" in without) == ("wrong", False)


def test_what_cannot_be_counted_is_refused(server: Server) -> None:
    limits = {"total_s": 5.0, "memory_mb": 512}
    test = "import unittest\nclass TestCases(unittest.TestCase):\n    def test_a(self): pass\n"
    spec = {"kind": "unittest", "entry_point": "f", "test": test, "reference": WRONG}
    asked = {"spec": {**spec, "limits": limits}, "program": RIGHT, "tell": ["share"]}
    answer = grade(server, asked)
    assert answer.status_code == 400
    assert "of which no share is known" in answer.json()["error"]
    run = {
        **{name: [] for name in ("compile", "command", "fetch")},
        "kind": "run",
        "file": "solution.py",
        "input": "",
        "files": {},
        "limits": {**limits, "compile_s": 1.0, "run_s": 1.0},
    }
    ran = grade(server, {"spec": run, "program": RIGHT})
    assert (ran.status_code, "use POST /run_code" in ran.json()["error"]) == (400, True)
