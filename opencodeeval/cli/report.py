"""Build a page of a finished run: each sample's program, its verdict and what it failed on.

The page is one file that loads nothing from the network; it is built from the run
folder, without a data set. It contains the prompts: check the data's licence before
you publish it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from opencodeeval.cli.options import add_metric_option


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `report`."""
    parser.add_argument("run", type=Path, metavar="RUN", help="a run folder, or a record")
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="where to write it (default: report.html in the run folder)",
    )
    add_metric_option(parser)


def execute(options: argparse.Namespace) -> int:
    """Write the page and print its path."""
    from opencodeeval.core.own_files import write_own
    from opencodeeval.runs.finished import find_run
    from opencodeeval.show.report import NAME, report
    from opencodeeval.stats.metrics import parse_metrics

    record, folder = find_run(options.run)
    path = options.output or folder / NAME
    write_own({path: report(record, folder, parse_metrics(options.metric))}, "report")
    print(path)
    return 0
