"""The comparison in the test programs of EvalPlus's OriginFmt files (evalplus tools/).

They are what graders that execute one program for all inputs use, and judge otherwise than
EvalPlus does: no special oracles, and a looser tolerance.
"""

from __future__ import annotations

from typing import Any, List

from . import codec
from .compare_bounds import elements, equal
from .compare_evalplus import NOT_NONE, SAME_ELEMENTS, all_close, bounded_all_close, is_floats

try:
    import numpy
except ImportError:
    numpy = None  # type: ignore[assignment]

# Sequences that NumPy makes arrays of, as it does of lists.
_SEQUENCES = {"array", "deque", "range"}


class OriginFmtRule:
    """The rule of one suite of one sample."""

    def __init__(self, dataset: str, entry_point: str, atol: float) -> None:
        # `_poly(*candidate(*inp), inp)` unpacks a float: nothing that is an answer passes.
        self.never = dataset == "humaneval" and entry_point == "find_zero"
        # `assertion` computes whether these match, and asserts nothing.
        self.always = dataset == "mbpp" and entry_point in NOT_NONE
        self.as_sets = dataset == "mbpp" and entry_point in SAME_ELEMENTS
        self.asks_unequal = dataset == "mbpp"
        self.atol = atol

    def __call__(self, out: Any, expected: Any, arguments: List[Any]) -> bool:
        if self.never or self.always:
            return self.always
        if self.as_sets:
            return elements(out, len(expected)) == set(expected)
        exact = bool(equal(out, expected))
        # An empty list counts as one of floats.
        empty = isinstance(expected, (list, tuple)) and not expected
        atol = 1e-6 if self.atol == 0 and (empty or is_floats(expected)) else self.atol
        if exact or atol == 0:
            return exact
        unequal = out != expected
        if self.asks_unequal and not unequal:
            return False  # an empty array, which older versions of NumPy take for False
        if isinstance(out, codec.Iterable) and out.name in _SEQUENCES:
            out = out.items
        if not numpy.asarray(expected).size and not _holds_text(out):
            return bounded_all_close(out, expected, atol)
        return all_close(out, expected, atol)

    def identical(self, floats: bool) -> bool:
        """Equal values are right, but not for find_zero."""
        return not self.never

    def kept(self, value: Any) -> Any:
        """What is expected, given what the reference returned, which need not be plain data."""
        return None if self.always else value

    def reflexive(self, value: Any) -> bool:
        """Whether the expected value itself is a right answer."""
        if not self.as_sets:
            return True
        try:
            set(value)
        except TypeError:
            return False
        return True


def _holds_text(value: Any) -> bool:
    """Whether NumPy would make an array of texts, or of what cannot be told to be none."""
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, (str, bytes, bytearray, codec.Opaque)):
            return True
        if isinstance(item, (list, tuple)):
            todo.extend(item)
    return False
