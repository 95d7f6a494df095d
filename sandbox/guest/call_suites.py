"""A suite of calls: what they should return, how long they may take, how they are sent.

A part of judge_calls.py, which says how the limits of time come about.
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import accumulate
from typing import Any, Dict, List, Optional

from . import apart, channel, codec, expected

MAX_BATCH_BYTES = 1 << 18
# What a byte of a value may take a player to be fingerprinted: four times what floats, the
# slowest, take an interpreter of today.
MARKING_S = 6e-8


class Suite:
    """One suite's calls, their expected values and what each may cost."""

    def __init__(
        self,
        spec: Dict[str, Any],
        right: expected.Expected,
        task: Dict[str, Any],
        seconds: Optional[Dict[int, float]] = None,
    ):
        """`seconds` has what slow calls of the reference take, once it was timed."""
        self.spec, self.task = spec, task
        self.name = spec["name"]
        self.calls: List[str] = spec["calls"].split("\n") if spec["calls"] else []
        self.right = right
        self.stated: List[str] = spec["expected"].split("\n") if spec.get("expected") else []
        if len(right.lines) != len(self.calls):
            raise ValueError(f"{len(right.lines)} expected values for {len(self.calls)} calls")
        limits = task["limits"]
        self.factor, self.least = float(limits["reference_factor"]), float(limits["min_call_s"])
        # Stated values come without a reference that would have to be waited for.
        self.timed = seconds is not None or self.factor <= 0 or "expected" in spec
        self.slow: Dict[int, float] = {
            index: max(self.least, self.factor * taken) for index, taken in (seconds or {}).items()
        }
        total = self.least * (len(self.calls) - len(self.slow)) + sum(self.slow.values())
        # A fingerprint is our way to carry a value: the sample's time is not spent on it.
        self.marking = {index: MARKING_S * weight for index, weight in right.weights.items()}
        self.total_s = min(limits["total_s"], total) + limits["grace_s"]
        self.total_s += sum(self.marking.values())
        # Where a batch must begin anew, and how long the calls are up to each of them.
        self.apart = sorted(
            index
            for index in {*self.slow, *self.marking}
            if index < len(self.calls) and self.limit(index) > self.least
        )
        self.sizes = [0, *accumulate(map(len, self.calls))]
        # A right answer is never much longer than the expected one.
        self.max_line = min(channel.MAX_LINE, 4 * right.size + (1 << 20))
        self.max_hashed = right.hashed + codec.MAX_HASHED
        self.marks = right.marks

    def with_times(self, reference: expected.Reference) -> "Suite":
        """The suite with the limits that follow from how long the reference takes."""
        least = self.least / self.factor
        told = apart.run(
            lambda: {str(i): taken for i, taken in reference.seconds(self.calls, least).items()}
        )
        seconds = {int(index): taken for index, taken in told.items()}
        return Suite(self.spec, self.right, self.task, seconds)

    def batch_end(self, start: int, most: int) -> int:
        """Where a batch of at most so many calls ends that begins with call `start`."""
        end = min(start + most, len(self.calls))
        # Replies of fast calls may be held back while a slow one runs: it comes first, then.
        slow = bisect_right(self.apart, start)
        if slow < len(self.apart):
            end = min(end, self.apart[slow])
        room = bisect_right(self.sizes, self.sizes[start] + MAX_BATCH_BYTES) - 1
        return max(start + 1, min(end, room))

    def text(self, index: int) -> Optional[str]:
        """The encoding of an expected value; None where only the reference can give it."""
        return self.right.text(index) or (self.stated[index] if self.stated else None)

    def limit(self, index: int) -> float:
        """Seconds that a call may take."""
        return self.slow.get(index, self.least) + self.marking.get(index, 0.0)
