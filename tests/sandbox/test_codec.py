"""What crosses between player and judge, and what is refused."""

from __future__ import annotations

import enum
import importlib
import json
import math
import sys
import time
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

codec: Any = importlib.import_module("guest.codec")

TAGS = [
    "t",
    "d",
    "s",
    "fs",
    "op",
    "it",
    "ty",
    "i",
    "c",
    "b",
    "ba",
    "dec",
    "fr",
    "np",
    "nd",
    "unknown",
]
# Narrow floats of NumPy arrive in the precision of Python's own.
WIDE = {"f4": "f8", "c8": "c16"}
COLLISION = 2**61 - 1  # CPython's hash of an integer is its remainder by this


def kind(value: object) -> str:
    """A test's name that is the same in every process."""
    return type(value).__name__


def crossed(value: Any) -> Any:
    return codec.decode(codec.encode(value))


def same(a: Any, b: Any) -> bool:
    """Equality that tells types, signs of zero and not-a-numbers apart."""
    if type(a) is not type(b):
        return False
    if isinstance(a, (float, numpy.floating)):
        return (math.isnan(a) and math.isnan(b)) or (
            a == b and math.copysign(1, a) == math.copysign(1, b)
        )
    if isinstance(a, complex):
        return same(a.real, b.real) and same(a.imag, b.imag)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return len(a) == len(b) and all(map(same, a.items(), b.items()))
    if isinstance(a, Decimal):
        return str(a) == str(b)
    return bool(a == b)


