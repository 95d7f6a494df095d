"""Shards: one run in parts, on several machines, each a run of some tasks of a benchmark.

Shard 3 of 8 has every eighth task from the third on, so that a shard has long and short
tasks alike, and all samples of its tasks. A record of a shard says which one it is;
runs/merging.py makes one run of all of them.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import NamedTuple

from opencodeeval.benchmarks.card_benchmark import CardBenchmark
from opencodeeval.core.errors import UsageError
from opencodeeval.records.schema import Record

# Where a record says which shard it is of: among what is known of its data.
FIELD = "shard"


class Shard(NamedTuple):
    """One of `of` parts of a run; `number` counts from 1."""

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


def parse_shard(text: str) -> Shard:
    """The shard that "3/8" names.

    Raises:
        UsageError: it names none.
    """
    found = re.fullmatch(r"(\d+)/(\d+)", text)
    shard = Shard(int(found[1]), int(found[2])) if found else Shard(0, 0)
    if not 1 <= shard.number <= shard.of:
        raise UsageError(f"--shard {text!r} is no part of a run: use 1/8 for the first of eight")
    return shard


def shard_of(benchmark: CardBenchmark, shard: Shard) -> CardBenchmark:
    """The benchmark with the tasks of one shard.

    Raises:
        UsageError: it would have none.
    """
    tasks = benchmark.tasks[shard.number - 1 :: shard.of]
    if not tasks:
        raise UsageError(
            f"shard {shard} of {benchmark.name} has no task: it has {len(benchmark.tasks)} tasks, "
            "so use no more shards than that"
        )
    return replace(benchmark, tasks=tasks, provenance={**benchmark.provenance, FIELD: str(shard)})


def shard_in(record: Record) -> Shard | None:
    """The shard that a record is of; None for a run that was not divided."""
    said = record.benchmark.description.data.get(FIELD)
    return parse_shard(str(said)) if said else None
