"""Print the table of finished runs again, from their records alone.

No model and no data set is loaded. SOURCE is a record, a run folder, a folder of
results (default: ./results) or a pattern in quotes ('results/*/mine--*.json').
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opencodeeval.runs.options import RESULTS

if TYPE_CHECKING:
    from opencodeeval.records.reading import StoredRecord


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `show`."""
    parser.add_argument(
        "sources",
        nargs="*",
        type=Path,
        default=[RESULTS],
        metavar="SOURCE",
        help="records, run folders, folders or patterns",
    )
    parser.add_argument("--model", metavar="NAME", help="only the runs of this model")
    parser.add_argument(
        "--json", action="store_true", help="one JSON object on stdout instead of the table"
    )


def execute(options: argparse.Namespace) -> int:
    """Print a table for each model, as `run` does at its end."""
    from opencodeeval.records.choosing import of_model
    from opencodeeval.records.reading import read_records
    from opencodeeval.runs.summary import table

    records = read_records(options.sources)
    if options.model:
        records = of_model(records, options.model, "--model")
    models = list(dict.fromkeys(_name(each) for each in records))
    shown = [_summary(name, [each for each in records if _name(each) == name]) for name in models]
    if options.json:
        print(json.dumps({"models": shown}))
    else:
        print("\n\n".join(map(table, shown)))
    return 0


def _name(stored: StoredRecord) -> str:
    """The model without its adapter: a table has the adapters of one model."""
    from opencodeeval.records.naming import WITH_ADAPTER

    adapter = stored.record.model.adapter
    return stored.model.partition(WITH_ADAPTER)[0] if adapter else stored.model


def _summary(model: str, records: Sequence[StoredRecord]) -> dict[str, Any]:
    from opencodeeval.records.reading import run_folder_of
    from opencodeeval.runs.summary import summarise_records

    folders = {each.path: run_folder_of(each) for each in records}
    there = {path: folder for path, folder in folders.items() if folder}
    return summarise_records(model, records, there)
