"""What is known of each of McEval's languages: the tables of languages.toml, as values."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from opencodeeval.core.errors import DataError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


class Form(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One form of an assertion; languages.toml says what the fields are."""

    opens: str
    closes: str
    pair: bool = False
    separator: str = ","
    expected: int = 1
    message: str = ""
    inverted: bool = False
    negated: str = ""
    failing: str = ""


class Answers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How an answer becomes a program; languages.toml says what the fields are."""

    defines: str
    signed: bool = False
    within: str = ""
    imports: str = ""
    mains: tuple[str, ...] = ()
    drops: tuple[str, ...] = ()
    cuts: str = ""
    ends: dict[str, str] = {}
    once: bool = False
    tail: str = ""
    documents: str = ""


class Sound(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the protocol without the publisher's traps has of its own."""

    rounds: tuple[tuple[tuple[str, ...], ...], ...] = ()
    passes: dict[str, Any] = {}
    tests: tuple[str, ...] = ()


class Language(msgspec.Struct, frozen=True, eq=False, forbid_unknown_fields=True):
    """One language; languages.toml says what the fields are."""

    title: str
    rows: str
    file: str
    forms: tuple[Form, ...]
    failing: str
    proof: str
    joint: str
    rounds: tuple[tuple[tuple[str, ...], ...], ...]
    answers: Answers
    quotes: str = '"'
    escapes: bool = True
    skips: str = ""
    character: str = ""
    word: str = r"[A-Za-z_#$@]\w*"
    flips: dict[str, str] = {}
    other: str = ""
    equal: str = " == "
    below: str = " <=? "
    both: str = " && "
    either: str = r" \|\| "
    compares: str = ""
    aliases: tuple[str, ...] = ()
    front: str = ""
    head: str = ""
    prelude: str = ""
    replaces: dict[str, str] = {}
    proof_before: str = ""
    proofs: dict[str, str] = {}
    fell: str = ""
    stands_once: bool = False
    untested: tuple[str, ...] = ()
    changing: tuple[str, ...] = ()
    tests_first: bool = False
    between: str = "\n"
    passes: dict[str, Any] = {}
    environ: dict[str, str] = {}
    endless_passes: bool = False
    sound: Sound = Sound()


@cache
def languages() -> dict[str, Language]:
    """All languages by the names of their data versions."""
    table = tomllib.loads(Path(__file__).with_name("languages.toml").read_text("utf-8"))
    return msgspec.convert(table, dict[str, Language])


def language_of(task_id: str) -> tuple[str, Language]:
    """The language of a row, by the publisher's task id ("Common Lisp/3"), and its name here.

    Raises:
        DataError: there is none of this name.
    """
    rows = task_id.rpartition("/")[0]
    for name, language in languages().items():
        if language.rows == rows:
            return name, language
    known = ", ".join(language.rows for language in languages().values())
    raise DataError(f"its language {rows!r} is not known: use one of {known}")
