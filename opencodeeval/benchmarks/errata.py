"""Errata: tasks whose verdict depends on more than the program, one row each in `errata.toml`."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

import msgspec
import tomlkit

from opencodeeval.core.errors import DataError
from opencodeeval.core.text import validation_words
from opencodeeval.core.toml import parse_toml, read_toml

Kind = Literal[
    "network",
    "display",
    "data",
    "package",
    "slow",
    "port",
    "time",
    "order",
    "machine",
    "answers",
    "interactive",
    "tests",
]


@dataclass(frozen=True)
class Erratum:
    """What is the matter with one task.

    `fails` says that the publisher's own solution does not pass in a jail, or
    that a right program may fail the publisher's tests.
    `versions` are the data versions that it holds for, `protocols` the protocols; empty for all.
    """

    task: str
    kind: Kind
    what: str
    fails: bool = False
    versions: tuple[str, ...] = ()
    protocols: tuple[str, ...] = ()


def read_errata(
    folder: Path, version: str, task_ids: Collection[str], protocol: str = ""
) -> list[Erratum]:
    """The errata of a benchmark's folder for these tasks in this data version and protocol."""
    path = folder / "errata.toml"
    if not path.exists():
        return []
    rows = _rows(path)
    return [
        row
        for row in rows
        if row.task in task_ids
        and version in (row.versions or (version,))
        and protocol in (row.protocols or (protocol,))
    ]


def _rows(path: Path) -> list[Erratum]:
    """All rows of a table of errata.

    Raises:
        DataError: it is not as such a table has to be; names the file and the field.
    """
    try:
        table = read_toml(path)
        found = msgspec.convert(table, _Table)
    except msgspec.ValidationError as error:
        raise DataError(f"{path}: {validation_words(error)}") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise DataError(f"{path} is not TOML: {error}") from error
    known = {each.name for each in fields(Erratum)}
    for row in table["errata"]:
        if unknown := [name for name in row if name not in known]:
            raise DataError(f"{path}: there is no field errata.{unknown[0]}")
    return found.errata


class _Table(msgspec.Struct, forbid_unknown_fields=True):
    errata: list[Erratum]


def text_of(rows: Sequence[Erratum], before: str = "") -> str:
    """The rows as the text of an `errata.toml`.

    `before` is the file's text as it was: what stands before its rows stays, and so do
    rows that stay as they are, with the comments in them and directly above them.

    Raises:
        ValueError: `before` is no TOML; `text_before` tells beforehand.
    """
    head, blocks = _blocks(before)
    texts = [blocks.get(_key(_fields(row))) or _block(row) for row in rows]
    return "\n".join(each.strip("\n") + "\n" for each in (head, *texts) if each.strip())


def text_before(path: Path) -> str:
    """The text of a table that is to be written again; empty where there is none yet.

    Raises:
        DataError: it cannot be read, or is no TOML.
    """
    if not path.exists():
        return ""
    try:
        text = path.read_text("utf-8")
        _blocks(text)
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}): name another file") from error
    except (ValueError, LookupError) as error:
        raise DataError(
            f"{path} is no table of errata ({error}): fix it, or name another file"
        ) from error
    return text


def _blocks(text: str) -> tuple[str, dict[str, str]]:
    """What stands before the rows of a table, and the text of each by what it says."""
    lines = text.splitlines(keepends=True)
    starts = []
    for number, line in enumerate(lines):
        if line.strip().startswith("[[errata]]"):
            while number and lines[number - 1].startswith("#"):
                number -= 1
            starts.append(number)
    ends = [*starts[1:], len(lines)][: len(starts)]
    parse_toml(text)
    blocks = {}
    for start, end in zip(starts, ends, strict=True):
        block = "".join(lines[start:end])
        (fields,) = parse_toml(block)["errata"]
        blocks[_key({name: each for name, each in fields.items() if each})] = block
    return "".join(lines[: starts[0]] if starts else lines), blocks


def _block(row: Erratum) -> str:
    return tomlkit.dumps({"errata": [_fields(row)]})


def _key(fields: Mapping[str, Any]) -> str:
    return json.dumps(fields, sort_keys=True)


def _fields(row: Erratum) -> dict[str, Any]:
    fields: dict[str, Any] = {"task": row.task, "kind": row.kind}
    if row.fails:
        fields["fails"] = True
    lists = {name: list(getattr(row, name)) for name in ("versions", "protocols")}
    # TOML has no surrogates, which a program may have printed.
    what = row.what.encode("utf-8", "replace").decode("utf-8")
    return {**fields, **{name: each for name, each in lists.items() if each}, "what": what}
