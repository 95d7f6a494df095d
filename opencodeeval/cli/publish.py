"""Write the scores of records to a model card, a table or an experiment tracker."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from opencodeeval.cli.options import add_tracker_run_options
from opencodeeval.core.errors import UsageError
from opencodeeval.core.own_files import write_own
from opencodeeval.show.trackers.base import TRACKERS, publish_to

if TYPE_CHECKING:
    from opencodeeval.records.reading import StoredRecord


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `publish`."""
    parser.add_argument(
        "records", nargs="+", metavar="RECORD", help="records, run folders, folders or patterns"
    )
    parser.add_argument(
        "--format",
        required=True,
        choices=("model-index", "csv", *TRACKERS.names()),
        metavar="FORMAT",
        help="model-index (a model card's YAML), csv (a table), or a tracker: "
        f"{', '.join(TRACKERS.names())}",
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="instead of stdout")
    add_tracker_run_options(parser)
    parser.add_argument(
        "--allow-part",
        action="store_true",
        help="put scores of runs with --limit into the model card too; it says so",
    )
    parser.add_argument("--step", type=int, metavar="N", help="the training step, for a tracker")


def execute(options: argparse.Namespace) -> int:
    """Read the records and publish them."""
    from opencodeeval.records.reading import read_records

    records = read_records(options.records)
    if options.format not in ("model-index", "csv"):
        if options.tracker_run and options.step is None:
            raise UsageError("--tracker-run needs the training step of these scores: add --step N")
        run = options.tracker_run or ""
        for place in publish_to(options.format, records, options.project, run, options.step):
            print(place)
        return 0
    if options.tracker_run:
        raise UsageError(
            f"--tracker-run is for trackers: use --format {' or '.join(TRACKERS.names())}"
        )
    from opencodeeval.show.publish import as_csv, as_model_index

    if options.format == "model-index":
        models = sorted({record.model for record in records})
        if len(models) > 1:
            raise UsageError(
                f"a model card is for one model, but these are records of {', '.join(models)}: "
                "name the records of one model"
            )
        _check_whole(records, options.allow_part)
        text = as_model_index(records)
    else:
        text = as_csv(records)
    if options.output is None:
        sys.stdout.write(text)
    else:
        write_own({options.output: text}, "publish")
    return 0


def _check_whole(records: Sequence[StoredRecord], allowed: bool) -> None:
    """Refuse scores that a reader of the model card would take for the benchmark's."""
    parts = [each for each in records if each.record.benchmark.part]
    if parts and not allowed:
        first = parts[0].record.benchmark
        raise UsageError(
            f"{parts[0].path} is of {first.shown_tasks} tasks of {first.name} (--limit), which is "
            "not a score of the whole benchmark: name records of whole runs, or add --allow-part"
        )
