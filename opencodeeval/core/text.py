"""Text for people."""

from __future__ import annotations

import re
import textwrap

# Line breaks of every kind, other control characters, and the white space around them.
_BREAKS = re.compile(r"\s*[\x00-\x1f\x7f\x85\u2028\u2029]+\s*")


# What msgspec says, and what is said instead.
_SAYINGS = (
    (re.compile(r"Object contains unknown field (.+)"), "there is no field {}"),
    (re.compile(r"Object missing required field (.+)"), "the field {} is missing"),
    (re.compile(r"Expected ([\w |]+), got (\w+)"), "must be {}, not {}"),
    (re.compile(r"Invalid enum value (.+)"), "{} is none of the values that are known"),
)
_KINDS = {
    "array": "a list",
    "object": "a table",
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "null": "nothing",
}


def validation_words(error: Exception) -> str:
    """What msgspec says of a value that does not fit, the field first.

    As in "n: must be a whole number, not text"; of another error, its own words.
    """
    words, _, where = str(error).replace("`", "").partition(" - at ")
    field = where.removeprefix("$").removeprefix(".")
    said = f"{words[:1].lower()}{words[1:]}"
    for pattern, saying in _SAYINGS:
        found = pattern.fullmatch(words)
        if found:
            said = saying.format(*(_named_kinds(part) for part in found.groups()))
            said = said.replace("not a number", "not a decimal number")
    return f"{field}: {said}" if field else said


def _named_kinds(part: str) -> str:
    return " or ".join(_KINDS.get(kind, kind) for kind in part.split(" | "))


def wrapped(line: str, indent: str = "    ") -> str:
    """A sentence in lines of at most 80 columns; `indent` begins all but the first."""
    return textwrap.fill(
        line, 80, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def one_line(text: object) -> str:
    """Foreign text (an engine's, a tool's, a file's) as one line, for a message or a log."""
    return _BREAKS.sub(" ", str(text)).strip()
