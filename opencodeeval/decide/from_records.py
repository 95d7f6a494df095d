"""`compare` and `gate` as Python calls them: from records, their paths, or evaluations."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from opencodeeval.core.errors import UsageError
from opencodeeval.decide.comparison import Comparison, compare_all
from opencodeeval.decide.gate import Decision, Policy, decide
from opencodeeval.decide.policy import checked
from opencodeeval.records.comparable import pair_up
from opencodeeval.records.reading import StoredRecord, read_records
from opencodeeval.stats.metrics import parse_metric, pass_at


class HasRecords(Protocol):
    """What `evaluate`, `grade` and others return: an object with its records."""

    @property
    def stored(self) -> Sequence[StoredRecord]:
        """The records, with their paths."""
        ...


# A record; the path of a record, run folder or folder of results, or a pattern; an evaluation.
Source = str | Path | StoredRecord | HasRecords


def compare(
    baseline: Source | Sequence[Source],
    candidate: Source | Sequence[Source],
    k: int = 1,
    suite: str | None = None,
    metric: str = "",
) -> list[Comparison]:
    """Compare two models task by task.

    Args:
        baseline: records, paths or patterns (as `read_records` takes them), or what
            `evaluate` and `grade` return; one model.
        candidate: the same for the other model.
        k: pass@k is compared.
        suite: the test suite; by default each benchmark's headline.
        metric: another metric than pass@k is compared, such as "pass^4".

    Returns:
        One comparison per benchmark of the baseline, and if there are several
        also their mean ("overall"). Scores are shares of 1; a difference is
        candidate minus baseline, with a 95 % interval over tasks.

    Raises:
        UsageError: the records cannot be compared; the message says how they differ.
        DataError, StoreError: a record is damaged or cannot be read.
    """
    if k < 1:
        raise UsageError(f"k must be at least 1, got {k}")
    if metric and k != 1:
        raise UsageError(f"k = {k} and metric = {metric!r} are two metrics: leave one of them out")
    compared = parse_metric(metric) if metric else pass_at(k)[0]
    return compare_all(pair_up(records_of(baseline), records_of(candidate)), compared, suite)


def gate(
    baseline: Source | Sequence[Source],
    candidate: Source | Sequence[Source],
    policy: Policy | None = None,
) -> Decision:
    """Decide whether the candidate got worse than the baseline.

    Args:
        baseline: as in `compare`.
        candidate: as in `compare`.
        policy: the tolerated drop, the error rate, the quarantined tasks; by default
            a margin of 0.01 (one point) and an alpha of 0.05.

    Returns:
        The answer (pass, regression or inconclusive), why, and a finding per
        benchmark with its p-value and the largest drop that the data allow.

    Raises:
        UsageError: the records cannot be compared, or the policy is not valid.
        DataError, StoreError: a record is damaged or cannot be read.
    """
    pairs = pair_up(records_of(baseline), records_of(candidate))
    return decide(pairs, checked(policy or Policy()))


def records_of(sources: Source | Sequence[Source]) -> list[StoredRecord]:
    """The records that sources name, in order.

    Raises:
        UsageError: a source does not exist or has no record.
        DataError, StoreError: a record is damaged or cannot be read.
    """
    found: list[StoredRecord] = []
    named = sources if isinstance(sources, Sequence) and not isinstance(sources, str) else [sources]
    for source in named:
        if isinstance(source, StoredRecord):
            found.append(source)
        elif isinstance(source, (str, Path)):
            found += read_records([source])
        else:
            found += source.stored
    if not found:
        raise UsageError("there is no record: name records, or an evaluation that finished a run")
    # Several sources may name one record.
    return list({each.path.resolve(): each for each in found}.values())
