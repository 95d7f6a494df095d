"""Benchmark cards: what `benchmarks/<family>/card.toml` says of each family.

A card is data, not code: where the rows come from and how to know them, and
the protocols with their stop strings, limits and sampling defaults. Beside it
lie the prompt templates (`*.jinja`) and the table of quirks (`quirks.toml`).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from opencodeeval.core.paths import benchmarks_dir
from opencodeeval.core.types import Sampling

if TYPE_CHECKING:
    from jinja2 import Environment

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True)
class Source:
    """Where the publisher keeps a data version.

    `kind` "huggingface": `dataset` is the id on the Hub, `revision` a commit,
    `config` one of the data set's configurations where it has several.
    `kind` "evalplus": `dataset` is the file's stem, `revision` the release.
    `kind` "github": `dataset` is OWNER/REPOSITORY/PATH of a file, `revision` a commit.
    `kind` "files": files as they lie in the data set `dataset` of the Hub.
    `kind` "shipped": `dataset` is a path below the benchmarks folder.
    """

    kind: Literal["huggingface", "evalplus", "files", "github", "shipped"]
    dataset: str
    revision: str
    split: str = ""
    config: str = ""


@dataclass(frozen=True)
class Patch:
    """The one text, `old` to `new` in a field of a task, in which a version differs from another.

    For publishers who make a version from the one before and publish how.
    """

    version: str
    task_id: str
    field: str
    old: str
    new: str


@dataclass(frozen=True)
class Part:
    """A file that several data versions share; `name` is the publisher's."""

    name: str
    tasks: int
    bytes: int
    sha256: str


@dataclass(frozen=True)
class DataVersion:
    """One version of a benchmark's rows.

    `files` are the paths to look for below a folder of data files, in order.
    `bytes` and `sha256` are of the uncompressed file; `rows_sha256` is the
    digest of the rows' used fields, sorted by task id. Empty digests mean
    that the version is not checked; of a version that is published as a table
    only the rows are. `patch` makes it from another version's file. `md5`, of
    the same bytes as `sha256`, is what the publisher's own results name it by.
    `renamed` maps names of fields that some files have to those of the card, and
    `filled` has what fields are where a file leaves them out. A version of
    `parts` is these files one after another, each checked by its own digest.
    """

    name: str
    tasks: int
    files: tuple[str, ...]
    source: Source
    bytes: int = 0
    sha256: str = ""
    rows_sha256: str = ""
    md5: str = ""
    patch: Patch | None = None
    renamed: Mapping[str, str] = field(default_factory=dict)
    filled: Mapping[str, Any] = field(default_factory=dict)
    parts: tuple[Part, ...] = ()


@dataclass(frozen=True)
class ProtocolCard:
    """A named, versioned way to prompt, extract and grade.

    `stop` maps the start of a template's name to its stop strings; `limits`
    are in seconds (`*_s`) and MiB (`*_mb`). `options` are the family's own.
    """

    name: str
    version: str
    description: str
    suites: tuple[str, ...]
    headline: str
    stop: Mapping[str, tuple[str, ...]]
    limits: Mapping[str, Any]
    sampling: Sampling
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Card:
    """One family; of `versions` and `protocols` the first is the default.

    `environment` names what its programs need beside Python and NumPy, if anything.
    `formats` are the tools whose files its samples and verdicts can be written as
    (opencodeeval/interchange).
    `like` names the family whose templates and quirks it has, and all that its own
    card does not say.
    `heavy` is the field of a row that is too large to be kept in memory. With
    `own_rows` a file of rows in the publisher's format can be named as a version.
    """

    name: str
    title: str
    licence: str
    homepage: str
    description: str
    fields: tuple[str, ...]
    versions: tuple[DataVersion, ...]
    protocols: tuple[ProtocolCard, ...]
    environment: str = ""
    formats: tuple[str, ...] = ()
    like: str = ""
    heavy: str = ""
    own_rows: bool = False

    @property
    def folder(self) -> Path:
        """The folder of the family's templates and quirks."""
        return benchmarks_dir() / (self.like or self.name)


def families() -> list[str]:
    """The names of all families that have a card, in alphabetical order."""
    return sorted(path.parent.name for path in benchmarks_dir().glob("*/card.toml"))


@cache
def read_card(family: str) -> Card:
    """The card of a family that `families()` names."""
    table = _table(family)
    ranges = _ranges(family, table)
    return Card(
        **{
            **table,
            "fields": tuple(table["fields"]),
            "formats": tuple(table.get("formats", ())),
            "versions": (*(_version(each) for each in table.get("versions", ())), *ranges),
            "protocols": tuple(_protocol(each) for each in _whole(table["protocols"])),
        }
    )


def _table(family: str) -> dict[str, Any]:
    with (benchmarks_dir() / family / "card.toml").open("rb") as file:
        table = tomllib.load(file)
    return {**_table(table["like"]), **table} if "like" in table else table


def _whole(protocols: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The protocols; one that is `like` an earlier one has what it does not say from that."""
    whole: dict[str, dict[str, Any]] = {}
    for table in protocols:
        other = whole[table["like"]] if "like" in table else {}
        own = {name: value for name, value in table.items() if name != "like"}
        whole[table["name"]] = {**other, **own}
    return list(whole.values())


def _ranges(family: str, table: dict[str, Any]) -> list[DataVersion]:
    """The versions that are ranges of parts: in `ranges`, the first and last part by number."""
    parts = [Part(**each) for each in table.pop("parts", ())]
    source = Source(**table.pop("source")) if parts else None
    found = []
    for name, (first, last) in table.pop("ranges", {}).items():
        assert source
        mine = tuple(parts[first - 1 : last])
        found.append(
            DataVersion(
                name=name,
                tasks=sum(part.tasks for part in mine),
                files=tuple(f"{family}/{part.name}" for part in mine),
                source=source,
                bytes=sum(part.bytes for part in mine),
                parts=mine,
            )
        )
    return found


def _version(table: dict[str, Any]) -> DataVersion:
    patch = Patch(**table["patch"]) if "patch" in table else None
    source = Source(**table["source"])
    return DataVersion(
        **{**table, "files": tuple(table["files"]), "source": source, "patch": patch}
    )


def _protocol(table: dict[str, Any]) -> ProtocolCard:
    return ProtocolCard(
        **{
            **table,
            "suites": tuple(table["suites"]),
            "stop": {name: tuple(strings) for name, strings in table["stop"].items()},
            "sampling": Sampling(**table["sampling"]),
        }
    )


def render(card: Card, template: str, fields: Mapping[str, Any]) -> str:
    """The family's template `<template>.jinja` with a task's fields.

    The text is taken to the letter: its last newline stays.
    """
    return _environment(card.folder).get_template(f"{template}.jinja").render(fields)


def prompt_sources(card: Card, protocol: ProtocolCard, start: str) -> dict[str, Any]:
    """The templates whose names start so, and the stop strings that go with them."""
    templates = sorted(card.folder.glob(f"{start}*.jinja"))
    stop = {name: list(each) for name, each in protocol.stop.items() if name.startswith(start)}
    return {"templates": {path.name: path.read_text("utf-8") for path in templates}, "stop": stop}


@cache
def _environment(folder: Path) -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(folder), keep_trailing_newline=True, undefined=StrictUndefined
    )
