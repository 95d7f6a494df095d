"""How the judge cuts a suite's calls into batches, and what it takes for an answer."""

from __future__ import annotations

import asyncio
import importlib
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from opencodeeval.core.types import Program, Style, Task, Verdict
from opencodeeval.execution import open_sandbox

call_suites: Any = importlib.import_module("guest.call_suites")
expected: Any = importlib.import_module("guest.expected")

LIMITS = {"reference_factor": 4.0, "min_call_s": 1.0, "total_s": 60.0, "grace_s": 0.0}
FEW, MUCH = 10, call_suites.MAX_BATCH_BYTES // 3


def suite(sizes: list[int], slow: set[int]) -> Any:
    """A suite of calls of these sizes, some of which take longer than the least limit."""
    calls = "\n".join("1" * size for size in sizes)
    lines = [b'["v",1]'] * len(sizes)
    seconds = {index: 2.0 if index in slow else 0.1 for index in range(len(sizes))}
    right = expected.Expected(lines, "s" * len(sizes), "-" * len(sizes), 1, 0, {})
    spec = {"name": "base", "calls": calls}
    return call_suites.Suite(spec, right, {"limits": LIMITS}, seconds)


@given(
    st.lists(st.sampled_from([1, 5, MUCH, 4 * MUCH]), min_size=1, max_size=30),
    st.sets(st.integers(0, 29), max_size=6),
    st.integers(1, FEW),
)
def test_a_batch_is_as_long_as_it_may_be(sizes: list[int], slow: set[int], most: int) -> None:
    """No more calls and bytes than allowed, and a slow call only as its first."""
    calls = suite(sizes, slow)
    start = 0
    while start < len(sizes):
        end = calls.batch_end(start, most)
        assert start < end <= min(start + most, len(sizes))
        assert end == start + 1 or sum(sizes[start:end]) <= call_suites.MAX_BATCH_BYTES
        assert not slow & set(range(start + 1, end))
        longer = sum(sizes[start : end + 1]) > call_suites.MAX_BATCH_BYTES
        assert end in (start + most, len(sizes)) or end in slow or longer
        start = end


GUESS = """
from guest import player
def answer(n):
    return None
def claims(function, arguments, marks):
    # Another value's fingerprint first, and the right value once that was refused.
    return '["h","%s"]' % ("0" * 32), {value}
player._call = claims
"""


def test_a_large_value_cannot_be_guessed_twice(local_jail: None) -> None:
    expected = list(range(1000))
    spec = {
        "kind": "calls",
        "entry_point": "answer",
        "suites": [{"name": "base", "calls": "[1]", "expected": json.dumps(expected)}],
        "compare": {"rule": "value"},
        "limits": {
            "min_call_s": 5.0,
            "reference_factor": 0.0,
            "total_s": 20.0,
            "grace_s": 5.0,
            "memory_mb": 1024,
        },
    }
    task = Task("guess", Style.FUNCTION, "", "answer", "", spec)
    programs = [
        "def answer(n):\n    return list(range(1000))\n",
        "def answer(n):\n    return list(map(float, range(1000)))\n",
        GUESS.replace("{value}", "list(range(1000))"),
        GUESS.replace("{value}", "[0]"),
    ]

    async def run() -> list[Verdict]:
        sandbox = open_sandbox("local", 1)
        try:
            numbered = enumerate(programs)
            grades = [await sandbox.grade(task, Program("guess", i, p, "p")) for i, p in numbered]
        finally:
            await sandbox.close()
        return [grade.suites["base"].verdict for grade in grades]

    passed, wrong, forged = Verdict.PASSED, Verdict.WRONG, Verdict.FORGED
    assert asyncio.run(run()) == [passed, passed, forged, wrong]
