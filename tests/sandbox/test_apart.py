"""Unittest tasks whose tests run in a process that the program never shares."""

from __future__ import annotations

import asyncio
import collections
import datetime
import decimal
import http
import importlib
import itertools
import math
import pathlib
import random
import subprocess
import types
import zoneinfo
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy
import pytest

from opencodeeval.core.types import Grade, Program, Style, Task, Verdict
from opencodeeval.execution import open_sandbox
from opencodeeval.execution.base import Sandbox

exchange: Any = importlib.import_module("guest.exchange")
unit_apart: Any = importlib.import_module("guest.unit_apart")
control_run: Any = importlib.import_module("guest.control_run")

TEST = """
import unittest, random
import numpy as np

class TestCases(unittest.TestCase):
    def test_value(self):
        self.assertEqual(task_func(3), {"n": 3, "double": 6})
        self.assertIs(type(task_func(3)), dict)

    def test_array(self):
        np.testing.assert_array_equal(task_func(2, array=True), np.array([2, 4]))

    def test_raises(self):
        with self.assertRaisesRegex(ValueError, "below zero: -1"):
            task_func(-1)

    def test_chance(self):
        random.seed(7)
        first = task_func(0, draw=True)
        random.seed(7)
        self.assertEqual(first, random.random())

    def test_file(self):
        with open("in.txt", "w") as file:
            file.write("text")
        task_func(0, copy=("in.txt", "out.txt"))
        with open("out.txt") as file:
            self.assertEqual(file.read(), "text")
"""
RIGHT = """
import random, shutil
import numpy as np
LIMIT = 0
def task_func(n, array=False, draw=False, copy=None):
    if n < LIMIT:
        raise ValueError(f"below zero: {n}")
    if copy:
        shutil.copyfile(*copy)
    if draw:
        return random.random()
    return np.array([n, 2 * n]) if array else {"n": n, "double": 2 * n}
"""
PATCHED = """
import unittest
from unittest.mock import patch

class TestCases(unittest.TestCase):
    def test_prints(self):
        with patch("builtins.print") as printed:
            task_func(1)
        printed.assert_called_once_with(1)
"""


def task(test: str, reference: str) -> Task:
    tests = {
        "kind": "unittest",
        "entry_point": "task_func",
        "test": test,
        "reference": reference,
        "limits": {"total_s": 10.0, "memory_mb": 2048},
    }
    return Task("apart", Style.UNITTEST, "", "task_func", reference, tests)


def plain_sandbox() -> Sandbox:
    return open_sandbox("local", 1)


def graded(
    wanted: Task, *programs: str, opened: Callable[[], Sandbox] = plain_sandbox
) -> list[Grade]:
    async def run() -> list[Grade]:
        sandbox = opened()
        try:
            numbered = enumerate(programs)
            return [await sandbox.grade(wanted, Program("apart", i, p, "p")) for i, p in numbered]
        finally:
            await sandbox.close()

    return asyncio.run(run())


# What a program could do to tests in its own process; each of them, with wrong values.
CHEATS = {
    "frames": (
        "import sys\ndef task_func(*a, **k):\n f = sys._getframe()\n"
        " while f:\n  for v in list(f.f_locals.values()):\n"
        "   if type(v).__name__ == 'TestCases': v.assertEqual = lambda *a: None\n"
        "  f = f.f_back\n"
    ),
    "memory": (
        "import gc, unittest\ndef task_func(*a, **k):\n"
        " for o in gc.get_objects():\n"
        "  if isinstance(o, type) and issubclass(o, unittest.TestCase):\n"
        "   o.assertEqual = o.assertIs = lambda *a: None\n"
    ),
    "liar": (
        "class Liar(dict):\n __eq__ = lambda self, other: True\n __hash__ = None\n"
        "def task_func(*a, **k): return Liar()\n"
    ),
    "parent's memory": (
        "import os\ndef task_func(*a, **k):\n"
        " return open(f'/proc/{os.getppid()}/mem', 'rb').read(1)\n"
    ),
    "parent's descriptors": (
        "import os\ndef task_func(*a, **k):\n"
        " for fd in os.listdir(f'/proc/{os.getppid()}/fd'):\n"
        '  open(f\'/proc/{os.getppid()}/fd/{fd}\', \'wb\').write(b\'["done","","",""]\\n\')\n'
    ),
    "signals": (
        "import os\ndef task_func(*a, **k):\n"
        " for number in range(1, 65):\n"
        "  if number not in (9, 19): os.kill(os.getppid(), number)\n"
    ),
    "writes to the channel": (
        "import os\nos.write(3, b'[\"loaded\"]\\n') if os.path.exists('/proc/self/fd/3') else 0\n"
        "for fd in range(3, 20):\n"
        ' try: os.write(fd, b\'["loaded",""]\\n["v",{"d":[]},null]\\n\' * 9)\n'
        " except OSError: pass\n"
        "def task_func(*a, **k): return {}\n"
    ),
    "leaves": "import os\ndef task_func(*a, **k): os._exit(0)\n",
    "ends the tests": "import unittest.case as c\ndef task_func(*a, **k): raise c._ShouldStop\n",
    "skips": "import unittest\ndef task_func(*a, **k): raise unittest.SkipTest\n",
    "a class of tests": "import unittest.mock as m\ndef task_func(*a, **k): return m.ANY\n",
}


