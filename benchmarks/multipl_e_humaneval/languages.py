"""What is known of each language: the tables of languages.toml, as values."""

from __future__ import annotations

import re
import sys
from functools import cache
from pathlib import Path

import msgspec

from opencodeeval.benchmarks.programs.grading import Grading
from opencodeeval.core.errors import DataError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


class Prelude(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`text` to be put before the line that begins with `before`."""

    before: str
    text: str


class Answers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a chat model's answer becomes a program."""

    defines: str = "NAME"
    between: str = ""
    replaces: dict[str, str] = {}
    spared: tuple[int, ...] = ()
    wraps: str = ""
    only: bool = False
    main: str = ""
    closed: int = 0
    balanced: bool = False
    keeps: str = ""
    imports: tuple[str, ...] = ()
    once: bool = False
    begins: str = ""
    headed: str = ""
    adds: dict[str, str] = {}
    renames: dict[str, str] = {}


class Language(msgspec.Struct, frozen=True, eq=False, forbid_unknown_fields=True):
    """One language; languages.toml says what the fields are."""

    title: str
    name: str
    file: str
    opens: str
    expects: str | tuple[str, ...]
    closes: str
    quotes: str
    joint: str
    flips: dict[str, str]
    failing: str
    proof: str
    grading: dict[str, Grading]
    answers: Answers = Answers()
    expected_first: bool = False
    other: str = ""
    fell: str = "@@FELL@@"
    prelude: Prelude | None = None
    header: str = ""
    includes: tuple[str, ...] = ()
    opening: str = ""
    closing: str = ""
    stop: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    rows: str = ""
    environ: dict[str, str] = {}
    bare: bool = False
    proof_before: str = ""
    ended: str = ""

    @property
    def parts(self) -> tuple[str, ...]:
        """The texts of which one stands between a call and its expected value."""
        return (self.expects,) if isinstance(self.expects, str) else self.expects

    def graded_by(self, rules: str) -> Grading:
        """The grading of "qwen", "fixed" (else as qwen), "nuprl" or "chat" (else as nuprl).

        Raises:
            DataError: these are rules of Qwen's, whose evaluations do not have the language.
        """
        if rules != "nuprl" and "qwen" not in self.grading:
            raise DataError(f"Qwen's evaluations have no {self.title}: use --protocol multipl-e")
        other = {"fixed": "qwen", "chat": "nuprl"}
        return self.grading[rules if rules in self.grading else other[rules]]

    def function(self, tests: str) -> str:
        """The name of the function that these tests call.

        Raises:
            DataError: they name none.
        """
        found = re.search(self.name, tests)
        if found is None:
            raise DataError("its tests name no function: fetch the data again")
        return found.group(1)


@cache
def languages() -> dict[str, Language]:
    """All languages by the names that the data sets have for them."""
    table = tomllib.loads(Path(__file__).with_name("languages.toml").read_text("utf-8"))
    return msgspec.convert(table, dict[str, Language])


def name_of(rows: str) -> str:
    """The short name of the language that a row calls so; the same name where none is known."""
    return next((name for name, each in languages().items() if each.rows == rows), rows)


def language_of(name: str) -> Language:
    """The language of a row.

    Raises:
        DataError: there is none of this name.
    """
    if name not in languages():
        known = ", ".join(languages())
        raise DataError(f"its language {name!r} is not known: use one of {known}")
    return languages()[name]
