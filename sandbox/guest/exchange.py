"""Values between a program and tests that run in another process, typed and by value.

Unlike codec.py, which carries what a judge compares, this carries what tests use: what
arrives has the type that was sent, for tests look at types. Exact types only, of the
standard library, NumPy and pandas; a value of any other type does not cross (`Uncrossable`).
An instance of a program's own subclass of such a type arrives as its base value, an iterator
as one over what comes out of it. Nothing is unpickled or evaluated, and no class is made that
this module does not name.
"""

from __future__ import annotations

import array
import collections
import datetime
import decimal
import enum
import fractions
import io
import json
import pathlib
import sys
import types
import uuid
from itertools import islice
from typing import Any, Callable, Dict, List, Optional, Tuple, Union

from . import exchange_frames, exchange_objects, exchange_wrappers
from .blanks import blank
from .exchange_arguments import Given, UnknownItem
from .exchange_classes import class_of, is_named_tuple, known_class, member, name_of, named_tuple
from .exchange_zones import Malformed as Malformed
from .exchange_zones import Uncrossable as Uncrossable
from .exchange_zones import named_zone, zone_of

MAX_DEPTH = 60
MAX_NODES = 3_000_000
MAX_ITEMS = 100_000  # of an iterator
# This process's end of what does not cross by value: a process is on one side only.
side: List[Union[exchange_objects.Kept, exchange_objects.Remotes]] = []

Read = Callable[[Any], Any]

_text = json.JSONEncoder(separators=(",", ":")).encode
_parse = json.JSONDecoder(parse_constant=float).decode  # each nan an object of its own
_PLAIN = {type(None), bool, int, float, str}
_LIMIT = 1 << 63


def encode(value: Any) -> str:
    """ASCII text without a newline.

    Raises:
        Uncrossable: the value, or a part of it, is of a type that does not cross.
    """
    return encoded_by(Encoder(), value)


def encoded_by(encoder: "Encoder", value: Any) -> str:
    """The text that an encoder makes of a value; raises as `encode` does."""
    try:
        return _text(encoder.tree(value, 0))
    except (ValueError, RecursionError) as error:
        raise Uncrossable(type(error).__name__) from None


def decode(text: Any, given: Optional[Given] = None) -> Any:
    """The value of an encoding; `given` has, or gets, what a call's arguments are made of.

    Raises:
        Malformed: it is none.
    """
    try:
        return _Decoder(given).value(
            _parse(text if isinstance(text, str) else text.decode("ascii"))
        )
    except Malformed:
        raise
    except Exception as error:  # of whatever was to be made out of it
        raise Malformed(f"{type(error).__name__}: {error}"[:200]) from None


class Encoder:
    """Makes the tree of a value that JSON writes."""

    def __init__(self) -> None:
        self.nodes = 0

    def tree(self, value: Any, depth: int) -> Any:
        kind = type(value)
        if kind in _PLAIN:
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
        kept = side[0].encoded(value, kind) if side else None
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
    name = factory.__name__ if factory in _FACTORIES.values() else None
    return {"dd": [name, encoder.pairs(value, depth)]}


def _moment(value: datetime.datetime) -> Any:
    if value.tzinfo is None:
        return [value.isoformat(), None]
    moment = value.astimezone(datetime.timezone.utc).replace(tzinfo=None)
    return [moment.isoformat(), named_zone(value.tzinfo, value.replace(tzinfo=None))]


def _moment_of(read: Read, body: Any) -> datetime.datetime:
    text, zone = body
    found = datetime.datetime.fromisoformat(text)
    if zone is None:
        return found
    return found.replace(tzinfo=datetime.timezone.utc).astimezone(zone_of(zone))


# What a missing key may be made by: tests call it, so nothing that could equal anything.
_FACTORIES: Dict[str, Any] = {
    each.__name__: each
    for each in (list, dict, set, tuple, int, float, str, bool, collections.Counter)
}
ITERATORS = {
    *(map, filter, zip, enumerate, reversed, type(iter([])), type(iter(())), type(iter({}))),
    *(type(iter("")), type(iter(set())), type(iter(range(0))), types.GeneratorType),
}


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


