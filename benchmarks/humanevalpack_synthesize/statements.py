"""The published tests as the judge runs them: with a proof behind the last one, or all changed.

A test is an assertion, in Java an element of a list of truth values. In the control run each
has another expected value, so that no right program passes it; one without an expected value
to change becomes its own negation. An assertion in a loop has to fail once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from opencodeeval.benchmarks.programs.literals import with_other_literal
from opencodeeval.core.errors import DataError

from .languages import TestPrograms
from .source import Source

FELL = "@@FELL@@"
_CLOSE_TO = re.compile(r"\b\w*abs\s*\(")
_LISTED = re.compile(r"\bcorrect\s*=\s*Arrays\.asList\(")
_THROWS = re.compile(r"\)\s*\{\s*throw new AssertionError\(\);\s*\}")


@dataclass(frozen=True)
class Test:
    """One assertion: the places of its statement and of what is between its parentheses."""

    start: int
    inside_start: int
    inside_end: int
    end: int


@dataclass(frozen=True)
class _Control:
    """Changes the tests of one program; `entry_point` is the function that they call."""

    source: Source
    rules: TestPrograms
    entry_point: str

    def condition(self, start: int, end: int) -> str:
        """A condition that is true of right programs, as one that is false."""
        text = self.source.text[start:end]
        begins = end - len(self.source.plain[start:end].lstrip())
        if self.source.plain[begins] == "(":
            closes = self.source.close(begins)
            if not self.source.plain[closes + 1 : end].strip():
                return f"({self.condition(begins + 1, closes)})"
        for sign in ("===", "=="):
            sides = self.source.split(start, end, sign)
            if len(sides) == 2:
                return self._pair(start, end, sides) or self._not(text)
        opening = self.source.plain.find("(", start, end)
        name = self.source.plain[start:opening].strip() if opening >= 0 else ""
        closes = self.source.close(opening) if opening >= 0 else -1
        alone = closes >= 0 and not self.source.plain[closes + 1 : end].strip()
        if alone and name in self.rules.pair:
            places = self.source.split(opening + 1, closes, ",")
            return self._pair(start, end, places[:2]) or self._not(text)
        if alone and name.endswith(".equals"):
            changed = self._other(opening + 1, closes)
            return self._replaced(start, end, (opening + 1, closes), changed) or self._not(text)
        return self._near(start, end) or self._equals(start, end) or self._not(text)

    def arguments(self, start: int, end: int) -> str:
        """The arguments of an assertion that two values are equal, with one of them changed."""
        places = self.source.split(start, end, ",")
        if not places[-1:] or not self.source.text[slice(*places[-1])].strip():
            places = places[:-1]
        if len(places) < 2:
            raise DataError("its tests compare one value alone: fetch the data again")
        changed = self._pair(start, end, places[:2])
        if changed:
            return changed
        values = [self.source.text[slice(*place)].strip() for place in places[:2]]
        return re.sub(r"\b[AB]\b", lambda name: values["AB".index(name[0])], self.rules.negated)

    def _not(self, text: str) -> str:
        return f"!({text.strip()})"

    def _pair(self, start: int, end: int, sides: list[tuple[int, int]]) -> str:
        """A stretch in which one of two sides is another value; empty where none is found."""
        calls = [self._calls(*side) for side in sides]
        if calls[0] == calls[1]:
            # Of another function than the one that is tested, such as its inverse.
            calls = ["(" in self.source.plain[slice(*side)] for side in sides]
        expected = sides[0] if calls == [False, True] else sides[1]
        return self._replaced(start, end, expected, self._other(*expected))

    def _calls(self, start: int, end: int) -> bool:
        called = rf"\b{re.escape(self.entry_point)}\b"
        return re.search(called, self.source.plain[start:end]) is not None

    def _other(self, start: int, end: int) -> str:
        value = self.source.text[start:end]
        kept = re.match(self.rules.kept, value)
        kept_end = kept.end() if kept else 0
        rest = with_other_literal(value[kept_end:], self.rules.quotes, self.rules.flips)
        if rest or not self.rules.other:
            return value[:kept_end] + rest if rest else ""
        lead = value[: len(value) - len(value.lstrip())]
        return lead + self.rules.other.replace("EXPECTED", value.strip())

    def _replaced(self, start: int, end: int, place: tuple[int, int], changed: str) -> str:
        if not changed:
            return ""
        return self.source.text[start : place[0]] + changed + self.source.text[place[1] : end]

    def _near(self, start: int, end: int) -> str:
        """A condition that a difference is small, with another value subtracted."""
        if len(self.source.split(start, end, "<")) != 2:
            return ""
        found = _CLOSE_TO.search(self.source.plain, start, end)
        if found is None:
            return ""
        opening = found.end() - 1
        inside = opening + 1, self.source.close(opening)
        parts = max((self.source.split(*inside, sign) for sign in "-+"), key=len)
        if len(parts) < 2 or not self._calls(*parts[0]):
            return ""
        value = with_other_literal(self.source.text[slice(*parts[-1])], "", {})
        return self._replaced(start, end, parts[-1], value)

    def _equals(self, start: int, end: int) -> str:
        """A call of a method `equals`, with another argument."""
        found = list(re.finditer(r"\.equals\(", self.source.plain[start:end]))
        opening = start + found[-1].end() - 1 if found else -1
        closes = self.source.close(opening) if found else -1
        if not found or self.source.plain[closes + 1 : end].strip():
            return ""
        if self.source.plain[start:end].lstrip().startswith("!"):
            return ""
        return self._replaced(start, end, (opening + 1, closes), self._other(opening + 1, closes))


def published_tests(source: Source, rules: TestPrograms) -> list[Test]:
    """The assertions of a published test program, in its order.

    Raises:
        DataError: there are none.
    """
    found: list[Test] = []
    for opening in re.finditer(rules.statement, source.plain):
        if found and opening.start() < found[-1].end:
            continue
        inside = opening.end()
        closes = source.close(inside - 1)
        if closes < 0:
            continue
        end = re.compile(r"[ \t]*;?").match(source.plain, closes + 1)
        assert end
        found.append(Test(opening.start(), inside, closes, end.end()))
    if not found:
        raise DataError("its tests have no assertion of a known form: fetch the data again")
    return found


def proven(tests: str, rules: TestPrograms) -> str:
    """The test program with a statement behind the last test that prints the proof."""
    source = Source(tests, rules)
    end = _end(source, rules)
    return f"{tests[:end]}\n{rules.proof}\n{tests[end:]}"


def control(tests: str, rules: TestPrograms, entry_point: str) -> dict[str, Any]:
    """The test program of the control run: see the kind "program", sandbox/guest/README.md."""
    source = Source(tests, rules)
    changes = _Control(source, rules, entry_point)
    if _is_java(rules):
        edits, times = _java(changes)
    else:
        published = published_tests(source, rules)
        edits = [(each.start, each.end, _failing(changes, each)) for each in published]
        edits = [
            (start, end, rules.failing.replace("TEST", text).replace("NUMBER", str(number)))
            for number, (start, end, text) in enumerate(edits)
        ]
        times = len(edits)
    end = _end(source, rules)
    pieces, at = [], 0
    for start, stop, text in [*edits, (end, end, f"\n{rules.ended or rules.proof}\n")]:
        pieces += [tests[at:start], text]
        at = stop
    return {"tests": rules.prelude + "".join(pieces) + tests[at:], "fell": FELL, "times": times}


def _end(source: Source, rules: TestPrograms) -> int:
    """Where the function with the tests ends, behind all of them."""
    published = _throwing(source, rules) if _is_java(rules) else published_tests(source, rules)
    end = source.last_braces(rules.closes)
    if end < published[-1].end:
        raise DataError("its tests do not end as they should: fetch the data again")
    return end


def _failing(changes: _Control, test: Test) -> str:
    """An assertion's statement, changed."""
    text, inside = changes.source.text, (test.inside_start, test.inside_end)
    begins = text[test.start : test.inside_start]
    if begins.rstrip("( \t") in changes.rules.pair:
        return f"{begins}{changes.arguments(*inside)}{text[test.inside_end : test.end]}"
    # Behind a condition there may be a message.
    start, end = changes.source.split(*inside, ",")[0]
    label = f", {changes.rules.label}" if changes.rules.label else ""
    return f"{begins}{changes.condition(start, end)}{label}{text[end : test.end]}"


