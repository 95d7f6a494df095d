"""List the benchmarks, with their protocols and data versions."""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `benchmarks`."""
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
