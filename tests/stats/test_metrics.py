"""Metrics of several samples: against exact enumeration, the published formulas and simulation."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opencodeeval.core.errors import UsageError
from opencodeeval.stats.metrics import (
    CONSISTENCY,
    SOLVED,
    estimate,
    g_pass_at_k,
    mg_pass_at_k,
    parse_metric,
    parse_metrics,
    pass_at,
    pass_hat_k,
)
from opencodeeval.stats.pass_at_k import Count, estimate_pass_at_k, pass_at_k, wilson

SHARES = tuple(map(Fraction, ("0.05", "0.25", "0.5", "0.55", "0.75", "1")))


@st.composite
def counted(draw: st.DrawFn, largest: int = 9) -> tuple[int, int, int]:
    n = draw(st.integers(1, largest))
    return n, draw(st.integers(0, n)), draw(st.integers(1, n))


def share_of_draws(nck: tuple[int, int, int], least: int) -> Fraction:
    """The share of all draws of k samples in which at least so many are right."""
    n, c, k = nck
    draws = list(combinations(range(n), k))
    return Fraction(sum(sum(i < c for i in draw) >= least for draw in draws), len(draws))


@given(counted())
def test_pass_hat_k_is_the_share_of_draws_that_are_all_right(nck: tuple[int, int, int]) -> None:
    assert pass_hat_k(*nck) == float(share_of_draws(nck, nck[2]))


@given(counted(), st.sampled_from(SHARES))
def test_g_pass_at_k_is_the_share_of_draws_with_enough_right(
    nck: tuple[int, int, int], tau: Fraction
) -> None:
    assert g_pass_at_k(*nck, tau) == float(share_of_draws(nck, math.ceil(tau * nck[2])))


@given(counted())
def test_mg_pass_at_k_is_the_published_sum(nck: tuple[int, int, int]) -> None:
    k = nck[2]
    terms = [share_of_draws(nck, i) for i in range(math.ceil(k / 2) + 1, k + 1)]
    assert mg_pass_at_k(*nck) == float(Fraction(2, k) * sum(terms, Fraction(0)))


@given(counted(largest=300))
def test_the_metrics_are_in_the_order_of_their_strictness(nck: tuple[int, int, int]) -> None:
    n, c, k = nck
    loose, half, strict = (g_pass_at_k(n, c, k, Fraction(1, parts)) for parts in (k, 2, 1))
    assert loose == pytest.approx(pass_at_k(n, c, k), abs=1e-12)
    assert strict == pass_hat_k(n, c, k)
    assert loose >= half >= strict


@pytest.mark.parametrize(("n", "c", "k"), [(5000, 4990, 100), (5000, 2500, 1000), (4000, 1, 4000)])
def test_thousands_of_samples_lose_no_digit(n: int, c: int, k: int) -> None:
    chances = [Fraction(c - i, n - i) for i in range(k)] if c >= k else [Fraction(0)]
    assert pass_hat_k(n, c, k) == float(math.prod(chances))
    ways = [math.comb(c, j) * math.comb(n - c, k - j) for j in range(math.ceil(k / 2), k + 1)]
    assert g_pass_at_k(n, c, k, Fraction(1, 2)) == float(Fraction(sum(ways), math.comb(n, k)))
    assert 0.0 <= mg_pass_at_k(n, c, k) <= 1.0


def test_a_share_is_not_rounded_up_by_floats() -> None:
    """0.55 * 20 is 11.000000000000002 in floats, and 11 right samples are enough."""
    metric = parse_metric("g-pass@20_0.55")
    assert metric.of(Count(20, 11)) == 1.0
    assert metric.of(Count(20, 10)) == 0.0


@pytest.mark.parametrize(
    "name",
    [
        *("pass@1", "pass@100", "pass^5", "g-pass@5_0.5", "g-pass@8_1", "mg-pass@4"),
        *("solved", "consistency"),
    ],
)
def test_names_are_read_as_they_are_written(name: str) -> None:
    assert str(parse_metric(name)) == name


def test_a_share_has_one_spelling_and_a_list_has_each_metric_once() -> None:
    names = ["solved", "pass^2", "g-pass@4_0.50", "pass@10", "g-pass@4_.5", "pass@2"]
    found = list(map(str, parse_metrics(names)))
    assert found == ["pass@2", "pass@10", "pass^2", "g-pass@4_0.5", "solved"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("pass", "no metric 'pass'"),
        ("pass@0", "no metric"),
        ("pass@5_0.5", "only g-pass@k has a share"),
        ("g-pass@5", "only g-pass@k has a share"),
        ("g-pass@5_0.0", "above 0"),
        ("g-pass@5_1.5", "above 0 and at most 1"),
        ("mg-pass@1", "at least 2"),
        ("Pass^5", "name one like pass@5"),
    ],
)
def test_what_is_no_metric_is_refused(name: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        parse_metric(name)


@pytest.mark.parametrize("name", ["pass@5", "pass^5", "g-pass@5_0.5", "mg-pass@5"])
def test_one_task_with_too_few_samples_is_refused(name: str) -> None:
    metric = parse_metric(name)
    assert not metric.fits([Count(5, 1), Count(4, 1)])
    with pytest.raises(UsageError, match="needs at least 5 samples per task, and there are 4"):
        estimate([Count(5, 1), Count(4, 1)], metric)
    with pytest.raises(UsageError, match="no tasks"):
        estimate([], metric)
    with pytest.raises(UsageError, match="not a count"):
        metric.of(Count(5, 6))


def test_consistency_needs_a_pair() -> None:
    with pytest.raises(UsageError, match="at least 2 samples"):
        estimate([Count(1, 1), Count(0, 0)], CONSISTENCY)


@given(st.lists(st.integers(0, 12), min_size=1, max_size=40), st.integers(1, 12))
def test_pass_at_k_is_the_same_to_the_last_bit(correct: list[int], k: int) -> None:
    counts = [Count(12, c) for c in correct]
    assert estimate(counts, pass_at(k)[0]) == estimate_pass_at_k(counts, k)


@pytest.mark.parametrize("name", ["pass@4", "pass^4", "g-pass@4_0.5", "mg-pass@4", "solved"])
def test_all_or_nothing_tasks_have_wilsons_interval_whatever_the_metric(name: str) -> None:
    found = estimate([Count(8, 8 * (i % 4 == 0)) for i in range(100)], parse_metric(name))
    assert tuple(found) == pytest.approx((0.25, *wilson(0.25, 100)))


def test_the_share_of_solved_tasks_is_a_share_of_tasks() -> None:
    found = estimate([Count(10, 1), Count(10, 9), Count(10, 0), Count(10, 0)], SOLVED)
    assert tuple(found) == pytest.approx((0.5, *wilson(0.5, 4)))
    assert found == estimate_pass_at_k([Count(10, c) for c in (1, 9, 0, 0)], 10)


def test_consistency_is_the_share_of_agreeing_pairs_at_half_the_samples() -> None:
    # 50 tasks of 5 samples: 10 pairs each, of which 4 agree (answers a a a b b).
    found = estimate([Count(10, 4)] * 50, CONSISTENCY)
    assert tuple(found) == pytest.approx((0.4, *wilson(0.4, 125)))


def tail(k: int, least: int) -> Callable[[np.ndarray], np.ndarray]:
    def chance(p: np.ndarray) -> np.ndarray:
        found: np.ndarray = sum(
            (math.comb(k, j) * p**j * (1 - p) ** (k - j) for j in range(least, k + 1)),
            start=np.zeros_like(p),
        )
        return found

    return chance


@pytest.mark.parametrize("tasks", [40, 164])
@pytest.mark.parametrize("shape", [(0.4, 0.4), (8.0, 2.0), (0.2, 3.0)])
@pytest.mark.parametrize(
    ("name", "least"), [("pass^4", 4), ("g-pass@4_0.5", 2), ("consistency", 0)]
)
def test_intervals_cover_the_true_score(
    tasks: int, shape: tuple[float, float], name: str, least: int
) -> None:
    """95 % intervals over tasks drawn from a beta distribution of difficulties."""
    metric, rng, runs, samples = parse_metric(name), np.random.default_rng(20240601), 400, 10
    true = (lambda p: p**2 + (1 - p) ** 2) if metric == CONSISTENCY else tail(4, least)
    truth = float(np.mean(true(rng.beta(*shape, size=1_000_000))))
    hits = 0
    for _ in range(runs):
        correct = rng.binomial(samples, rng.beta(*shape, size=tasks)).tolist()
        counts = [Count(samples, c) for c in correct]
        if metric == CONSISTENCY:  # of two answers
            counts = [Count(45, math.comb(c, 2) + math.comb(samples - c, 2)) for c in correct]
        found = estimate(counts, metric)
        hits += int(found.low <= truth <= found.high)
    assert hits / runs >= 0.92
