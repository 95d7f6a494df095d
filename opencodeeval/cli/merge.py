"""Merge the shards of runs (`run --shard 3/8`) into the records of the undivided runs.

Nothing is generated or executed. Shards may lie in one folder of results or in several;
other records there are left alone. The shards stay as they are.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from opencodeeval.runs.options import RESULTS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `merge`."""
    parser.add_argument(
        "sources", nargs="+", metavar="SHARDS", help="folders of results, or records, of shards"
    )
    parser.add_argument("--bench", help="the runs' tasks, if they are your own file")
    parser.add_argument("--data", type=Path, metavar="DIR", help="take data sets from this folder")
    parser.add_argument(
        "--output",
        type=Path,
        default=RESULTS,
        metavar="DIR",
        help="folder of results for the merged runs (default: ./results)",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")


def execute(options: argparse.Namespace) -> int:
    """Merge, and print the tables of the merged runs."""
    from opencodeeval.runs.jobs import Evaluation
    from opencodeeval.runs.merging import merge

    merged = merge(options.sources, options.output, bench=options.bench, data_dir=options.data)
    if options.json:
        print(json.dumps(Evaluation(merged[0].record.model.name, tuple(merged)).summary()))
        return 0
    models = dict.fromkeys(each.record.model.name for each in merged)
    for model in models:
        own = tuple(each for each in merged if each.record.model.name == model)
        print(Evaluation(model, own))
    return 0
