"""Text for people."""

from __future__ import annotations

import re

# Line breaks of every kind, other control characters, and the white space around them.
_BREAKS = re.compile(r"\s*[\x00-\x1f\x7f\x85\u2028\u2029]+\s*")


def validation_words(error: Exception) -> str:
    """What msgspec says of a value that does not fit, the field first: "n: expected int"."""
    words, _, where = str(error).replace("`", "").partition(" - at ")
    field = where.removeprefix("$.").removeprefix("$")
    said = f"{words[:1].lower()}{words[1:]}"
    return f"{field}: {said}" if field else said


def one_line(text: object) -> str:
    """Foreign text (an engine's, a tool's, a file's) as one line, for a message or a log."""
    return _BREAKS.sub(" ", str(text)).strip()
