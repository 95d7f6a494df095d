"""List the benchmarks, with their data versions and protocols (the default first).

Tasks of your own (`--bench file:tasks.jsonl`): one JSON object a line, with the texts
"task_id", "style", "prompt", "entry_point" and "canonical_solution", and by style
  function  "inputs": a list of argument lists; "expected": as many values; perhaps "atol"
  stdio     "tests": a list of {"input": text, "output": text}; "entry_point" is ""
  unittest  "test": source with a unittest.TestCase named TestCases
The prompt of a function ends where the canonical solution goes on. A row of HumanEval's
(no "style"; "test" defines check(candidate)) is taken as it is.
`opencodeeval selfcheck file:tasks.jsonl` runs the canonical solutions.
"""

from __future__ import annotations

import argparse
import json
from typing import Any


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `benchmarks`."""
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")


def execute(options: argparse.Namespace) -> int:
    """Print one line a benchmark."""
    from opencodeeval.benchmarks.registry import list_benchmarks

    rows: list[dict[str, Any]] = [
        {
            "name": card.name,
            "title": card.title,
            "versions": [version.name for version in card.versions],
            "protocols": [protocol.name for protocol in card.protocols],
            "folder": str(card.folder),
            "shipped": card.shipped,
        }
        for card in list_benchmarks()
    ]
    if options.json:
        print(json.dumps({"benchmarks": rows}))
        return 0
    width = max(len(str(row["name"])) for row in rows)
    for row in rows:
        versions, protocols = ", ".join(row["versions"]), ", ".join(row["protocols"])
        origin = "" if row["shipped"] else f", from {row['folder']}"
        print(
            f"{row['name']:<{width}}  {row['title']} ({versions}; protocols: {protocols}){origin}"
        )
    return 0