class _Decoder:
    def __init__(self, given: Optional[Given]) -> None:
        self.given = given

    def value(self, tree: Any) -> Any:
        kind = type(tree)
        if kind in _PLAIN:
            return tree
        if kind is list:
            return [self.value(item) for item in tree]
        ((tag, body),) = tree.items()
        for decoders in (_DECODERS, exchange_frames.DECODERS, exchange_wrappers.DECODERS):
            if tag in decoders:
                return decoders[tag](self.value, body)
        if tag == "px" and side:
            return side[0].decoded(body, class_of)
        if tag == "g" and self.given is not None:
            return self.of_arguments(body, self.given)
        if tag == "uk" and self.given is not None:
            return UnknownItem(str(body))
        raise Malformed("unknown tag")

    def of_arguments(self, body: Any, given: Given) -> Any:
        if type(body) is int:
            return given.objects[body]
        number, tree = body
        value = self.value(tree)
        given.add(value, number)
        return value


def _pairs(read: Read, body: Any) -> List[Tuple[Any, Any]]:
    return [(read(key), read(value)) for key, value in body]


def _array_of(read: Read, body: Any) -> Any:
    import numpy

    dtype, shape, data = body
    kind = numpy.dtype(dtype)
    if kind.kind not in "biufcSUmM":
        raise Malformed("not an array")
    return numpy.frombuffer(bytes.fromhex(data), kind).reshape(shape).copy()


def _objects_of(read: Read, body: Any) -> Any:
    import numpy

    shape, values = body
    found = numpy.empty(len(values), dtype=object)
    for place, each in enumerate(values):
        found[place] = read(each)
    return found.reshape(shape)


def _at(stream: Any, place: int) -> Any:
    stream.seek(place)
    return stream


_DECODERS: Dict[str, Callable[[Read, Any], Any]] = {
    "i": lambda read, body: int(body, 16),
    "nan": lambda read, body: sys.modules[body].nan if body in ("math", "numpy") else float("nan"),
    "t": lambda read, body: tuple(map(read, body)),
    "s": lambda read, body: set(map(read, body)),
    "fs": lambda read, body: frozenset(map(read, body)),
    "dq": lambda read, body: collections.deque(map(read, body)),
    "d": lambda read, body: dict(_pairs(read, body)),
    "ct": lambda read, body: collections.Counter(dict(_pairs(read, body))),
    "od": lambda read, body: collections.OrderedDict(_pairs(read, body)),
    "dd": lambda read, body: collections.defaultdict(
        None if body[0] is None else _FACTORIES[body[0]], _pairs(read, body[1])
    ),
    "c": lambda read, body: complex(*body),
    "ar": lambda read, body: array.array(body[0], bytes.fromhex(body[1])),
    "b": lambda read, body: bytes.fromhex(body),
    "ba": lambda read, body: bytearray.fromhex(body),
    "dec": lambda read, body: decimal.Decimal(body),
    "fr": lambda read, body: fractions.Fraction(int(body[0], 16), int(body[1], 16)),
    "r": lambda read, body: range(*body),
    "sl": lambda read, body: slice(*map(read, body)),
    "u": lambda read, body: uuid.UUID(body),
    "p": lambda read, body: pathlib.PosixPath(body),
    "da": lambda read, body: datetime.date.fromisoformat(body),
    "dm": _moment_of,
    "ho": lambda read, body: datetime.time.fromisoformat(body[0]).replace(tzinfo=zone_of(body[1])),
    "si": lambda read, body: _at(io.StringIO(body[0]), body[1]),
    "bi": lambda read, body: _at(io.BytesIO(bytes.fromhex(body[0])), body[1]),
    "en": lambda read, body: member(*body),
    "nt": lambda read, body: named_tuple(body[0], read(body[1])),
    "it": lambda read, body: iter(read(body)),
    "ge": lambda read, body: (each for each in read(body)),
    "td": lambda read, body: datetime.timedelta(*body),
    "ty": lambda read, body: known_class(body),
    "np": lambda read, body: _array_of(read, [body[0], [], body[1]])[()],
    "nd": _array_of,
    "no": _objects_of,
    "mx": lambda read, body: sys.modules["numpy"].matrix(read(body)),
    "ma": lambda read, body: sys.modules["numpy"].ma.MaskedArray(_array_of(read, body["nd"])),
    "dt": lambda read, body: sys.modules["numpy"].dtype(body),
}