def test_a_program_that_has_left_cannot_be_caught_by_a_test(local_jail: None) -> None:
    test = (
        "import unittest\nclass TestCases(unittest.TestCase):\n    def test_one(self):\n"
        "        with self.assertRaises(BaseException):\n            task_func()\n"
    )
    right = "def task_func():\n    raise ValueError\n"
    leaves = "import os\ndef task_func():\n    os._exit(0)\n"
    garbage = "import os\ndef task_func():\n    os.write(4, b'{}\\n')\n"
    grades = graded(task(test, right), right, leaves, garbage)
    verdicts = [grade.suites["base"].verdict for grade in grades]
    assert verdicts == [Verdict.PASSED, Verdict.ERROR, Verdict.ERROR]


def test_right_programs_pass_and_no_cheat_does(local_jail: None) -> None:
    grades = graded(task(TEST, RIGHT), RIGHT, *CHEATS.values())
    verdicts = [grade.suites["base"].verdict for grade in grades]
    assert verdicts[0] is Verdict.PASSED, grades[0].stderr
    passed = [name for name, found in zip(CHEATS, verdicts[1:], strict=True) if found == "passed"]
    assert not passed
    assert Verdict.INFRA_ERROR not in verdicts


def test_a_program_cannot_find_its_tests(local_jail: None) -> None:
    secret = "3a7bd3e2360a3d29"
    test = TEST.replace('{"n": 3, "double": 6}', f'{{"n": 3, "double": 6, "{secret}": 1}}')
    reference = RIGHT.replace('"double": 2 * n}', f'"double": 2 * n, "{secret}": 1}}')
    hunt = (
        "import gc, sys, os\ndef task_func(n, **k):\n"
        " seen = [repr(o)[:4000] for o in gc.get_objects()]\n"
        " seen += [repr(f.f_locals)[:4000] for f in sys._current_frames().values()]\n"
        " for name in os.listdir('/proc'):\n"
        "  try: seen.append(open(f'/proc/{name}/environ').read())\n"
        "  except OSError: pass\n"
        f" wanted = ''.join(reversed('{secret[::-1]}'))\n"
        " print(any(wanted in text for text in seen), flush=True)\n"
        " return {}\n"
    )
    (grade,) = graded(task(test, reference), hunt)
    assert grade.suites["base"].verdict is Verdict.WRONG
    assert "True" not in grade.stdout
    assert "False" in grade.stdout


def test_tests_that_patch_stay_with_the_program(local_jail: None) -> None:
    right = "def task_func(n):\n    print(n)\n"
    grades = graded(task(PATCHED, right), right, "def task_func(n):\n    print(n + 1)\n")
    assert [grade.suites["base"].verdict for grade in grades] == [Verdict.PASSED, Verdict.WRONG]


def test_nothing_is_unpickled_where_the_tests_are(local_jail: None) -> None:
    test = TEST.replace(
        'self.assertEqual(file.read(), "text")',
        'self.assertEqual(file.read(), "text")\n        import pickle\n'
        '        with open("out.bin", "rb") as file:\n'
        "            self.assertEqual(pickle.load(file), 3)",
    )
    writes = "\n    open('out.bin', 'wb').write(b'\\x80\\x04K\\x03.')\n    if copy:"
    reference = RIGHT.replace("\n    if copy:", writes)
    bomb = "b'cbuiltins\\nexec\\n(Vunittest = 1\\ntR.'"
    grades = graded(
        task(test, reference), reference, reference.replace("b'\\x80\\x04K\\x03.'", bomb)
    )
    assert [grade.suites["base"].verdict for grade in grades] == [Verdict.PASSED, Verdict.ERROR]


