"""Two models compared task by task, from their records alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from opencodeeval.core import tables
from opencodeeval.core.errors import UsageError
from opencodeeval.core.text import wrapped
from opencodeeval.records.comparable import Pair, remarks
from opencodeeval.stats import paired_tests
from opencodeeval.stats.metrics import CONSISTENCY, PASS_AT_1, SOLVED, Metric, estimate
from opencodeeval.stats.paired_tests import Differences
from opencodeeval.stats.pass_at_k import Count, Estimate

OVERALL = "overall"
SHOWN = 20


@dataclass(frozen=True)
class Flip:
    """A task (or cluster) whose score changed; `difference` is candidate minus baseline.

    The counts are of samples, and for consistency of pairs of samples that agree.
    """

    task_id: str
    baseline: Count
    candidate: Count
    difference: float


@dataclass(frozen=True)
class Comparison:
    """One benchmark, or the mean of several (`benchmark` "overall").

    Scores of the metric are in [0, 1] over the compared tasks; `difference` is
    candidate minus baseline with its 95 % interval. `tasks` counts clusters,
    which are single tasks in most benchmarks: `lost` and `gained` are those that
    changed, the largest change first. `left_out` are the tasks not compared.
    """

    benchmark: str
    protocol: str
    data_version: str
    suite: str
    metric: str
    tasks: int
    samples: int
    baseline: float
    candidate: float
    difference: Estimate
    p_values: paired_tests.Tails
    differences: Differences
    lost: tuple[Flip, ...] = ()
    gained: tuple[Flip, ...] = ()
    left_out: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    label: str = ""

    @property
    def title(self) -> str:
        """The benchmark, with its data version if several versions are compared."""
        return self.label or self.benchmark

    @property
    def test(self) -> str:
        """The name of the test behind the p-values."""
        return "exact McNemar" if self.samples == 1 else "exact sign-flip permutation"


def compare(
    pair: Pair,
    metric: Metric = PASS_AT_1,
    suite: str | None = None,
    left_out: Collection[str] = (),
) -> Comparison:
    """Compare two records task by task under one suite (the headline by default).

    Raises:
        UsageError: there is no such suite, too few samples for the metric, or no task is left.
    """
    suite = suite or pair.baseline.headline
    if suite not in pair.baseline.suites:
        raise UsageError(
            f"{pair.baseline.benchmark} has no suite {suite!r}; available: "
            f"{', '.join(pair.baseline.suites)}"
        )
    skipped = tuple(task for task in pair.baseline.record.tasks if task in left_out)
    before, after = (record.counts(suite, skipped, metric) for record in pair)
    _check_numbers(metric, before, after)
    if not before:
        raise UsageError(f"no task of {pair.baseline.benchmark} is left to compare")
    differences = paired_tests.differences(before, after, metric)
    flips = [
        Flip(task, before[task], after[task], difference)
        for task, difference in zip(before, differences.values.tolist(), strict=True)
    ]
    changed = sorted(
        (flip for flip in flips if flip.difference),
        key=lambda flip: -round(abs(flip.difference), 9),
    )
    return Comparison(
        benchmark=pair.baseline.benchmark,
        protocol=pair.baseline.protocol,
        data_version=pair.baseline.data_version,
        suite=suite,
        metric=str(metric),
        tasks=len(before),
        samples=max(n for side in pair for n, _ in side.counts(suite, skipped).values()),
        baseline=estimate(list(before.values()), metric).value,
        candidate=estimate(list(after.values()), metric).value,
        difference=paired_tests.interval(differences),
        p_values=paired_tests.sign_flip(differences),
        differences=differences,
        lost=tuple(flip for flip in changed if flip.difference < 0),
        gained=tuple(flip for flip in changed if flip.difference > 0),
        left_out=skipped,
        remarks=tuple(remarks(pair)),
    )


def _check_numbers(metric: Metric, before: Mapping[str, Count], after: Mapping[str, Count]) -> None:
    """Raise UsageError if the sides' samples make no metric, or different ones of one name."""
    sides = {"baseline": list(before.values()), "candidate": list(after.values())}
    few = [side for side, counts in sides.items() if counts and not metric.fits(counts)]
    if len(few) == 1 and metric != CONSISTENCY:
        n = min(count.n for count in sides[few[0]])
        raise UsageError(
            f"{metric} needs at least {metric.samples} samples per task, and the {few[0]} has {n}: "
            f"draw more samples of the {few[0]}, or name a metric with a smaller k"
        )
    if metric != SOLVED:
        return
    for task in before:
        if task in after and before[task].n != after[task].n:
            raise UsageError(
                f"solved depends on the number of samples, and {task} has {before[task].n} in the "
                f"baseline and {after[task].n} in the candidate: compare "
                f"pass@{min(before[task].n, after[task].n)}"
            )


