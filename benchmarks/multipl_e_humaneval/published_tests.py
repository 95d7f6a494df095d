"""The published tests as the judge runs them: with a proof behind the last one, or all changed.

A test is a statement in the program's own language: a call, what it expects, and words
around them (languages.toml). In the control run every test has another expected value, which
no right program returns, so that each has to fail.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from opencodeeval.core.errors import DataError

from .languages import Language

PROOF = "@@PROOF@@"
_OPENING, _CLOSING = "([{", ")]}"
_WORD = re.compile(r"[A-Za-z_#$][\w]*")
_NUMBER = re.compile(r"\d+(?:\.\d*)?(?:[eE][-+]?\d+)?\w*")


@dataclass(frozen=True)
class Test:
    """One test: the places of its statement and of the expected value, in code points."""

    start: int
    end: int
    expected_start: int
    expected_end: int


def published_tests(tests: str, language: Language) -> list[Test]:
    """The tests of a published test program, in its order.

    Raises:
        DataError: there are none.
    """
    found: list[Test] = []
    for opening in re.finditer(rf"^[ \t]*{re.escape(language.opens)}", tests, re.MULTILINE):
        if found and opening.start() < found[-1].end:
            continue  # a line inside a string
        test = _test(tests, opening.end(), language)
        if test is not None:
            found.append(test)
    if not found:
        raise DataError("its tests have no assertion of a known form: fetch the data again")
    return found


def proven(tests: str, language: Language) -> str:
    """The test program with a statement behind the last test that prints the proof."""
    end = published_tests(tests, language)[-1].end
    return f"{tests[:end]}\n{language.proof}{tests[end:]}"


def control(tests: str, language: Language) -> dict[str, Any]:
    """The test program of the control run: see the kind "program", sandbox/guest/README.md."""
    found = published_tests(tests, language)
    values = [tests[test.expected_start : test.expected_end] for test in found]
    pieces, at = [], 0
    for test, value in zip(found, values, strict=True):
        changed = _changed(tests, test, _other_value(value, values, language), language)
        pieces += [tests[at : test.start], language.failing.replace("TEST", changed)]
        at = test.end
    text = f"{''.join(pieces)}\n{language.proof}{tests[at:]}"
    if language.prelude:
        before, added = language.prelude.before, language.prelude.text
        text = text.replace(f"\n{before}", f"\n{added}{before}", 1)
    return {"tests": text, "fell": language.fell, "times": len(found)}


def _test(tests: str, inside: int, language: Language) -> Test | None:
    """The test whose statement goes on from here."""
    start, depth, at = inside - len(language.opens), 0, inside
    middle = None
    while mark := _marks(language).search(tests, at):
        at, text = mark.span()[0], mark.group()
        if depth == 0 and middle is None and text in language.parts:
            middle = mark.span()
            at = mark.end()
        elif depth == 0 and middle and text == language.closes:
            places = (inside, middle[0]) if language.expected_first else (middle[1], at)
            return Test(start, mark.end(), *places)
        elif tests[at] in language.quotes:
            at = _string_end(tests, at)
        else:
            depth += (tests[at] in _OPENING) - (tests[at] in _CLOSING)
            if depth < 0:
                return None
            at += 1
    return None


@cache
def _marks(language: Language) -> re.Pattern[str]:
    """What the end of a test is found by."""
    marks = [language.closes, *language.parts, *language.quotes, *_OPENING, *_CLOSING]
    return re.compile("|".join(map(re.escape, marks)))


def _string_end(text: str, at: int) -> int:
    """The place behind the string that begins here."""
    quote, at = text[at], at + 1
    while at < len(text) and text[at] != quote:
        at += 2 if text[at] == "\\" else 1
    return at + 1


def _other_value(value: str, values: Sequence[str], language: Language) -> str:
    """What replaces an expected value; empty where nothing of its type is at hand."""
    last = _last_literal(value, language)
    if last:
        start, end, text = last
        return value[:start] + text + value[end:]
    if language.other:
        return language.other
    return next((each for each in values if _last_literal(each, language)), "")


def _changed(tests: str, test: Test, value: str, language: Language) -> str:
    """The statement of a test with another expected value; the test's negation without one."""
    if value:
        before, after = test.expected_start, test.expected_end
        return tests[test.start : before] + value + tests[after : test.end]
    inside = slice(test.start + len(language.opens), test.end - len(language.closes))
    return f"{language.opens}!({tests[inside]}){language.closes}"


def _last_literal(value: str, language: Language) -> tuple[int, int, str] | None:
    """The last literal of an expected value that can be changed: its place and the new text.

    Not the first: in a table that is a key, of which none may be there twice.
    """
    return max(_literals(value, language), default=None)


def _literals(value: str, language: Language) -> Iterator[tuple[int, int, str]]:
    at = 0
    while at < len(value):
        if value[at] in language.quotes:
            yield at + 1, at + 1, "x"
            at = _string_end(value, at)
        elif word := _WORD.match(value, at):
            if word.group() in language.flips:
                yield at, word.end(), language.flips[word.group()]
            at = word.end()
        elif number := _NUMBER.match(value, at):
            # By its first digit: one more would be no change to a rounded comparison.
            digit = int(value[at])
            yield at, at + 1, str(digit - 1 if digit > 1 else digit + 1)
            at = number.end()
        else:
            at += 1
