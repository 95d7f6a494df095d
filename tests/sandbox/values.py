"""What programs return: the expected value itself, the same in other types, and nearly the same."""

from __future__ import annotations

import enum
import math
import pickle
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import numpy
from hypothesis import strategies as st

from tests.sandbox.publishers import silence


class Whole(int): ...


class Metres(float): ...


class Turn(complex): ...


class Text(str): ...


class Raw(bytes): ...


class Items(list): ...  # type: ignore[type-arg]


class Row(tuple): ...  # type: ignore[type-arg]


class Table(dict): ...  # type: ignore[type-arg]


class Bag(set): ...  # type: ignore[type-arg]


class Ratio(Fraction): ...


class Money(Decimal): ...


class Level(enum.IntEnum):
    NONE, LOW, HIGH = 0, 1, 2


class Bits(enum.IntFlag):
    ONE, TWO = 1, 2


class Name(str, enum.Enum):
    A, B = "a", "b"


class Colour(enum.Enum):
    RED = 1


class Pair(NamedTuple):
    x: Any
    y: Any


class Once(NamedTuple):
    """An iterator to be made each time that the value is used."""

    make: Callable[[Any], Any]
    items: list[Any]


def built(value: Any) -> Any:
    """The value with its iterators fresh."""
    if type(value) is Once:
        return value.make(built(value.items))
    if type(value) in (list, Items):
        return type(value)(map(built, value))
    if type(value) is tuple:
        return tuple(map(built, value))
    return value


def anew(value: Any) -> Any:
    """An equal value that shares no object with it: a nan is the same only where it is itself."""
    return pickle.loads(pickle.dumps(value))


def _numpy(name: str) -> Callable[[Any], Any]:
    return lambda value: getattr(numpy, name)(value)


Change = Callable[[Any], Any]
_INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
_FLOATS = ["float16", "float32", "float64", "longdouble", "complex64", "complex128"]
_ARRAYS: list[Change] = [
    numpy.array,
    lambda value: numpy.array([value]),
    lambda value: numpy.array([[value]]),
    lambda value: numpy.array([value, value])[::2],
    lambda value: numpy.array(value, object),
    lambda value: numpy.array(value, numpy.float16),
    lambda value: numpy.array([value], numpy.float32),
]
_EXACT: list[Change] = [Fraction, Decimal, Ratio, Money, complex, Turn]
_OF_NUMBERS: list[Change] = [*map(_numpy, _FLOATS), *_EXACT, *_ARRAYS, str]
CHANGES: dict[type, list[Change]] = {
    type(None): [lambda value: Colour.RED, numpy.array],
    bool: [int, float, numpy.bool_, numpy.array, Whole, Level, lambda value: not value],
    int: [
        *(float, bool, Whole, Level, Bits, lambda value: value + 1, lambda value: -value),
        *map(_numpy, _INTEGERS),
        *_OF_NUMBERS,
    ],
    float: [
        *(int, Metres, lambda value: value + 1e-8, lambda value: value * (1 + 5e-8)),
        *(lambda value: value + 1e-3, lambda value: value + 1e-12, lambda value: -value),
        lambda value: math.nextafter(value, 9),
        *_OF_NUMBERS,
    ],
    complex: [Turn, lambda value: value.real, _numpy("complex64"), _numpy("complex128")],
    str: [Text, numpy.str_, Name, str.encode, list, numpy.array, str.upper, lambda t: t + "\0"],
    bytes: [Raw, bytearray, numpy.bytes_, numpy.array, list, memoryview, lambda b: b + b"\0"],
    Fraction: [Ratio, float, Decimal, int],
    Decimal: [Money, float, Fraction, int],
}
_ITEMS: list[Change] = [
    *(list, tuple, Items, Row, set, frozenset, deque, numpy.array, lambda items: items[::-1]),
    lambda items: Pair(*items),
    *(lambda items: dict.fromkeys(items).keys(), lambda items: items[:1], lambda items: [items]),
    *(lambda items: Once(iter, items), lambda items: Once(reversed, items)),
    lambda items: Once(lambda each: (item for item in each), items),
    *(lambda items: numpy.array(items, numpy.float16), lambda items: range(len(items))),
    lambda items: numpy.array(items, numpy.float32),
    lambda items: numpy.array([*items, *items])[: len(items)],
    lambda items: numpy.array(items, object),
    lambda items: list(numpy.array(items)),
]
CHANGES |= {
    list: _ITEMS,
    tuple: _ITEMS,
    dict: [
        *(Table, OrderedDict, lambda value: defaultdict(int, value), Counter, list),
        *(lambda value: value.keys(), lambda value: value.items(), lambda value: {**value, 0: 0}),
        lambda value: list(value.items()),
        lambda value: dict(reversed(value.items())),
    ],
    set: [Bag, frozenset, list, tuple, lambda v: dict.fromkeys(v).keys(), lambda v: {*v, 0}],
    frozenset: [set, list, lambda value: dict.fromkeys(value).keys()],
}
# Enough parts for a fingerprint.
_LONG = 600


