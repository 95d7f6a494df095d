"""What wraps plain values, and subclasses of plain types, between a program and tests apart.

A part of exchange.py, which gives `encoder` (for what is in them) and `read` (for its encoding).
"""

from __future__ import annotations

import collections
import datetime
import decimal
import fractions
import pathlib
import sys
import types
from typing import Any, Callable, Dict, List, Tuple

from .exchange_zones import Malformed, Uncrossable

Read = Callable[[Any], Any]

_SAMPLE: Dict[Any, Any] = {}
_KEYS, _VALUES, _ITEMS = type(_SAMPLE.keys()), type(_SAMPLE.values()), type(_SAMPLE.items())
_ORDERED: "collections.OrderedDict[Any, Any]" = collections.OrderedDict()
_FIELD_KINDS = "biufcSUmM"


def _pairs(tag: str) -> Callable[[Any, Any, int], Any]:
    return lambda encoder, value, depth: {tag: encoder.pairs(dict(value), depth)}


def _listed(tag: str) -> Callable[[Any, Any, int], Any]:
    return lambda encoder, value, depth: {tag: encoder.items(list(value), depth)}


def _bytes(encoder: Any, value: memoryview, depth: int) -> Any:
    if value.format != "B" or value.ndim != 1:
        raise Uncrossable("a view of what is no bytes")
    return {"mv": value.tobytes().hex()}


def _chain(encoder: Any, value: Any, depth: int) -> Any:
    return {"cm": encoder.items(list(value.maps), depth)}


# By the very type.
ENCODERS: Dict[type, Callable[[Any, Any, int], Any]] = {
    **dict.fromkeys((_KEYS, type(_ORDERED.keys())), _listed("dk")),
    **dict.fromkeys((_VALUES, type(_ORDERED.values())), _listed("dv")),
    **dict.fromkeys((_ITEMS, type(_ORDERED.items())), _listed("dit")),
    collections.UserList: lambda encoder, v, depth: {"ul": encoder.items(list(v.data), depth)},
    collections.UserString: lambda encoder, v, depth: {"us": encoder.tree(v.data, depth)},
    collections.UserDict: _pairs("ud"),
    collections.ChainMap: _chain,
    types.MappingProxyType: _pairs("mp"),
    types.SimpleNamespace: lambda encoder, v, depth: {"sn": encoder.pairs(vars(v), depth)},
    memoryview: _bytes,
    pathlib.PurePosixPath: lambda encoder, v, depth: {"pp": str(v)},
}

DECODERS: Dict[str, Callable[[Read, Any], Any]] = {
    "dk": lambda read, body: dict.fromkeys(read(body)).keys(),
    "dv": lambda read, body: dict(enumerate(read(body))).values(),
    "dit": lambda read, body: dict(read(body)).items(),
    "ul": lambda read, body: collections.UserList(read(body)),
    "us": lambda read, body: collections.UserString(read(body)),
    "ud": lambda read, body: collections.UserDict(_read_pairs(read, body)),
    "cm": lambda read, body: collections.ChainMap(*read(body)),
    "mp": lambda read, body: types.MappingProxyType(_read_pairs(read, body)),
    "sn": lambda read, body: _namespace(_read_pairs(read, body)),
    "mv": lambda read, body: memoryview(bytes.fromhex(body)),
    "pp": lambda read, body: pathlib.PurePosixPath(body),
    "st": lambda read, body: _structured(*body),
}


def _read_pairs(read: Read, body: Any) -> Dict[Any, Any]:
    return {read(key): read(value) for key, value in body}


def _namespace(values: Dict[Any, Any]) -> Any:
    # Tests ask it for its attributes; none of them may be what answers for the object itself.
    if any(type(name) is not str or name.startswith("__") for name in values):
        raise Malformed("not a namespace")
    return types.SimpleNamespace(**values)


def _moment(v: datetime.datetime) -> datetime.datetime:
    return datetime.datetime.combine(_date(v), _time(datetime.datetime.timetz(v)))


def _date(v: datetime.date) -> datetime.date:
    return datetime.date(v.year, v.month, v.day)


def _time(v: datetime.time) -> datetime.time:
    whole = (v.hour, v.minute, v.second, v.microsecond)
    return datetime.time(*whole, tzinfo=v.tzinfo, fold=v.fold)


# Instances of a program's own subclass of these arrive as their base value.
BASES: Tuple[Tuple[type, Callable[[Any], Any]], ...] = (
    (str, lambda v: str.__str__(v)),
    (int, lambda v: int.__add__(v, 0)),
    (float, lambda v: float.__add__(v, 0.0)),
    (complex, lambda v: complex.__add__(v, 0)),
    (bytes, lambda v: bytes.__add__(v, b"")[:]),
    (bytearray, lambda v: bytearray(v)),
    (tuple, lambda v: tuple(tuple.__iter__(v))),
    (list, lambda v: list(list.__iter__(v))),
    (collections.Counter, lambda v: collections.Counter(dict(dict.items(v)))),
    (collections.OrderedDict, lambda v: collections.OrderedDict(dict.items(v))),
    (dict, lambda v: dict(dict.items(v))),
    (set, lambda v: set(set.__iter__(v))),
    (frozenset, lambda v: frozenset(frozenset.__iter__(v))),
    (collections.deque, lambda v: collections.deque(v)),
    (collections.UserList, lambda v: collections.UserList(v.data)),
    (collections.UserDict, lambda v: collections.UserDict(v.data)),
    (datetime.datetime, _moment),
    (datetime.date, _date),
    (datetime.time, _time),
    (datetime.timedelta, lambda v: datetime.timedelta(v.days, v.seconds, v.microseconds)),
    (decimal.Decimal, lambda v: decimal.Decimal(decimal.Decimal.__str__(v))),
    (fractions.Fraction, lambda v: fractions.Fraction(v.numerator, v.denominator)),
    (pathlib.PosixPath, lambda v: pathlib.PosixPath(str(v))),
)


def structured(value: Any) -> Any:
    """The encoding of an array or scalar with named fields.

    Raises:
        Uncrossable: one of them is no plain number, text or moment.
    """
    dtype = value.dtype
    fields: List[List[str]] = []
    for name in dtype.names or ():
        kind = dtype.fields[name][0]
        if kind.kind not in _FIELD_KINDS or kind.itemsize == 0:
            raise Uncrossable(f"a field of {kind}")
        fields.append([name, kind.str])
    if not fields:
        raise Uncrossable(f"array of {dtype}")
    numpy = sys.modules["numpy"]
    packed = numpy.dtype([tuple(field) for field in fields])
    shape = None if isinstance(value, numpy.void) else list(value.shape)
    return {"st": [fields, shape, numpy.asarray(value).astype(packed).tobytes().hex()]}


def _structured(fields: Any, shape: Any, data: Any) -> Any:
    numpy = sys.modules["numpy"]
    kinds = [(str(name), numpy.dtype(kind)) for name, kind in fields]
    if not all(kind.kind in _FIELD_KINDS for _, kind in kinds):
        raise Malformed("not an array")
    found = numpy.frombuffer(bytes.fromhex(data), numpy.dtype(kinds))
    return found.reshape(shape).copy() if shape is not None else found.copy()[0]
