"""Rules of comparison, held against those whose results they must reproduce."""

from __future__ import annotations

import importlib
import math
from typing import Any

import numpy
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.sandbox.official import Case, evalplus_says, ours

codec: Any = importlib.import_module("guest.codec")
compare: Any = importlib.import_module("guest.compare")
compare_evalplus: Any = importlib.import_module("guest.compare_evalplus")

EVALPLUS_CASES = 240

_numbers = st.integers(-3, 3) | st.sampled_from(
    [0.0, -0.0, 1.0, 1.0000001, 1.000001, 1.1, 2.0, -3.0, 1e-7, 1e6, 1e6 + 1e-3, math.inf, math.nan]
)
_scalars = _numbers | st.booleans() | st.none() | st.sampled_from(["", "a", "b"])
_outputs = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3) | st.lists(inner, max_size=3).map(tuple),
    max_leaves=4,
) | st.dictionaries(st.sampled_from("ab"), _numbers, max_size=2)


@st.composite
def _pairs(draw: st.DrawFn) -> tuple[Any, Any]:
    """An output and the value expected: often the same, often nearly."""
    expected = draw(_outputs)
    near = [expected, _nudged(expected, 1e-8), _nudged(expected, 1e-3), _retyped(expected)]
    return draw(st.sampled_from(near) | _outputs), expected


def _nudged(value: Any, by: float) -> Any:
    if type(value) is float:
        return value + by
    if type(value) in (list, tuple):
        return type(value)(_nudged(item, by) for item in value)
    return value


def _retyped(value: Any) -> Any:
    kinds: dict[Any, Any] = {list: tuple, tuple: list, int: float, bool: int}
    return kinds.get(type(value), lambda same: same)(value)


_sequences = st.tuples(
    st.lists(_pairs(), min_size=1, max_size=5), st.sampled_from([0, 0, 1e-6, 0.1])
)


