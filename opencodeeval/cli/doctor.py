"""Say what this machine has for a run, and how to add what is missing.

The exit status is 0 if at least one backend and one sandbox work, else 1.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from opencodeeval.cli.options import add_folder_option


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `doctor`."""
    parser.add_argument("--data", type=Path, metavar="DIR", help="also look for data sets there")
    add_folder_option(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")


def execute(options: argparse.Namespace) -> int:
    """Examine the machine and print the findings."""
    from opencodeeval.runs.doctor import examine, report, usable

    findings = examine(options.output, options.data)
    ok = usable(findings)
    if options.json:
        print(json.dumps({"ok": ok, "findings": [asdict(finding) for finding in findings]}))
    else:
        print(report(findings))
        print("ready" if ok else "not ready: one backend and one sandbox are needed")
    return 0 if ok else 1
