"""A call between tests that run apart and the program: its arguments, and what came of them.

A part of exchange.py. The tests' process numbers what the call may change (exchange_arguments.py).
"""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

from . import exchange
from .exchange_arguments import Given, change_of
from .exchange_encoder import ITERATORS, MAX_NODES, Encoder
from .exchange_zones import Uncrossable

# Where an argument is in a request, [verb, [arguments, named], states]: what is above it is
# made for the request.
_ARGUMENT_DEPTH = 3


def encode_call(request: List[Any], given: Given) -> str:
    """The text of a request; what its call may change is numbered in `given`.

    Raises:
        Uncrossable: as `encode`; also where an argument contains itself.
    """
    text = exchange.encoded_by(_Numbering(given), request)
    given.sent()
    return text


def encode_result(value: Any, given: Given, by_number: bool) -> Tuple[str, bool]:
    """What a call returned, and whether an object of its arguments is in that.

    Such an object is sent by its number where `by_number` is true, else by value.

    Raises:
        Uncrossable: as `encode`.
    """
    encoder = _Naming(given, by_number)
    return exchange.encoded_by(encoder, value), encoder.met


def contents(given: Given) -> Dict[int, str]:
    """What is in each object of a call's arguments by now, encoded; "" where that cannot be."""
    found = {}
    for number, value in given.objects.items():
        try:
            found[number] = exchange.encoded_by(_Content(given, value), value)
        except Exception:  # of whatever the program has put there
            found[number] = ""
    return found


class _Numbering(Encoder):
    """Of a request: each object that the call may change has a number, and is sent once."""

    def __init__(self, given: Given) -> None:
        super().__init__()
        self.given = given
        self.open: List[int] = []

    def tree(self, value: Any, depth: int) -> Any:
        if depth < _ARGUMENT_DEPTH or change_of(type(value)) is None:
            return super().tree(value, depth)
        number = self.given.number(value)
        if number in self.open:
            raise Uncrossable("contains itself")
        if number is not None:
            return {"g": number}
        number = self.given.add(value)
        self.open.append(number)
        tree = super().tree(value, depth)
        self.open.pop()
        return {"g": [number, tree]}


class _Naming(Encoder):
    """Of what comes back: it tells which objects of the arguments are in it."""

    def __init__(self, given: Given, by_number: bool) -> None:
        super().__init__()
        self.given, self.by_number, self.met = given, by_number, False

    def tree(self, value: Any, depth: int) -> Any:
        number = self.given.number(value)
        if number is not None:
            self.met = True
            if self.by_number:
                return {"g": number}
        return super().tree(value, depth)


class _Content(Encoder):
    """Of one object of the arguments: the others in it by number, and whatever cannot cross."""

    def __init__(self, given: Given, top: Any) -> None:
        super().__init__()
        self.given, self.top = given, top

    def tree(self, value: Any, depth: int) -> Any:
        if value is self.top and not depth:
            return super().tree(value, depth)
        number = self.given.number(value)
        if number is not None:
            return {"g": number}
        if type(value) in ITERATORS:  # to look at it would use it up
            raise Uncrossable("an iterator")
        return super().tree(value, depth)

    def items(self, values: Any, depth: int) -> List[Any]:
        self.nodes += len(values)
        if self.nodes > MAX_NODES:
            raise Uncrossable("too large")
        return [self.item(item, depth + 1) for item in values]

    def item(self, value: Any, depth: int) -> Any:
        try:
            return self.tree(value, depth)
        except Uncrossable:
            return {"uk": type(value).__name__}
