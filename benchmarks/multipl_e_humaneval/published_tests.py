"""The published tests as the judge runs them: with a proof behind the last one, or all changed.

A test is a statement in the program's own language: a call, what it expects, and words
around them (languages.toml). In the control run every test has another expected value, which
no right program returns, so that each has to fail.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from opencodeeval.benchmarks.programs.literals import string_end, with_other_literal
from opencodeeval.core.errors import DataError

from .languages import Language

_OPENING, _CLOSING = "([{", ")]}"


@dataclass(frozen=True)
class Test:
    """One test: the places of its statement and of the expected value, in code points.

    A test that has no expected value (`bare` languages) has an empty one at its end.
    """

    start: int
    end: int
    expected_start: int
    expected_end: int

    @property
    def bare(self) -> bool:
        """Whether it has no expected value."""
        return self.expected_start == self.expected_end


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
    """The test program with a statement behind the last test that prints the proof.

    Raises:
        DataError: it has no test, or what stands behind its tests has no known form.
    """
    end = _proof_place(tests, published_tests(tests, language)[-1].end, language)
    return f"{tests[:end]}\n{language.proof}{tests[end:]}"


def control(tests: str, language: Language) -> dict[str, Any]:
    """The test program of the control run: see the kind "program", sandbox/guest/README.md."""
    found = published_tests(tests, language)
    values = [tests[test.expected_start : test.expected_end] for test in found]
    pieces, at = [], 0
    for test, value in zip(found, values, strict=True):
        other = "" if test.bare else _other_value(value, values, language)
        changed = _changed(tests, test, other, language)
        pieces += [tests[at : test.start], language.failing.replace("TEST", changed)]
        at = test.end
    place = _proof_place(tests, at, language)
    proof = language.ended or language.proof
    text = f"{''.join(pieces)}{tests[at:place]}\n{proof}{tests[place:]}"
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
        elif depth == 0 and (middle or language.bare) and text == language.closes:
            middle = middle or (at, at)
            places = (inside, middle[0]) if language.expected_first else (middle[1], at)
            return Test(start, mark.end(), *places)
        elif tests[at] in language.quotes:
            at = string_end(tests, at)
        else:
            depth += (tests[at] in _OPENING) - (tests[at] in _CLOSING)
            if depth < 0:
                return None
            at += 1
    return None


def _proof_place(tests: str, end: int, language: Language) -> int:
    """Where the proof stands: behind the last test, or later where that is no place for it."""
    if not language.proof_before:
        return end
    found = re.compile(language.proof_before).search(tests, end)
    if found is None:
        raise DataError("its tests have no end of a known form: fetch the data again")
    return found.start()


@cache
def _marks(language: Language) -> re.Pattern[str]:
    """What the end of a test is found by."""
    marks = [language.closes, *language.parts, *language.quotes, *_OPENING, *_CLOSING]
    return re.compile("|".join(map(re.escape, marks)))


def _other_value(value: str, values: Sequence[str], language: Language) -> str:
    """What replaces an expected value; empty where nothing of its type is at hand."""
    changed = with_other_literal(value, language.quotes, language.flips)
    if changed or language.other:
        return changed or language.other
    return next(
        (each for each in values if with_other_literal(each, language.quotes, language.flips)), ""
    )


def _changed(tests: str, test: Test, value: str, language: Language) -> str:
    """The statement of a test with another expected value; the test's negation without one."""
    if value:
        before, after = test.expected_start, test.expected_end
        return tests[test.start : before] + value + tests[after : test.end]
    inside = slice(test.start + len(language.opens), test.end - len(language.closes))
    return f"{language.opens}!({tests[inside]}){language.closes}"
