"""Grade samples from another tool.

FILE is a samples file of EvalPlus (or its folder), human-eval, BigCodeBench,
LiveCodeBench, CRUXEval, MultiPL-E (or its folder), Qwen, OpenCodeEval,
lm-evaluation-harness (--log_samples), bigcode-evaluation-harness (generations) or
inspect (logs); the format is detected from the content and printed. Of your own, one
JSON object a line: "task_id" (a number is enough) with one of
  "answer"      a chat answer: the benchmark's protocol extracts the code
  "solution"    a whole program, run as it stands
  "completion"  what comes after the task's prompt
"""

from __future__ import annotations

import argparse
from pathlib import Path

from opencodeeval.cli.options import (
    METRICS_HELP,
    add_benchmark_options,
    add_executor_options,
    add_output_options,
    add_sandbox_options,
    check_common,
    executor_of,
    output_of,
    parse_ks,
    parse_names,
    sandbox_of,
    selection_of,
)
from opencodeeval.runs.formats.base import FORMATS

USAGE = "opencodeeval grade FILE --bench BENCHMARK [options]"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `grade`."""
    parser.add_argument("samples", type=Path, metavar="FILE", help="samples to grade")
    parser.add_argument(
        "--bench", required=True, metavar="BENCHMARK", help="the benchmark they belong to"
    )
    parser.add_argument(
        "--format",
        choices=FORMATS.names(),
        metavar="TOOL",
        help=f"the tool that wrote FILE: {', '.join(FORMATS.names())} (default: detected)",
    )
    parser.add_argument("--model", help="name of the model (default: the file's name)")
    parser.add_argument(
        "--source", metavar="TEXT", help="where the samples come from, for the record"
    )
    parser.add_argument("--k", help="k of pass@k, as a comma list (default: 1, 10, 100 up to n)")
    parser.add_argument("--metrics", metavar="NAMES", help=METRICS_HELP)
    add_benchmark_options(parser)
    add_sandbox_options(parser)
    add_executor_options(parser)
    add_output_options(parser)


def execute(options: argparse.Namespace) -> int:
    """Grade the samples and print the summary."""
    check_common(options)
    ks, metrics = parse_ks(options.k), parse_names(options.metrics)

    from opencodeeval.cli.summary import print_summary
    from opencodeeval.runs.samples_file import SampleSource
    from opencodeeval.runs.service import grade

    graded = grade(
        options.samples,
        options.bench,
        selection=selection_of(options),
        source=SampleSource(options.format, options.model, options.source, ks, metrics),
        sandbox=sandbox_of(options),
        executor=executor_of(options),
        output=output_of(options),
    )
    print_summary(graded, options)
    return 0
