"""Pack the folders of finished runs: a fraction of the size, and every command reads them.

The files of lines (prompts, completions, programs, verdicts) are compressed with zstd. A
command that continues a run, or executes it again in its folder, unpacks it first. A kill
at any instant loses nothing: repeat the command.
"""

from __future__ import annotations

import argparse
import json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `pack`."""
    parser.add_argument(
        "runs", nargs="+", metavar="RUN", help="run folders, records or folders of results"
    )
    parser.add_argument("--unpack", action="store_true", help="the other way: plain JSON Lines")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")


def execute(options: argparse.Namespace) -> int:
    """Pack or unpack each run, with a line for each."""
    from opencodeeval.core.sizes import size
    from opencodeeval.runs.packing import pack_runs

    done = []
    for each in pack_runs(options.runs, unpacked=options.unpack):
        done.append(each)
        if not options.json:
            print(f"{each.folder}: {size(each.before)} before, {size(each.after)} now", flush=True)
    if options.json:
        print(
            json.dumps({"runs": [{**each._asdict(), "folder": str(each.folder)} for each in done]})
        )
    return 0
