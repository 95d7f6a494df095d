"""Finds the command, runs it, and turns an error into one line and an exit status.

A command is a module with two functions: `add_arguments(parser)` declares its
options, and `execute(options) -> int` returns the exit status. If it sets
PASSES_ON, the arguments after `--` are in `options.passed_on`. commands.py lists the
commands; only the module of the given command is loaded.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from types import ModuleType
from typing import NoReturn

import opencodeeval
from opencodeeval.cli.commands import COMMANDS, examples, overview
from opencodeeval.cli.options import Parser, wrapped
from opencodeeval.core.errors import OpenCodeEvalError, UsageError
from opencodeeval.core.interrupted import Interrupted
from opencodeeval.core.suggest import unknown

VERSION = f"opencodeeval {opencodeeval.__version__}"
EXIT_UNEXPECTED = 70
EXIT_BROKEN_PIPE = 141


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
    except (Interrupted, KeyboardInterrupt) as stop:
        said = stop if isinstance(stop, Interrupted) else Interrupted()
        status = _fail(str(said), said.exit_status)
        if arguments is None and "torch" in sys.modules:
            _end_at_once(status)
        return status
    except BrokenPipeError:
        # The reader is gone; without this the interpreter reports an error at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_BROKEN_PIPE
    except Exception:
        traceback.print_exc()
        return EXIT_UNEXPECTED


def _execute(given: list[str]) -> int:
    if not given:
        print(overview(), file=sys.stderr)
        raise UsageError(
            "nothing was asked for: name a model and a benchmark, or one of the commands above"
        )
    if given[0] == "help":
        given = [*given[1:], "--help"]
    if given[0] in ("-h", "--help"):
        print(overview())
        return 0
    command, options = parsed_command(given)
    status: int = command.execute(options)
    return status


def parsed_command(arguments: Sequence[str]) -> tuple[ModuleType, argparse.Namespace]:
    """The module of the command that is named (by default `run`), and its options.

    Raises:
        UsageError: there is no such command or option, or a value is invalid.
    """
    given = list(arguments)
    name = "run" if given[0].startswith("-") else given.pop(0)
    if name not in COMMANDS:
        raise UsageError(unknown("there is no command", name, COMMANDS))
    command = importlib.import_module(COMMANDS[name].module)
    parser = Parser(
        prog=f"opencodeeval {name}",
        usage=getattr(command, "USAGE", None),
        description=wrapped(command.__doc__ or ""),
        epilog=examples(name),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_arguments(parser, command)
    passed_on: list[str] = []
    if getattr(command, "PASSES_ON", False) and "--" in given:
        # Not argparse's `--`, which does not work together with positional arguments.
        at = given.index("--")
        given, passed_on = given[:at], given[at + 1 :]
    options = parser.parse(given)
    options.passed_on = passed_on
    return command, options


def whole_parser() -> Parser:
    """One parser of all commands, for completion; every command's module is loaded.

    `run` is the default command, so its options are also options of the parser itself.
    """
    parser = Parser(prog="opencodeeval", allow_abbrev=False)
    _add_arguments(parser, importlib.import_module(COMMANDS["run"].module))
    commands = parser.add_subparsers(dest="command")
    for name, (module, purpose, _) in COMMANDS.items():
        each = commands.add_parser(name, help=purpose, allow_abbrev=False)
        _add_arguments(each, importlib.import_module(module))
    return parser


def _add_arguments(parser: Parser, command: ModuleType) -> None:
    parser.add_argument("--version", action="version", version=VERSION)
    command.add_arguments(parser)


def _end_at_once(status: int) -> NoReturn:
    """End this process, in which everything of ours is closed.

    The interpreter's own end takes seconds once an engine's libraries are loaded.
    """
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(status)


def _fail(message: str, status: int) -> int:
    print(f"opencodeeval: error: {message}", file=sys.stderr)
    return status
