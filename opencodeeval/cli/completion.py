"""Print a shell script that completes commands, options and files.

For bash, add to ~/.bashrc:    source <(opencodeeval completion bash)
For zsh, put it in a folder of $fpath:
    opencodeeval completion zsh > DIR/_opencodeeval
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `completion`."""
    parser.add_argument("shell", choices=("bash", "zsh"), help="the shell to print the script for")


def execute(options: argparse.Namespace) -> int:
    """Print the script; it is made from the commands' own parsers."""
    import shtab

    from opencodeeval.cli.main import whole_parser

    parser = whole_parser()
    for action in _actions(parser):
        if action.type is Path:
            folder = "DIR" in str(action.metavar)
            # shtab reads this attribute; argparse does not know it.
            vars(action)["complete"] = shtab.DIRECTORY if folder else shtab.FILE
    print(shtab.complete(parser, options.shell))
    return 0


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for each in action.choices.values():
                yield from _actions(each)
