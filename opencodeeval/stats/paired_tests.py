"""Statistics of paired comparisons: pure functions of the differences between two scores, by task.

The tasks are taken as drawn from a larger population of such tasks, and the
samples of one task as a cluster, so the unit is always the task. What each
function promises is checked by simulation (docs/statistics.md).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from opencodeeval.stats.metrics import CONSISTENCY, PASS_AT_1, SOLVED, Metric
from opencodeeval.stats.pass_at_k import Count, Estimate

POWER = 0.8
# Differences that are no whole multiples of a larger step are rounded to this share
# of the largest: that makes another statistic of them, and its test is as exact.
_FINEST = 240


@dataclass(frozen=True)
class Differences:
    """Candidate minus baseline, one value for each task.

    `largest` is the most that a task can differ by, and `step` what every
    value is a whole multiple of (as nearly as the test below needs).
    """

    values: np.ndarray
    largest: float = 1.0
    step: float = 1.0

    @property
    def mean(self) -> float:
        """The difference of the two scores."""
        return float(self.values.mean())


class Tails(NamedTuple):
    """p-values of "no difference" against a drop, against a gain, and against either."""

    drop: float
    gain: float
    either: float


def differences(
    baseline: Mapping[str, Count], candidate: Mapping[str, Count], metric: Metric = PASS_AT_1
) -> Differences:
    """Differences in a metric of the tasks that both have.

    Raises:
        UsageError: a task has too few samples.
    """
    tasks = [task for task in baseline if task in candidate]
    values = [change(baseline[task], candidate[task], metric) for task in tasks]
    if metric == SOLVED:
        return Differences(np.array(values))
    common = math.lcm(*{side[task].n for task in tasks for side in (baseline, candidate)})
    shares = metric in (PASS_AT_1, CONSISTENCY)
    step = 1 / common if shares and common <= _FINEST else 1 / _FINEST
    return Differences(np.array(values), step=step)


def change(before: Count, after: Count, metric: Metric = PASS_AT_1) -> float:
    """The difference in a metric of one task; exactly 0 where shares of pass@1 are equal."""

    def score(count: Count) -> float:
        return count.c / count.n if metric == PASS_AT_1 else metric.of(count)

    return score(after) - score(before)


def combine(groups: Sequence[Mapping[str, float]]) -> Differences:
    """Differences whose mean is the mean of the groups' means: benchmarks that count alike.

    Each group maps a task to its difference. Tasks of the same name in
    several groups (HumanEval and HumanEval+) are one cluster.
    """
    clusters: dict[str, float] = {}
    largest: dict[str, float] = {}
    for group in groups:
        weight = 1 / (len(groups) * len(group))
        for task, value in group.items():
            clusters[task] = clusters.get(task, 0.0) + weight * value
            largest[task] = largest.get(task, 0.0) + weight
    most = len(clusters) * max(largest.values())
    values = np.array(list(clusters.values())) * len(clusters)
    return Differences(values, largest=most, step=most / _FINEST)


def sign_flip(sample: Differences) -> Tails:
    """The exact sign-flip permutation test of "no difference".

    Were the two models alike, each task's difference would as well have had
    the other sign. The p-value is the share of all 2^T choices of signs whose
    sum is at least as far out, counted and not sampled. With one sample a
    task this is McNemar's exact test (McNemar 1947; Fisher 1935, section 21).
    """
    steps = np.rint(sample.values / sample.step).astype(int)
    observed = int(steps.sum())
    reach, chances = _flipped_sums(np.abs(steps[steps != 0]))
    at = observed + reach
    drop, gain = float(chances[: at + 1].sum()), float(chances[at:].sum())
    return Tails(min(1.0, drop), min(1.0, gain), min(1.0, 2 * min(drop, gain)))


def _flipped_sums(sizes: np.ndarray) -> tuple[int, np.ndarray]:
    """The largest sum, and the chance of each sum from minus that to plus that."""
    chances, reach = np.ones(1), 0
    for size, count in zip(*np.unique(sizes, return_counts=True), strict=True):
        grown = np.zeros(2 * (reach + int(size) * int(count)) + 1)
        for plus, chance in enumerate(np.exp(_log_binomial(int(count), 0.5))):
            start = 2 * int(size) * plus
            grown[start : start + len(chances)] += chance * chances
        chances, reach = grown, reach + int(size) * int(count)
    return reach, chances


def interval(sample: Differences, confidence: float = 0.95) -> Estimate:
    """The mean difference with its confidence interval over tasks.

    Tango's score interval for paired proportions (Tango 1998, "Equivalence
    test and confidence interval for the difference in proportions for the
    paired-sample design") with a continuity correction of half a task. With
    several samples a task the differences are no longer -1, 0 or 1; they are
    taken as multiples of a typical size h = sum |d|^3 / sum d^2, which keeps
    mean, mean square and, where the signs agree, skewness; one difference of
    the largest size is added to both sums, so that tasks that all agree are
    no proof that tasks cannot differ much.
    """
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    return Estimate(sample.mean, -_most_drop(sample, z), _most_drop(_mirrored(sample), z))


def drop_bound(sample: Differences, alpha: float) -> float:
    """The largest drop (positive: the candidate is worse) that the data allow at level alpha.

    One-sided upper bound of the interval above; below zero where a gain is shown.
    """
    return _most_drop(sample, NormalDist().inv_cdf(1 - alpha))


def _mirrored(sample: Differences) -> Differences:
    return Differences(-sample.values, sample.largest, sample.step)


def typical_size(sample: Differences) -> float:
    """The size h at which the differences are counted (see `interval`)."""
    sizes = np.abs(sample.values)
    most = sample.largest
    return float(((sizes**3).sum() + most**3) / ((sizes**2).sum() + most**2))


def _most_drop(sample: Differences, z: float) -> float:
    size, tasks = typical_size(sample), len(sample.values)
    mean = sample.mean / size
    disagreement = min(1.0, max(float((sample.values**2).mean()) / size**2, abs(mean)))
    low, high = -1.0, mean
    for _ in range(50):
        middle = (low + high) / 2
        if _score(middle, mean, disagreement, tasks) > z:
            low = middle
        else:
            high = middle
    return float(-size * low)


def _score(gain: float, mean: float, disagreement: float, tasks: int) -> float:
    """Tango's statistic of the hypothesis that the true gain is `gain`, below the mean."""
    worse = tasks * (disagreement - mean) / 2
    b = -tasks * disagreement + tasks * (2 - mean) * gain
    c = -worse * gain * (1 - gain)
    share = (math.sqrt(max(0.0, b * b - 8 * tasks * c)) - b) / (4 * tasks)
    variance = tasks * (2 * share + gain * (1 - gain))
    distance = tasks * (mean - gain) - 0.5
    return distance / math.sqrt(variance) if variance > 0 else math.copysign(math.inf, distance)


