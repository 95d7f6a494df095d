"""Expected values in the source text of tests, and what takes their place in a control run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

_WORD = re.compile(r"[A-Za-z_#$][\w]*")
_NUMBER = re.compile(r"\d+(?:\.\d*)?(?:[eE][-+]?\d+)?\w*")


def string_end(text: str, at: int) -> int:
    """The place behind the string that begins here."""
    quote, at = text[at], at + 1
    while at < len(text) and text[at] != quote:
        at += 2 if text[at] == "\\" else 1
    return at + 1


def with_other_literal(value: str, quotes: str, flips: Mapping[str, str]) -> str:
    """An expected value with another literal in it; empty where it has none that can be changed.

    `quotes` are the characters that open and close a string, `flips` has literals other than
    numbers and strings, and what replaces them. The last literal is changed, not the first: in
    a table that is a key, of which none may be there twice.
    """
    last = max(_literals(value, quotes, flips), default=None)
    if last is None:
        return ""
    start, end, text = last
    return value[:start] + text + value[end:]


def _literals(value: str, quotes: str, flips: Mapping[str, str]) -> Iterator[tuple[int, int, str]]:
    """The literals that can be changed: their places, and the new texts."""
    at = 0
    while at < len(value):
        if value[at] in quotes:
            yield at + 1, at + 1, "x"
            at = string_end(value, at)
        elif word := _WORD.match(value, at):
            if word.group() in flips:
                yield at, word.end(), flips[word.group()]
            at = word.end()
        elif number := _NUMBER.match(value, at):
            # By its first digit: one more would be no change to a rounded comparison.
            digit = int(value[at])
            yield at, at + 1, str(digit - 1 if digit > 1 else digit + 1)
            at = number.end()
        else:
            at += 1
