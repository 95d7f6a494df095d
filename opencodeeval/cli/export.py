"""Write the samples and verdicts of a finished run in another tool's files.

The tool can grade the samples, and its own scripts can read the results.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from opencodeeval.runs.formats.base import FORMATS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `export`."""
    parser.add_argument("run", type=Path, metavar="RUN", help="a run folder, or a record")
    parser.add_argument(
        "--format",
        required=True,
        choices=FORMATS.names(),
        metavar="TOOL",
        help=f"the tool to write files for: {', '.join(FORMATS.names())}",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help="where to write them (default: export/FORMAT in the run folder)",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace existing files")
    parser.add_argument("--data", type=Path, metavar="DIR", help="take data sets from this folder")
    parser.add_argument("--bench", help="the run's tasks, if they are your own file")


def execute(options: argparse.Namespace) -> int:
    """Write the files and print their paths."""
    from opencodeeval.runs.finished import open_run
    from opencodeeval.runs.formats.export import export, remarks

    run = open_run(options.run, options.bench, options.data)
    output = options.output or run.folder / "export" / options.format
    paths = export(run, options.format, output, options.overwrite)
    for remark in remarks(run, options.format):
        print(f"opencodeeval: {remark}", file=sys.stderr)
    for path in paths:
        print(path)
    return 0
