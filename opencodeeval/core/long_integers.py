"""Integers that are longer than the 4,300 digits which Python reads and prints by default."""

from __future__ import annotations

import sys

# As LiveCodeBench's publisher allows its programs; reading this many takes about a millisecond.
MAX_DIGITS = 50_000


def allow() -> bool:
    """Let this process read and print integers of MAX_DIGITS digits; False: it did so before."""
    if not 0 < sys.get_int_max_str_digits() < MAX_DIGITS:
        return False
    sys.set_int_max_str_digits(MAX_DIGITS)
    return True


def too_long(error: Exception) -> bool:
    """Whether the error is Python's about an integer with too many digits."""
    return type(error) is ValueError and "integer string conversion" in str(error)
