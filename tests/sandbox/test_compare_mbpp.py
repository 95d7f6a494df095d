"""MBPP+'s special cases of EvalPlus' comparison, held against EvalPlus itself."""

from __future__ import annotations

import importlib
import re
from typing import Any

import numpy
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.sandbox.official import Case, evalplus_says, ours

codec: Any = importlib.import_module("guest.codec")
rules: Any = importlib.import_module("guest.compare_evalplus")
expected: Any = importlib.import_module("guest.expected")

CASES = 40
NAMES: dict[str, Any] = {"inf": float("inf"), "nan": float("nan"), "array": numpy.array}
NAMES |= {"re": re, "numpy": numpy}

# Outputs are source text, for not all of them can be written as their repr.
_items = st.integers(-2, 3) | st.sampled_from([0.5, 1.0, True, "a", "b", (1,), (1, 2)])
_lists = st.lists(_items, max_size=3)
_plain = (
    st.integers(-3, 30)
    | st.sampled_from([0.0, 0.5, 1.0, 1.0000001, 1e6, True, False, None, "", "ab"])
    | _lists
    | _lists.map(tuple)
    | st.sets(_items, max_size=3)
    | st.dictionaries(st.sampled_from("ab"), st.integers(0, 2), max_size=2)
    | st.lists(st.lists(st.integers(0, 2), max_size=2), min_size=1, max_size=2)
)
_odd = st.sampled_from(
    [
        *("re.match('a', 'ab')", "object()", "array([1, 2])", "array([1, 2, 3])", "array([])"),
        *("iter([1, 2])", "(x for x in (1, 'a'))", "{1: 2}.keys()", "range(3)", "filter(None, [])"),
        *("map(int, 'x')", "numpy.int64(1)", "numpy.bool_(True)", "1 + 2j", "b'ab'", "nan", "inf"),
    ]
)
SPECIAL = sorted({*rules.SAME_ELEMENTS, *rules.NOT_NONE, *rules.ORACLES})


def _sequences(name: str) -> Any:
    wanted = st.booleans() if name in rules.NOT_NONE else _plain
    numbers = st.integers(0, 40)

    def shuffled(value: Any) -> Any:
        return value[::-1] if isinstance(value, (list, tuple, str)) else value

    call = wanted.flatmap(
        lambda right: st.tuples(
            st.just(repr(right))
            | st.just(repr(shuffled(right)))
            | _plain.map(repr)
            | _odd
            | st.integers(0, 60).map(str),
            st.just(right),
            st.tuples(numbers, numbers).map(list),
        )
    )
    return st.tuples(st.lists(call, min_size=1, max_size=5), st.sampled_from([0, 0, 0, 1e-4]))


def _sampled(name: str) -> list[Any]:
    found: list[Any] = []

    @given(_sequences(name))
    @settings(
        max_examples=CASES,
        database=None,
        derandomize=True,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def collect(sequence: Any) -> None:
        found.append(sequence)

    collect()
    return found


def _case(name: str, calls: Any, atol: float) -> Case:
    outputs, right, arguments = ([call[part] for call in calls] for part in range(3))
    return Case(name, "mbpp", f"[{', '.join(outputs)}]", right, arguments, atol)


def test_special_cases_are_judged_as_evalplus_judges_them() -> None:
    sampled = [(name, *sequence) for name in SPECIAL for sequence in _sampled(name)]
    official = evalplus_says([_case(*each) for each in sampled])
    said: dict[str, set[bool]] = {}
    for (name, calls, atol), theirs in zip(sampled, official, strict=True):
        crossed = [
            (codec.decode(codec.encode(eval(out, dict(NAMES)))), right, arguments)
            for out, right, arguments in calls
        ]
        assert ours("mbpp", name, crossed, atol) == theirs, (name, calls, atol)
        said.setdefault(name, set()).update(theirs)
    anything_passes = {"are_equivalent"}
    assert {name for name in SPECIAL if said[name] != {True, False}} == anything_passes


def test_special_cases_are_those_of_evalplus() -> None:
    oracle = importlib.import_module("evalplus.eval._special_oracle")
    assert set(oracle.MBPP_OUTPUT_SET_EQ_TASKS) == rules.SAME_ELEMENTS
    assert set(oracle.MBPP_OUTPUT_NOT_NONE_TASKS) == rules.NOT_NONE


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_alternative_readings_are_evalplus_s(first: int, second: int) -> None:
    oracle = importlib.import_module("evalplus.eval._special_oracle")
    assert rules.digit_distance(first, second) == oracle._digit_distance_nums(first, second)
    assert rules.pyramid_surface(first, second) == oracle._surface_Area(first, second)


def test_special_cases_are_mbpp_s_alone() -> None:
    for name, out, right in (("Diff", [2, 1], [1, 2]), ("sum_div", 0, 1)):
        assert ours("humaneval", name, [(out, right, [])], 0) == [False]
        assert ours("mbpp", name, [(out, right, [])], 0) == [True]


@pytest.mark.parametrize(
    ("name", "value", "same"),
    [
        ("Diff", [1, 2], "s"),
        ("Diff", [[1], [2]], "-"),
        ("Diff", None, "-"),
        ("f", [[1], [2]], "s"),
    ],
)
def test_an_equal_line_is_no_pass_where_evalplus_fails_everybody(
    name: str, value: Any, same: str
) -> None:
    rule = rules.EvalPlusRule("mbpp", name, 0)
    assert expected.of_values([value], rule.reflexive).same == same


def test_a_match_object_is_expected_as_not_none() -> None:
    rule = rules.EvalPlusRule("mbpp", "check_str", 0)
    assert [rule.kept(value) for value in (re.match("a", "a"), None, False)] == [True, False, True]
    assert rules.EvalPlusRule("mbpp", "f", 0).kept(None) is None


def test_more_elements_than_a_set_can_safely_have_are_wrong() -> None:
    many = list(range(codec.MAX_HASHED + 10))
    assert ours("mbpp", "Diff", [(many, [1], [])], 0) == [False]
    assert ours("mbpp", "Diff", [(many, many, [])], 0) == [True]