def _is_java(rules: TestPrograms) -> bool:
    return rules.file.endswith(".java")


def _throwing(source: Source, rules: TestPrograms) -> list[Test]:
    """Java's assertions: conditions under which an AssertionError is thrown."""
    found = []
    for opening in re.finditer(rules.statement, source.plain):
        closes = source.close(opening.end() - 1)
        throws = _THROWS.match(source.plain, closes) if closes >= 0 else None
        if throws:
            found.append(Test(opening.start(), opening.end(), closes, throws.end()))
    if not found:
        raise DataError("its tests throw no AssertionError: fetch the data again")
    return found


def _java(changes: _Control) -> tuple[list[tuple[int, int, str]], int]:
    """The changes of Java's tests, and how many tests these are."""
    source, rules = changes.source, changes.rules
    listed = _LISTED.search(source.plain)
    edits, times = [], 0
    if listed:
        closes = source.close(listed.end() - 1)
        for start, end in source.split(listed.end(), closes, ","):
            edits.append((start, end, f"\n{changes.condition(start, end)}"))
        times = len(edits)
        said = f'for (Boolean each_ : correct) if (!each_) System.out.println("{FELL}");'
        after = source.plain.find(";", closes) + 1
        edits.append((after, after, said))
    for number, test in enumerate(_throwing(source, rules)):
        inside = source.text[test.inside_start : test.inside_end]
        # The list has a wrong value already.
        held = inside if listed and "correct." in inside else f"!({inside})"
        statement = f"if ({held}{source.text[test.inside_end : test.end]}"
        text = rules.failing.replace("TEST", statement).replace("NUMBER", str(number))
        edits.append((test.start, test.end, text))
        times += 1
    return edits, times
