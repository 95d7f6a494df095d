"""JSON that is written piece by piece, so that a large value is never in memory as a whole."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Listed:
    """A JSON list whose values are taken one after another, once."""

    values: Iterable[Any]


@dataclass(frozen=True)
class Keyed:
    """A JSON object whose pairs of key and value are taken one after another, once."""

    pairs: Iterable[tuple[str, Any]]


def json_pieces(value: Any, indent: int | None = None, **options: Any) -> Iterator[str]:
    """What `json.dumps(value, indent=indent, **options)` gives, in pieces.

    `Listed` and `Keyed` stand for a list and an object, as `value` or inside one another; any
    other value inside them is one piece.

    Raises:
        TypeError, ValueError: as json.dumps; also for a `Listed` inside a list.
    """
    return _pieces(value, "" if indent is None else "\n", {"indent": indent, **options})


def _pieces(value: Any, line: str, options: dict[str, Any]) -> Iterator[str]:
    """The pieces of a value in a list or an object whose lines begin with `line`."""
    if isinstance(value, Listed):
        yield from _joined("[]", (("", each) for each in value.values), line, options)
    elif isinstance(value, Keyed):
        named = ((json.dumps(key, **options) + ": ", each) for key, each in value.pairs)
        yield from _joined("{}", named, line, options)
    else:
        # A line break inside a text is escaped: each of these begins a line.
        yield json.dumps(value, **options).replace("\n", line)


def _joined(
    brackets: str, named: Iterable[tuple[str, Any]], line: str, options: dict[str, Any]
) -> Iterator[str]:
    opening, closing = brackets[0], brackets[1]
    inner = line and line + " " * options["indent"]
    before = opening + inner
    for name, each in named:
        yield before + name
        yield from _pieces(each, inner, options)
        before = f",{inner or ' '}"
    yield brackets if before.startswith(opening) else line + closing
