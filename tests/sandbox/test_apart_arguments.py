"""What a program does to its arguments, where tests run in a process of their own."""

from __future__ import annotations

import array
import collections
import importlib
import io
import types
from collections.abc import Callable
from typing import Any

import numpy
import pytest

from opencodeeval.core.types import SuiteResult, Verdict
from tests.sandbox.test_apart import graded, task
from tests.sandbox.test_apart_objects import with_packages

pandas: Any = pytest.importorskip("pandas")
exchange: Any = importlib.import_module("guest.exchange")
exchange_calls: Any = importlib.import_module("guest.exchange_calls")
given_of: Any = importlib.import_module("guest.exchange_arguments").Given

KEEPS = """
import unittest
import numpy as np
import pandas as pd

class TestCases(unittest.TestCase):
    def setUp(self):
        self.rows = [[3, 1], [2]]

    def test_value(self):
        self.assertEqual(task_func(self.rows, {"a": 1}, {1}), [[1, 3], [2]])

    def test_rows_stay(self):
        task_func(self.rows, {"a": 1}, {1})
        self.assertEqual(self.rows, [[3, 1], [2]])

    def test_the_others_stay(self):
        named, members = {"a": 1}, {1}
        task_func(self.rows, named, members)
        self.assertEqual((named, members), ({"a": 1}, {1}))

    def test_a_frame_and_an_array_stay(self):
        frame, numbers = pd.DataFrame({"n": [2, 1]}), np.array([2, 1])
        task_func(self.rows, {"a": 1}, {1}, frame, numbers)
        pd.testing.assert_frame_equal(frame, pd.DataFrame({"n": [2, 1]}))
        np.testing.assert_array_equal(numbers, [2, 1])

    def test_the_list_is_new(self):
        self.assertIsNot(task_func(self.rows, {"a": 1}, {1}), self.rows)
        self.assertIsNot(task_func(self.rows, {"a": 1}, {1})[1], self.rows[1])
"""
KEEPING = """
def task_func(rows, named, members, frame=None, numbers=None):
    return [sorted(row) for row in rows]
"""
# Each breaks one of the promises that the tests of KEEPS are about.
BREAKING = {
    "a list in a list": "    [row.sort() for row in rows]\n",
    "a list": "    rows.reverse()\n    rows.reverse()\n    rows.append([])\n    rows = rows[:2]\n",
    "a dict": "    named.clear()\n",
    "a set": "    members.add(2)\n",
    "a frame": "    if frame is not None: frame.sort_values('n', inplace=True)\n",
    "a column": "    if frame is not None: frame['m'] = 1\n",
    "an array": "    if numbers is not None: numbers.sort()\n",
    "a class of its own": "    class Own: pass\n    named['a'] = Own()\n",
    "then raises": "    members.clear()\n    if len(rows) > 2: raise ValueError\n",
}
RETURNING = {
    "the list": "    new = [sorted(row) for row in rows]\n    rows[:] = new\n    return rows\n",
    "a list of the list": "    return [sorted(rows[0]), rows[1]]\n",
}


def outcomes(test: str, reference: str, *programs: str) -> list[SuiteResult]:
    grades = graded(task(test, reference), *programs, opened=with_packages)
    return [each.suites["base"] for each in grades]


def test_a_test_sees_that_an_argument_has_changed(local_jail: None) -> None:
    head, body = KEEPING.split(":\n")
    programs = [f"{head}:\n{each}{body}" for each in BREAKING.values()]
    programs += [f"{head}:\n{each}" for each in RETURNING.values()]
    right, *others = outcomes(KEEPS, KEEPING, KEEPING, *programs)
    assert (right.verdict, right.apart) == (Verdict.PASSED, True), right
    found = dict(zip([*BREAKING, *RETURNING], others, strict=True))
    verdicts = {name: each.verdict for name, each in found.items()}
    assert verdicts == dict.fromkeys(found, Verdict.WRONG), found
    assert "arguments" in found["a dict"].detail


COMPUTES = """
import unittest

class TestCases(unittest.TestCase):
    def test_from_the_argument(self):
        values = [3, 1, 2]
        self.assertEqual(task_func(values), max(values, default=None))
"""


def test_a_program_cannot_change_what_a_test_expects(local_jail: None) -> None:
    """In one process it could: the test computes from the argument, after the call."""
    reference = "def task_func(values):\n    return max(values)\n"
    empties = "def task_func(values):\n    values.clear()\n"
    sorts = "def task_func(values):\n    values.sort()\n    return values[-1]\n"
    found = [each.verdict for each in outcomes(COMPUTES, reference, reference, empties, sorts)]
    assert found == [Verdict.PASSED, Verdict.WRONG, Verdict.PASSED]


ALIKE = """
import unittest

class TestCases(unittest.TestCase):
    def test_one_object_twice(self):
        row = [1]
        self.assertTrue(task_func(row, row))
        self.assertFalse(task_func(row, [1]))
"""


def test_an_object_that_is_given_twice_is_one(local_jail: None) -> None:
    reference = "def task_func(a, b):\n    return a is b\n"
    (found,) = outcomes(ALIKE, reference, reference)
    assert (found.verdict, found.apart) == (Verdict.PASSED, True)


