"""Means over the parts of a benchmark that is a set: one benchmark in several languages.

The mean is unweighted, as published tables form it. Its parts are records of one model,
drawn and graded alike, under the suite of the headline score.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from opencodeeval.core.types import digest
from opencodeeval.records.counts import cluster_counts
from opencodeeval.records.schema import Record
from opencodeeval.stats.pass_at_k import Count, Estimate, estimate_mean_of_parts, pass_at_k


class SetMean(NamedTuple):
    """The mean of `parts`, data versions of `benchmark`, of the `of` that the set has.

    `score` is of pass@1.
    """

    model: str
    benchmark: str
    protocol: str
    parts: tuple[str, ...]
    of: int
    score: Estimate

    @property
    def whole(self) -> bool:
        """Whether every part of the set is there."""
        return len(self.parts) == self.of


def set_means(records: Iterable[Record]) -> list[SetMean]:
    """The means of all sets of which two parts at least are there, in the records' order.

    Where a part was run twice alike but for its identity, say with another seed, the sets
    of both are apart.
    """
    groups: dict[str, dict[str, Record]] = {}
    for record in records:
        if record.benchmark.data_version in record.benchmark.description.set:
            groups.setdefault(_alike(record), {})[record.benchmark.data_version] = record
    return [_mean(group) for group in groups.values() if len(group) > 1]


def _alike(record: Record) -> str:
    """What the records of one set have in common."""
    model, protocol = record.model, record.protocol
    drawn = msgspec.structs.asdict(record.sampling)
    # A language may have stop strings of its own.
    del drawn["stop"]
    weights = model.identity.get("weights_digest") or model.revision
    named = [model.name, model.origin, weights, model.adapter_digest]
    return digest([named, [record.benchmark.name, protocol.name, protocol.version], drawn])


def _mean(group: dict[str, Record]) -> SetMean:
    first = next(iter(group.values()))
    of = first.benchmark.description.set
    parts = tuple(name for name in of if name in group)
    return SetMean(
        first.model.name,
        first.benchmark.name,
        first.protocol.name,
        parts,
        len(of),
        estimate_mean_of_parts([_by_problem(group[name]) for name in parts]),
    )


def _by_problem(record: Record) -> dict[str, float]:
    """Problem -> pass@1. A problem has one number in all languages, and perhaps other names."""
    counts = cluster_counts(record.tasks, record.benchmark.headline)
    found = {}
    for name, (n, c) in counts.items():
        number = re.match(r"[A-Za-z]+_\d+", name) or re.search(r"/\d+\Z", name)
        found[number[0] if number else name] = pass_at_k(n, c, 1)
    return found if len(found) == len(counts) else _named(counts)


def _named(counts: Mapping[str, Count]) -> dict[str, float]:
    return {name: pass_at_k(n, c, 1) for name, (n, c) in counts.items()}
