"""Run a benchmark's reference solutions several times: which tasks can be passed here at all.

Exits with 1 if the results differ from the benchmark's errata table.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from opencodeeval.cli.options import (
    add_benchmark_options,
    add_executor_options,
    add_sandbox_options,
    check_common,
    executor_of,
    sandbox_of,
    selection_of,
)
from opencodeeval.core.errors import UsageError
from opencodeeval.runs.options import Output


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `selfcheck`."""
    parser.add_argument("bench", metavar="BENCHMARK", help="e.g. bigcodebench_hard")
    parser.add_argument("--times", type=int, default=3, metavar="N", help="rounds (default: 3)")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument(
        "--write",
        metavar="FILE",
        type=Path,
        help="write the findings as an errata table",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress on stderr")
    add_benchmark_options(parser)
    add_sandbox_options(parser)
    add_executor_options(parser)


def execute(options: argparse.Namespace) -> int:
    """Grade the solutions and print the findings."""
    check_common(options)
    chosen = executor_of(options)
    if options.times < 1:
        raise UsageError(f"--times {options.times}: at least one round is needed")
    if options.write and options.write.is_dir():
        raise UsageError(f"--write {options.write}: that is a folder; name a file")

    from opencodeeval.benchmarks.errata import text_before, text_of
    from opencodeeval.core.journal import guarded, replacing
    from opencodeeval.runs.selfcheck import errata_of, report, selfcheck, summary

    selection = selection_of(options)
    if len(selection.protocols) > 1:
        raise UsageError("selfcheck runs under one protocol: name one with --protocol")
    (benchmark,) = selection.load(options.bench)
    quiet = Output(progress="none" if options.quiet else "auto")
    # Refuse a table that cannot be rewritten before an hour is spent.
    before = text_before(options.write) if options.write else ""
    executor = chosen.open(sandbox_of(options), quiet.log)
    findings = selfcheck(benchmark, options.times, executor, quiet)
    print(json.dumps(report(findings)) if options.json else "\n".join(summary(findings)))
    if options.write:

        def write() -> None:
            with replacing(options.write) as file:
                file.write(text_of(errata_of(findings), before).encode())

        guarded(options.write, write)
    return 0 if all(each.expected for each in findings) else 1
