"""MBPP+'s inputs are those that EvalPlus calls functions with, value by value and type by type."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from evalplus.data.mbpp import mbpp_deserialize_inputs
from hypothesis import given
from hypothesis import strategies as st

from opencodeeval.benchmarks.cards import read_card
from opencodeeval.benchmarks.data.rows import read_jsonl
from opencodeeval_benchmarks.mbpp_plus.inputs import CHANGES, deserialized

VERSIONS = read_card("mbpp_plus").versions


def typed(value: Any) -> Any:
    """The value with the types of all its parts; nan as itself."""
    if isinstance(value, (list, tuple)):
        return type(value), [typed(item) for item in value]
    if isinstance(value, dict):
        return dict, [(typed(key), typed(item)) for key, item in value.items()]
    if isinstance(value, set):
        return set, sorted(map(repr, value))
    return type(value), repr(value)


def official(task_id: str, inputs: Any) -> list[Any]:
    """EvalPlus' own; it spreads an argument list, whatever its type."""
    return [list(arguments) for arguments in mbpp_deserialize_inputs(task_id, inputs)]


@pytest.mark.shared
@pytest.mark.parametrize("version", VERSIONS, ids=[each.name for each in VERSIONS])
def test_every_input_is_evalplus_s(version: Any, shared_data: Path) -> None:
    changed = set()
    for row in read_jsonl(shared_data / version.files[0]):
        for name in ("base_input", "plus_input"):
            found = deserialized(row["task_id"], row[name])
            assert typed(found) == typed(official(row["task_id"], row[name])), row["task_id"]
            if found and typed(found) != typed(row[name]):
                changed.add(int(row["task_id"].removeprefix("Mbpp/")))
    assert len(changed) > 40
    assert changed <= set(CHANGES)


_scalars = st.integers(0, 3) | st.booleans() | st.sampled_from(["a", 0.5, None])
_nested = st.lists(st.lists(st.lists(_scalars, max_size=2), max_size=2), min_size=1, max_size=2)
SHAPES: dict[int, Any] = {
    **dict.fromkeys((2, 63, 259, 580), st.lists(_nested, max_size=2)),
    **dict.fromkeys((75, 106, 250), st.lists(st.tuples(_nested, _nested).map(list), max_size=2)),
    115: st.lists(
        st.lists(st.lists(_scalars, max_size=2) | _scalars, max_size=3).map(lambda item: [item])
    ),
    124: st.lists(st.tuples(st.sampled_from(["1", "2.5", "nan"]), st.just("1+2j")).map(list)),
    252: st.lists(st.sampled_from(["1j", "0", "(2-1j)", "inf"]).map(lambda text: [text])),
    278: st.lists(st.lists(st.lists(_scalars, max_size=2) | _scalars).map(lambda item: [item])),
    307: st.lists(st.tuples(_nested, _scalars, _scalars).map(list), max_size=2),
    722: st.lists(
        st.tuples(
            st.dictionaries(st.sampled_from("ab"), st.lists(_scalars)), _scalars, _scalars
        ).map(list),
        max_size=2,
    ),
    3: st.lists(_nested, max_size=2),
}


@pytest.mark.parametrize("number", SHAPES)
@given(st.data())
def test_any_input_of_the_right_shape_is_evalplus_s(number: int, data: st.DataObject) -> None:
    inputs = data.draw(SHAPES[number])
    task_id = f"Mbpp/{number}"
    assert typed(deserialized(task_id, inputs)) == typed(official(task_id, inputs))


def test_the_table_has_the_tasks_of_evalplus() -> None:
    """A task that EvalPlus leaves as it is gets nested lists back as they were."""
    probe = [[[["1"]], [["1"]], [["1"]]]]
    for number in set(range(1, 1000)) - set(CHANGES):
        assert mbpp_deserialize_inputs(f"Mbpp/{number}", probe) is probe
