"""From the tree that JSON has read to its value, between a program and tests apart.

A part of exchange.py.
"""

from __future__ import annotations

import array
import collections
import datetime
import decimal
import fractions
import io
import pathlib
import sys
import uuid
from typing import Any, Callable, Dict, List, Optional, Tuple

from . import exchange_frames, exchange_objects, exchange_wrappers
from .exchange_arguments import Given, UnknownItem
from .exchange_classes import FACTORIES, PLAIN, class_of, known_class, member, named_tuple
from .exchange_zones import Malformed, zone_of

Read = Callable[[Any], Any]


class Decoder:
    """Makes the value of a tree that JSON has read; `given` is as in exchange.decode."""

    def __init__(self, given: Optional[Given]) -> None:
        self.given = given

    def value(self, tree: Any) -> Any:
        kind = type(tree)
        if kind in PLAIN:
            return tree
        if kind is list:
            return [self.value(item) for item in tree]
        ((tag, body),) = tree.items()
        for decoders in (_DECODERS, exchange_frames.DECODERS, exchange_wrappers.DECODERS):
            if tag in decoders:
                return decoders[tag](self.value, body)
        if tag == "px" and exchange_objects.side:
            return exchange_objects.side[0].decoded(body, class_of)
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


def _moment_of(read: Read, body: Any) -> datetime.datetime:
    text, zone = body
    found = datetime.datetime.fromisoformat(text)
    if zone is None:
        return found
    return found.replace(tzinfo=datetime.timezone.utc).astimezone(zone_of(zone))


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
        None if body[0] is None else FACTORIES[body[0]], _pairs(read, body[1])
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
