"""Serve the grader over HTTP: programs in, verdicts out, for rewards and other harnesses.

Without OPENCODEEVAL_SERVE_TOKENS it listens on this machine only. docs/service.md has the
interface, and how to bring it up elsewhere.
"""

from __future__ import annotations

import argparse

from opencodeeval.cli.options import (
    add_benchmark_options,
    add_sandbox_options,
    comma_list,
    sandbox_of,
    selection_of,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `serve`."""
    parser.add_argument(
        "--bench", metavar="NAMES", help="benchmarks whose tasks can be named, as a comma list"
    )
    parser.add_argument(
        "--environment",
        metavar="NAMES",
        help="environments for specifications of tests, beside the benchmarks' own",
    )
    parser.add_argument("--host", default="127.0.0.1", help="default: 127.0.0.1")
    parser.add_argument("--port", type=int, default=8321, help="default: 8321; 0 takes a free one")
    parser.add_argument(
        "--queue", type=int, default=4096, metavar="N", help="programs that wait at most: 4096"
    )
    parser.add_argument(
        "--grace",
        type=int,
        default=60,
        metavar="S",
        help="seconds for what was accepted when the server is told to end: 60",
    )
    parser.add_argument(
        "--behind",
        metavar="URLS",
        help="hosts that run `opencodeeval serve`, as a comma list: programs run there",
    )
    parser.add_argument(
        "--patience",
        type=int,
        default=120,
        metavar="S",
        help="seconds after which a client that reads nothing is disconnected: 120",
    )
    add_benchmark_options(parser)
    add_sandbox_options(parser)


def execute(options: argparse.Namespace) -> int:
    """Serve until told to end."""
    from opencodeeval.runs.progress import remark
    from opencodeeval.serve.server import ServerOptions, serve

    serve(
        ServerOptions(
            benches=comma_list(options.bench or ""),
            environments=comma_list(options.environment or ""),
            selection=selection_of(options),
            sandbox=sandbox_of(options),
            host=options.host,
            port=options.port,
            queue=options.queue,
            grace_s=options.grace,
            behind=comma_list(options.behind or ""),
            patience_s=options.patience,
        ),
        remark,
    )
    return 0