@st.composite
def returned(draw: st.DrawFn, expected: Any, changes: int = 2) -> Any:
    """A value that a program might return where this one is expected."""
    value = expected
    if type(value) in (list, tuple) and value and draw(st.booleans()):
        place = draw(st.integers(0, len(value) - 1))
        items = list(value)
        items[place] = draw(returned(items[place], changes))
        if draw(st.booleans()):
            items = [draw(returned(item, 1)) for item in items]
        value = type(value)(items)
    for _ in range(draw(st.integers(0, changes))):
        change = draw(st.sampled_from(CHANGES.get(type(value), [lambda same: same])))
        with silence():
            try:
                value = change(value)
            except Exception:  # there is no such number in that type, for one
                pass
    return value


_numbers = (
    st.integers(-3, 3)
    | st.sampled_from([2**24 + 1, 2**53 + 1, 2**63, 2**64 - 1, 10**30, 65_520])
    | st.sampled_from([4_299, 5_000]).map(lambda digits: 10**digits)
    | st.floats()
    | st.sampled_from([0.0, -0.0, 1.0, 0.1, 0.5, 1e6, 65_504.0, math.inf, math.nan, 1e300])
)
_texts = st.sampled_from(["", "a", "b", "ab", "a\0", "\ud83d", "1", "é", "\n"])
_scalars = _numbers | st.booleans() | st.none() | _texts
_odd = st.sampled_from(
    [
        *(1 + 2j, complex(math.nan, -0.0), b"", b"ab", Fraction(1, 3), Fraction(2)),
        *(Decimal("0.1"), Decimal("NaN"), Decimal("sNaN"), Decimal("-0"), Decimal("Infinity")),
        *(Decimal("1e5000"), int, str),
    ]
)
_elements = _numbers.filter(lambda value: value == value) | st.sampled_from(["a", "b", None, (1,)])


def _nested(leaves: Any, keys: Any, kinds: Sequence[Any] = (list, tuple)) -> Any:
    return st.recursive(
        leaves,
        lambda inner: (
            st.builds(lambda kind, items: kind(items), st.sampled_from(kinds), _few(inner))
            | st.dictionaries(keys, inner, max_size=2)
        ),
        max_leaves=5,
    )


def _few(items: Any) -> Any:
    return st.lists(items, max_size=3)


_sets = st.sets(_elements, max_size=3) | st.frozensets(_elements, max_size=3)
_long = st.builds(
    lambda item, kind: kind([item] * _LONG), _numbers | _texts, st.sampled_from([list, tuple])
)
# What a reference returns.
plain = (
    _nested(_scalars, _elements)
    | _sets
    | _long
    | st.lists(_numbers, max_size=3)
    | st.floats()
    | _nested(_scalars | _odd | _sets, _elements)
)
json_values = _nested(_scalars, st.sampled_from(["a", "b"]), (list,)) | _long.map(list)
# What shares nothing with the expected value.
unrelated = plain | st.sampled_from(
    [
        *(Colour.RED, Level.LOW, Bits.ONE | Bits.TWO, Name.A, object(), len, range(3), ...),
        *(numpy.datetime64("2020-01-01"), numpy.zeros((2, 0)), numpy.zeros((0,)), numpy.void(b"a")),
        *(numpy.zeros(3, "i4,f8"), numpy.array(["a", "b"]), numpy.arange(6).reshape(2, 3).T),
        *(numpy.array([b"a"]), numpy.array(1 + 1j), numpy.array([True]), memoryview(b"ab")),
        *({1: 2}.values(), slice(1), type(None), numpy.longdouble("nan"), numpy.float16("inf")),
    ]
)


@st.composite
def pairs(draw: st.DrawFn, wanted: Any = plain) -> tuple[Any, Any]:
    """(returned, expected), related in three cases of four."""
    expected = draw(wanted)
    related = returned(expected)
    return draw(related | related | related | unrelated), anew(expected)


def first(answers: Sequence[bool]) -> int:
    """How many are right before the first that is not."""
    return [*answers, False].index(False)
