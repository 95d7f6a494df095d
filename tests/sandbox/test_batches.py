"""How the judge cuts a suite's calls into batches."""

from __future__ import annotations

import importlib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

judge_calls: Any = importlib.import_module("guest.judge_calls")
expected: Any = importlib.import_module("guest.expected")

LIMITS = {"reference_factor": 4.0, "min_call_s": 1.0, "total_s": 60.0, "grace_s": 0.0}
FEW, MUCH = 10, judge_calls.MAX_BATCH_BYTES // 3


def suite(sizes: list[int], slow: set[int]) -> Any:
    """A suite of calls of these sizes, some of which take longer than the least limit."""
    calls = "\n".join("1" * size for size in sizes)
    lines = [b'["v",1]'] * len(sizes)
    seconds = {index: 2.0 if index in slow else 0.1 for index in range(len(sizes))}
    right = expected.Expected(lines, "s" * len(sizes), "-" * len(sizes), 1, 0, {})
    spec = {"name": "base", "calls": calls}
    return judge_calls._Suite(spec, right, {"limits": LIMITS}, seconds)


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
        assert end == start + 1 or sum(sizes[start:end]) <= judge_calls.MAX_BATCH_BYTES
        assert not slow & set(range(start + 1, end))
        longer = sum(sizes[start : end + 1]) > judge_calls.MAX_BATCH_BYTES
        assert end in (start + most, len(sizes)) or end in slow or longer
        start = end