VALUES: list[Any] = [
    *(None, True, -(1 << 80), 0.1, "a\ud800", b"\0", 1j, range(3), slice(1, None, 2)),
    (1, [2, {"a": {3}}], frozenset({4})),
    collections.Counter("aab"),
    collections.OrderedDict(a=1),
    collections.deque([1, 2]),
    collections.defaultdict(list, a=[1]),
    decimal.Decimal("1.50"),
    datetime.datetime(2024, 1, 2, 3, 4),
    datetime.date(2024, 1, 2),
    datetime.timedelta(days=1, microseconds=5),
    pathlib.PosixPath("/tmp/x"),
    int,
    numpy.float32(0.1),
    numpy.datetime64("2024-01-02"),
    numpy.arange(6).reshape(2, 3),
    numpy.array(["a", None, 3], dtype=object),
    datetime.datetime(2024, 1, 2, 3, 4, tzinfo=datetime.timezone.utc),
    datetime.datetime(2024, 7, 2, 3, 4, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")),
    datetime.time(3, 4, tzinfo=datetime.timezone(datetime.timedelta(hours=2))),
    http.HTTPStatus.OK,
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_values_arrive_with_their_types(value: Any) -> None:
    found = exchange.decode(exchange.encode(value))
    assert type(found) is type(value)
    if isinstance(value, numpy.ndarray):
        assert found.dtype == value.dtype
        numpy.testing.assert_array_equal(found, value)
    else:
        assert found == value


def test_frames_arrive_as_they_were() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {"n": [1, 2], "x": [0.5, None], "when": pandas.date_range("2024", None, 2)},
        index=pandas.Index([3, 4], name="row"),
    )
    frame.columns = pandas.Index(["n", "x", "when"], dtype=object)
    frame["t"] = pandas.Series(["a", "b"], index=frame.index, dtype=object)
    pandas.testing.assert_frame_equal(exchange.decode(exchange.encode(frame)), frame)
    dated = pandas.Series([1, 2], index=pandas.date_range("2024", None, 2), name="n")
    pandas.testing.assert_series_equal(exchange.decode(exchange.encode(dated)), dated)
    zoned = dated.tz_localize("UTC").tz_convert("Europe/Berlin").reset_index()
    zoned["kind"] = pandas.Categorical(["a", "b"], ordered=True)
    zoned["maybe"] = pandas.array([1, None], dtype="Int64")
    zoned["cut"] = pandas.cut([0.5, 1.5], [0, 1, 2])
    zoned.columns = pandas.Index(list(zoned.columns), dtype=object)
    pandas.testing.assert_frame_equal(exchange.decode(exchange.encode(zoned)), zoned)
    for index in (zoned.set_index("cut").index, pandas.IntervalIndex.from_breaks([0, 1, 2])):
        pandas.testing.assert_index_equal(exchange.decode(exchange.encode(index)), index)


class Pair(NamedTuple):
    """A class of the program's own."""

    a: int
    b: int


def test_what_comes_out_of_an_iterator_arrives() -> None:
    for value in ((n for n in (1, 2)), iter([1, 2]), map(int, "12")):
        found = exchange.decode(exchange.encode(value))
        assert next(found) == 1
        assert list(found) == [2]
    with pytest.raises(exchange.Uncrossable):
        exchange.encode(n for n in itertools.count())


def test_an_exception_arrives_with_what_it_says_and_has() -> None:
    error = subprocess.CalledProcessError(3, ["x"])
    found = unit_apart._exception(*map(exchange.decode, unit_apart._raised(error)))
    assert type(found) is subprocess.CalledProcessError
    assert (found.returncode, found.cmd, str(found)) == (3, ["x"], str(error))
    found = unit_apart._exception(*map(exchange.decode, unit_apart._raised(OSError(2, "absent"))))
    assert isinstance(found, FileNotFoundError)
    assert found.errno == 2


def test_views_of_dicts_arrive_as_such() -> None:
    table = {1: "a", 2: "b"}
    found = exchange.decode(exchange.encode([table.keys(), table.values(), table.items()]))
    assert found[0] == table.keys()
    assert list(found[1]) == ["a", "b"]
    assert found[2] == table.items()
    assert [len(each) for each in found] == [2, 2, 2]


def test_a_generator_arrives_as_one() -> None:
    found = exchange.decode(exchange.encode(n for n in (1, 2)))
    assert isinstance(found, types.GeneratorType)


def test_a_subclass_arrives_as_its_base() -> None:
    class Own(NamedTuple):
        a: int

    found = exchange.decode(exchange.encode([Own(1), Lying({"a": 1})]))
    assert found == [(1,), {"a": 1}]
    assert [type(each) for each in found] == [tuple, dict]


def test_a_named_tuple_that_both_sides_know_arrives_as_one() -> None:
    found = exchange.decode(exchange.encode(Pair(1, 2)))
    assert found == Pair(1, 2)
    assert found.b == 2
    with pytest.raises(exchange.Malformed):
        exchange.decode('{"nt":[["tests.sandbox.test_apart","Equal"],[1,2]]}')


def test_the_nan_that_everybody_shares_arrives_as_itself() -> None:
    mine = float("nan")
    found = exchange.decode(exchange.encode([numpy.nan, math.nan, mine, mine]))
    assert found[0] is numpy.nan
    assert found[1] is math.nan
    assert found[2] is not found[3]


def test_masked_places_and_columns_of_nothing_but_na_do_not_arrive() -> None:
    pandas = pytest.importorskip("pandas")
    masked_array: Any = numpy.ma.masked_array
    clear = masked_array([1, 2])
    found = exchange.decode(exchange.encode(clear))
    assert type(found) is numpy.ma.MaskedArray
    numpy.testing.assert_array_equal(found, clear)
    empty = [pandas.NA, pandas.NA]
    series = pandas.Series(empty, dtype="Int64")
    for value in (
        masked_array([1, 2], mask=[False, True]),
        series,
        pandas.DataFrame({"a": [1, 2], "b": series}),
        pandas.Index(series),
    ):
        with pytest.raises(exchange.Uncrossable):
            exchange.encode(value)
        assert "anything" in control_run.equal_to_anything(value)  # where tests are not apart
    assert not control_run.equal_to_anything(clear)
    some = pandas.Series([1, pandas.NA], dtype="Int64")
    pandas.testing.assert_series_equal(exchange.decode(exchange.encode(some)), some)
    with pytest.raises(exchange.Malformed):
        exchange.decode('{"se":[{"ri":[0,1,1,null]},null,{"ex":["Int64",[{"na":0}]]}]}')


class Equal(NamedTuple):
    """Equal to anything."""

    a: int

    def __eq__(self, other: object) -> bool:
        return True


class Lying(dict):  # type: ignore[type-arg]
    """Equal to anything, where it is itself."""

    def __eq__(self, other: object) -> bool:
        return True

    def items(self) -> Any:
        return {"b": 2}.items()


@pytest.mark.parametrize(
    "text",
    [
        '{"dd":["_ANY",[]]}',
        '{"dd":[["unittest.mock","_ANY"],[]]}',
        '{"ty":["unittest.mock","_ANY"]}',
        '{"en":[["unittest.mock","_ANY"],"x"]}',
    ],
)
def test_nothing_that_equals_anything_can_be_named(text: str) -> None:
    importlib.import_module("unittest.mock")
    with pytest.raises(exchange.Malformed):
        exchange.decode(text)


def test_a_program_has_the_imports_of_its_tests(local_jail: None) -> None:
    forgets = RIGHT.replace("import random, shutil\n", "import shutil\n")
    (grade,) = graded(task(TEST, RIGHT), forgets)
    assert grade.suites["base"].verdict is Verdict.PASSED, grade.stderr


LAZY = """
import random, types, unittest
class TestCases(unittest.TestCase):
    def test_each_item_is_made_when_it_is_asked_for(self):
        found = task_func(5)
        self.assertIsInstance(found, types.GeneratorType)
        random.seed(7)
        first = random.random()
        random.seed(7)
        self.assertEqual(next(found), first)
        self.assertEqual(len(list(found)), 4)
        endless = task_func(None)
        self.assertEqual([next(endless) for _ in range(3)], [0, 1, 2])
        squares = task_func(3, True)
        self.assertNotIsInstance(squares, types.GeneratorType)
        self.assertEqual(list(squares), [0, 1, 4])
"""
DRAWS = """
import itertools, random
def task_func(n, squares=False):
    if squares:
        return map(lambda i: i * i, range(n))
    return draws(n)
def draws(n):
    if n is None:
        yield from itertools.count()
    for _ in range(n):
        yield random.random()
"""


def test_a_generator_stays_with_the_program(local_jail: None) -> None:
    early = DRAWS.replace("draws(n)\ndef", "iter([random.random() for _ in range(n or 9)])\ndef")
    grades = graded(task(LAZY, DRAWS), DRAWS, early)
    assert [grade.suites["base"].verdict for grade in grades] == [Verdict.PASSED, Verdict.WRONG]
    assert all(grade.suites["base"].apart for grade in grades)


@pytest.mark.parametrize(
    "value",
    [lambda: 1, object(), random.Random(), type("T", (), {})],
    ids=lambda value: type(value).__name__,
)
def test_other_types_do_not_cross(value: Any) -> None:
    with pytest.raises(exchange.Uncrossable):
        exchange.encode(value)


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "{}", '{"x":1}', '{"t":1}', "[" * 9999),
        *('{"ty":["os","system"]}', '{"nd":["|O",[1],"00"]}'),
    ],
)
def test_what_is_no_value_is_refused(text: str) -> None:
    with pytest.raises(exchange.Malformed):
        exchange.decode(text)
