"""A benchmark of one row of our own, as its adapter makes it."""

from __future__ import annotations

from opencodeeval.benchmarks.adapter import adapter_of
from opencodeeval.benchmarks.card_benchmark import CardBenchmark
from opencodeeval.benchmarks.cards import read_card
from opencodeeval.benchmarks.data.rows import Row


def of_row(name: str, row: Row, protocol: str, version: str) -> CardBenchmark:
    """The benchmark `name` in a data version, with this row alone."""
    card = read_card(name)
    asked = next(each for each in card.protocols if each.name == protocol)
    adapter = adapter_of(card)
    task = adapter.to_task(row, asked)
    return adapter.benchmark(
        name=card.name,
        card=card,
        protocol_card=asked,
        data_version=version,
        data_digest="",
        provenance={},
        tasks=[task],
        known_ids=frozenset([task.task_id]),
    )
