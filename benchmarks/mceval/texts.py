"""Texts of a programming language: strings, brackets, literals, and what stands between them.

No parser: enough to find a statement's end, the sides of a comparison and the literals in
it, by the marks that languages.toml has of each language.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from typing import TypeAlias

from .languages import Language

Span: TypeAlias = tuple[int, int]
_OPENING, _CLOSING = "([{", ")]}"
_NUMBER = re.compile(r"\d+(?:\.\d*)?(?:[eE][-+]?\d+)?\w*")


class Texts:
    """One text of one language."""

    def __init__(self, text: str, language: Language) -> None:
        self.text, self.language = text, language

    @cached_property
    def _skips(self) -> re.Pattern[str]:
        return re.compile(self.language.skips, re.DOTALL | re.MULTILINE)

    @cached_property
    def _word(self) -> re.Pattern[str]:
        return re.compile(self.language.word)

    def skipped(self, at: int) -> int | None:
        """The end of the comment, the character or the string that begins here, if one does."""
        if self.language.skips and (found := self._skips.match(self.text, at)):
            return found.end() if found.end() > at else None
        return self._string_end(at) if self.text[at] in self.language.quotes else None

    def _string_end(self, at: int) -> int:
        quote, at = self.text[at], at + 1
        while at < len(self.text) and self.text[at] != quote:
            at += 2 if self.text[at] == "\\" and self.language.escapes else 1
        return at + 1

    def is_start(self, at: int) -> bool:
        """Whether a word may begin here."""
        return at == 0 or not re.match(r"[\w.$@!-]", self.text[at - 1])

    def found(self, pattern: re.Pattern[str], at: int, end: int | None = None) -> Span | None:
        """The first place of a pattern outside of strings and brackets that open behind `at`."""
        depth, end = 0, len(self.text) if end is None else end
        while at < end or (at == end == len(self.text)):
            if depth == 0 and (match := pattern.match(self.text, at)):
                return match.span()
            if at >= end:
                return None
            after = self.skipped(at)
            if after is not None:
                at = after
                continue
            depth += (self.text[at] in _OPENING) - (self.text[at] in _CLOSING)
            if depth < 0:
                return None
            at += 1
        return None

    def split(self, span: Span, separator: str) -> list[Span]:
        """The parts of a span between separators, a regular expression; one part without any."""
        start, end = self.stripped(span)
        if not separator:
            return [(start, end)]
        pattern, parts, at = re.compile(separator), [], start
        while place := self.found(pattern, at, end):
            if place[1] > end:
                break
            parts.append((start, place[0]))
            start = at = place[1]
        return [*parts, (start, end)]

    def stripped(self, span: Span) -> Span:
        """A span without the blanks at its ends."""
        start, end = span
        while start < end and self.text[start].isspace():
            start += 1
        while end > start and self.text[end - 1].isspace():
            end -= 1
        return start, end

    def calls(self, span: Span, entry: str) -> list[Span]:
        """The calls of the tested function within a span, with their arguments."""
        names = "|".join([rf"(?<![\w-]){re.escape(entry)}(?![\w-])", *self.language.aliases])
        found = []
        for name in re.compile(names).finditer(self.text, *span):
            opening, before = name.end(), name.start() - 1
            if self.text[opening : opening + 1] == "(":
                found.append((name.start(), self._group_end(opening)))
            elif before >= 0 and self.text[before] in _OPENING:
                found.append((before, self._group_end(before)))
            else:
                found.append((name.start(), span[1]))
        return found

    def _group_end(self, at: int) -> int:
        depth = 0
        while at < len(self.text):
            after = self.skipped(at)
            if after is not None:
                at = after
                continue
            depth += (self.text[at] in _OPENING) - (self.text[at] in _CLOSING)
            at += 1
            if depth == 0:
                break
        return at

    def literals(self, span: Span) -> Iterator[tuple[Span, str]]:
        """The literals within a span that can be changed: places, and what is put there."""
        at, end = span
        while at < end:
            if self.text[at] in self.language.quotes and not (
                self.language.skips and self._skips.match(self.text, at)
            ):
                yield (at + 1, at + 1), "x"
                at = self._string_end(at)
            elif after := self.skipped(at):
                if self.text[at] == "'" and self.language.character:
                    yield (at, after), self.language.character
                at = after
            elif at > span[0] and self.text[at] == "[" and re.match(r"[\w\])]", self.text[at - 1]):
                at = self._group_end(at)  # an index, which is no value
            elif word := self._word.match(self.text, at):
                if word.group() in self.language.flips:
                    yield word.span(), self.language.flips[word.group()]
                at = word.end()
            elif number := _NUMBER.match(self.text, at):
                # By its first digit: one more would be no change to a rounded comparison.
                digit = int(self.text[at])
                yield (at, at + 1), str(digit - 1 if digit > 1 else digit + 1)
                at = number.end()
            else:
                at += 1
