"""From a value to the tree that JSON writes, on its way between a program and tests apart.

A part of exchange.py.
"""

from __future__ import annotations

import array
import collections
import datetime
import decimal
import enum
import fractions
import io
import pathlib
import sys
import types
import uuid
from itertools import islice
from typing import Any, Callable, Dict, List

from . import exchange_frames, exchange_objects, exchange_wrappers
from .blanks import blank
from .exchange_classes import FACTORIES, PLAIN, is_named_tuple, name_of
from .exchange_zones import Uncrossable, named_zone

MAX_DEPTH = 60
MAX_NODES = 3_000_000
MAX_ITEMS = 100_000  # of an iterator

_LIMIT = 1 << 63
ITERATORS = {
    *(map, filter, zip, enumerate, reversed, type(iter([])), type(iter(())), type(iter({}))),
    *(type(iter("")), type(iter(set())), type(iter(range(0))), types.GeneratorType),
}


class Encoder:
    """Makes the tree of a value that JSON writes."""

    def __init__(self) -> None:
        self.nodes = 0

    def tree(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if kind in PLAIN:
            if kind is int and not -_LIMIT <= value < _LIMIT:
                return {"i": hex(value)}
            return value if value == value else {"nan": _nan_of(value)}
        if depth > MAX_DEPTH:
            raise Uncrossable("too deep")
        if kind is list:
            return self.items(value, depth)
        maker = _ENCODERS.get(kind)
        if maker is not None:
            return maker(self, value, depth)
        return self.of_library(value, kind, depth)

    def items(self, values: Any, depth: int) -> List[Any]:
        self.nodes += len(values)
        if self.nodes > MAX_NODES:
            raise Uncrossable("too large")
        return [self.tree(item, depth + 1) for item in values]

    def pairs(self, value: Dict[Any, Any], depth: int) -> List[Any]:
        return [self.items(pair, depth + 1) for pair in dict.items(value)]

    def of_library(self, value: Any, kind: type, depth: int) -> Any:
        if isinstance(value, type):
            return {"ty": name_of(value)}
        numpy, pandas = sys.modules.get("numpy"), sys.modules.get("pandas")
        if numpy is not None and isinstance(value, numpy.void):
            return exchange_wrappers.structured(value)
        if numpy is not None and isinstance(value, numpy.generic):
            return {"np": [value.dtype.str, _raw(value)]}
        if numpy is not None and isinstance(value, numpy.ma.MaskedArray):
            if blank(value):
                raise Uncrossable("an array with masked places")
            return {"ma": self.array(value.data, depth)}
        if numpy is not None and isinstance(value, numpy.ndarray):
            tree = self.array(numpy.asarray(value), depth)
            return {"mx": tree} if isinstance(value, numpy.matrix) else tree
        if numpy is not None and isinstance(value, numpy.dtype):
            return {"dt": value.str}
        if pandas is not None:
            found = exchange_frames.encode(self, value, kind, depth + 1)
            if found is not None:
                return found
        if isinstance(value, enum.Enum):
            return {"en": [name_of(kind), value.name]}
        kept = exchange_objects.side[0].encoded(value, kind) if exchange_objects.side else None
        if kept is not None:
            return kept
        if isinstance(value, tuple) and is_named_tuple(kind):
            return {"nt": [name_of(kind), self.items(tuple(tuple.__iter__(value)), depth)]}
        for base, plain in exchange_wrappers.BASES:
            if isinstance(value, base):
                return self.tree(plain(value), depth + 1)
        if kind in ITERATORS:
            items = list(islice(value, MAX_ITEMS + 1))
            if len(items) > MAX_ITEMS:
                raise Uncrossable("an endless iterator")
            return {"ge" if kind is types.GeneratorType else "it": self.items(items, depth)}
        raise Uncrossable(kind.__name__)

    def array(self, value: Any, depth: int) -> Any:
        if value.dtype.kind == "O":
            return {"no": [list(value.shape), self.items(value.ravel().tolist(), depth)]}
        if value.dtype.names:
            return exchange_wrappers.structured(value)
        if value.dtype.kind not in "biufcSUmM" or value.dtype.itemsize == 0:
            raise Uncrossable(f"array of {value.dtype}")
        return {"nd": [value.dtype.str, list(value.shape), _raw(value)]}


def _nan_of(value: float) -> str:
    """The module whose nan this is: lists with one and the same nan in them are equal."""
    names = (name for name in ("math", "numpy") if name in sys.modules)
    return next((name for name in names if sys.modules[name].nan is value), "")


def _raw(value: Any) -> str:
    text: str = value.tobytes().hex()
    return text


def _sequence(tag: str) -> Callable[[Encoder, Any, int], Any]:
    return lambda encoder, value, depth: {tag: encoder.items(list(value), depth)}


def _mapping(tag: str) -> Callable[[Encoder, Any, int], Any]:
    return lambda encoder, value, depth: {tag: encoder.pairs(value, depth)}


def _shown(tag: str, show: Callable[[Any], Any]) -> Callable[[Encoder, Any, int], Any]:
    return lambda encoder, value, depth: {tag: show(value)}


def _default_dict(encoder: Encoder, value: Any, depth: int) -> Any:
    factory = value.default_factory
    # A factory of the program's own stays where it is: what is missing here is missing.
    name = factory.__name__ if factory in FACTORIES.values() else None
    return {"dd": [name, encoder.pairs(value, depth)]}


def _moment(value: datetime.datetime) -> Any:
    if value.tzinfo is None:
        return [value.isoformat(), None]
    moment = value.astimezone(datetime.timezone.utc).replace(tzinfo=None)
    return [moment.isoformat(), named_zone(value.tzinfo, value.replace(tzinfo=None))]


_ENCODERS: Dict[type, Callable[[Encoder, Any, int], Any]] = {
    **exchange_wrappers.ENCODERS,
    tuple: _sequence("t"),
    set: _sequence("s"),
    frozenset: _sequence("fs"),
    collections.deque: _sequence("dq"),
    dict: _mapping("d"),
    collections.Counter: _mapping("ct"),
    collections.OrderedDict: _mapping("od"),
    collections.defaultdict: _default_dict,
    complex: _shown("c", lambda v: [v.real, v.imag]),
    array.array: _shown("ar", lambda v: [v.typecode, v.tobytes().hex()]),
    bytes: _shown("b", bytes.hex),
    bytearray: _shown("ba", bytearray.hex),
    decimal.Decimal: _shown("dec", str),
    fractions.Fraction: _shown("fr", lambda v: [hex(v.numerator), hex(v.denominator)]),
    range: _shown("r", lambda v: [v.start, v.stop, v.step]),
    slice: lambda encoder, v, depth: {"sl": encoder.items([v.start, v.stop, v.step], depth)},
    uuid.UUID: _shown("u", str),
    pathlib.PosixPath: _shown("p", str),
    datetime.date: _shown("da", lambda v: v.isoformat()),
    datetime.datetime: _shown("dm", _moment),
    datetime.time: lambda encoder, v, depth: {
        "ho": [v.replace(tzinfo=None).isoformat(), named_zone(v.tzinfo)]
    },
    io.StringIO: _shown("si", lambda v: [v.getvalue(), v.tell()]),
    io.BytesIO: _shown("bi", lambda v: [v.getvalue().hex(), v.tell()]),
    datetime.timedelta: _shown("td", lambda v: [v.days, v.seconds, v.microseconds]),
}