def _joined(text: str) -> str:
    """Surrogate halves that stand side by side, as the character that they encode."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


texts = st.text(st.characters() | st.characters(categories=["Cs"]), max_size=6).map(_joined)
hashables = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | texts
    | st.binary()
    | st.fractions()
    | st.decimals(allow_nan=False),
    lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3),
    max_leaves=5,
)
leaves = (
    hashables
    | st.floats()
    | st.complex_numbers()
    | st.decimals()
    | st.integers(-(1 << 300), 1 << 300)
    | st.binary().map(bytearray)
)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(hashables, inner, max_size=4)
        | st.sets(hashables, max_size=4)
    ),
    max_leaves=20,
)


@given(values)
@settings(max_examples=300, deadline=None)
def test_plain_values_cross_unchanged(value: Any) -> None:
    text = codec.encode(value)
    assert text.isascii()
    assert "\n" not in text
    assert same(codec.decode(text), value)


def test_surrogate_halves_side_by_side_become_their_character() -> None:
    """The one thing that JSON cannot tell apart; such text cannot be printed anyway."""
    assert crossed("\ud83d\ude00") == "\U0001f600"
    assert crossed(["\ud83d", "\ude00"]) == ["\ud83d", "\ude00"]


@pytest.mark.parametrize("digits", [4_300, 4_301, 100_000])
def test_integers_of_any_size_cross(digits: int) -> None:
    value = [10**digits, -(10**digits), {"n": 10**digits}, 3]
    assert crossed(value) == value


@pytest.mark.parametrize(
    "array",
    [
        numpy.arange(6).reshape(2, 3),
        numpy.array([[1.5, -0.0], [numpy.nan, numpy.inf]], dtype=numpy.float32),
        numpy.array(["ab", "ünï"]),
        numpy.array([True, False]),
        numpy.array([1 + 2j]),
        numpy.array(7),
        numpy.zeros((0, 3)),
        numpy.arange(12).reshape(3, 4).T[::2],
        numpy.array([1, 2], dtype=">i4"),
    ],
    ids=str,
)
def test_arrays_cross_with_shape_and_type_or_that_of_python_s_own_numbers(array: Any) -> None:
    found = crossed(array)
    wide = array.astype(WIDE.get(array.dtype.str[1:], array.dtype))
    assert (found.dtype, found.shape) == (wide.dtype, array.shape)
    assert found.tobytes() == wide.tobytes()


@pytest.mark.parametrize(
    "scalar",
    [numpy.int8(-3), numpy.uint64(2**63), numpy.float64(0.1), numpy.float32("nan"), numpy.bool_(1)],
    ids=repr,
)
def test_numpy_scalars_cross_with_type(scalar: Any) -> None:
    wide = numpy.dtype(WIDE.get(scalar.dtype.str[1:], scalar.dtype)).type
    assert same(crossed(scalar), wide(scalar))


class _Money(int):
    def __add__(self, other: int) -> int:
        return 0


class _Metres(float):
    def __neg__(self) -> float:
        return 0.0


class _Text(str):
    def __str__(self) -> str:
        return "lie"


class _Items(list[int]):
    def __iter__(self) -> Any:
        return iter([0])


_Point = namedtuple("_Point", "x y")


@pytest.mark.parametrize(
    ("value", "base"),
    [
        (_Money(7), 7),
        (_Metres(1.5), 1.5),
        (_Text("truth"), "truth"),
        (_Items([1, 2]), [1, 2]),
        (_Point(1, 2), (1, 2)),
        (Counter("aab"), {"a": 2, "b": 1}),
        (OrderedDict(a=1), {"a": 1}),
        (defaultdict(list, a=[1]), {"a": [1]}),
    ],
    ids=kind,
)
def test_subclasses_cross_as_their_base_values(value: Any, base: Any) -> None:
    assert same(crossed(value), base)


class _Unknown:
    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0

    def __bool__(self) -> bool:
        raise ValueError


@pytest.mark.parametrize(
    "value", [_Unknown(), object(), len, range(3), iter([]), numpy.array([_Unknown()])], ids=kind
)
def test_other_values_become_tokens_that_equal_nothing(value: Any) -> None:
    found = crossed([value, value])
    assert all(isinstance(item, codec.Opaque) for item in found)
    assert found[0] != found[1]
    assert found[0] not in (None, True, 0, "")


def test_a_token_keeps_its_truth() -> None:
    assert bool(crossed(iter([])))
    assert not bool(crossed(range(0)))


@pytest.mark.parametrize(
    "value",
    [filter(None, [0, 1, 2]), {1: "a", 2: "b"}.keys(), range(1, 3), deque([1, 2]), iter((1, 2))],
    ids=kind,
)
def test_what_can_be_iterated_over_brings_its_items(value: Any) -> None:
    name = type(value).__name__
    found = crossed([value])[0]
    assert (list(found), list(found)) == ([1, 2], [1, 2])
    assert found != [1, 2]
    assert repr(found) == f"<{name} object>"
    assert not hasattr(found, "__len__")


def _endless() -> Any:
    while True:
        yield 1


@pytest.mark.parametrize("value", [_endless(), (1 // 0 for _ in "x"), map(int, "x")], ids=kind)
def test_what_cannot_be_iterated_over_to_its_end_is_a_mere_token(value: Any) -> None:
    found = crossed(value)
    assert type(found) is codec.Opaque
    with pytest.raises(TypeError):
        iter(found)


def test_iterables_come_out_of_iterables_but_not_for_ever() -> None:
    class Nest:
        def __iter__(self) -> Any:
            return iter([self, self])

    (first, _), (second, _) = crossed(Nest())
    assert type(first) is type(second) is codec.Opaque
    assert [list(inner) for inner in crossed(map(reversed, [(1, 2), (3,)]))] == [[2, 1], [3]]


@pytest.mark.parametrize("value", [int, bool, str, tuple, frozenset])
def test_the_plain_types_cross_by_name(value: Any) -> None:
    assert crossed([value]) == [value]


def test_other_types_are_tokens() -> None:
    assert all(type(each) is codec.Opaque for each in crossed([Decimal, type, numpy.int64]))


@pytest.mark.parametrize("keys", [["a", "b"], [1], []])
def test_keys_and_items_of_a_dict_equal_the_set_of_them(keys: list[Any]) -> None:
    for kind in (dict, OrderedDict, Counter):
        value = kind(dict.fromkeys(keys, 1))
        assert crossed(value.keys()) == set(keys)
        assert crossed(value.items()) == {(key, 1) for key in keys}
        assert crossed(value.keys()) == crossed(value.keys())
        assert crossed([value.keys()]) != [keys]
        assert crossed(value.keys()) != {*keys, 3}
    assert crossed({1: 2}.values()) != {2}
    assert list(crossed({1: [2]}.items())) == [(1, [2])]


def test_arrays_of_objects_bring_their_items_and_equal_nothing() -> None:
    found = crossed(numpy.array(["a", 1, (2,)], object))
    assert list(found) == ["a", 1, (2,)]
    assert found != ["a", 1, (2,)]
    assert type(crossed(numpy.datetime64("2020-01-01"))) is codec.Opaque


@pytest.fixture
def long_integers() -> Iterator[None]:
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    yield
    sys.set_int_max_str_digits(before)


@pytest.mark.usefixtures("long_integers")
def test_integers_cross_whatever_length_the_program_may_print() -> None:
    text = codec.encode([10**5000, "a"])
    assert sys.get_int_max_str_digits() == 0
    sys.set_int_max_str_digits(codec.MAX_DIGITS)
    assert codec.decode(text) == [10**5000, "a"]


def test_iterators_bring_long_integers() -> None:
    assert list(crossed(iter([10**5000, 1]))) == [10**5000, 1]


@pytest.mark.parametrize("value", [numpy.zeros((1,) * 40), Decimal(10**10_000)], ids=type)
def test_values_of_more_than_any_answer_has_are_wrong_and_no_cheat(value: Any) -> None:
    with pytest.raises(codec.TooMany):
        crossed(value)


def _nested(levels: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


def test_values_too_deep_or_too_large_do_not_cross() -> None:
    knot: list[Any] = []
    knot.append(knot)
    for value in (_nested(codec.MAX_DEPTH + 1), knot, [None] * (codec.MAX_NODES + 1)):
        with pytest.raises(codec.TooBig):
            codec.encode(value)
    assert crossed(_nested(codec.MAX_DEPTH - 1)) == _nested(codec.MAX_DEPTH - 1)


def test_sets_and_dictionaries_are_limited_by_the_expected_value() -> None:
    several = set(range(codec.MAX_HASHED + 1))
    with pytest.raises(codec.Malformed):
        codec.decode(codec.encode(several))
    with pytest.raises(codec.Malformed):
        crossed([set(range(codec.MAX_HASHED // 2 + 1)), set(range(codec.MAX_HASHED // 2 + 1))])
    allowed = codec.hashed_parts([several])
    assert codec.decode(codec.encode(several), allowed) == several


def test_parts_are_counted_at_any_depth() -> None:
    value = [{1: {2, 3}, (4, 5): frozenset([6])}, "text", [[{7: 8}]]]
    assert codec.hashed_parts(value) == 2 + 2 + 1 + 1


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=3), inner, max_size=2)
        | st.builds(
            lambda tag, body: {tag: body},
            st.sampled_from(TAGS),
            inner,
        )
    ),
    max_leaves=12,
)


@given(json_values)
@settings(max_examples=500, deadline=1000)
def test_any_json_is_decoded_or_malformed(tree: Any) -> None:
    try:
        codec.from_tree(tree)
    except codec.Malformed:
        pass


@given(st.binary(max_size=200) | st.text(max_size=200))
@settings(max_examples=300, deadline=1000)
def test_any_text_is_decoded_or_malformed(text: Any) -> None:
    try:
        codec.decode(text)
    except codec.Malformed:
        pass


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000 + "]" * 100_000,
        '{"t":[' * 5_000 + "]}" * 5_000,
        '{"dec":"1e999999999999999999999"}',
        '{"fr":["1","0"]}',
        json.dumps({"fr": ["f" * 100_000, "e" * 100_000]}),
        json.dumps({"i": "z" * 100}),
        '{"nd":["<f8",[4294967295,4294967295],""]}',
        '{"nd":["<f8",[-1],"0000000000000000"]}',
        '{"nd":["|O8",[1],"0000000000000000"]}',
        '{"np":["<M8[s]","00"]}',
        '{"np":""}',
        '{"np":{}}',
        '{"nd":["<U0",[1],"00"]}',
        '{"s":[[1]]}',
        '{"d":[[1,2,3]]}',
        '{"d":[7]}',
        '{"d":{"a":1}}',
        '{"op":["x",2]}',
        '{"op":["x",true,[]]}',
        '{"it":["x",true]}',
        '{"it":["x",true,1]}',
        '{"it":["x",true,[],[]]}',
        '{"ty":"object"}',
        '{"ty":["int"]}',
        '{"t":1,"s":2}',
        "{}",
        '{"nosuch":1}',
        "\ud800",
        "",
    ],
    ids=lambda text: ascii(text[:30]),
)
def test_hostile_text_is_refused_at_once(text: str) -> None:
    began = time.monotonic()
    with pytest.raises(codec.Malformed):
        codec.decode(text)
    assert time.monotonic() - began < 2


def test_elements_that_collide_are_refused_before_they_are_put_into_a_set() -> None:
    numbers = [i * COLLISION for i in range(1, codec.MAX_HASHED)]
    tuples = [{"t": [0.5] * 50 + [number]} for number in numbers]
    for text in (json.dumps({"s": numbers}), json.dumps({"fs": tuples})):
        with pytest.raises(codec.TooMany, match="one hash"):
            codec.decode(text)
    assert len(codec.decode(json.dumps({"s": numbers[: codec.MAX_ALIKE]}))) == codec.MAX_ALIKE


class Level(enum.IntEnum):
    """An integer with a name."""

    LOW = 3


class Bits(enum.IntFlag):
    """Integers that can be iterated over."""

    ONE, TWO = 1, 2


class Ratio(Fraction):
    """A fraction of the program's own."""


