"""Looking into the source text of tests: where brackets close, and where lists are divided."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from .languages import TestPrograms

_OPENING, _CLOSING = "([{", ")]}"


class Source:
    """A text, and the same text without what is in its strings and comments.

    Places are the same in both: `plain` has a filler in the place of each character of a string,
    its quotes too, and blanks in the place of a comment.
    """

    def __init__(self, text: str, rules: TestPrograms) -> None:
        self.text = text
        self.plain = _ignored(rules).sub(_filler, text)

    def close(self, opening: int) -> int:
        """The place of the bracket that closes the one at `opening`; -1 if none does."""
        depth = 0
        for at in range(opening, len(self.plain)):
            depth += (self.plain[at] in _OPENING) - (self.plain[at] in _CLOSING)
            if depth == 0:
                return at
        return -1

    def split(self, start: int, end: int, separator: str) -> list[tuple[int, int]]:
        """The parts of a stretch between separators that are in no bracket of it."""
        places = [at for at in self._flat(start, end) if self.plain.startswith(separator, at)]
        parts, begin = [], start
        for at in places:
            if at >= begin:
                parts.append((begin, at))
                begin = at + len(separator)
        return [*parts, (begin, end)]

    def last_braces(self, count: int) -> int:
        """The place of the last closing brace but `count` - 1; the text's end for 0.

        -1 if there are fewer.
        """
        at = len(self.plain.rstrip())
        for _ in range(count):
            at = self.plain.rfind("}", 0, max(at, 0))
        return at

    def _flat(self, start: int, end: int) -> Iterator[int]:
        depth = 0
        for at in range(start, end):
            depth -= self.plain[at] in _CLOSING
            if depth == 0:
                yield at
            depth += self.plain[at] in _OPENING


def _filler(match: re.Match[str]) -> str:
    found = match.group()
    if match.lastgroup == "comment":
        return re.sub(r"[^\n]", " ", found)
    return "_" * len(found)


@cache
def _ignored(rules: TestPrograms) -> re.Pattern[str]:
    comments, strings = "|".join(rules.comments), "|".join(rules.strings)
    return re.compile(f"(?P<comment>{comments})|(?P<string>{strings})", re.DOTALL)
