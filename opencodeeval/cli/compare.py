"""Compare two models task by task, from their records alone.

A and B are records, run folders, folders of results or patterns in quotes
('results/*/mine--*.json'), with one record per benchmark on each side.
"""

from __future__ import annotations

import argparse
import json
import sys

from opencodeeval.cli.gate import (
    add_baseline_model_option,
    add_candidate_model_option,
    records_of_model,
)
from opencodeeval.core.errors import UsageError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `compare`."""
    parser.add_argument("baseline", metavar="A", help="the first model's records")
    parser.add_argument("candidate", metavar="B", help="the second model's records")
    add_baseline_model_option(parser)
    add_candidate_model_option(parser)
    parser.add_argument("--k", type=int, default=1, help="compare pass@K (default: 1)")
    parser.add_argument(
        "--metric", default="", metavar="NAME", help="compare another metric, such as pass^4"
    )
    parser.add_argument("--suite", help="the test suite (default: each benchmark's headline)")
    parser.add_argument("--flips", action="store_true", help="list all flipped tasks, not 20")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")


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
    models = {"baseline": baseline[0].model, "candidate": candidate[0].model}
    if options.json:
        print(json.dumps({**models, "comparisons": [as_json(each) for each in comparisons]}))
        return 0
    print(f"baseline   {models['baseline']}\ncandidate  {models['candidate']}\n")
    print(as_text(comparisons, options.flips))
    return 0
