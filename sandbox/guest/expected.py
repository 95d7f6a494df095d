"""What the reference solution returns, kept small.

A large value is kept as its fingerprint only and computed again in the rare
case that a sample returns something else: so a judge stays small whatever its
task returns, and what it learned fits into a few kilobytes that the host can
keep for the next run.
"""

from __future__ import annotations

import copy
import time
from typing import Any, Callable, Dict, List, NamedTuple, Optional

from . import codec, compare, fingerprint


class Expected(NamedTuple):
    """One call's expected value.

    `text` is its encoding, or None where there is only the `mark` (its
    fingerprint). `exact`: equal text or mark means equal. `floats`: as
    EvalPlus's is_floats. `size`: characters of the encoding, about.
    `hashed`: set and dict elements in it. `seconds`: what the reference took.
    """

    text: Optional[str]
    mark: Optional[str]
    exact: bool
    floats: bool
    size: int
    hashed: int
    seconds: float

    @property
    def line(self) -> bytes:
        """The reply line of a player that returned this very value."""
        return b"" if self.text is None else b'["v",' + self.text.encode("ascii") + b"]"


def describe(value: Any, seconds: float) -> Expected:
    """What is kept of a value."""
    exact = fingerprint.is_exact(value)
    mark = fingerprint.fingerprint(value) if exact else None
    floats, hashed = compare.is_floats(value), codec.hashed_parts(value)
    if mark is not None:
        return Expected(None, mark, exact, floats, _size(value), hashed, seconds)
    text = codec.encode(value)
    return Expected(text, None, exact, floats, len(text), hashed, seconds)


def _size(value: Any) -> int:
    # Twelve characters for every part: an escaped character or a number of ten digits.
    if isinstance(value, str):
        return 12 * len(value)
    if isinstance(value, (list, tuple)):
        return 12 + sum(map(_size, value))
    if isinstance(value, int):
        return 12 + value.bit_length() // 3
    return 24


class Oracle:
    """Expected values of one suite's calls, from what is known or from the reference."""

    def __init__(
        self, spec: Dict[str, Any], reference: Callable[..., Any], known: Optional[List[Any]]
    ) -> None:
        self.inputs: List[List[Any]] = spec["inputs"]
        self.given: Optional[List[Any]] = spec.get("expected")
        self.reference = reference
        self.computed = False
        if self.given is not None:
            self.all = [describe(value, 0.0) for value in self.given]
        elif known is not None and len(known) == len(self.inputs):
            self.all = [Expected(*row) for row in known]
        else:
            self.all = [self._compute(index) for index in range(len(self.inputs))]
            self.computed = True

    def _compute(self, index: int) -> Expected:
        arguments = copy.deepcopy(self.inputs[index])
        began = time.monotonic()
        value = self.reference(*arguments)
        return describe(value, time.monotonic() - began)

    def value(self, index: int) -> Any:
        """The expected value itself."""
        text = self.all[index].text
        if text is not None:
            return codec.decode(text, codec.MAX_NODES)
        if self.given is not None:
            return self.given[index]
        return self.reference(*copy.deepcopy(self.inputs[index]))
