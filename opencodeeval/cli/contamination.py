"""Scores by month of release, and whether they drop after a model's cut-off date.

For records of benchmarks whose tasks are dated: LiveCodeBench's.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from opencodeeval.core.errors import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `contamination`."""
    parser.add_argument("run", type=Path, metavar="RUN", help="a record, or a run folder")
    parser.add_argument("--cutoff", metavar="DATE", help="(default: the run's cut-off date)")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")


def execute(options: argparse.Namespace) -> int:
    """Print the months, and the drop if there is a cut-off date."""
    from opencodeeval.benchmarks.windows import parse_window
    from opencodeeval.records.breakdown import contamination
    from opencodeeval.records.reading import read_record
    from opencodeeval.runs.summary import contamination_lines

    record = read_record(options.run).record
    chosen = parse_window(None, None, options.cutoff).describe().get("cutoff")
    benchmark = record.benchmark
    cutoff = chosen or benchmark.description.window.get("cutoff")
    view = contamination(record.tasks, benchmark.headline, cutoff)
    if not view:
        raise UsageError(
            f"the tasks of {benchmark.name} have no dates: name a record of LiveCodeBench"
        )
    print(json.dumps(view) if options.json else "\n".join(contamination_lines(view)))
    return 0
