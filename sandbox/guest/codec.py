"""Plain Python values as typed JSON text, and back.

JSON's own values stand for None, bool, int, float, str and list; everything
else is an object with exactly one key, its tag. A subclass of a plain type
crosses as its base value, and so does what the standard library compares by value
(mappings, sets, UserList and the like). A value of any other type is an opaque token
that equals nothing but itself, with its items where it can be iterated over. Nothing is ever
unpickled or evaluated, so hostile text can at worst be refused (`Malformed`).
"""

from __future__ import annotations

import builtins
import json
import math
import re
import sys
from collections import Counter, UserList, UserString
from collections.abc import Mapping, Set
from decimal import Decimal
from fractions import Fraction
from itertools import islice
from types import MappingProxyType
from typing import Any, Callable, Dict, Iterator, List, Tuple, Union

MAX_DEPTH = 150
MAX_NODES = 2_000_000
# A set of integers can be built so that all of them collide; this many cost seconds at worst.
MAX_HASHED = 20_000
MAX_ALIKE = 100
MAX_WITHIN = 2

# Digits of an integer that a judge reads, which are those that CPython prints by default.
MAX_DIGITS = 4300
# Types of views that are equal to a set of the same elements.
_VIEWS = {"dict_keys", "dict_items", "odict_keys", "odict_items", "KeysView", "ItemsView"}

# A program may put its own into builtins (see originals.py); the host loads this file alone.
globals()["__builtins__"] = dict(vars(builtins))


def _encoder() -> Callable[[Any], str]:
    """JSON text of a tree; what the json module consists of may be a program's by then."""
    make = json.encoder.c_make_encoder  # type: ignore[attr-defined]
    if make is None:
        return json.JSONEncoder(separators=(",", ":")).encode
    quoted = json.encoder.encode_basestring_ascii
    parts = make(None, None, quoted, None, ":", ",", False, False, True)
    return lambda tree: "".join(parts(tree, 0))


_json = _encoder()
_limit_digits = getattr(sys, "set_int_max_str_digits", None)  # from Python 3.8.14 on
_scan = json.JSONDecoder(parse_constant=float).scan_once  # type: ignore[attr-defined]
SCALARS = {type(None), bool, int, float, str}
# Types that cross by name: tests pass them as arguments (Mbpp/533).
_TYPES = {
    each.__name__: each
    for each in (bool, int, float, complex, str, bytes, list, tuple, dict, set, frozenset)
}
_PARTS = ("numerator", "denominator")
_DTYPE = re.compile(r"[<>|=]?[?biufcSU][0-9]{0,4}\Z")


class Malformed(Exception):
    """The text is not the encoding of a value within the limits."""


class TooMany(Malformed):
    """More than any right answer has: of set and dict elements, or of digits."""


class TooBig(Exception):
    """The value is too deep or has too many parts to cross."""


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


def encode(value: Any) -> str:
    """JSON text (ASCII, no newline) of a value.

    Raises:
        TooBig: more than MAX_DEPTH levels or MAX_NODES parts.
    """
    tree = _Encoder().tree(value, 0)
    try:
        return _text(tree)
    except ValueError:  # a long integer; an iterator gives its items only once
        return _text(_hexadecimal(tree))


def _hexadecimal(tree: Any) -> Any:
    """The tree with all integers of more than 64 bits in hexadecimal."""
    kind = type(tree)
    if kind is int and not -(1 << 63) <= tree < 1 << 63:
        return {"i": hex(tree)}
    if kind is list:
        return list(map(_hexadecimal, tree))
    if kind is dict:
        return {tag: _hexadecimal(body) for tag, body in tree.items()}
    return tree


def _text(tree: Any) -> str:
    """JSON text of a tree. A program may print longer integers than the judge reads."""
    if _limit_digits is None:
        return _json(tree)
    before = sys.get_int_max_str_digits()
    _limit_digits(MAX_DIGITS)
    try:
        return _json(tree)
    finally:
        _limit_digits(before)