def overall(
    pairs: Sequence[Pair], parts: Sequence[Comparison], metric: Metric = PASS_AT_1
) -> Comparison:
    """The mean of the benchmarks' scores, with equal weights."""
    groups = []
    for pair, part in zip(pairs, parts, strict=True):
        before, after = (record.counts(part.suite, part.left_out, metric) for record in pair)
        groups.append(
            {
                task.casefold(): paired_tests.change(before[task], after[task], metric)
                for task in before
            }
        )
    differences = paired_tests.combine(groups)
    return Comparison(
        benchmark=OVERALL,
        protocol="",
        data_version="",
        suite="",
        metric=parts[0].metric,
        tasks=len(differences.values),
        # The benchmarks' tasks weigh differently, so this is never McNemar's test.
        samples=max(2, *(part.samples for part in parts)),
        baseline=sum(part.baseline for part in parts) / len(parts),
        candidate=sum(part.candidate for part in parts) / len(parts),
        difference=paired_tests.interval(differences),
        p_values=paired_tests.sign_flip(differences),
        differences=differences,
    )


def compare_all(
    pairs: Sequence[Pair],
    metric: Metric = PASS_AT_1,
    suite: str | None = None,
    left_out: Mapping[str, Collection[str]] | None = None,
) -> list[Comparison]:
    """Every benchmark, and if there are several also their mean.

    `left_out` has the tasks to leave out, by the labels of `labelled`.
    """
    skip = left_out or {}
    parts = [
        replace(compare(pair, metric, suite, skip.get(label, ())), label=label)
        for label, pair in labelled(pairs)
    ]
    return [*parts, overall(pairs, parts, metric)] if len(parts) > 1 else parts


def labelled(pairs: Sequence[Pair]) -> list[tuple[str, Pair]]:
    """The pairs by benchmark, with the data version if several versions are compared."""
    names = {pair.baseline.benchmark: set[str]() for pair in pairs}
    for pair in pairs:
        names[pair.baseline.benchmark].add(pair.baseline.spec)
    several = {name for name, specs in names.items() if len(specs) > 1}
    sides = [pair.baseline for pair in pairs]
    labels = [each.spec if each.benchmark in several else each.benchmark for each in sides]
    return list(zip(labels, pairs, strict=True))


def as_json(comparison: Comparison) -> dict[str, Any]:
    """What --json prints of a comparison."""

    def flips(found: Sequence[Flip]) -> list[dict[str, Any]]:
        return [
            {
                "task": flip.task_id,
                "baseline": flip.baseline._asdict(),
                "candidate": flip.candidate._asdict(),
            }
            for flip in found
        ]

    return {
        "benchmark": comparison.benchmark,
        "protocol": comparison.protocol,
        "data_version": comparison.data_version,
        "suite": comparison.suite,
        "metric": comparison.metric,
        "tasks": comparison.tasks,
        "samples": comparison.samples,
        "baseline": comparison.baseline,
        "candidate": comparison.candidate,
        "difference": comparison.difference._asdict(),
        "test": comparison.test,
        "p_values": comparison.p_values._asdict(),
        "lost": flips(comparison.lost),
        "gained": flips(comparison.gained),
        "left_out": list(comparison.left_out),
        "remarks": list(comparison.remarks),
    }


HEADER = (
    "benchmark",
    "metric",
    "baseline",
    "candidate",
    "change",
    "95 % interval",
    "p",
    "lost",
    "gained",
    "tasks",
    "n",
)
RIGHT = frozenset({"baseline", "candidate", "change", "p", "lost", "gained", "tasks", "n"})


def as_text(comparisons: Sequence[Comparison], all_flips: bool = False) -> str:
    """The table for people, then the flipped tasks and the remarks of each benchmark."""
    lines = [tables.fitted(HEADER, [_row(each) for each in comparisons], RIGHT, lead=2)]
    for each in comparisons:
        if each.benchmark == OVERALL:
            continue
        said = [
            f"  {name} {len(flips)}: {flipped(flips, None if all_flips else SHOWN)}"
            for name, flips in (("lost", each.lost), ("gained", each.gained))
            if flips
        ]
        said += [f"  note: {remark}" for remark in each.remarks]
        lines += ["", f"{each.benchmark} {each.data_version}, {each.protocol}, {each.test} test"]
        lines += map(wrapped, said)
    return "\n".join(lines)


def flipped(flips: Sequence[Flip], shown: int | None = None) -> str:
    """Tasks by name, with their counts if there are several samples."""
    names = [
        flip.task_id
        if flip.baseline.n == flip.candidate.n == 1
        else f"{flip.task_id} ({_of(flip.baseline)} to {_of(flip.candidate)})"
        for flip in flips[:shown]
    ]
    more = len(flips) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")


def signed(value: float) -> str:
    """A difference in points, with its sign."""
    return f"{100 * value:+.1f}"


def _row(part: Comparison) -> tuple[str, ...]:
    low, high = part.difference.low, part.difference.high
    is_overall = part.benchmark == OVERALL
    return (
        part.title,
        part.metric if is_overall else f"{part.suite} {part.metric}",
        f"{100 * part.baseline:.1f}",
        f"{100 * part.candidate:.1f}",
        signed(part.difference.value),
        f"{signed(low)} to {signed(high)}",
        f"{part.p_values.either:.2g}",
        "" if is_overall else str(len(part.lost)),
        "" if is_overall else str(len(part.gained)),
        str(part.tasks),
        "" if is_overall else str(part.samples),
    )


def _of(count: Count) -> str:
    return f"{count.c}/{count.n}"
