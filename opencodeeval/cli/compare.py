"""Compare two models task by task, from their records alone.

A and B are records, run folders, folders of results or patterns in quotes
('results/*/mine--*.json'), with one record per benchmark on each side. --page
FILE writes a page with the samples of both side by side.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from opencodeeval.cli.gate import (
    add_model_option,
    records_of_model,
)
from opencodeeval.core.errors import UsageError

if TYPE_CHECKING:
    from opencodeeval.decide.comparison import Comparison
    from opencodeeval.records.reading import StoredRecord


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `compare`."""
    parser.add_argument("baseline", metavar="A", help="the first model's records")
    parser.add_argument("candidate", metavar="B", help="the second model's records")
    add_model_option(parser, "baseline")
    add_model_option(parser, "candidate")
    parser.add_argument("--k", type=int, default=1, help="compare pass@K (default: 1)")
    parser.add_argument(
        "--metric", default="", metavar="NAME", help="compare another metric, such as pass^4"
    )
    parser.add_argument("--suite", help="the test suite (default: each benchmark's headline)")
    parser.add_argument("--flips", action="store_true", help="list all flipped tasks, not 20")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument(
        "--page",
        type=Path,
        metavar="FILE",
        help="also write a page with both runs' samples side by side (needs the run folders)",
    )


def execute(options: argparse.Namespace) -> int:
    """Read, compare, print."""
    if options.k < 1:
        raise UsageError(f"--k {options.k}: must be a positive whole number")
    from opencodeeval.decide.comparison import as_json, as_text
    from opencodeeval.decide.from_records import compare
    from opencodeeval.records.comparable import unpaired

    baseline = records_of_model([options.baseline], options.baseline_model, "--baseline-model")
    candidate = records_of_model([options.candidate], options.candidate_model, "--candidate-model")
    comparisons = compare(baseline, candidate, options.k, options.suite, options.metric)
    for name in unpaired(baseline, candidate):
        print(f"opencodeeval: {name} is not compared: A has no record of it", file=sys.stderr)
    if options.page is not None:
        _write_page(options.page, baseline, candidate, comparisons)
    models = {"baseline": baseline[0].model, "candidate": candidate[0].model}
    if options.json:
        print(json.dumps({**models, "comparisons": [as_json(each) for each in comparisons]}))
        return 0
    print(f"baseline   {models['baseline']}\ncandidate  {models['candidate']}\n")
    print(as_text(comparisons, options.flips))
    return 0


def _write_page(
    path: Path,
    baseline: Sequence[StoredRecord],
    candidate: Sequence[StoredRecord],
    comparisons: Sequence[Comparison],
) -> None:
    """Write the page of both sides' samples.

    Raises:
        UsageError: a run folder is missing, or another file has the page's name.
    """
    from opencodeeval.core.own_files import write_own
    from opencodeeval.decide.comparison import OVERALL, as_json
    from opencodeeval.records.comparable import pair_up
    from opencodeeval.runs.finished import find_run
    from opencodeeval.show.comparison_page import Compared, Side, comparison_page

    each = [comparison for comparison in comparisons if comparison.benchmark != OVERALL]
    compared = [
        Compared(
            Side(*find_run(pair.baseline.path)),
            Side(*find_run(pair.candidate.path)),
            as_json(comparison),
        )
        for pair, comparison in zip(pair_up(baseline, candidate), each, strict=True)
    ]
    write_own({path: comparison_page(compared)}, "compare")
    print(path, file=sys.stderr)
