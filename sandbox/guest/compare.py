"""How an output is held against the expected one: one rule a class, pure.

Values come from the codec, so both sides are plain data: no comparison here
can run code of a sample. A rule object lives for one suite of one sample.
"""

from __future__ import annotations

import math
from typing import Any, Dict, List, Union

try:
    import numpy
except ImportError:
    numpy = None  # type: ignore[assignment]


class Unsupported(Exception):
    """The task asks for a rule that this guest does not have."""


Rule = Union["ValueRule", "EvalPlusRule"]


def value_rule(spec: Dict[str, Any]) -> Rule:
    """The rule that `spec` ({"rule": name, ...}) names.

    Calling it with output, expected and (a copy of) the call's arguments says
    whether the output is right; it may raise anything on odd outputs, which
    counts as unequal. `identical` is called instead where the output is known
    to be the very value that is expected; False means that this says nothing.
    """
    if spec["rule"] == "value":
        return ValueRule(float(spec.get("atol", 0)))
    if spec["rule"] == "evalplus":
        return EvalPlusRule(spec["dataset"], spec["entry_point"], spec["atol"])
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


def same_value(out: Any, expected: Any, atol: float) -> bool:
    """Equality of values; floats within `atol` where it is not 0."""
    if isinstance(expected, float) and atol and not isinstance(out, bool):
        return isinstance(out, (int, float)) and math.isclose(
            out, expected, rel_tol=1e-9, abs_tol=atol
        )
    if isinstance(expected, (list, tuple)) and type(out) is type(expected):
        return len(out) == len(expected) and all(
            same_value(a, b, atol) for a, b in zip(out, expected)
        )
    if isinstance(expected, dict) and isinstance(out, dict):
        return out.keys() == expected.keys() and all(
            same_value(out[key], expected[key], atol) for key in expected
        )
    return bool(out == expected)


class EvalPlusRule:
    """EvalPlus 0.3.1's comparison (evalplus/eval/__init__.py, unsafe_execute).

    The tolerance is sticky there: once an expected value is a float, later
    outputs of the same suite are compared with 1e-6 too. Reproduced.
    """

    def __init__(self, dataset: str, entry_point: str, atol: float) -> None:
        self.find_zero = dataset == "humaneval" and entry_point == "find_zero"
        self.atol = atol

    def __call__(self, out: Any, expected: Any, arguments: List[Any]) -> bool:
        if self.find_zero:
            return bool(abs(polynomial(arguments[0], out)) <= self.atol)
        exact = out == expected
        if self.atol == 0 and is_floats(expected):
            self.atol = 1e-6
        if not exact and self.atol != 0:
            if type(out) is not type(expected):
                return False
            if isinstance(expected, (list, tuple)) and len(out) != len(expected):
                return False
            return bool(numpy.allclose(out, expected, rtol=1e-07, atol=self.atol))
        return bool(exact)

    def identical(self, floats: bool) -> bool:
        """Equal values are right, but not for find_zero; `floats` is is_floats(expected)."""
        if self.find_zero:
            return False
        if self.atol == 0 and floats:
            self.atol = 1e-6
        return True


def is_floats(value: Any) -> bool:
    """A float, or a non-empty list or tuple of floats, or a float array."""
    if isinstance(value, float):
        return True
    if isinstance(value, (list, tuple)) and value:
        return all(isinstance(item, float) for item in value)
    if numpy is not None and isinstance(value, numpy.ndarray):
        return bool(value.dtype == numpy.float64 or value.dtype == numpy.float32)
    return False


def polynomial(coefficients: List[float], x: float) -> float:
    """Value at x of the polynomial with these coefficients, constant first."""
    return sum(c * math.pow(x, i) for i, c in enumerate(coefficients))


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
