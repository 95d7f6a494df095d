"""What the tasks of a record tell beside the score: by kind, by month, before and after a date.

Pure functions of a record's `tasks`, whose rows have `about` where the benchmark
says more of a task: its release date ("contest_date") and kinds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from math import hypot
from typing import Any

import numpy as np

from opencodeeval.records.counts import cluster_counts, counts_for
from opencodeeval.records.schema import TaskRow
from opencodeeval.stats.metrics import Metric, estimate
from opencodeeval.stats.pass_at_k import Count, Estimate, estimate_pass_at_k

KINDS = ("difficulty", "platform")
ORDER = ("easy", "medium", "hard")
SHUFFLES = 10_000

Rows = Mapping[str, TaskRow]


@dataclass(frozen=True)
class Month:
    """pass@1 of the tasks released in a month ("2024-01"), with its 95 % interval."""

    month: str
    tasks: int
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Drop:
    """pass@1 of the tasks released up to a model's cut-off date, and after it.

    `difference` is before minus after, with Newcombe's interval (1998, method
    10, from the intervals of the two). `adjusted` is the mean difference within
    difficulty and platform, and `p_value` the chance of one as large if the
    date meant nothing: dates shuffled within difficulty and platform.
    """

    cutoff: str
    tasks: tuple[int, int]
    before: Estimate
    after: Estimate
    difference: float
    low: float
    high: float
    adjusted: float
    p_value: float


def counts_of(rows: Rows, suite: str) -> list[Count]:
    """The samples and correct samples of every cluster."""
    return list(cluster_counts(rows, suite).values())


def breakdown(rows: Rows, suites: Sequence[str], metrics: Sequence[Metric]) -> dict[str, Any]:
    """Kind -> value -> {"tasks", "pass@k": suite -> metric -> estimate}; empty without kinds."""
    found: dict[str, Any] = {}
    for kind in KINDS:
        values = {row.about[kind] for row in rows.values() if kind in row.about}
        for value in sorted(values, key=_rank):
            part = {name: row for name, row in rows.items() if row.about.get(kind) == value}
            scores = {suite: scores_of(part, suite, metrics) for suite in suites}
            found.setdefault(kind, {})[value] = {"tasks": len(part), "pass@k": scores}
    return found


def scores_of(rows: Rows, suite: str, metrics: Sequence[Metric]) -> dict[str, Any]:
    """Metric -> estimate, of the metrics for which every task has samples enough.

    Raises:
        UsageError: consistency is to be computed, and a task has no answers.
    """
    found = {}
    for metric in metrics:
        counts = list(counts_for(rows, suite, metric=metric).values())
        if metric.fits(counts):
            found[str(metric)] = estimate(counts, metric)._asdict()
    return found


def months(rows: Rows, suite: str) -> list[Month]:
    """pass@1 month by month, of the months that have tasks; empty where tasks have no dates."""
    by_month: dict[str, dict[str, TaskRow]] = {}
    for name, row in rows.items():
        if "contest_date" in row.about:
            by_month.setdefault(row.about["contest_date"][:7], {})[name] = row
    return [
        Month(month, len(part), *estimate_pass_at_k(counts_of(part, suite), 1))
        for month, part in sorted(by_month.items())
    ]


def drop(rows: Rows, suite: str, cutoff: datetime) -> Drop | None:
    """What changes at a date; None where there are not tasks on both its sides."""
    dated = {name: row for name, row in rows.items() if "contest_date" in row.about}
    late = np.array([_date(row) > cutoff for row in dated.values()], dtype=bool)
    if not late.any() or late.all():
        return None
    parts = [
        {name: row for name, row in dated.items() if (_date(row) > cutoff) == side}
        for side in (False, True)
    ]
    before, after = (estimate_pass_at_k(counts_of(part, suite), 1) for part in parts)
    difference = before.value - after.value
    adjusted, p_value = _within_kinds(list(dated.values()), late, suite)
    return Drop(
        cutoff=cutoff.date().isoformat(),
        tasks=(len(parts[0]), len(parts[1])),
        before=before,
        after=after,
        difference=difference,
        low=difference - hypot(before.value - before.low, after.high - after.value),
        high=difference + hypot(before.high - before.value, after.value - after.low),
        adjusted=adjusted,
        p_value=p_value,
    )


def contamination(rows: Rows, suite: str, cutoff: str | None = None) -> dict[str, Any]:
    """The months of a record's tasks and, with a date, the drop; empty where they have no dates."""
    found: dict[str, Any] = {"months": [asdict(row) for row in months(rows, suite)]}
    if not found["months"]:
        return {}
    dropped = drop(rows, suite, datetime.fromisoformat(cutoff)) if cutoff else None
    if dropped:
        parts = {name: getattr(dropped, name)._asdict() for name in ("before", "after")}
        found["cutoff"] = {**asdict(dropped), **parts, "tasks": list(dropped.tasks)}
    elif cutoff:
        found["one_side_of"] = cutoff[:10]
    return found


def _rank(value: str) -> tuple[int, str]:
    return (ORDER.index(value) if value in ORDER else len(ORDER), value)


def _date(row: TaskRow) -> datetime:
    return datetime.fromisoformat(row.about["contest_date"])


def _within_kinds(rows: Sequence[TaskRow], late: np.ndarray, suite: str) -> tuple[float, float]:
    """The mean difference within strata, weighted by n m / (n + m), and its one-sided p-value."""
    scores = np.array([row.c[suite] / row.n for row in rows])
    strata = np.array(["/".join(row.about.get(kind, "") for kind in KINDS) for row in rows])
    chance = np.random.default_rng(0)
    total, weights = np.zeros(SHUFFLES + 1), 0.0
    for stratum in sorted(set(strata)):
        mine, is_late = scores[strata == stratum], late[strata == stratum]
        n, m = int((~is_late).sum()), int(is_late.sum())
        if not n or not m:
            continue
        shuffled = chance.permuted(np.tile(mine, (SHUFFLES, 1)), axis=1)[:, :n].sum(axis=1)
        sums = np.concatenate([[mine[~is_late].sum()], shuffled])
        weight = n * m / (n + m)
        total += weight * (sums / n - (mine.sum() - sums) / m)
        weights += weight
    if not weights:
        return 0.0, 1.0
    # Sums of the same numbers in another order differ in their last bits.
    as_large = int((total[1:] >= total[0] - 1e-9).sum())
    return float(total[0] / weights), (1 + as_large) / (1 + SHUFFLES)