def _sampled(count: int) -> list[tuple[list[tuple[Any, Any]], float]]:
    found: list[tuple[list[tuple[Any, Any]], float]] = []

    @given(_sequences)
    @settings(
        max_examples=count,
        database=None,
        derandomize=True,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def collect(sequence: tuple[list[tuple[Any, Any]], float]) -> None:
        found.append(sequence)

    collect()
    return found


def test_evalplus_rule_says_what_evalplus_says() -> None:
    sequences = _sampled(EVALPLUS_CASES)
    assert len(sequences) > EVALPLUS_CASES // 2
    cases = [
        Case("f", "humaneval", repr([o for o, _ in pairs]), [e for _, e in pairs], inputs, atol)
        for pairs, atol in sequences
        for inputs in [[[0]] * len(pairs)]
    ]
    official = evalplus_says(cases)
    verdicts = {said for row in official for said in row}
    assert verdicts == {True, False}
    for (pairs, atol), theirs in zip(sequences, official, strict=True):
        # Through the codec as in a jail: no output is the same object as the expected one.
        calls = [(codec.decode(codec.encode(o)), e, [0]) for o, e in pairs]
        assert ours("humaneval", "f", calls, atol) == theirs, (pairs, atol)


def test_evalplus_tolerance_sticks_within_a_suite() -> None:
    rule = compare.value_rule(
        {"rule": "evalplus", "dataset": "humaneval", "entry_point": "f", "atol": 0}
    )
    assert not rule([1, 1.0000000001], [1, 1.0], [])
    assert rule(2.0000000001, 2.0, [])
    assert rule([1, 1.0000000001], [1, 1.0], [])


FIND_ZERO = [
    # coefficients, what the program returned, whether it is near enough to a zero
    ([1, 2], -0.5, True),
    ([1, 2], -0.50004, True),
    ([1, 2], -0.5001, False),
    ([-6, 11, -6, 1], 2.0, True),
    ([-6, 11, -6, 1], 3, True),
    ([-6, 11, -6, 1], 2.5, False),
    ([1, 2], "text", False),
]


def test_find_zero_is_judged_by_the_polynomial_alone() -> None:
    official = importlib.import_module("evalplus.eval._special_oracle")
    for coefficients, out, right in FIND_ZERO:
        (said,) = ours("humaneval", "find_zero", [(out, 1e9, [coefficients])], 1e-4)
        assert said is right
        if isinstance(out, (int, float)):
            assert said is (abs(official._poly(coefficients, out)) <= 1e-4)
    assert ours("mbpp", "find_zero", [(-0.5, 1.0, [[1, 2]])], 1e-4) == [False]


def test_evalplus_itself_marks_no_call_of_find_zero() -> None:
    """EvalPlus 0.3.1 skips its own bookkeeping there, and so fails every solution.

    The rule above departs from that on purpose; should EvalPlus change, this
    test says so.
    """
    inputs = [[coefficients] for coefficients, _, _ in FIND_ZERO]
    outputs = [out for _, out, _ in FIND_ZERO]
    case = Case("find_zero", "humaneval", repr(outputs), outputs, inputs, 1e-4)
    assert evalplus_says([case]) == [[False] * len(FIND_ZERO)]


@pytest.mark.parametrize(
    ("out", "expected", "right"),
    [
        ("6", "6\n", True),
        ("6  \n\n\n", "6\n", True),
        ("a\nb", "a\nb\n", True),
        (" 6", "6", False),
        ("\n6", "6", False),
        ("6\n\n7", "6\n7", False),
        ("6", "6.0", False),
        ("", "", True),
        ("", "0", False),
        ("Yes", "yes", False),
    ],
)
def test_lines_are_compared_without_trailing_blanks(out: str, expected: str, right: bool) -> None:
    assert compare.same_lines(out, expected, 0) is right


@pytest.mark.parametrize(
    ("out", "expected", "right"),
    [
        ("0.3333", "0.33333333", True),
        ("1000000.5", "1000001", True),
        ("0.34", "0.33333333", False),
        ("x 1.0", "x 1", True),
        ("x 1.0", "y 1", False),
        ("1 2", "1 2 3", False),
        ("nan", "1", False),
        ("nan", "nan", True),
        ("inf", "1e9", False),
        ("1e0", "1", True),
    ],
)
def test_numbers_in_lines_may_differ_by_the_tolerance(out: str, expected: str, right: bool) -> None:
    assert bool(compare.same_lines(out, expected, 1e-3)) is right


@pytest.mark.parametrize(
    ("out", "expected", "atol", "right"),
    [
        (1, 1.0, 0, True),
        (True, 1, 0, True),
        ([1, 2], (1, 2), 0, False),
        (0.1 + 0.2, 0.3, 0, False),
        (0.1 + 0.2, 0.3, 1e-6, True),
        ([[0.1 + 0.2]], [[0.3]], 1e-6, True),
        ({"a": (0.1 + 0.2,)}, {"a": (0.3,)}, 1e-6, True),
        ({"a": 0.3, "b": 1}, {"a": 0.3}, 1e-6, False),
        ([0.3, 0.3], [0.3], 1e-6, False),
        (numpy.array([1.0]), 1.0, 1e-6, True),
        (numpy.array([1.1]), 1.0, 1e-6, False),
        (True, 1.0, 1e-6, True),
        (True, 0.9999999, 1e-6, False),
        ("0.3", 0.3, 1e-6, False),
        (None, 0.0, 1e-6, False),
        (math.nan, math.nan, 1e-6, False),
        (math.inf, math.inf, 1e-6, True),
        ({1, 2}, {2, 1}, 0, True),
    ],
)
def test_values_are_equal_within_the_tolerance(
    out: Any, expected: Any, atol: float, right: bool
) -> None:
    assert compare.same_value(out, expected, atol) is right


@pytest.mark.parametrize(
    ("out", "expected"),
    [
        (numpy.array([1, 2]), numpy.array([1, 3])),
        (numpy.array([1, 2, 3]), [1, 2, 3]),
        (numpy.array([1, 3]), [1, 2, 3]),
    ],
)
def test_arrays_of_several_items_have_no_one_truth(out: Any, expected: Any) -> None:
    """The judge counts a comparison that raises as unequal."""
    with pytest.raises(ValueError, match=r"ambiguous|broadcast"):
        compare.same_value(out, expected, 0)


def test_an_unknown_rule_is_refused_by_name() -> None:
    with pytest.raises(compare.Unsupported, match="nosuch"):
        compare.value_rule({"rule": "nosuch"})


_floats = st.floats() | st.sampled_from([0.0, 1.0, 1 + 1e-7, 1 - 1e-7, 1 + 2e-7, 1e308, -1e308])


@given(_floats, _floats | st.floats(-1e-5, 1e-5), st.sampled_from([1e-6, 1e-4]), st.booleans())
def test_two_floats_are_close_where_numpy_says_so(
    expected: float, other: float, atol: float, near: bool
) -> None:
    out = expected + other if near else other
    with numpy.errstate(all="ignore"):
        said = bool(numpy.allclose(out, expected, rtol=1e-7, atol=atol))
    assert compare_evalplus.close(out, expected, atol) is said
