"""How an output is held against the expected one: one rule a class, pure.

Values come from the codec, so both sides are plain data: no comparison here
can run code of a sample. A rule object lives for one suite of one sample.
"""

from __future__ import annotations

import cmath
import math
from decimal import Decimal
from fractions import Fraction
from typing import Any, Dict, List, Optional, Union

from .compare_bounds import equal
from .compare_evalplus import EvalPlusRule
from .compare_originfmt import OriginFmtRule

try:
    import numpy
except ImportError:
    numpy = None  # type: ignore[assignment]


class Unsupported(Exception):
    """The task asks for a rule that this guest does not have."""


Rule = Union["ValueRule", EvalPlusRule, OriginFmtRule]


def value_rule(spec: Dict[str, Any]) -> Rule:
    """The rule that `spec` ({"rule": name, ...}) names.

    Calling it with output, expected and (a copy of) the call's arguments says
    whether the output is right; it may raise anything on odd outputs, which
    counts as unequal. `identical` is called instead where the output is known
    to be the very value that is expected; False means that this says nothing.
    `kept` makes the expected value from what the reference returned, and
    `reflexive` says whether a value would be right where it is expected.
    """
    if spec["rule"] == "value":
        return ValueRule(float(spec.get("atol", 0)))
    if spec["rule"] == "evalplus":
        return EvalPlusRule(spec["dataset"], spec["entry_point"], spec["atol"])
    if spec["rule"] == "originfmt":
        return OriginFmtRule(spec["dataset"], spec["entry_point"], spec["atol"])
    raise Unsupported(f"unknown comparison rule {spec['rule']!r}")


class ValueRule:
    """Equality of values, floats within a tolerance."""

    def __init__(self, atol: float) -> None:
        self.atol = atol

    def __call__(self, out: Any, expected: Any, arguments: List[Any]) -> bool:
        return same_value(out, expected, self.atol)

    def identical(self, floats: bool) -> bool:
        """Equal values are right."""
        return True

    def kept(self, value: Any) -> Any:
        """What the reference returned is what is expected."""
        return value

    def reflexive(self, value: Any) -> bool:
        """A value is equal to itself (nan is seen to elsewhere)."""
        return True


def same_value(out: Any, expected: Any, atol: float) -> bool:
    """Equality of values; floats within `atol` where it is not 0."""
    if isinstance(expected, float) and atol and not isinstance(out, bool):
        number = _number(out)
        if number is not None:
            return cmath.isclose(number, expected, rel_tol=1e-9, abs_tol=atol)
    if isinstance(expected, (list, tuple)) and type(out) is type(expected):
        return len(out) == len(expected) and all(
            same_value(a, b, atol) for a, b in zip(out, expected)
        )
    if isinstance(expected, dict) and isinstance(out, dict):
        return out.keys() == expected.keys() and all(
            same_value(out[key], expected[key], atol) for key in expected
        )
    return bool(equal(out, expected))


def _number(value: Any) -> Optional[complex]:
    """A number of any kind, or an array of nothing but one, as Python's own; None for all else."""
    if isinstance(value, (int, float, complex, Fraction, Decimal)):
        return complex(value)
    array = numpy is not None and isinstance(value, (numpy.number, numpy.ndarray))
    return complex(value) if array and value.shape == () and value.dtype.kind in "iufc" else None


def same_lines(out: str, expected: str, tolerance: float) -> bool:
    """Printed text: line by line, trailing blanks and final empty lines ignored.

    With a tolerance, words that are numbers on both sides may differ by it,
    absolutely or relatively.
    """
    got, want = _lines(out), _lines(expected)
    if len(got) != len(want):
        return False
    return all(a == b or (tolerance and _same_words(a, b, tolerance)) for a, b in zip(got, want))


def _lines(text: str) -> List[str]:
    lines = [line.rstrip() for line in text.split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _same_words(out: str, expected: str, tolerance: float) -> bool:
    got, want = out.split(), expected.split()
    return len(got) == len(want) and all(
        a == b or _close(a, b, tolerance) for a, b in zip(got, want)
    )


def _close(out: str, expected: str, tolerance: float) -> bool:
    try:
        return math.isclose(float(out), float(expected), rel_tol=tolerance, abs_tol=tolerance)
    except ValueError:
        return False
