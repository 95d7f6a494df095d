"""List the benchmarks and groups, or show one benchmark.

Shown of one: its protocols with their defaults for --n, --temperature, --top-p and
--max-tokens (the default protocol first), and its data versions.

Tasks of your own (`--bench file:tasks.jsonl`): one JSON object a line, with the
texts "task_id", "style", "prompt", "entry_point" and "canonical_solution", and
  function  "inputs": lists of arguments; "expected": as many values; "atol"
  stdio     "tests": a list of {"input", "output"}; "entry_point" is ""
  unittest  "test": source with a unittest.TestCase named TestCases
by style. The prompt of a function ends where the canonical solution goes on. A
row of HumanEval's ("test" defines check(candidate)) is taken as it is.
`opencodeeval selfcheck file:tasks.jsonl` runs the canonical solutions.
"""

from __future__ import annotations

import argparse
import json
import textwrap
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opencodeeval.benchmarks.cards import Card, ProtocolCard

WIDTH = 80


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `benchmarks`."""
    parser.add_argument(
        "benches", nargs="*", metavar="NAME", help="a benchmark, or its folder, to show in full"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")


def execute(options: argparse.Namespace) -> int:
    """Print one line a benchmark, or all of one."""
    from opencodeeval.benchmarks.registry import card_of, list_benchmarks

    cards = [card_of(name)[0] for name in options.benches] or list_benchmarks()
    if options.json:
        print(json.dumps({"benchmarks": [_object(card) for card in cards], **_groups_object()}))
    elif options.benches:
        print("\n\n".join("\n".join(_whole(card)) for card in cards))
    else:
        print("\n".join([*_list(cards), "", *_groups()]))
    return 0


def _object(card: Card) -> dict[str, Any]:
    return {
        "name": card.name,
        "title": card.title,
        "versions": [version.name for version in card.versions],
        "protocols": [protocol.name for protocol in card.protocols],
        "defaults": {protocol.name: _defaults(protocol) for protocol in card.protocols},
        "folder": str(card.folder),
        "shipped": card.shipped,
    }


def _defaults(protocol: ProtocolCard) -> dict[str, float]:
    own = protocol.sampling
    return {
        "n": own.n,
        "temperature": own.temperature,
        "top_p": own.top_p,
        "max_tokens": own.max_tokens,
    }


def _groups_object() -> dict[str, Any]:
    from opencodeeval.benchmarks.groups import groups

    return {"groups": {name: list(group.benchmarks) for name, group in groups().items()}}


def _list(cards: list[Card]) -> list[str]:
    from opencodeeval.core.tables import aligned

    header = ("benchmark", "rows", "n", "temp.", "max tokens", "default protocol")
    rows = [
        (
            card.name,
            str(card.versions[0].tasks) if card.versions else "-",
            *_sampling(card.protocols[0], ("n", "temperature", "max_tokens")),
            card.protocols[0].name,
        )
        for card in cards
    ]
    lines = [aligned(header, rows, {"rows", "n", "temp.", "max tokens"})]
    lines += [f"{card.name}: from {card.folder}" for card in cards if not card.shipped]
    return [
        *lines,
        "",
        "rows: of the newest data version. n, temp. and max tokens are used where --n,",
        "--temperature and --max-tokens are not given. `opencodeeval benchmarks NAME`",
        "shows a benchmark's protocols with their defaults, and its data versions.",
    ]


def _groups() -> list[str]:
    from opencodeeval.benchmarks.groups import MARK, groups

    lines = ["groups (--bench @NAME):"]
    width = max(len(name) for name in groups()) + 1
    for name, group in groups().items():
        text = f"  {MARK + name:<{width}}  {', '.join(group.benchmarks)}"
        lines += _wrapped(text, " " * (width + 4))
    return lines


def _whole(card: Card) -> list[str]:
    from opencodeeval.core.sizes import size
    from opencodeeval.core.tables import aligned

    header = ("protocol", "n", "temperature", "top-p", "max tokens")
    protocols = [
        (
            f"{each.name} {each.version}{' (default)' if each is card.protocols[0] else ''}",
            *_sampling(each, ("n", "temperature", "top_p", "max_tokens")),
        )
        for each in card.protocols
    ]
    versions = [
        (each.name, str(each.tasks), size(each.bytes) if each.bytes else "-")
        for each in card.versions
    ]
    return [
        *_wrapped(f"{card.name}: {card.title}. {card.description}", "  "),
        f"  licence      {card.licence}",
        f"  homepage     {card.homepage}",
        *_needs(card),
        *([] if card.shipped else [f"  folder       {card.folder}"]),
        "",
        aligned(header, protocols, set(header[1:])),
        "",
        *(line for each in card.protocols for line in _wrapped(_described(each), "  ")),
        "",
        aligned(("version", "tasks", "size"), versions, {"tasks", "size"}),
    ]


def _needs(card: Card) -> list[str]:
    """How to get the environment that its programs need."""
    if not card.environment:
        return []
    return [f"  needs        opencodeeval sandbox build {card.environment}"]


def _described(protocol: ProtocolCard) -> str:
    return f"{protocol.name}: {protocol.description}"


def _sampling(protocol: ProtocolCard, names: tuple[str, ...]) -> list[str]:
    values = _defaults(protocol)
    return [f"{values[name]:g}" for name in names]


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