class _Encoder:
    def __init__(self) -> None:
        self.nodes = 0
        self.within = 0  # iterables that this one came out of

    def tree(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if kind in SCALARS:
            return value
        if depth > MAX_DEPTH:
            raise TooBig
        if kind is list:
            return self.items(value, depth)
        if kind is tuple:
            return {"t": self.items(value, depth)}
        return self.other(value, kind, depth)

    def items(self, values: Any, depth: int) -> List[Any]:
        self.nodes += len(values)
        if self.nodes > MAX_NODES:
            raise TooBig
        if SCALARS.issuperset(map(type, values)):
            return values if type(values) is list else list(values)
        return [self.tree(item, depth + 1) for item in values]

    def other(self, value: Any, kind: type, depth: int) -> Any:
        if kind is _Token:
            return value.token
        numpy = sys.modules.get("numpy")  # where nobody has imported it there is no array
        if isinstance(value, (int, str, bytes, bytearray)):
            # Before arrays, which drop the NULs at the end of NumPy's texts, and before what
            # can be iterated over, as members of some enums can.
            return self.leaf(value, kind)
        if numpy is not None and isinstance(value, (numpy.generic, numpy.ndarray)):
            many = isinstance(value, numpy.ndarray)
            if _DTYPE.match(value.dtype.str):
                return self.array(value, many)
            return self.iterable(value, depth) if many else opaque(value)
        if isinstance(value, (float, complex)):
            return self.leaf(value, kind)
        if isinstance(value, dict):
            pairs = [[_hashable(k), v] for k, v in dict.items(value)]
            return {"d": [self.items(pair, depth + 1) for pair in pairs]}
        if isinstance(value, set):
            return {"s": self.items([*map(_hashable, set.__iter__(value))], depth)}
        if isinstance(value, frozenset):
            return {"fs": self.items([*map(_hashable, frozenset.__iter__(value))], depth)}
        if isinstance(value, list):
            return self.items(list(list.__iter__(value)), depth)
        if isinstance(value, tuple):
            return {"t": self.items(list(tuple.__iter__(value)), depth)}
        if hasattr(kind, "__iter__") or kind is memoryview:
            plain = self.like_plain(value, kind, depth)
            return self.iterable(value, depth) if plain is None else plain
        return self.leaf(value, kind)

    def like_plain(self, value: Any, kind: type, depth: int) -> Any:
        """What the standard library's own `==` takes for a plain value, as that; else None."""
        for base, equality, plain in _LIKE_PLAIN:
            if isinstance(value, base) and kind.__eq__ is equality:
                try:
                    return self.tree(plain(value), depth)
                except TooBig:
                    raise
                except Exception:  # it cannot be read, and so cannot be compared
                    return None
        return None

    def iterable(self, value: Any, depth: int) -> Any:
        """What comes out of it, in a token; the mere token where that is endless or fails."""
        ((_, token),) = opaque(value).items()
        self.within += 1
        try:
            if self.within <= MAX_WITHIN:
                found = list(islice(value, MAX_HASHED + 1))
                if len(found) <= MAX_HASHED:
                    return {"it": [*token, self.items(found, depth)]}
        except Exception:  # published tests see no more than that it cannot be used
            pass
        finally:
            self.within -= 1
        return {"op": token}

    def array(self, value: Any, many: bool) -> Any:
        dtype = value.dtype.str
        if many:
            return {"nd": [dtype, list(value.shape), value.tobytes().hex()]}
        return {"np": [dtype, value.tobytes().hex()]}

    def leaf(self, value: Any, kind: type) -> Any:
        if isinstance(value, str):
            return "".join([value])
        if isinstance(value, int):
            return int.__add__(value, 0)
        if isinstance(value, float):
            return float.__neg__(float.__neg__(value))
        if isinstance(value, complex):
            return {"c": [complex.__dict__[part].__get__(value) for part in ("real", "imag")]}
        if isinstance(value, bytes):
            return {"b": bytes.hex(value)}
        if isinstance(value, bytearray):
            return {"ba": bytearray.hex(value)}
        if isinstance(value, Decimal):
            return {"dec": Decimal.__str__(value)}
        if isinstance(value, Fraction):
            return {"fr": [hex(Fraction.__dict__[part].fget(value)) for part in _PARTS]}
        if kind is type and value in _TYPES.values():
            return {"ty": value.__name__}
        return opaque(value)


def _bytes_of(value: memoryview) -> bytes:
    if value.format not in ("B", "c") or value.ndim != 1:
        raise TypeError("not bytes")
    return value.tobytes()


# Equality of these is that of the values that are made of them here.
_LIKE_PLAIN: Tuple[Tuple[type, Any, Callable[[Any], Any]], ...] = (
    (UserList, UserList.__eq__, lambda value: list(value.data)),
    (UserString, UserString.__eq__, lambda value: str(value.data)),
    (MappingProxyType, MappingProxyType.__eq__, dict),
    (Mapping, Mapping.__eq__, lambda value: dict(value.items())),
    (Set, Set.__eq__, set),
    (memoryview, memoryview.__eq__, _bytes_of),
)


class _Token:
    """Stands in an encoding for what cannot be hashed once it is plain."""

    def __init__(self, value: Any) -> None:
        self.token = opaque(value)


def _hashable(value: Any) -> Any:
    """A set's element or a dict's key; a token for one whose base value has no hash."""
    return _Token(value) if isinstance(value, (list, dict, set, bytearray)) else value


def opaque(value: Any) -> Dict[str, Any]:
    """The token of a value that cannot cross: its type's name and its truth."""
    try:
        truth = bool(value)
    except BaseException:  # a hostile __bool__ may raise anything
        truth = True
    return {"op": [type_name(value), truth]}


def type_name(value: Any) -> str:
    """The name of a value's type, whatever the value does to hide it."""
    try:
        name = type.__dict__["__name__"].__get__(type(value))
        return "".join([name])[:80]
    except BaseException:
        return "object"


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
            return _TYPES[body]
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
    if type(dtype) is not str or not _DTYPE.match(dtype):
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
