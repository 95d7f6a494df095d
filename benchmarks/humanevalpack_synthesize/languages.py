"""What is known of each language: the tables of languages.toml, as values."""

from __future__ import annotations

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


class TestPrograms(msgspec.Struct, frozen=True, eq=False, forbid_unknown_fields=True):
    """How the published tests of one language are made, run and changed."""

    file: str
    strings: tuple[str, ...]
    comments: tuple[str, ...]
    statement: str
    closes: int
    quotes: str
    flips: dict[str, str]
    joint: str
    proof: str
    grading: Grading
    pair: tuple[str, ...] = ()
    other: str = ""
    negated: str = ""
    failing: str = "TEST"
    label: str = ""
    kept: str = ""
    ended: str = ""
    prelude: str = ""
    environ: dict[str, str] = {}


class Language(msgspec.Struct, frozen=True, eq=False, forbid_unknown_fields=True):
    """One language; languages.toml says what the fields are."""

    title: str
    braces: int
    stop: tuple[str, ...] = ()
    header: tuple[str, ...] = ()
    limits: dict[str, float] = {}
    program: TestPrograms | None = None


@cache
def languages() -> dict[str, Language]:
    """All languages by the names that the data set has for them."""
    table = tomllib.loads(Path(__file__).with_name("languages.toml").read_text("utf-8"))
    return msgspec.convert(table, dict[str, Language])


# How a task's id begins in each language.
_OF_IDS = {
    "Python": "python",
    "CPP": "cpp",
    "JavaScript": "js",
    "Java": "java",
    "Go": "go",
    "Rust": "rust",
}


def language_name(task_id: str) -> str:
    """The language of a task, by its id.

    Raises:
        DataError: it names none.
    """
    name = _OF_IDS.get(task_id.partition("/")[0])
    if name is None:
        known = ", ".join(f"{each}/0" for each in _OF_IDS)
        raise DataError(f"its task_id names no language: it must be of a form like {known}")
    return name
