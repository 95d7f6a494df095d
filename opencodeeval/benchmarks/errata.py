"""Errata: tasks whose verdict depends on more than the program, one row each in `errata.toml`."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

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
    table = tomllib.loads(path.read_text("utf-8"))
    lists = ("versions", "protocols")
    rows = [
        Erratum(**{**row, **{name: tuple(row.get(name, ())) for name in lists}})
        for row in table["errata"]
    ]
    return [
        row
        for row in rows
        if row.task in task_ids
        and version in (row.versions or (version,))
        and protocol in (row.protocols or (protocol,))
    ]


def text_of(rows: Sequence[Erratum]) -> str:
    """The rows as the text of an `errata.toml`."""
    return "\n".join(map(_block, rows))


def _block(row: Erratum) -> str:
    fields: dict[str, object] = {"task": row.task, "kind": row.kind}
    if row.fails:
        fields["fails"] = True
    fields |= {name: getattr(row, name) for name in ("versions", "protocols") if getattr(row, name)}
    fields["what"] = row.what
    lines = [f"{name} = {_toml(value)}" for name, value in fields.items()]
    return "\n".join(["[[errata]]", *lines, ""])


def _toml(value: object) -> str:
    # TOML writes strings, lists of them and truth as JSON does, but for two things: it has no
    # surrogates, and DEL must be escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