def detectable_drop(
    sample: Differences, alpha: float, margin: float = 0.0, power: float = POWER
) -> float | None:
    """The smallest true drop that would have been shown with this power; None if none would.

    A drop is shown where `sign_flip` has p <= alpha and the drop seen exceeds
    `margin`. Computed for differences of the sample's typical size, at the
    sample's rate of disagreement (or the drop itself, where that is more), by
    summing over all outcomes: no normal approximation.
    """
    size, tasks = typical_size(sample), len(sample.values)
    disagreement = min(1.0, float((sample.values**2).mean()) / size**2)
    needed = _needed(tasks, alpha, margin * tasks / size)
    if _power(1.0, disagreement, needed) < power:
        return None
    low, high = 0.0, 1.0
    for _ in range(20):
        middle = (low + high) / 2
        if _power(middle, disagreement, needed) < power:
            low = middle
        else:
            high = middle
    return size * high


def _needed(tasks: int, alpha: float, excess: float) -> np.ndarray:
    """Of m tasks that differ (m from 0 up to all), how many must be worse to show a drop.

    m + 1 where no number does.
    """
    needed = np.zeros(tasks + 1, dtype=int)
    worse, tail, at = 0, 1.0, 1.0  # P(X >= worse) and P(X = worse), X of m fair coins
    for m in range(tasks + 1):
        while worse <= m and tail > alpha:
            tail -= at
            at *= (m - worse) / (worse + 1)
            worse += 1
        needed[m] = max(worse, math.floor((excess + m) / 2 + 1e-9) + 1)
        # From m to m + 1 coins.
        before = math.exp(_log_choose(m, worse - 1) - m * math.log(2)) if 0 < worse <= m + 1 else 0
        tail = max(tail, 0.0) + before / 2
        at = (at + before) / 2
    return needed


def _power(drop: float, disagreement: float, needed: np.ndarray) -> float:
    tasks = len(needed) - 1
    differing = max(disagreement, drop)
    if differing == 0:
        return 0.0
    chances = np.exp(_log_binomial(tasks, differing))
    total = 0.0
    for m in np.flatnonzero(chances > 1e-9):
        tail = np.exp(_log_binomial(int(m), (1 + drop / differing) / 2))[needed[m] :]
        total += chances[m] * float(tail.sum())
    return total


def _log_binomial(n: int, p: float) -> np.ndarray:
    """Logarithms of the chances of 0 to n successes."""
    i = np.arange(n + 1)
    if p >= 1:
        return np.where(i == n, 0.0, -np.inf)
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
    chances: np.ndarray = logs[n] - logs - logs[::-1] + i * math.log(p) + (n - i) * math.log1p(-p)
    return chances


def _log_choose(n: int, i: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1)


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values adjusted for their number (Holm 1979), in the order given.

    Whatever depends on what, the chance that any true hypothesis has an
    adjusted value <= alpha is at most alpha.
    """
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = highest
    return adjusted
