"""From plain values to typed JSON text.

A part of codec.py.
"""

from __future__ import annotations

import json
import sys
from collections import UserList, UserString
from collections.abc import Mapping, Set
from decimal import Decimal
from fractions import Fraction
from itertools import islice
from types import MappingProxyType
from typing import Any, Callable, Dict, List, Tuple

from . import originals
from .codec_limits import (
    DTYPE,
    MAX_DEPTH,
    MAX_DIGITS,
    MAX_HASHED,
    MAX_NODES,
    MAX_WITHIN,
    SCALARS,
    TYPES,
    TooBig,
)

# Executed beside a program, which may put its own into builtins (originals.py).
originals.keep_for(globals())


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
_PARTS = ("numerator", "denominator")


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
            if DTYPE.match(value.dtype.str):
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
        if kind is type and value in TYPES.values():
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
