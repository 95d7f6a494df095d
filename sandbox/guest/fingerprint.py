"""Large values recognised without being carried: digests of their plain parts."""

from __future__ import annotations

import hashlib
import marshal
from typing import Any, Iterator, NamedTuple, Optional

from .codec import SCALARS
from .originals import keep_for

# Values with more parts than this cross as fingerprints first.
LARGE = 512
PART = 4096

keep_for(globals())
_blake2b, _marshal = hashlib.blake2b, marshal.dumps


class Mark(NamedTuple):
    """A fingerprint (hex), and the size in bytes of what it was taken of."""

    digest: str
    size: int


def fingerprint(value: Any) -> Optional[Mark]:
    """The mark of a large value of plain types; None for small ones and others.

    Two plain values with the same fingerprint are equal and of the same types,
    but for nan; the reverse does not hold (order of sets and dicts).
    """
    if not _is_large(value) or not _is_plain(value):
        return None
    total, size = _blake2b(digest_size=16), 0
    try:
        # Version 0 writes no references, so equal values give equal bytes. What it writes says
        # where it ends, so a value in parts cannot be taken for another.
        for part in _parts(value):
            data = _marshal(part, 0)
            total.update(data)
            size += len(data)
    except ValueError:
        return None
    return Mark(total.hexdigest(), size)


def _parts(value: Any) -> Iterator[Any]:
    """Parts of a long list or tuple, so that its bytes are never in memory all together."""
    kind = type(value)
    if (kind is not list and kind is not tuple) or len(value) <= PART:
        yield value
        return
    for start in range(0, len(value), PART):
        yield value[start : start + PART]


def _is_large(value: Any) -> bool:
    kind = type(value)
    if kind is str:
        return len(value) > LARGE
    if kind is int:
        return bool(value.bit_length() > 8 * LARGE)
    if kind is list or kind is tuple:
        return len(value) > LARGE or any(
            type(item) in (str, list, tuple) and len(item) > LARGE for item in value
        )
    return False


def _is_plain(value: Any) -> bool:
    """Whether marshal writes the value as what crosses: of others it writes the buffers."""
    kind = type(value)
    if kind is list or kind is tuple:
        return SCALARS.issuperset(map(type, value)) or all(map(_is_plain, value))
    if kind is dict:
        return all(map(_is_plain, value.keys())) and all(map(_is_plain, value.values()))
    if kind is set or kind is frozenset:
        return all(map(_is_plain, value))
    return kind in SCALARS or kind is complex or kind is bytes


def is_exact(value: Any) -> bool:
    """Whether equal encodings or fingerprints mean that values compare as equal to this one.

    Not so with nan, which equals nothing, and with bytes, which marshal also
    writes for other buffers.
    """
    kind = type(value)
    if kind is float:
        return bool(value == value)
    if kind in (list, tuple):
        kinds = set(map(type, value))
        if kinds <= SCALARS:
            return float not in kinds or all(item == item for item in value)
        return all(map(is_exact, value))
    if kind is dict:
        return all(map(is_exact, value.keys())) and all(map(is_exact, value.values()))
    if kind in (set, frozenset):
        return all(map(is_exact, value))
    return kind in SCALARS
