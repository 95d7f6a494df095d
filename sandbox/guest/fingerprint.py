"""Large values recognised without being carried: digests of their plain parts."""

from __future__ import annotations

import hashlib
import marshal
from typing import Any, Optional

from .codec import SCALARS

# Values with more parts than this cross as fingerprints first.
LARGE = 512

_blake2b, _marshal = hashlib.blake2b, marshal.dumps


def fingerprint(value: Any) -> Optional[str]:
    """Digest (hex) of a large value of plain types; None for small ones and others.

    Two plain values with the same fingerprint are equal and of the same types,
    but for nan; the reverse does not hold (order of sets and dicts).
    """
    data = plain_bytes(value)
    return None if data is None else digest(data)


def plain_bytes(value: Any) -> Optional[bytes]:
    """What the fingerprint of a large value of plain types is taken of; None of others."""
    if not _is_large(value):
        return None
    try:
        # Version 0 writes no references, so equal values give equal bytes.
        return _marshal(value, 0)
    except ValueError:
        return None


def digest(data: bytes) -> str:
    """The fingerprint of a value with these plain bytes."""
    return _blake2b(data, digest_size=16).hexdigest()


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
