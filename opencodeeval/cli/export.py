"""Write the samples and verdicts of a finished run in another tool's files.

The tool can grade the samples, and its own scripts can read the results.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from opencodeeval.core.errors import StoreError, UsageError
from opencodeeval.core.journal import replacing
from opencodeeval.runs.formats.base import FORMATS

# Written from the record: that needs no data set, and holds any benchmark.
INSPECT = "inspect"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `export`."""
    parser.add_argument("run", type=Path, metavar="RUN", help="a run folder, or a record")
    parser.add_argument(
        "--format",
        required=True,
        choices=FORMATS.names(),
        metavar="TOOL",
        help=f"the tool to write files for: {', '.join(FORMATS.names())} "
        f"({INSPECT}: a log that Inspect's viewer opens)",
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
    if options.format == INSPECT:
        return _inspect(options)
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


def _inspect(options: argparse.Namespace) -> int:
    """Write the run's log for Inspect, from its record and its folder."""
    from opencodeeval.runs.finished import find_run
    from opencodeeval.show.inspect_log import as_inspect_log, file_name

    record, folder = find_run(options.run)
    path = (options.output or folder / "export" / INSPECT) / file_name(record)
    if path.exists() and not options.overwrite:
        raise UsageError(f"{path} is already there: choose another --output, or --overwrite")
    try:
        with replacing(path) as file:
            file.writelines(piece.encode("utf-8") for piece in as_inspect_log(record, folder))
    except OSError as error:
        raise StoreError(
            f"{path} cannot be written ({error.strerror or error}): make room or choose another "
            "--output"
        ) from error
    print(path)
    return 0
