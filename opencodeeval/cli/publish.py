"""Write the scores of records to a model card, the Hub, a table or an experiment tracker."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from opencodeeval.cli.options import add_tracker_run_options
from opencodeeval.core.errors import UsageError
from opencodeeval.core.own_files import write_own
from opencodeeval.show.evaluator import RELATIONSHIPS, Evaluator
from opencodeeval.show.trackers.base import TRACKERS, publish_to

if TYPE_CHECKING:
    from opencodeeval.records.reading import StoredRecord


# Formats that are about one model, in which a score passes for the benchmark's.
_OF_ONE_MODEL = {"model-index": "a model card", "eval-results": "a file of evaluation results"}
_FORMATS = (*_OF_ONE_MODEL, "every-eval-ever", "csv")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `publish`."""
    parser.add_argument(
        "records", nargs="+", metavar="RECORD", help="records, run folders, folders or patterns"
    )
    parser.add_argument(
        "--format",
        required=True,
        choices=(*_FORMATS, *TRACKERS.names()),
        metavar="FORMAT",
        help="model-index (a model card's YAML), eval-results (the Hub's .eval_results), "
        "every-eval-ever (a file for each record), csv (a table), or a tracker: "
        f"{', '.join(TRACKERS.names())}",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="instead of stdout; the folder for the files of every-eval-ever",
    )
    add_tracker_run_options(parser)
    parser.add_argument(
        "--allow-part",
        action="store_true",
        help="put scores of runs with --limit into the model card too; it says so",
    )
    parser.add_argument("--step", type=int, metavar="N", help="the training step, for a tracker")
    parser.add_argument(
        "--organization",
        default="unknown",
        metavar="NAME",
        help="who measured, for every-eval-ever (default: unknown)",
    )
    parser.add_argument(
        "--relationship",
        choices=RELATIONSHIPS,
        default="other",
        metavar="KIND",
        help="of who measured to the model, for every-eval-ever: "
        f"{', '.join(RELATIONSHIPS)} (the default)",
    )


def execute(options: argparse.Namespace) -> int:
    """Read the records and publish them."""
    from opencodeeval.records.reading import read_records

    records = read_records(options.records)
    if options.format not in _FORMATS:
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
    if options.format in _OF_ONE_MODEL:
        models = sorted({record.model for record in records})
        if len(models) > 1:
            raise UsageError(
                f"{_OF_ONE_MODEL[options.format]} is for one model, but these are records of "
                f"{', '.join(models)}: name the records of one model"
            )
    if options.format != "csv":
        _check_whole(records, options.allow_part)
    if options.format == "every-eval-ever":
        return _every_eval_ever(records, options)
    text = _text(records, options.format)
    if options.output is None:
        sys.stdout.write(text)
    else:
        write_own({options.output: text}, "publish")
    return 0


def _text(records: Sequence[StoredRecord], wanted: str) -> str:
    from opencodeeval.show.eval_results import as_eval_results
    from opencodeeval.show.publish import as_csv, as_model_index

    make = {"csv": as_csv, "model-index": as_model_index, "eval-results": as_eval_results}
    return make[wanted](records)


def _every_eval_ever(records: Sequence[StoredRecord], options: argparse.Namespace) -> int:
    """One file for each record: on stdout if it is one, else below --output."""
    from opencodeeval.show.every_eval_ever import as_every_eval_ever, file_name

    evaluator = Evaluator(options.organization, options.relationship)
    texts = [as_every_eval_ever(record, evaluator) for record in records]
    if options.output is None:
        if len(records) > 1:
            raise UsageError(f"{len(records)} records are as many files: add --output FOLDER")
        sys.stdout.write(texts[0])
        return 0
    files = {
        options.output / file_name(record): text
        for record, text in zip(records, texts, strict=True)
    }
    write_own(files, "publish")
    for path in files:
        print(path)
    return 0


def _check_whole(records: Sequence[StoredRecord], allowed: bool) -> None:
    """Refuse scores that a reader would take for the benchmark's."""
    parts = [each for each in records if each.record.benchmark.part]
    if parts and not allowed:
        first = parts[0].record.benchmark
        raise UsageError(
            f"{parts[0].path} is of {first.shown_tasks} tasks of {first.name} (--limit), which is "
            "not a score of the whole benchmark: name records of whole runs, or add --allow-part"
        )
