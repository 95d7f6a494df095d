"""McEval's test programs as the judge runs them: with a proof behind the last test, or changed.

The tests of a task are a program of their language, written by hand: assertions of several
forms between other statements. languages.toml describes the forms. In the control run each
assertion expects another value where one can be seen in it, and is negated elsewhere; each
says then whether it failed or held. Where what says so is a part of the program's own language
that a program can define anew, the published assertion stands before it and has to hold, as it
did in the run that passed: else a program could have everything fail.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from opencodeeval.core.errors import DataError

from .languages import Form, Language
from .texts import Span, Texts

FELL, HELD = "@@FELL@@", "@@HELD@@"
# Of a one-sided bound no other value is known that fails.
_DISTANCE = re.compile(r"(?i)\bf?abs\b")


@dataclass(frozen=True)
class Test:
    """One assertion: the place of its statement, and of what stands between its ends."""

    statement: Span
    inside: Span
    form: Form


@dataclass(frozen=True)
class Control:
    """The tests of the control run: how many of them have another value, and how many are negated.

    `unchanged` are assertions that are run as published, of forms without a safe change;
    `holding` those that are run as published too, before their changed form, and have to hold.
    """

    tests: str
    changed: int
    negated: int
    unchanged: int
    holding: int


def published_tests(tests: str, language: Language) -> list[Test]:
    """The assertions of a test program that have a known form, in its order."""
    texts = Texts(tests, language)
    found: list[Test] = []
    at = 0
    while at < len(tests):
        test = _test_at(texts, at, language)
        if test is not None:
            found.append(test)
            at = test.statement[1]
        else:
            at = texts.skipped(at) or at + 1
    return found


def proven(tests: str, language: Language) -> str:
    """The test program with a statement behind the last test that prints the proof.

    Raises:
        DataError: it has no place for one.
    """
    tests = language.head + tests
    for before, text in language.proofs.items():
        if place := re.search(before, tests):
            return f"{tests[: place.start()]}{text}\n{tests[place.start() :]}"
    if not language.proof_before:
        return f"{tests.rstrip()}{language.proof}\n"
    places = list(re.finditer(language.proof_before, tests))
    if not places:
        raise DataError("its test has no place behind the last assertion: fetch the data again")
    at = places[-1].start()
    return f"{tests[:at]}{language.proof}\n{tests[at:]}"


def control(tests: str, language: Language, entry: str, once: bool = False) -> Control:
    """The test program of the control run: see the kind "program", sandbox/guest/README.md.

    With `once` no assertion is run twice, for what it calls changes its argument.

    Raises:
        DataError: it has no assertion of a known form.
    """
    texts = Texts(tests, language)
    pieces, at, counts = [], 0, {"changed": 0, "negated": 0, "unchanged": 0, "holding": 0}
    for test in published_tests(tests, language):
        statement, how = _other(texts, test, language, entry)
        counts[how] += 1
        start, end = test.statement
        failing = _failing(tests, test, statement, language)
        if (
            not once
            and how != "unchanged"
            and HELD in failing
            and _can_stand_twice(tests, test, language)
        ):
            counts["holding"] += 1
            failing = _holding(tests, test, language) + failing
        pieces += [tests[at:start], failing]
        at = end
    text = "".join([*pieces, tests[at:]])
    for old, new in language.replaces.items():
        text = re.sub(old, new.replace("\\", r"\\"), text, flags=re.DOTALL)
    if not counts["changed"] + counts["negated"]:
        raise DataError("its test has no assertion of a known form: fetch the data again")
    return Control(proven(language.prelude + text, language), **counts)


def _test_at(texts: Texts, at: int, language: Language) -> Test | None:
    for form in language.forms:
        opening = re.compile(form.opens).match(texts.text, at)
        if opening is None or not texts.is_start(at):
            continue
        closing = texts.found(re.compile(form.closes), opening.end())
        if closing is not None:
            return Test((at, closing[1]), (opening.end(), closing[0]), form)
    return None


def _other(texts: Texts, test: Test, language: Language, entry: str) -> tuple[str, str]:
    """The statement with another expected value or negated, and which of the two."""
    text, form = texts.text, test.form
    place = None if form.inverted else _expected(texts, test, language, entry)
    if place is not None:
        (start, end), new = place
        return text[test.statement[0] : start] + new + text[end : test.statement[1]], "changed"
    if not form.negated:
        return text[slice(*test.statement)], "unchanged"
    condition = test.inside if form.pair else texts.split(test.inside, form.message)[0]
    return form.negated.replace("@COND@", text[slice(*condition)].strip()), "negated"


def _expected(texts: Texts, test: Test, language: Language, entry: str) -> tuple[Span, str] | None:
    """The place of a value that an assertion expects, and another value for it."""
    form = test.form
    if form.pair:
        parts = texts.split(test.inside, form.separator)
        if len(parts) < 2:
            return None
        calls = [bool(texts.calls(part, entry)) for part in parts[:2]]
        return _changed(texts, parts[calls.index(False) if sum(calls) == 1 else form.expected])
    condition = texts.split(test.inside, form.message)[0]
    if len(texts.split(condition, language.either)) > 1:
        return None
    condition = texts.split(condition, language.both)[-1]
    sides = texts.split(condition, language.equal)
    if len(sides) == 2:
        return _of_sides(texts, sides, language, entry)
    bounded = texts.split(condition, language.below)
    if len(bounded) == 2 and _DISTANCE.search(texts.text, *bounded[0]):
        return _last(texts, bounded[0], texts.calls(bounded[0], entry))
    if language.compares and re.match(language.compares, texts.text[slice(*condition)].strip()):
        return _last(texts, condition, texts.calls(condition, entry))
    return None


def _of_sides(
    texts: Texts, sides: list[Span], language: Language, entry: str
) -> tuple[Span, str] | None:
    left, right = sides
    if language.compares and re.match(language.compares, texts.text[slice(*left)].strip()):
        # A comparison whose result is compared with 0 or true: what counts is inside.
        return _last(texts, left, texts.calls(left, entry))
    expected = left if texts.calls(right, entry) and not texts.calls(left, entry) else right
    return _changed(texts, expected)


def _changed(texts: Texts, expected: Span) -> tuple[Span, str] | None:
    found = _last(texts, expected, [])
    if found is None and texts.language.other:
        return texts.stripped(expected), texts.language.other
    return found


def _last(texts: Texts, region: Span, without: list[Span]) -> tuple[Span, str] | None:
    """The last literal of a region that can be changed, and what it becomes."""
    kept: Iterator[tuple[Span, str]] = (
        (place, new)
        for place, new in texts.literals(region)
        if not any(start <= place[0] < end for start, end in without)
    )
    return max(kept, default=None)


def _can_stand_twice(tests: str, test: Test, language: Language) -> bool:
    """Whether the statement can be put before itself: it is not the body of what stands before."""
    if language.stands_once or "@TEST@" not in (test.form.failing or language.failing):
        return False
    return not tests[: test.statement[0]].rpartition("\n")[2].strip()


def _holding(tests: str, test: Test, language: Language) -> str:
    """What runs a published assertion before its changed form, and counts as if it had failed."""
    statement = tests[slice(*test.statement)]
    said = _failing(tests, test, statement, language)
    swapped = said.replace(HELD, "\0").replace(FELL, HELD).replace("\0", FELL)
    before = tests[: test.statement[0]].rpartition("\n")[2]
    return f"{swapped}\n{before}"


def _failing(tests: str, test: Test, statement: str, language: Language) -> str:
    """What runs a changed assertion, says whether it failed, and goes on."""
    template = test.form.failing or language.failing
    before = tests[: test.statement[0]].rpartition("\n")[2]
    indent = before[: len(before) - len(before.lstrip())]
    lines = template.replace("\n", f"\n{indent}")
    inside = tests[slice(*test.inside)]
    return lines.replace("@TEST@", statement).replace("@COND@", inside)
