"""What both halves of the codec know: its limits, its errors, the types that cross by name.

A part of codec.py.
"""

from __future__ import annotations

import re

MAX_DEPTH = 150
MAX_NODES = 2_000_000
# A set of integers can be built so that all of them collide; this many cost seconds at worst.
MAX_HASHED = 20_000
MAX_ALIKE = 100
MAX_WITHIN = 2

# Digits of an integer that a judge reads, which are those that CPython prints by default.
MAX_DIGITS = 4300

SCALARS = {type(None), bool, int, float, str}
# Types that cross by name: tests pass them as arguments (Mbpp/533).
TYPES = {
    each.__name__: each
    for each in (bool, int, float, complex, str, bytes, list, tuple, dict, set, frozenset)
}
DTYPE = re.compile(r"[<>|=]?[?biufcSU][0-9]{0,4}\Z")


class Malformed(Exception):
    """The text is not the encoding of a value within the limits."""


class TooMany(Malformed):
    """More than any right answer has: of set and dict elements, or of digits."""


class TooBig(Exception):
    """The value is too deep or has too many parts to cross."""
