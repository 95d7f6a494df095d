"""Prints the result of an evaluation: a table, or one JSON object."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from typing import Any

from opencodeeval.cli.options import logger
from opencodeeval.runs.jobs import Evaluation
from opencodeeval.runs.prices import Prices
from opencodeeval.runs.protocol_differences import lines
from opencodeeval.runs.summary import table


def print_summary(
    evaluation: Evaluation,
    options: argparse.Namespace,
    more: Mapping[str, Any] | None = None,
    prices: Prices | None = None,
) -> None:
    """Print the table, or with --json the object, with the keys of `more` added."""
    summary = {**evaluation.summary(prices), **(more or {})}
    if not options.json:
        print(table(summary))
        return
    print(json.dumps(summary))
    for part in summary["benchmarks"]:
        for line in part["answers"]["warnings"]:
            logger(options)(f"warning: {part['benchmark']}, {part['protocol']}: {line}")
    for each in evaluation.differences:
        logger(options)("\n".join(lines(each)))
