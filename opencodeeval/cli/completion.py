"""Print a shell script that completes commands, options and files.

For bash, add to ~/.bashrc:
    source <(opencodeeval completion bash)
For zsh, put it in a folder of $fpath:
    opencodeeval completion zsh > DIR/_opencodeeval
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `completion`."""
    parser.add_argument("shell", choices=("bash", "zsh"), help="the shell to print the script for")


def execute(options: argparse.Namespace) -> int:
    """Print the script; it is made from the commands' own parsers."""
    import shtab

    from opencodeeval.cli.main import whole_parser

    parser = whole_parser()
    names = _names()
    for action in _actions(parser):
        # shtab reads the attribute `complete`; argparse does not know it.
        completes = vars(action)
        if action.type is Path:
            folder = "DIR" in str(action.metavar)
            completes["complete"] = shtab.DIRECTORY if folder else shtab.FILE
        if action.dest in names and "complete" not in completes:
            completes["complete"] = dict.fromkeys(("bash", "zsh"), _function(action.dest))
    print(shtab.complete(parser, options.shell, preamble=_preamble(names)))  # type: ignore[arg-type]
    return 0


def _names() -> dict[str, list[str]]:
    """What an option holds -> the names that it takes, as they are when the script is made."""
    from opencodeeval.backends import BACKENDS
    from opencodeeval.benchmarks.registry import list_benchmarks
    from opencodeeval.execution import environments
    from opencodeeval.execution.jails.base import JAILS
    from opencodeeval.runs.presets import presets

    cards = list_benchmarks()
    benchmarks = [card.name for card in cards]
    return {
        "bench": benchmarks,
        "benches": benchmarks,
        "names": ["all", *benchmarks],
        "environment": environments.names(),
        "protocol": sorted({each.name for card in cards for each in card.protocols}),
        "backend": BACKENDS.names(),
        "sandbox": ["auto", *JAILS.names()],
        "preset": ["auto", "none", *presets()],
    }


def _function(option: str) -> str:
    return f"_opencodeeval_{option}_names"


def _preamble(names: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """The shells' functions that offer the names; after a comma, too."""
    bash, zsh = [], []
    for option, known in names.items():
        words = " ".join(known)
        bash.append(
            f"{_function(option)}() {{\n"
            '  local before=""; [[ $1 == *,* ]] && before="${1%,*},"\n'
            f'  compgen -P "$before" -W "{words}" -- "${{1##*,}}"\n'
            "}"
        )
        zsh.append(f"{_function(option)}() {{\n  _values -s , name {words}\n}}")
    return {"bash": "\n".join(bash), "zsh": "\n".join(zsh)}


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:
        yield action
        if isinstance(action, argparse._SubParsersAction):
            for each in action.choices.values():
                yield from _actions(each)
