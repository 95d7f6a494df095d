"""From typed JSON text to plain values.

A part of codec.py.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from decimal import Decimal
from fractions import Fraction
from typing import Any, Iterator, List, Union

from . import originals
from .codec_limits import (
    DTYPE,
    MAX_ALIKE,
    MAX_DEPTH,
    MAX_HASHED,
    MAX_NODES,
    SCALARS,
    TYPES,
    Malformed,
    TooMany,
)

# Executed beside a program, which may put its own into builtins (originals.py).
originals.keep_for(globals())

_scan = json.JSONDecoder(parse_constant=float).scan_once  # type: ignore[attr-defined]
# Types of views that are equal to a set of the same elements.
_VIEWS = {"dict_keys", "dict_items", "odict_keys", "odict_items", "KeysView", "ItemsView"}


class Opaque:
    """Stands for a value that cannot cross; equal to nothing but itself."""

    __slots__ = ("name", "truth")

    def __init__(self, name: str, truth: bool) -> None:
        self.name = name
        self.truth = truth

    def __bool__(self) -> bool:
        return self.truth

    def __repr__(self) -> str:
        return f"<{self.name} object>"


class Iterable(Opaque):
    """Stands for one of another type that can be iterated over, and can do no more."""

    __slots__ = ("items",)

    def __init__(self, name: str, truth: bool, items: List[Any]) -> None:
        super().__init__(name, truth)
        self.items = items

    def __iter__(self) -> Iterator[Any]:
        return iter(self.items)


class View(Iterable):
    """Stands for the keys or items of a dict: equal to the set of the same, as they are."""

    __slots__ = ()
    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        if isinstance(other, View):
            return set(self.items) == set(other.items)
        return isinstance(other, (set, frozenset)) and set(self.items) == other


def decode(text: Any, max_hashed: int = MAX_HASHED) -> Any:
    """The value of an encoding; `max_hashed` bounds set and dict elements.

    Raises:
        Malformed: anything but a well-formed encoding within the limits.
    """
    try:
        return from_tree(parse_json(text), max_hashed)
    except (ValueError, RecursionError) as error:
        raise Malformed(type(error).__name__) from None


def parse_json(text: Union[str, bytes]) -> Any:
    """Parse ASCII JSON text; every nan is an object of its own, equal to nothing.

    json.loads gives one and the same nan each time, and lists that share an
    object compare as equal without asking it.

    Raises:
        ValueError, RecursionError: it is no such text.
    """
    text = (text.decode("ascii") if isinstance(text, bytes) else text).strip()
    try:
        value, end = _scan(text, 0)
    except StopIteration:
        raise ValueError("not JSON") from None
    if end != len(text):
        raise ValueError("more than JSON")
    return value


def from_tree(tree: Any, max_hashed: int = MAX_HASHED, widen: bool = True) -> Any:
    """The value of an encoding that has been parsed as JSON already.

    Without `widen`, floats of NumPy keep a precision that is less than Python's.

    Raises:
        Malformed: anything but a well-formed encoding within the limits.
    """
    try:
        return _Decoder(max_hashed, widen).value(tree, 0)
    except Malformed:
        raise
    except (
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        RecursionError,
        ArithmeticError,
    ) as error:
        raise Malformed(type(error).__name__) from None


class _Decoder:
    def __init__(self, max_hashed: int, widen: bool) -> None:
        self.left, self.widen = max_hashed, widen

    def value(self, tree: Any, depth: int) -> Any:
        kind = type(tree)
        if kind in SCALARS:
            return tree
        if depth > MAX_DEPTH + 10:
            raise Malformed("too deep")
        if kind is list:
            return self.items(tree, depth)
        if len(tree) != 1:
            raise Malformed("not a tag")
        ((tag, body),) = tree.items()
        return self.tagged(tag, body, depth)

    def items(self, values: Any, depth: int) -> List[Any]:
        if type(values) is not list:
            raise Malformed("not a list")
        if SCALARS.issuperset(map(type, values)):
            return values
        return [self.value(item, depth + 1) for item in values]

    def hashed(self, values: Any, depth: int) -> List[Any]:
        found = self.items(values, depth)
        self.left -= len(found)
        if self.left < 0:
            raise TooMany("more set or dict elements than any right answer has")
        return found

    def keys(self, values: List[Any]) -> List[Any]:
        """Elements of a set or keys of a dict."""
        try:
            return few_alike(values)
        except TypeError:  # a tuple may hold a list that could be hashed where it came from
            raise TooMany("an element that has no hash") from None

    def iterable(self, name: str, truth: bool, items: List[Any]) -> Iterable:
        if name not in _VIEWS:
            return Iterable(name[:80], truth, items)
        try:
            return View(name, truth, few_alike(items))
        except TypeError:  # the values of a dict need no hash
            return Iterable(name, truth, items)

    def tagged(self, tag: str, body: Any, depth: int) -> Any:
        if tag == "t":
            return tuple(self.items(body, depth))
        if tag == "d":
            pairs = self.hashed(body, depth)
            if any(len(pair) != 2 for pair in pairs):
                raise Malformed("not a pair")
            self.keys([key for key, _ in pairs])
            return {key: value for key, value in pairs}
        if tag == "s":
            return set(self.keys(self.hashed(body, depth)))
        if tag == "fs":
            return frozenset(self.keys(self.hashed(body, depth)))
        if tag == "op" or tag == "it":
            name, truth, *items = body
            if type(name) is not str or type(truth) is not bool or len(items) != (tag == "it"):
                raise Malformed("not an opaque token")
            if items:
                return self.iterable(name, truth, self.items(items[0], depth))
            return Opaque(name[:80], truth)
        return self.leaf(tag, body)

    def leaf(self, tag: str, body: Any) -> Any:
        if tag == "i":
            return int(body, 16)
        if tag == "c":
            real, imag = body
            return complex(float(real), float(imag))
        if tag == "b":
            return bytes.fromhex(body)
        if tag == "ba":
            return bytearray.fromhex(body)
        if tag == "dec":
            if len(body) > 10_000:
                raise TooMany("a longer decimal than any right answer has")
            return Decimal(body)
        if tag == "fr":
            numerator, denominator = body
            if len(numerator) + len(denominator) > 10_000:  # reducing larger ones takes too long
                raise TooMany("a longer fraction than any right answer has")
            return Fraction(int(numerator, 16), int(denominator, 16))
        if tag in ("np", "nd"):
            array = _array(tag, body)
            array = _wide(array) if self.widen else array
            return array[()] if tag == "np" else array
        if tag == "ty":
            return TYPES[body]
        raise Malformed("unknown tag")


def few_alike(values: List[Any]) -> List[Any]:
    """Values to be put into a set, refused where so many collide that it would take long.

    Raises:
        TypeError: one of them has no hash.
        TooMany: more than MAX_ALIKE of them have the same.
    """
    hashes = list(map(hash, values))
    if len(values) > MAX_ALIKE and Counter(hashes).most_common(1)[0][1] > MAX_ALIKE:
        raise TooMany("more elements with one hash than any right answer has")
    return values


def _array(tag: str, body: Any) -> Any:
    dtype, shape, data = body if tag == "nd" else (body[0], [], body[1])
    if type(dtype) is not str or not DTYPE.match(dtype):
        raise Malformed("not an array")
    if len(shape) > 32:  # the most that every NumPy has
        raise TooMany("more dimensions than any right answer has")
    if not all(type(size) is int and 0 <= size < 1 << 62 for size in shape):
        raise Malformed("not a shape")
    try:
        import numpy
    except ImportError:  # a jail without NumPy still grades programs that do not use it
        raise Malformed("an array, and no NumPy") from None
    kind, content = numpy.dtype(dtype), bytes.fromhex(data)
    if kind.itemsize == 0 or 0 in shape:  # nothing of it is in memory
        if content or tag == "np":
            raise Malformed("not an array")
        return numpy.zeros(shape if 0 in shape else _small(shape), kind)
    flat = numpy.frombuffer(content, dtype=kind)
    if tag == "np" and flat.size != 1:
        raise Malformed("not a scalar")
    return flat.reshape(shape).copy()


def _small(shape: List[int]) -> List[int]:
    """The shape of an array of empty texts, whose size no data bound."""
    if math.prod(shape) > MAX_NODES:
        raise TooMany("more elements than any right answer has")
    return shape


def _wide(array: Any) -> Any:
    """With at least the precision of Python's own numbers.

    NumPy compares a narrow float with a number in the narrow one's precision, where
    float16's infinity equals every large integer and 0.3218 equals 0.32178. An array of
    float16, which may have been rounded to its three digits to hit what is expected, is
    equal to nothing: no task asks for one.
    """
    if array.dtype.kind == "f" and array.dtype.itemsize == 2 and array.shape:
        return Opaque("ndarray", True)
    wide = {"f2": "f8", "f4": "f8", "c8": "c16"}.get(array.dtype.str[1:])
    return array if wide is None else array.astype(wide)


def hashed_parts(value: Any) -> int:
    """How many set and dict elements a (trusted) value holds, at any depth."""
    count, todo = 0, [value]
    while todo:
        item = todo.pop()
        if isinstance(item, dict):
            count += len(item)
            todo.extend(item.keys())
            todo.extend(item.values())
        elif isinstance(item, (set, frozenset)):
            count += len(item)
            todo.extend(item)
        elif isinstance(item, (list, tuple)) and not SCALARS.issuperset(map(type, item)):
            todo.extend(item)
    return count


def holds_sets(value: Any) -> bool:
    """Whether a (trusted) value is a set or has one in it, at any depth."""
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, (set, frozenset)):
            return True
        if isinstance(item, dict):
            todo.extend((*item.keys(), *item.values()))
        elif isinstance(item, (list, tuple)) and not SCALARS.issuperset(map(type, item)):
            todo.extend(item)
    return False
