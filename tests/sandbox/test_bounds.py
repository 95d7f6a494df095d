"""What a comparison may cost the judge: refused before it is spent, and never an error of ours."""

from __future__ import annotations

import importlib
from typing import Any

import numpy
import pytest

codec: Any = importlib.import_module("guest.codec")
compare: Any = importlib.import_module("guest.compare")
bounds: Any = importlib.import_module("guest.compare_bounds")
livecodebench: Any = importlib.import_module("guest.compare_livecodebench")
verdicts: Any = importlib.import_module("guest.verdicts")

COLLISION = 2**61 - 1  # CPython's hash of an integer is its remainder by this
RULES = [
    {"rule": "value"},
    {"rule": "value", "atol": 1e-6},
    {"rule": "evalplus", "dataset": "humaneval", "entry_point": "f", "atol": 0},
    {"rule": "evalplus", "dataset": "mbpp", "entry_point": "Diff", "atol": 0},
    {"rule": "originfmt", "dataset": "mbpp", "entry_point": "f", "atol": 0},
]
# 10^12 elements when it is broadcast against the list.
TALL, LONG = numpy.zeros((1_000_000, 1), "i1"), [0] * 1_000_000


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_no_rule_broadcasts_an_array_to_more_than_any_answer_has(rule: dict[str, Any]) -> None:
    with pytest.raises(codec.TooMany, match="more elements"):
        compare.value_rule(rule)(TALL, LONG, [])


@pytest.mark.parametrize(
    ("out", "expected"), [([TALL], [LONG]), ({1: TALL}, {1: LONG}), (([1, TALL],), ([1, LONG],))]
)
def test_nor_one_within_other_values(out: Any, expected: Any) -> None:
    with pytest.raises(codec.TooMany, match="more elements"):
        bounds.equal(out, expected)
    assert livecodebench.wrong_value(out, expected) == "Wrong Answer"


def test_arrays_that_only_meet_their_like_are_compared_whatever_their_size() -> None:
    many = numpy.zeros(bounds.MAX_BROADCAST // 2)
    assert bounds.equal(many, [0.0] * len(many)).all()
    assert bounds.equal([numpy.array(1.0)], [1.0])


def test_arrays_that_cannot_be_broadcast_are_left_to_numpy() -> None:
    assert bounds.broadcast_size(numpy.zeros(3), [1, 2]) == 0


def test_different_elements_with_one_hash_are_refused_when_they_are_put_into_a_set() -> None:
    with pytest.raises(codec.TooMany, match="one hash"):
        bounds.elements([number * COLLISION for number in range(1, codec.MAX_HASHED)], 0)
    few = [number * COLLISION for number in range(1, codec.MAX_ALIKE)]
    assert bounds.elements(few, 0) == set(few)


def test_equal_elements_are_one() -> None:
    assert bounds.elements([7, 7.0] * 1000, 0) == {7}


class Sorted(tuple):  # type: ignore[type-arg]
    """Counts how often such tuples are put in order."""

    compared = 0

    def __lt__(self, other: Any) -> bool:
        Sorted.compared += 1
        return tuple.__lt__(self, other)


@pytest.mark.parametrize("kind", [set, frozenset, dict.fromkeys])
def test_large_sets_and_dicts_are_shown_without_sorting_them(kind: Any) -> None:
    value = kind([Sorted([number]) for number in range(10_000)])
    Sorted.compared = 0
    assert verdicts.show(value)
    assert Sorted.compared < 1000


def test_small_sets_and_dicts_are_shown_in_order() -> None:
    assert verdicts.show({3, 1, 2}) == "{1, 2, 3}"
    assert verdicts.show({"b": {(2,), (1,)}, "a": frozenset()}) == (
        "{'a': frozenset(), 'b': {(1,), (2,)}}"
    )
    assert verdicts.show(set(range(30))).endswith("19, ...}")


def test_arrays_of_many_dimensions_are_shown_by_their_first_elements(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """NumPy's text of this one has four million numbers."""
    monkeypatch.setattr(numpy, "array2string", pytest.fail)
    for value in (numpy.zeros((2,) * 22), [numpy.zeros((2,) * 22)]):
        assert "array of float64" in livecodebench.shown(value)


def test_a_view_of_colliding_keys_is_refused() -> None:
    keys = dict.fromkeys(number * COLLISION for number in range(1, 1000)).keys()
    with pytest.raises(codec.TooMany, match="one hash"):
        codec.decode(codec.encode(keys))
