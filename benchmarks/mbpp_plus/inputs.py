"""MBPP+'s inputs as they were before they became JSON: tuples, sets, complex numbers.

The table is that of EvalPlus 0.3.1 (evalplus/data/mbpp.py,
mbpp_deserialize_inputs), by the numbers of the tasks. A call's arguments come
as a list, also where EvalPlus makes a tuple of them: they are spread anyway.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

Change = Callable[[Any], Any]


def deserialized(task_id: str, inputs: Iterable[Any]) -> list[list[Any]]:
    """The argument lists of a task's calls, given those in the published file."""
    change = CHANGES.get(int(task_id.rpartition("/")[2]), list)
    return [change(arguments) for arguments in inputs]


def _same(value: Any) -> Any:
    return value


def _each(change: Change) -> Change:
    """The change of every item of a list."""
    return lambda values: [change(value) for value in values]


def _tuple_of(change: Change) -> Change:
    """The change of every item of a list that becomes a tuple."""
    return lambda values: tuple(change(value) for value in values)


def _arguments(*changes: Change) -> Change:
    """The changes of the first arguments; there are no others."""
    return lambda values: [change(value) for change, value in zip(changes, values, strict=False)]


def _if_list(change: Change) -> Change:
    return lambda value: change(value) if isinstance(value, list) else value


def _set_or_dict(value: Any) -> Any:
    """A set, but for an empty one: EvalPlus makes that a dict."""
    return set(value) if isinstance(value, list) and value else {}


def _tuple_values(value: Any) -> Any:
    return {key: tuple(item) for key, item in value.items()}


def _deep_tuples(value: Any) -> Any:
    return tuple(map(_deep_tuples, value)) if isinstance(value, list) else value


_TABLE: dict[tuple[int, ...], Change] = {
    (2, 116, 132, 143, 222, 261, 273, 394, 399, 421, 424, 429, 470): _each(tuple),
    (560, 579, 596, 616, 630, 726, 740, 744, 809): _each(tuple),
    (63, 64, 70, 94, 120, 237, 272, 299): _each(_each(tuple)),
    (400, 409, 417, 438, 473, 614, 780): _each(_each(tuple)),
    (75, 413, 444, 753): _arguments(_each(tuple), _same),
    (106, 750): _arguments(_same, tuple),
    (115,): _arguments(_each(_set_or_dict)),
    (124,): _arguments(float, complex),
    (250, 405, 446, 617, 720, 763, 808): _arguments(tuple, _same),
    (252,): _arguments(complex),
    (259, 401, 445): _each(_tuple_of(tuple)),
    (278,): _arguments(_tuple_of(_if_list(tuple))),
    (307,): _arguments(tuple, _same, _same),
    (580, 615, 791): _each(_deep_tuples),
    (722,): _arguments(_tuple_values, _same, _same),
}
CHANGES = {number: change for numbers, change in _TABLE.items() for number in numbers}
