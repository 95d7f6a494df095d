"""Build a page of a finished run: each sample's program, its verdict and what it failed on.

The page is one file that loads nothing from the network; it is built from the run
folder, without a data set. It contains the prompts: check the data's licence before
you publish it. Of a folder of results it is index.html, with links to its records,
runs, reports and other pages; --all first makes the reports of all runs there.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from opencodeeval.cli.options import add_metric_option
from opencodeeval.core.errors import UsageError

if TYPE_CHECKING:
    from opencodeeval.stats.metrics import Metric


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `report`."""
    parser.add_argument(
        "run", type=Path, metavar="RUN", help="a run folder, a record, or a folder of results"
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE",
        help="where to write it (default: report.html in the run folder, index.html in results)",
    )
    parser.add_argument(
        "--all", action="store_true", help="with a folder of results: make each run's report too"
    )
    add_metric_option(parser)


def execute(options: argparse.Namespace) -> int:
    """Write the page and print its path."""
    from opencodeeval.core.own_files import write_own
    from opencodeeval.runs.finished import find_run
    from opencodeeval.show.report import NAME, report
    from opencodeeval.stats.metrics import parse_metrics

    metrics = parse_metrics(options.metric)
    # A run folder has run.json from its start; a folder of results never has.
    if options.run.is_dir() and not (options.run / "run.json").exists():
        return _index(options.run, options.output, options.all, metrics)
    if options.all:
        raise UsageError(f"--all is for a folder of results, and {options.run} is not one")
    record, folder = find_run(options.run)
    path = options.output or folder / NAME
    write_own({path: report(record, folder, metrics)}, "report")
    print(path)
    return 0


def _index(
    results: Path, output: Path | None, with_reports: bool, metrics: Sequence[Metric]
) -> int:
    """Write the page of a folder of results, after the reports of its runs if they are wanted."""
    from opencodeeval.core.own_files import write_own
    from opencodeeval.records.reading import read_records
    from opencodeeval.show.index_page import NAME, index_page, run_folder
    from opencodeeval.show.report import NAME as REPORT
    from opencodeeval.show.report import report

    if metrics and not with_reports:
        raise UsageError("--metric is for reports of runs: name a run, or add --all")
    records = read_records([results])
    for record in records if with_reports else ():
        folder = run_folder(record)
        if folder.is_dir():
            write_own({folder / REPORT: report(record, folder, metrics)}, "report")
            print(folder / REPORT)
    path = output or results / NAME
    # Links are seen from where the page is.
    write_own({path: index_page(results, records, path.parent)}, "report")
    print(path)
    return 0
