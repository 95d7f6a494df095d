"""EvalPlus 0.3.1's comparison (evalplus/eval/__init__.py, unsafe_execute), quirks and all."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any, Callable, Dict, List

from . import codec
from .compare_bounds import MAX_BROADCAST, elements, equal

try:
    import numpy
except ImportError:
    numpy = None  # type: ignore[assignment]

# What the entry points of MBPP tasks are judged by (evalplus/eval/_special_oracle.py). Names, not
# task ids, decide there.
SAME_ELEMENTS = {
    "similar_elements",  # Mbpp/2
    "find_char_long",  # Mbpp/7
    "common_in_nested_lists",  # Mbpp/111
    "extract_singly",  # Mbpp/140
    "larg_nnum",  # Mbpp/232
    "intersection_array",  # Mbpp/249
    "find_dissimilar",  # Mbpp/579
    "Diff",  # Mbpp/769
}
NOT_NONE = {
    "check_str",  # Mbpp/737
    "text_match_three",  # Mbpp/787
    "text_starta_endb",  # Mbpp/794
}

RTOL = 1e-07
# As many elements where each is a Python object, whose arithmetic takes much longer.
MAX_OBJECTS = 1 << 18
_NUMBERS = (int, float, complex, Fraction, Decimal)


class EvalPlusRule:
    """The rule of one suite of one sample.

    The tolerance is sticky in EvalPlus: once an expected value is a float, later
    outputs of the same suite are compared with 1e-6 too. Reproduced.
    """

    def __init__(self, dataset: str, entry_point: str, atol: float) -> None:
        self.find_zero = dataset == "humaneval" and entry_point == "find_zero"
        self.name = entry_point if dataset == "mbpp" else ""
        self.atol = atol

    def __call__(self, out: Any, expected: Any, arguments: List[Any]) -> bool:
        if self.find_zero:
            return bool(abs(polynomial(arguments[0], out)) <= self.atol)
        exact = self._matches(out, expected, arguments)
        if self.atol == 0 and is_floats(expected):
            self.atol = 1e-6
        if not exact and self.atol != 0:
            if type(out) is not type(expected):
                return False
            if isinstance(expected, (list, tuple)) and len(out) != len(expected):
                return False
            return close(out, expected, self.atol)
        return bool(exact)

    def _matches(self, out: Any, expected: Any, arguments: List[Any]) -> Any:
        """Whether the output counts as equal, before any tolerance."""
        exact = equal(out, expected)  # first, for it may raise
        if self.name in SAME_ELEMENTS:
            return elements(out, len(expected)) == set(expected)
        if self.name in NOT_NONE:
            return exact if isinstance(out, bool) else expected == (out is not None)
        oracle = ORACLES.get(self.name)
        return exact if oracle is None else exact or oracle(out, arguments, self.atol)

    def identical(self, floats: bool) -> bool:
        """Equal values are right, but not for find_zero; `floats` is is_floats(expected)."""
        if self.find_zero:
            return False
        if self.atol == 0 and floats:
            self.atol = 1e-6
        return True

    def kept(self, value: Any) -> Any:
        """What is expected, given what the reference returned."""
        return value is not None if self.name in NOT_NONE else value

    def reflexive(self, value: Any) -> bool:
        """Whether the expected value itself is a right answer."""
        if self.name not in SAME_ELEMENTS:
            return True
        try:
            set(value)
        except TypeError:  # EvalPlus fails everybody here
            return False
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


def close(out: Any, expected: Any, atol: float) -> bool:
    """numpy.allclose with rtol=1e-7, without what it costs to make arrays of two numbers."""
    plain = type(out) is float and type(expected) is float
    if plain and math.isfinite(out) and math.isfinite(expected):
        return bool(abs(out - expected) <= atol + RTOL * abs(expected))
    return all_close(out, expected, atol)


def all_close(out: Any, expected: Any, atol: float) -> bool:
    """numpy.allclose, which broadcasts, within bounds.

    Raises:
        TypeError: something is no number, of which allclose would make an array first, as
            large as the longest text times how many there are.
        TooMany: more elements than any right answer has.
    """
    _only_numbers(out)
    return bounded_all_close(out, expected, atol)


def bounded_all_close(out: Any, expected: Any, atol: float) -> bool:
    """numpy.allclose of what has no text in it.

    Raises:
        TooMany: more elements than any right answer has.
    """
    got, want = _operand(out), _operand(expected)
    most = MAX_OBJECTS if got is not out and got.dtype.hasobject else MAX_BROADCAST
    if numpy.broadcast(got, want).size > most:
        raise codec.TooMany("more elements than any right answer has")
    return bool(numpy.allclose(got, want, rtol=RTOL, atol=atol))


def _operand(value: Any) -> Any:
    """An array; a number of Python's own, which NumPy treats otherwise than an array of it."""
    return value if isinstance(value, (int, float, complex)) else numpy.asarray(value)


def _only_numbers(value: Any) -> None:
    todo = [value]
    while todo:
        found = todo.pop()
        if isinstance(found, (list, tuple)):
            kinds = set(map(type, found))
            if not kinds <= {int, float, bool}:
                todo.extend(found)
        elif not isinstance(found, (*_NUMBERS, numpy.number, numpy.bool_, numpy.ndarray)):
            raise TypeError(f"a {type(found).__name__} is no number")


def polynomial(coefficients: List[float], x: float) -> float:
    """Value at x of the polynomial with these coefficients, constant first."""
    return sum(c * math.pow(x, i) for i, c in enumerate(coefficients))


def pyramid_surface(base_edge: float, height: float) -> int:
    """Mbpp/581, where `height` may also be read as that of the apex over the base."""
    slant = math.sqrt((base_edge / 2) ** 2 + height**2)
    return round(base_edge**2 + 4 * (base_edge * slant) / 2)


def digit_distance(first: int, second: int) -> int:
    """Mbpp/558, where the shorter number may also be padded with zeros in front."""
    one, two = str(first), str(second)
    width = max(len(one), len(two))
    return sum(abs(int(a) - int(b)) for a, b in zip(one.zfill(width), two.zfill(width)))


# What makes an output right although it is not the expected one.
ORACLES: Dict[str, Callable[[Any, List[Any], float], Any]] = {
    "are_equivalent": lambda out, arguments, atol: True,  # Mbpp/164
    "sum_div": lambda out, arguments, atol: out == 0,  # Mbpp/295
    "surface_Area": lambda out, arguments, atol: abs(out - pyramid_surface(*arguments)) <= atol,
    "digit_distance_nums": lambda out, arguments, atol: out == digit_distance(*arguments),
}
