"""pass@k and its uncertainty: pure functions of counts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from opencodeeval.core.errors import UsageError


class Count(NamedTuple):
    """One task: `n` samples, of which `c` are correct."""

    n: int
    c: int


class Estimate(NamedTuple):
    """A score in [0, 1] and the ends of its confidence interval."""

    value: float
    low: float
    high: float


def pass_at_k(n: int, c: int, k: int) -> float:
    """Unbiased estimate of the chance that one of k samples of a task is correct.

    1 - C(n-c, k) / C(n, k), as a product that cannot overflow (Chen et al.,
    "Evaluating Large Language Models Trained on Code", 2021, section 2.1).

    Raises:
        UsageError: not 1 <= k <= n, or not 0 <= c <= n.
    """
    if not 1 <= k <= n:
        raise UsageError(f"pass@{k} cannot be estimated from {n} samples a task: k is 1 to n")
    if not 0 <= c <= n:
        raise UsageError(f"{c} correct samples of {n} is not a count")
    if n - c < k:
        return 1.0
    return float(1.0 - np.prod(1.0 - k / np.arange(n - c + 1, n + 1)))


def estimate_pass_at_k(counts: Sequence[Count], k: int, confidence: float = 0.95) -> Estimate:
    """Mean pass@k over tasks with a confidence interval over tasks (`estimate_mean`).

    Raises:
        UsageError: no tasks, or fewer than k samples for one of them.
    """
    if not counts:
        raise UsageError("pass@k of no tasks is undefined: the benchmark is empty")
    of = {count: pass_at_k(*count, k) for count in set(counts)}
    scores = [of[count] for count in counts]
    return estimate_mean(scores, sum(n for n, _ in counts) / k, confidence)


def estimate_mean(each: Sequence[float], draws: float, confidence: float = 0.95) -> Estimate:
    """The mean of the tasks' estimates in [0, 1], with a confidence interval over tasks.

    `draws` is the number of disjoint draws of k samples that all tasks have together.

    The tasks are taken as drawn from a larger population of such tasks, and
    the samples of one task as a cluster. The interval is Wilson's score
    interval (Wilson 1927) at an effective sample size n_eff: the number of
    independent yes-or-no observations whose mean would vary as much as this
    one does (Kish 1965; for Wilson's interval in clustered samples, Dean and
    Pagano 2015). With x_t the estimate of task t, T tasks, mean p and sample
    variance s^2 of the x_t:

        n_eff = p (1 - p) T / s^2, held within [T, draws]

    The lower bound is reached when every task is all-or-nothing, as with one
    greedy sample a task, where this is Wilson's interval for T observations;
    it is also used where s^2 says nothing (p of 0 or 1, or a single task). The
    upper bound is the number of disjoint draws: fully independent
    samples. Unlike p +/- 1.96 s/sqrt(T), the interval stays in [0, 1] and has
    a width at p of 0 and 1.
    """
    scores = np.array(each)
    mean = float(min(1.0, max(0.0, scores.mean())))
    low, high = wilson(mean, _effective_size(scores, mean, draws), confidence)
    return Estimate(mean, low, high)


def _effective_size(scores: np.ndarray, mean: float, draws: float) -> float:
    tasks = len(scores)
    spread = mean * (1.0 - mean)
    if tasks == 1 or spread <= 0.0:
        return tasks
    variance = float(scores.var(ddof=1))
    if variance == 0.0:
        return max(tasks, draws)
    return min(max(spread * tasks / variance, tasks), max(tasks, draws))


def wilson(proportion: float, size: float, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a proportion seen in `size` observations."""
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    shrink = 1.0 + z * z / size
    centre = (proportion + z * z / (2 * size)) / shrink
    half = z / shrink * math.sqrt(proportion * (1 - proportion) / size + (z / (2 * size)) ** 2)
    # At 0 and 1 the interval ends there exactly; rounding must not move it.
    low = 0.0 if proportion == 0.0 else max(0.0, centre - half)
    high = 1.0 if proportion == 1.0 else min(1.0, centre + half)
    return min(low, proportion), max(high, proportion)


def estimate_mean_of_parts(
    parts: Sequence[Mapping[str, float]], confidence: float = 0.95
) -> Estimate:
    """The mean of the parts' means, each part with equal weight, with its interval.

    Each part maps a problem to its estimate in [0, 1]. A problem that is in several parts,
    as one in several languages, is one cluster. With u_i the sum over the parts of
    (x - mean of the part) / (size of the part * number of parts) of problem i, the variance
    of the mean is I / (I - 1) times the sum of the u_i^2 over the I problems; the interval
    is Wilson's at the size p (1 - p) / variance, at least I, as in `estimate_mean`.

    Raises:
        UsageError: there is no part, or one without a problem.
    """
    if not parts or not all(parts):
        raise UsageError("the mean of no scores is undefined: a part has no tasks")
    means = [sum(part.values()) / len(part) for part in parts]
    mean = min(1.0, max(0.0, sum(means) / len(means)))
    pulls: dict[str, float] = {}
    for part, own in zip(parts, means, strict=True):
        for problem, value in part.items():
            pull = (value - own) / (len(part) * len(parts))
            pulls[problem] = pulls.get(problem, 0.0) + pull
    problems, spread = len(pulls), mean * (1.0 - mean)
    squares = sum(pull * pull for pull in pulls.values())
    size = float(problems)
    if problems > 1 and squares > 0.0:
        size = max(size, spread * (problems - 1) / (problems * squares))
    return Estimate(mean, *wilson(mean, size, confidence))
