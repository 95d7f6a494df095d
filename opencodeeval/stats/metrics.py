"""Metrics of several samples of a task: what each estimates from n samples, c of them right.

Every metric is a function of one task's counts with values in [0, 1]. A score is its
mean over tasks, and all share one interval (pass_at_k.estimate_mean).
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from functools import lru_cache

from opencodeeval.core.errors import UsageError
from opencodeeval.stats.pass_at_k import Count, Estimate, estimate_mean, pass_at_k


class Family(str, Enum):
    """The kinds of metrics, as names begin."""

    PASS_AT = "pass@"
    PASS_HAT = "pass^"
    G_PASS = "g-pass@"
    MG_PASS = "mg-pass@"
    SOLVED = "solved"
    CONSISTENCY = "consistency"


_NAME = re.compile(r"(pass@|pass\^|g-pass@|mg-pass@)([1-9][0-9]{0,5})(?:_([01]?\.[0-9]{1,6}|1))?")
_KINDS = "pass@5, pass^5, g-pass@5_0.5, mg-pass@5, solved or consistency"


@dataclass(frozen=True)
class Metric:
    """A metric; `k` samples are drawn of a task's n, and `tau` is the share of g-pass@k.

    `solved` has no k (0); `consistency` draws two, and its counts are not of samples but
    of pairs of samples (`n`) and those that agree (`c`).
    """

    family: Family
    k: int = 0
    tau: Fraction = Fraction(0)

    def __str__(self) -> str:
        """The name as records and options have it: "g-pass@5_0.5"."""
        if self.family in (Family.SOLVED, Family.CONSISTENCY):
            return str(self.family.value)
        share = f"_{format(Decimal(str(float(self.tau))).normalize(), 'f')}" if self.tau else ""
        return f"{self.family.value}{self.k}{share}"

    @property
    def order(self) -> tuple[int, int, Fraction]:
        """What columns are sorted by: pass@k first."""
        return list(Family).index(self.family), self.k, self.tau

    @property
    def samples(self) -> int:
        """How many samples every task must have."""
        return max(1, self.k)

    def fits(self, counts: Sequence[Count]) -> bool:
        """Whether every task has samples enough."""
        return bool(counts) and min(count.n for count in counts) >= self._least

    @property
    def _least(self) -> int:
        return 1 if self.family is Family.CONSISTENCY else self.samples

    def of(self, count: Count) -> float:
        """The estimate of one task.

        Raises:
            UsageError: it has too few samples, or not 0 <= c <= n.
        """
        n, c = count
        if n < self._least:
            raise too_few(self, n)
        if not 0 <= c <= n:
            raise UsageError(f"{c} correct samples of {n} is not a count")
        match self.family:
            case Family.PASS_AT:
                return pass_at_k(n, c, self.k)
            case Family.PASS_HAT:
                return pass_hat_k(n, c, self.k)
            case Family.G_PASS:
                return g_pass_at_k(n, c, self.k, self.tau)
            case Family.MG_PASS:
                return mg_pass_at_k(n, c, self.k)
            case Family.SOLVED:
                return float(c > 0)
            case Family.CONSISTENCY:
                return c / n

    def draws(self, counts: Sequence[Count]) -> float:
        """How many disjoint draws the samples of all tasks make.

        The number of samples m follows from the number of pairs, m (m - 1) / 2; for a
        cluster of several tasks this is less than their samples, so its interval is wider.
        """
        if self.family is Family.SOLVED:
            return len(counts)
        if self.family is Family.CONSISTENCY:
            return sum(1 + math.isqrt(1 + 8 * n) for n, _ in counts) / 4
        return sum(n for n, _ in counts) / self.k


def too_few(metric: Metric, n: int) -> UsageError:
    """The refusal of a metric for n samples of a task."""
    if metric.family is Family.CONSISTENCY:
        return UsageError("consistency needs at least 2 samples per task: draw more samples")
    return UsageError(
        f"{metric} needs at least {metric.samples} samples per task, and there are {n}: draw more "
        "samples, or name a metric with a smaller k"
    )


def pass_at(*ks: int) -> list[Metric]:
    """pass@k for these k."""
    return [Metric(Family.PASS_AT, k) for k in ks]


PASS_AT_1 = Metric(Family.PASS_AT, 1)
SOLVED = Metric(Family.SOLVED)
CONSISTENCY = Metric(Family.CONSISTENCY, 2)


def parse_metric(text: str) -> Metric:
    """The metric of a name such as "pass^5".

    Raises:
        UsageError: there is no such metric.
    """
    for metric in (SOLVED, CONSISTENCY):
        if text == str(metric):
            return metric
    found = _NAME.fullmatch(text)
    if not found:
        raise UsageError(f"there is no metric {text!r}: name one like {_KINDS}")
    family, k = Family(found[1]), int(found[2])
    tau = Fraction(found[3]) if found[3] else Fraction(0)
    if (family is Family.G_PASS) != bool(found[3]):
        raise UsageError(f"there is no metric {text!r}: only g-pass@k has a share, as g-pass@5_0.5")
    if family is Family.G_PASS and not 0 < tau <= 1:
        raise UsageError(f"the share in {text} must be above 0 and at most 1")
    if family is Family.MG_PASS and k < 2:
        raise UsageError(f"{text} is a mean over nothing: k must be at least 2")
    return Metric(family, k, tau)


def parse_metrics(names: Sequence[str]) -> list[Metric]:
    """The metrics of several names, each once, in their order.

    Raises:
        UsageError: there is no such metric.
    """
    return in_order(map(parse_metric, names))


def in_order(metrics: Sequence[Metric] | map[Metric]) -> list[Metric]:
    """The metrics, each once: pass@k first, then by kind and k."""
    return sorted(set(metrics), key=lambda metric: metric.order)


def pass_hat_k(n: int, c: int, k: int) -> float:
    """Unbiased estimate of the chance that all of k samples of a task are right.

    C(c, k) / C(n, k) (Yao et al., "tau-bench", 2024, section 3). The binomials are exact
    integers and divided once, so that no n is too large.
    """
    return math.comb(c, k) / math.comb(n, k)


@lru_cache(maxsize=4096)
def g_pass_at_k(n: int, c: int, k: int, tau: Fraction) -> float:
    """Unbiased estimate of the chance that at least tau k of k samples of a task are right.

    The sum over j from ceil(tau k) to k of C(c, j) C(n-c, k-j) / C(n, k) (Liu et al., "Are
    Your LLMs Capable of Stable Reasoning?", 2024). `tau` is a fraction because in floats
    0.55 * 20 is above 11.
    """
    least = max(1, math.ceil(tau * k))
    return sum(_ways(n, c, k)[least:]) / math.comb(n, k)


@lru_cache(maxsize=4096)
def mg_pass_at_k(n: int, c: int, k: int) -> float:
    """The mean of g-pass@k over shares from 0.5 to 1, as the same paper computes it.

    2/k times the sum over i from ceil(k/2) + 1 to k of g-pass@k at i/k. For an odd k the
    sum has (k - 1)/2 terms, so that the largest value is (k - 1)/k.
    """
    ways = _ways(n, c, k)
    total = sum((j - math.ceil(k / 2)) * ways[j] for j in range(math.ceil(k / 2) + 1, k + 1))
    return 2 * total / (k * math.comb(n, k))


def _ways(n: int, c: int, k: int) -> list[int]:
    """In how many draws of k samples exactly 0 to k are right."""
    ways = [0] * (k + 1)
    fewest, most = max(0, k - (n - c)), min(c, k)
    at = math.comb(c, fewest) * math.comb(n - c, k - fewest)
    for j in range(fewest, most + 1):
        ways[j] = at
        at = at * (c - j) * (k - j) // ((j + 1) * (n - c - k + j + 1))
    return ways


def estimate(counts: Sequence[Count], metric: Metric, confidence: float = 0.95) -> Estimate:
    """The mean of a metric over tasks, with its interval (`estimate_mean`).

    Raises:
        UsageError: no tasks, or too few samples for one of them.
    """
    if not counts:
        raise UsageError(f"{metric} of no tasks is undefined: the benchmark is empty")
    # Many tasks have the same counts: each is computed once.
    of = {count: metric.of(count) for count in set(counts)}
    scores = [of[count] for count in counts]
    return estimate_mean(scores, metric.draws(counts), confidence)