def called(function: Callable[..., Any], *arguments: Any) -> Any:
    """What a call gives, where the program has a process of its own; changes are made here."""
    ours, theirs = given_of(), given_of()
    text = exchange_calls.encode_call(["run", [list(arguments), {}], None], ours)
    _, (received, _), _ = exchange.decode(text, theirs)
    before = exchange_calls.contents(theirs)
    result, _ = exchange_calls.encode_result(function(*received), theirs, True)
    now = exchange_calls.contents(theirs)
    value = exchange.decode(result, ours)
    for number in now:
        if now[number] != before[number]:
            ours.change(number, exchange.decode(now[number], ours))
    return value


def appended(value: Any) -> Any:
    value.append(7)
    return value


def filled(value: Any) -> Any:
    value["new"] = [7]
    return value


def written(value: Any) -> Any:
    value.seek(0)
    value.write(value.read(1) * 3)
    return value


def named(value: Any) -> Any:
    value.new = 7
    return value


def doubled(value: Any) -> Any:
    value *= 2
    return value


@pytest.mark.parametrize(
    ("make", "change"),
    [
        (lambda: [1, [2]], appended),
        (lambda: bytearray(b"ab"), appended),
        (lambda: array.array("i", [1]), appended),
        (lambda: collections.deque([1]), appended),
        (lambda: collections.UserList([1]), appended),
        (lambda: {"a": [1]}, filled),
        (lambda: collections.OrderedDict(a=1), filled),
        (lambda: collections.defaultdict(list, a=[1]), filled),
        (lambda: collections.UserDict(a=1), filled),
        (lambda: collections.Counter("aab"), lambda value: (value.update("b"), value)[1]),
        (lambda: {1, 2}, lambda value: (value.discard(1), value)[1]),
        (lambda: io.StringIO("text"), written),
        (lambda: io.BytesIO(b"text"), written),
        (lambda: types.SimpleNamespace(a=1), named),
        (lambda: numpy.array([[1, 2]]), doubled),
        (lambda: numpy.array([1, "a"], dtype=object), doubled),
        (lambda: pandas.Series([1, 2], name="n"), doubled),
    ],
)
def test_an_argument_becomes_what_the_program_made_of_it(
    make: Callable[[], Any], change: Callable[[Any], Any]
) -> None:
    given, wanted = make(), make()
    change(wanted)
    inside: list[Any] = [given]
    found = called(lambda each, outer: (change(each), outer[0] is each, each), given, inside)
    assert found[1] is True
    assert found[2] is given
    assert inside[0] is given
    assert exchange.encode(given) == exchange.encode(wanted)


@pytest.mark.parametrize(
    "change",
    [
        lambda frame: frame.insert(0, "m", [5, 6]),
        lambda frame: frame.drop(index="x", inplace=True),
        lambda frame: frame.rename(columns={"n": "k"}, inplace=True),
        lambda frame: frame.reset_index(inplace=True),
        lambda frame: frame.__setitem__("n", ["a", "b"]),
    ],
)
def test_a_frame_becomes_what_the_program_made_of_it(change: Callable[[Any], Any]) -> None:
    given = pandas.DataFrame({"n": [1, 2]}, index=["x", "y"])
    wanted = given.copy()
    change(wanted)
    called(change, given)
    pandas.testing.assert_frame_equal(given, wanted)


def test_what_does_not_cross_makes_an_item_unknown() -> None:
    given = {"a": 1, "b": [2]}
    called(lambda value: value.update(a=object()), given)
    assert given["b"] == [2]
    assert not given["a"] == 1  # noqa: SIM201 - it has no `!=`


def test_an_array_that_may_not_be_written_to_stays() -> None:
    given = numpy.array([1, 2])
    given.flags.writeable = False
    called(doubled, given)
    assert given.tolist() == [1, 2]


def test_an_argument_that_contains_itself_does_not_cross() -> None:
    given: list[Any] = []
    given.append(given)
    with pytest.raises(exchange.Uncrossable):
        called(len, given)


def test_a_program_may_make_an_argument_contain_itself() -> None:
    given: list[Any] = [1]
    called(lambda value: value.append(value), given)
    assert given[0] == 1
    assert given[1] is given


@pytest.mark.parametrize(
    ("number", "new"), [(1, [1]), (-1, [1]), (True, [1]), ("0", [1]), (0, {}), (0, (1,)), (0, 1)]
)
def test_only_what_an_argument_can_become_is_taken(number: Any, new: Any) -> None:
    given = given_of()
    exchange_calls.encode_call(["run", [[[5]], {}], None], given)
    with pytest.raises(exchange.Malformed):
        given.change(number, new)
    assert given.objects == {0: [5]}


@pytest.mark.parametrize("text", ['{"g":1}', '{"g":[0,[1]]}', '{"g":[7,[1]]}', '{"g":"0"}'])
def test_a_program_adds_nothing_to_the_arguments(text: str) -> None:
    given = given_of()
    exchange_calls.encode_call(["run", [[[5]], {}], None], given)
    with pytest.raises(exchange.Malformed):
        exchange.decode(text, given)
    with pytest.raises(exchange.Malformed):
        exchange.decode('{"g":0}')
