"""Finds the command, runs it, and turns an error into one line and an exit status.

A command is a module with two functions: `add_arguments(parser)` declares its
options, and `execute(options) -> int` returns the exit status. If it sets
PASSES_ON, the arguments after `--` are in `options.passed_on`. To add a command,
add a module and a row in COMMANDS; only the module of the given command is loaded.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from types import ModuleType
from typing import NamedTuple

import opencodeeval
from opencodeeval.cli.options import Parser
from opencodeeval.core.errors import OpenCodeEvalError, UsageError
from opencodeeval.core.interrupted import Interrupted

VERSION = f"opencodeeval {opencodeeval.__version__}"
EXIT_UNEXPECTED = 70
EXIT_BROKEN_PIPE = 141


class Command(NamedTuple):
    """A command's module and its one-line description."""

    module: str
    purpose: str


COMMANDS = {
    "run": Command("opencodeeval.cli.run", "score a model on benchmarks (the default command)"),
    "grade": Command("opencodeeval.cli.grade", "grade samples from another tool"),
    "compare": Command(
        "opencodeeval.cli.compare", "compare two models task by task, from their records"
    ),
    "gate": Command(
        "opencodeeval.cli.gate", "say whether a candidate got worse, with an exit status for CI"
    ),
    "serve": Command(
        "opencodeeval.cli.serve", "serve the grader over HTTP: programs in, verdicts out"
    ),
    "watch": Command("opencodeeval.cli.watch", "evaluate each new checkpoint of a training run"),
    "publish": Command(
        "opencodeeval.cli.publish", "write scores to a model card, a table or a tracker"
    ),
    "export": Command("opencodeeval.cli.export", "write a finished run in another tool's files"),
    "leaderboard": Command(
        "opencodeeval.cli.leaderboard", "build the tables and the page of a folder of records"
    ),
    "report": Command(
        "opencodeeval.cli.report", "build a page of a run: every sample and its verdict"
    ),
    "regrade": Command(
        "opencodeeval.cli.regrade", "execute stored samples again, and list changed verdicts"
    ),
    "data": Command("opencodeeval.cli.data", "list, fetch or verify the data sets"),
    "contamination": Command(
        "opencodeeval.cli.contamination", "show scores by month of release, before and after a date"
    ),
    "benchmarks": Command("opencodeeval.cli.benchmarks", "list the benchmarks and protocols"),
    "presets": Command(
        "opencodeeval.cli.presets", "list the presets of models, or show what one sets"
    ),
    "doctor": Command("opencodeeval.cli.doctor", "say what this machine has and what is missing"),
    "selfcheck": Command(
        "opencodeeval.cli.selfcheck",
        "run the reference solutions: which tasks can be passed here at all",
    ),
    "sandbox": Command("opencodeeval.cli.sandbox", "build, show or clean up the sandbox"),
    "completion": Command(
        "opencodeeval.cli.completion", "print a shell script that completes commands and options"
    ),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; returns its exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        try:
            status = _execute(given)
        except SystemExit as done:  # argparse, after --help and --version
            status = int(done.code or 0)
        sys.stdout.flush()
        return status
    except OpenCodeEvalError as error:
        return _fail(str(error), error.exit_status)
    except Interrupted as stop:
        return _fail(str(stop), stop.exit_status)
    except KeyboardInterrupt:
        return _fail(str(Interrupted()), Interrupted().exit_status)
    except BrokenPipeError:
        # The reader is gone; without this the interpreter reports an error at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_BROKEN_PIPE
    except Exception:
        traceback.print_exc()
        return EXIT_UNEXPECTED


def _execute(given: list[str]) -> int:
    if not given:
        others = ", ".join(name for name in COMMANDS if name != "run")
        raise UsageError(
            f"`opencodeeval --model M --bench B` runs a model; other commands: {others} "
            "(see `opencodeeval --help`)"
        )
    name = "run" if given[0].startswith("-") else given.pop(0)
    if name not in COMMANDS:
        raise UsageError(f"there is no command {name!r}; available: {', '.join(COMMANDS)}")
    command = importlib.import_module(COMMANDS[name].module)
    parser = Parser(
        prog=f"opencodeeval {name}",
        description=command.__doc__,
        epilog=_overview() if name == "run" else None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_arguments(parser, command)
    passed_on: list[str] = []
    if getattr(command, "PASSES_ON", False) and "--" in given:
        # Not argparse's `--`, which does not work together with positional arguments.
        at = given.index("--")
        given, passed_on = given[:at], given[at + 1 :]
    options = parser.parse_args(given)
    options.passed_on = passed_on
    status: int = command.execute(options)
    return status


def whole_parser() -> Parser:
    """One parser of all commands, for completion; every command's module is loaded.

    `run` is the default command, so its options are also options of the parser itself.
    """
    parser = Parser(prog="opencodeeval", allow_abbrev=False)
    _add_arguments(parser, importlib.import_module(COMMANDS["run"].module))
    commands = parser.add_subparsers(dest="command")
    for name, (module, purpose) in COMMANDS.items():
        each = commands.add_parser(name, help=purpose, allow_abbrev=False)
        _add_arguments(each, importlib.import_module(module))
    return parser


def _add_arguments(parser: Parser, command: ModuleType) -> None:
    parser.add_argument("--version", action="version", version=VERSION)
    command.add_arguments(parser)


def _overview() -> str:
    rows = [f"  {name:<15}{command.purpose}" for name, command in COMMANDS.items()]
    return "\n".join(["commands (opencodeeval COMMAND --help):", *rows])


def _fail(message: str, status: int) -> int:
    print(f"opencodeeval: error: {message}", file=sys.stderr)
    return status
