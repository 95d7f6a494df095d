"""List the data sets, fetch them into a folder, or verify a folder.

Give a folder filled by `fetch` to --data of any other command; that command
then uses no network.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from opencodeeval.cli.options import comma_list
from opencodeeval.core.errors import DataError, UsageError

if TYPE_CHECKING:
    from opencodeeval.benchmarks.data.fetch import Listed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the actions of `data`."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="list|fetch|verify")
    listing = actions.add_parser(
        "list", help="list each benchmark's data sets and which are here", allow_abbrev=False
    )
    listing.add_argument("--data", type=Path, metavar="DIR", help="look in this folder")
    listing.add_argument(
        "--long", action="store_true", help="also file, licence, source and checksum (wide)"
    )
    listing.add_argument("--json", action="store_true", help="one JSON object on stdout")
    for action, purpose in (
        ("fetch", "download data sets from their publishers into a folder"),
        ("verify", "check the data sets in a folder"),
    ):
        each = actions.add_parser(action, help=purpose, allow_abbrev=False)
        each.add_argument(
            "names",
            nargs="+",
            metavar="NAME[@VERSION]",
            help="benchmarks, or all (spaces or commas between)",
        )
        each.add_argument("--data", type=Path, metavar="DIR", required=True, help="the folder")


def execute(options: argparse.Namespace) -> int:
    """Do it; `verify` exits with DataError's status if a data set is missing or damaged."""
    if options.action == "list":
        _list(options.data, options.json, options.long)
        return 0
    from opencodeeval.benchmarks.registry import expanded

    specs = [spec for text in options.names for spec in comma_list(text)]
    if "all" not in specs:
        specs = expanded(specs)
    if not specs:
        raise UsageError("no data set is named: name benchmarks, or all")
    return (
        _fetch(specs, options.data) if options.action == "fetch" else _verify(specs, options.data)
    )


def _list(folder: Path | None, as_json: bool, long: bool) -> None:
    from opencodeeval.benchmarks.data.fetch import inventory
    from opencodeeval.core.tables import aligned

    rows = inventory(folder)
    if as_json:
        print(json.dumps({"data": [row._asdict() for row in rows]}))
        return
    header = ("benchmark", "version", "tasks", "size", "here")
    more = ("file", "licence", "source", "checksum") if long else ()
    print(aligned((*header, *more), [_cells(row, more) for row in rows], {"tasks", "size"}))


def _cells(row: Listed, more: Sequence[str]) -> tuple[str, ...]:
    from opencodeeval.core.sizes import size

    in_folder = row.here and not row.here.startswith("in the ")
    values = {**row._asdict(), "file": row.here if in_folder else ""}
    return (
        row.benchmark,
        row.version,
        str(row.tasks),
        size(row.bytes) if isinstance(row.bytes, int) else row.bytes,
        "in the folder" if in_folder else row.here,
        *(str(values[name]) for name in more),
    )


def _fetch(specs: list[str], folder: Path) -> int:
    from opencodeeval.benchmarks.data.fetch import fetch, named

    for card, version in named(specs):
        print(f"{card.name}@{version.name}: {fetch(card, version, folder)}", flush=True)
    return 0


def _verify(specs: list[str], folder: Path) -> int:
    from opencodeeval.benchmarks.data.fetch import named
    from opencodeeval.benchmarks.data.rows import load_rows

    bad = 0
    for card, version in named(specs):
        try:
            rows, provenance = load_rows(card, version, folder)
        except DataError as error:
            bad += 1
            print(f"{card.name}@{version.name}: {error}")
        else:
            print(f"{card.name}@{version.name}: ok, {len(rows)} tasks, {provenance['origin']}")
    return DataError.exit_status if bad else 0
