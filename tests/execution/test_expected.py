"""What judges learn of tasks is kept between runs, and only as far as it can be trusted."""

from __future__ import annotations

import asyncio
import json
import zlib
from pathlib import Path
from typing import Any

import pytest

from opencodeeval.core.types import Grade, Program, Style, Task, Verdict
from opencodeeval.execution import expected, open_sandbox
from opencodeeval.execution.guest import encoded

LARGE = 10_000
TESTS: dict[str, Any] = {
    "kind": "calls",
    "entry_point": "f",
    "reference": "import os\ndef f(n):\n    return list(range(n))\n",
    "suites": [{"name": "base", "calls": encoded([[3], [LARGE], [2 * LARGE]])}],
    "compare": {"rule": "evalplus", "dataset": "humaneval", "atol": 0},
    "limits": {
        "min_call_s": 2.0,
        "reference_factor": 4.0,
        "total_s": 10.0,
        "grace_s": 1.0,
        "memory_mb": 1024,
    },
}
RIGHT = "def f(n):\n    return [i for i in range(n)]\n"
EQUAL = "def f(n):\n    return [float(i) for i in range(n)]\n"
WRONG = f"def f(n):\n    return list(range(n)) if n < {2 * LARGE} else list(range(n))[::-1]\n"
PROGRAMS = [RIGHT, EQUAL, WRONG]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return expected.folder()


def grades(tests: dict[str, Any] = TESTS) -> list[Grade]:
    async def run() -> list[Grade]:
        sandbox = open_sandbox("local", 1)
        task = Task("task", Style.FUNCTION, "", "f", "", tests)
        try:
            return await asyncio.gather(
                *(
                    sandbox.grade(task, Program("task", number, code, "program"))
                    for number, code in enumerate(PROGRAMS)
                )
            )
        finally:
            await sandbox.close()

    return asyncio.run(run())


def verdicts(found: list[Grade]) -> list[Verdict]:
    return [grade.suites["base"].verdict for grade in found]


def test_verdicts_are_the_same_with_and_without_what_is_kept(cache: Path) -> None:
    cold = grades()
    assert verdicts(cold) == [Verdict.PASSED, Verdict.PASSED, Verdict.WRONG]
    (kept,) = cache.iterdir()
    written = kept.read_bytes()
    warm = grades()
    assert verdicts(warm) == verdicts(cold)
    assert kept.read_bytes() == written
    failures = [grades[2].suites["base"].failure for grades in (cold, warm)]
    assert failures[0] == failures[1]
    assert failures[0] is not None
    assert failures[0]["index"] == 2


def test_large_values_are_kept_as_fingerprints(cache: Path) -> None:
    grades()
    (kept,) = cache.iterdir()
    assert len(zlib.decompress(kept.read_bytes())) < 1000


def test_what_is_kept_holds_no_times(cache: Path) -> None:
    """A home may be shared by nodes, and a first run may have been under load."""
    slow = "import time\ndef f(n):\n    time.sleep(0.2)\n    return list(range(n))\n"
    grades({**TESTS, "reference": slow})
    (kept,) = cache.iterdir()
    head, *_ = zlib.decompress(kept.read_bytes()).split(b"\n")
    numbers = [each for suite in json.loads(head).values() for each in suite]
    assert not any(isinstance(each, float) for each in numbers)
    again = kept.read_bytes()
    kept.unlink()
    grades({**TESTS, "reference": slow})
    assert kept.read_bytes() == again


def test_the_limits_of_a_warm_run_are_those_of_a_cold_one(cache: Path) -> None:
    """A reference that is slow earns its samples time, whoever filled the cache and when."""
    body = "    import time\n    time.sleep({})\n    return list(range(n))\n"
    slow = {
        **TESTS,
        "reference": "def f(n):\n" + body.format(0.3),
        "suites": [{"name": "base", "calls": encoded([[3], [4]])}],
        "limits": {**TESTS["limits"], "min_call_s": 0.4},
    }
    within, beyond = ("def f(n):\n" + body.format(seconds) for seconds in (0.8, 3.0))
    PROGRAMS[:] = [within, beyond, "def f(n):\n    return list(range(n))\n"]
    try:
        found = [verdicts(grades(slow)) for _ in range(2)]
    finally:
        PROGRAMS[:] = [RIGHT, EQUAL, WRONG]
    assert found == [[Verdict.PASSED, Verdict.TIMEOUT, Verdict.PASSED]] * 2


def test_another_numpy_is_another_entry(cache: Path) -> None:
    expected.remember("tests", "3.11.2, NumPy 1.26.4", b"learned")
    assert expected.recall("tests", "3.11.2, NumPy 2.0.0") is None


def test_what_cannot_be_read_is_learned_again(cache: Path) -> None:
    grades()
    (kept,) = cache.iterdir()
    kept.write_bytes(kept.read_bytes()[:-7])
    assert verdicts(grades()) == [Verdict.PASSED, Verdict.PASSED, Verdict.WRONG]
    assert expected.recall("nothing of this name", "3.11") is None


def test_what_cannot_be_written_is_done_without(cache: Path) -> None:
    cache.parent.mkdir(parents=True)
    cache.write_text("not a folder")
    assert verdicts(grades()) == [Verdict.PASSED, Verdict.PASSED, Verdict.WRONG]


def test_other_tests_and_other_interpreters_are_other_entries(cache: Path) -> None:
    expected.remember("tests", "3.11.2", b"learned")
    assert expected.recall("tests", "3.11.2") == b"learned"
    assert expected.recall("tests", "3.12.1") is None
    assert expected.recall("other tests", "3.11.2") is None


def test_nan_and_bytes_never_pass_for_their_own_encoding() -> None:
    for reference, verdict in (
        ("def f(n):\n    return [float('nan')] * n\n", Verdict.WRONG),
        ("def f(n):\n    return [b'x'] * n\n", Verdict.PASSED),
    ):
        same = {**TESTS, "reference": reference}
        PROGRAMS[:] = [reference]
        try:
            assert verdicts(grades(same)) == [verdict]
        finally:
            PROGRAMS[:] = [RIGHT, EQUAL, WRONG]
