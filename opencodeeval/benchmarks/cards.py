"""Benchmark cards: what `benchmarks/<family>/card.toml` says of each family.

A card is data, not code: where the rows come from and how to know them, and
the protocols with their stop strings, limits and sampling defaults. Beside it
lie the prompt templates (`*.jinja`) and the table of quirks (`quirks.toml`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from opencodeeval.benchmarks.folders import CARD, folders
from opencodeeval.core.errors import DataError
from opencodeeval.core.paths import benchmarks_dir
from opencodeeval.core.text import validation_words
from opencodeeval.core.toml import read_toml
from opencodeeval.core.types import OF_A_RUN, Sampling

if TYPE_CHECKING:
    from jinja2 import Environment


@dataclass(frozen=True)
class Source:
    """Where the publisher keeps a data version.

    `kind` "huggingface": `dataset` is the id on the Hub, `revision` a commit,
    `config` one of the data set's configurations where it has several.
    `kind` "evalplus": `dataset` is the file's stem, `revision` the release.
    `kind` "github": `dataset` is OWNER/REPOSITORY/PATH of a file, `revision` a commit.
    `kind` "files": files as they lie in the data set `dataset` of the Hub.
    `kind` "shipped": `dataset` is a path below the benchmarks folder.
    `kind` "folder": `dataset` is a path below the benchmark's own folder.
    """

    kind: Literal["huggingface", "evalplus", "files", "github", "shipped", "folder"]
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
    (opencodeeval/runs/formats).
    `like` names the benchmark whose templates, quirks and errata it has, and all that its
    own card does not say. `folder` is where the card is, `templates` where those are.
    `heavy` is the field of a row that is too large to be kept in memory. `set` names the
    versions that a command runs where it names none, and whose mean is shown. With
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
    set: tuple[str, ...] = ()
    folder: Path = Path()
    templates: Path = Path()

    @property
    def shipped(self) -> bool:
        """Whether the benchmark comes with opencodeeval itself."""
        return self.folder.parent == benchmarks_dir()


class _UnusableCard(Exception):
    """A card that nothing can be loaded by; the text says why."""


def families() -> list[str]:
    """The names of all benchmarks that are installed, in alphabetical order."""
    return list(folders())


@cache
def read_card(family: str) -> Card:
    """The card of a benchmark that `families()` names.

    Raises:
        DataError: it is not as a card has to be; names the file and the field.
    """
    return read_card_in(folders()[family])


def read_card_in(folder: Path) -> Card:
    """The card of a benchmark's folder, which has the benchmark's name.

    Raises:
        DataError: there is none, or it is not as a card has to be; names file and field.
    """
    path = folder / CARD
    table = _table(path)
    if "like" in table:
        templates = _other(path, table["like"])
        table = {**_table(templates / CARD), **table}
    else:
        templates = folder
    if table.get("name") != folder.name:
        raise DataError(
            f"{path}: name is {table.get('name')!r}, and the folder's name is {folder.name!r}: "
            "give both the same"
        )
    try:
        ranges = _ranges(folder.name, table)
        if ranges:
            table.setdefault("versions", [])
        table["protocols"] = _whole(table.get("protocols", ()))
        _only_known(table)
        places = {"folder": str(folder), "templates": str(templates)}
        card: Card = msgspec.convert(
            {**table, **places}, Card, dec_hook=lambda kind, value: kind(value)
        )
        card = replace(card, versions=(*card.versions, *ranges))
        _check(card)
    except msgspec.ValidationError as error:
        raise DataError(f"{path}: {validation_words(error)}") from error
    except _UnusableCard as error:
        raise DataError(f"{path}: {error}") from error
    except KeyError as error:
        raise DataError(f"{path}: a table lacks the field {error.args[0]}") from error
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{path} is no card ({type(error).__name__}: {error})") from error
    return card


def _table(path: Path) -> dict[str, Any]:
    try:
        return read_toml(path)
    except FileNotFoundError:
        raise DataError(
            f"{path.parent} has no {CARD}, so it is no benchmark: name a folder with one"
        ) from None
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise DataError(f"{path} is not TOML: {error}") from error


def _other(path: Path, like: str) -> Path:
    beside = path.parent.parent / like
    if (beside / CARD).is_file():
        return beside
    if like not in folders():
        raise DataError(
            f"{path}: like is {like!r}, which is no benchmark: see `opencodeeval benchmarks`"
        )
    return folders()[like]


def _only_known(table: Mapping[str, Any]) -> None:
    """Refuse a field that no card has, as a misspelt one would be."""
    versions, protocols = table.get("versions", ()), table["protocols"]
    for kind, where, tables in (
        (Card, "", [table]),
        (DataVersion, "versions.", versions),
        (Source, "versions.source.", [each.get("source", {}) for each in versions]),
        (Patch, "versions.patch.", [each.get("patch", {}) for each in versions]),
        (ProtocolCard, "protocols.", protocols),
        (Sampling, "protocols.sampling.", [each.get("sampling", {}) for each in protocols]),
    ):
        known = {each.name for each in fields(kind)} - {"folder", "templates"}
        known -= OF_A_RUN if kind is Sampling else set()
        for each in tables:
            unknown = [name for name in each if name not in known]
            if unknown:
                names = ", ".join(sorted(known))
                raise _UnusableCard(f"there is no field {where}{unknown[0]}; available: {names}")


def _check(card: Card) -> None:
    """Refuse a card whose parts contradict each other."""
    if not card.protocols:
        raise _UnusableCard("protocols is empty: name at least one way to prompt and grade")
    for what, names in (
        ("versions", [each.name for each in card.versions]),
        ("protocols", [each.name for each in card.protocols]),
    ):
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise _UnusableCard(f"{what} has {twice[0]!r} twice: rename one")
    for each in card.protocols:
        if each.headline not in each.suites:
            raise _UnusableCard(
                f"the headline {each.headline!r} of protocol {each.name} is not among its suites "
                f"({', '.join(each.suites)})"
            )


def _whole(protocols: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
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


def render(card: Card, template: str, fields: Mapping[str, Any]) -> str:
    """The family's template `<template>.jinja` with a task's fields.

    The text is taken to the letter: its last newline stays.
    """
    return _environment(card.templates).get_template(f"{template}.jinja").render(fields)


def prompt_sources(card: Card, protocol: ProtocolCard, start: str) -> dict[str, Any]:
    """The templates whose names start so, and the stop strings that go with them."""
    templates = sorted(card.templates.glob(f"{start}*.jinja"))
    stop = {name: list(each) for name, each in protocol.stop.items() if name.startswith(start)}
    return {"templates": {path.name: path.read_text("utf-8") for path in templates}, "stop": stop}


@cache
def _environment(folder: Path) -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(folder), keep_trailing_newline=True, undefined=StrictUndefined
    )
