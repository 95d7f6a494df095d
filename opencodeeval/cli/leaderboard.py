"""Build the leaderboard of a folder of results from its records.

Writes README.md, leaderboard.json and leaderboard.html into the folder, and
overwrites only files that it made. Scores published elsewhere are read from
--published FILE (repeatable), and from published.json in the folder if it
exists: a list of scores as in the README, results.json of the EvalPlus or
BigCodeBench leaderboard, or tables of OpenCoder's paper. Measured models are
ranked among published ones.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from opencodeeval.cli.options import add_metric_option
from opencodeeval.runs.options import RESULTS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `leaderboard`."""
    parser.add_argument(
        "results",
        type=Path,
        nargs="?",
        default=RESULTS,
        metavar="DIR",
        help="folder with the records (default: ./results)",
    )
    parser.add_argument(
        "--published",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="published scores, for ranks among known models; repeatable",
    )
    add_metric_option(parser)
    parser.add_argument(
        "--check",
        action="store_true",
        help="write nothing; exit with 1 if the files do not match the records",
    )


def execute(options: argparse.Namespace) -> int:
    """Write the files and print their paths, or compare them."""
    from opencodeeval.core.own_files import write_own
    from opencodeeval.show.leaderboard import check, leaderboard
    from opencodeeval.stats.metrics import parse_metrics

    files = leaderboard(options.results, options.published, parse_metrics(options.metric))
    if options.check:
        check(files)
        return 0
    write_own(files, "leaderboard")
    for path in files:
        print(path)
    return 0
