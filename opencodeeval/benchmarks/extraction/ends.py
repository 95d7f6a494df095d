"""Where the code of an answer ends: at a fence, a closing tag or an end token outside of it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from opencodeeval.benchmarks.extraction.marks import CLOSINGS, ENDS, OPENINGS, pattern
from opencodeeval.core.syntax import hopeless, parse

# The no-break space and characters that show nothing pass for blanks beside a mark.
BLANK = " \t\u00a0\u200b\u200c\u200d\u2060"
BLANKS = f"[{BLANK}]*"
_STOP = re.compile(rf"(?P<fence>`{{3,}}|~{{3,}})|(?P<mark>{pattern(ENDS + CLOSINGS)})")
_LEADING_TAGS = re.compile(rf"{BLANKS}(?:(?:{pattern(OPENINGS)}){BLANKS})+")
_INDEX = re.compile(r"\[(\w+)\]")
_CUT_FENCE = re.compile(r"(?<!`)`{1,2}\s*\Z")
_MAX_STOPS_IN_CODE = 12


class Stop(NamedTuple):
    """Where code may end: before `column` of a line, at `mark`, which `tail` follows.

    `column` is 0 where only blanks come before the mark.
    """

    line: int
    column: int = 0
    mark: str = ""
    tail: str = ""


def code_until(lines: Sequence[str], at: int, indent: str, end: Stop) -> str:
    """The code of a block from line `at` up to its end, without the margin of its fence.

    The margin is the fence's alone where the first line of code is less indented.
    """
    begins = next((line for line in lines[at : end.line] if line.strip()), "")
    width = min(len(indent), len(begins) - len(begins.lstrip(" \t")))
    margin = re.compile(rf"[ \t]{{0,{width}}}")
    last = [lines[end.line][: end.column]] if end.column else []
    found = [margin.sub("", line, count=1) for line in (*lines[at : end.line], *last)]
    code = "\n".join(_without_tags(found))
    # An answer may end inside its closing fence.
    shorter = _CUT_FENCE.sub("", code) if end.line == len(lines) else code
    return shorter if shorter != code and parse(shorter) is not None else code


def _without_tags(lines: list[str]) -> list[str]:
    """The lines without tags before the code."""
    begins = 0
    for number, line in enumerate(lines):
        tags = _LEADING_TAGS.match(line)
        if tags and not line[tags.end() :].strip():
            begins = number + 1
        elif tags:
            return [line[tags.end() :], *lines[number + 1 :]]
        elif line.strip():
            break
    return lines[begins:]


def end_of_code(
    lines: Sequence[str], at: int, indent: str = "", fence: str = "", end: int | None = None
) -> Stop | None:
    """The first mark, before line `end`, that is no part of a program that starts at line `at`."""
    for stop in islice(_stops(lines, at, fence, end), _MAX_STOPS_IN_CODE):
        code = code_until(lines, at, indent, stop)
        if parse(code) is None:
            if hopeless(code_until(lines, at, indent, Stop(stop.line)).split("\n")):
                return None
        elif not _belongs_to(code, stop):
            return stop
    return None


def _stops(lines: Sequence[str], at: int, fence: str, end: int | None) -> Iterator[Stop]:
    for number in range(at, len(lines) if end is None else end):
        line = lines[number]
        for found in _STOP.finditer(line):
            if found["fence"] and not (fence and found[0].startswith(fence)):
                continue
            column = found.start() if line[: found.start()].strip(BLANK) else 0
            yield Stop(number, column, found[0], line[found.end() :])


def _belongs_to(code: str, stop: Stop) -> bool:
    """Whether a mark behind code that parses is a part of the program."""
    if stop.column and parse(f"{code}```") is not None:
        return True  # a comment
    name = _INDEX.fullmatch(stop.mark)
    return name is not None and name[1] in _names(code)


def _names(code: str) -> set[str]:
    nodes = ast.walk(parse(code) or ast.Module([], []))
    fields = ("id", "arg", "name", "asname")  # of a variable, an argument, an import
    return {str(getattr(node, field, "")) for node in nodes for field in fields}