class Money(Decimal):
    """A decimal of the program's own."""


class Turn(complex):
    """A complex number of the program's own, which lies about its parts."""

    real = imag = 7.0


class Frozen(list):  # type: ignore[type-arg]
    """A list that can be an element of a set."""

    __hash__ = object.__hash__  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("value", "arrives"),
    [
        (Level.LOW, 3),
        (Bits.ONE | Bits.TWO, 3),
        (Ratio(1, 3), Fraction(1, 3)),
        (Money("1.50"), Decimal("1.50")),
        (Turn(1, -0.0), complex(1, -0.0)),
        (numpy.str_(""), ""),
        (numpy.str_("a\0"), "a\0"),
        (numpy.bytes_(b""), b""),
        (numpy.float16("inf"), float("inf")),
        (numpy.float32(0.1), float(numpy.float32(0.1))),
    ],
    ids=repr,
)
def test_odd_values_arrive_as_what_they_are(value: Any, arrives: Any) -> None:
    assert crossed(value) == arrives
    assert type(crossed(value)) in (type(arrives), numpy.float64)


@pytest.mark.parametrize(
    "value",
    [{Frozen([1])}, {(Frozen([1]),)}, Fraction(1 << 50_000, 3), {Frozen([1]): 1}],
    ids=["set", "within a tuple", "long fraction", "key"],
)
def test_honest_values_that_no_answer_has_are_no_cheat(value: Any) -> None:
    try:
        found = crossed(value)
    except codec.TooMany:
        return
    assert found != value


@pytest.mark.parametrize("shape", [(0, 1 << 40), (2, 0), (0,)])
def test_empty_arrays_of_any_shape_cross(shape: tuple[int, ...]) -> None:
    assert crossed(numpy.zeros(shape)).shape == shape


def test_no_narrow_float_equals_what_it_only_rounds_to() -> None:
    assert crossed(numpy.float16("inf")) != 10**10
    assert crossed(numpy.float32("inf")) != 10**40
    assert crossed(numpy.float16(0.3218)) != 0.3218
    assert crossed(numpy.array([7.5], numpy.float16)) != 7.5


@pytest.mark.parametrize(
    "hostile",
    [
        type("Name", (type,), {"__name__": property(lambda cls: 1 / 0)})("Inner", (), {})(),
        type("A" * 1000, (), {})(),
        _Unknown(),
    ],
    ids=["raises", "long", "lies"],
)
def test_names_of_types_are_short_text(hostile: Any) -> None:
    name = codec.type_name(hostile)
    assert type(name) is str
    assert 0 < len(name) <= 80
