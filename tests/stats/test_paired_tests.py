"""The statistics of paired comparisons, against definitions and published examples."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from opencodeeval.stats.metrics import pass_at
from opencodeeval.stats.paired_tests import (
    Differences,
    combine,
    detectable_drop,
    differences,
    drop_bound,
    holm,
    interval,
    sign_flip,
)
from opencodeeval.stats.pass_at_k import Count


def outcomes(lost: int, gained: int, tasks: int) -> Differences:
    """Greedy differences of `tasks` tasks."""
    return Differences(np.array([-1.0] * lost + [1.0] * gained + [0.0] * (tasks - lost - gained)))


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 100))
def test_with_one_sample_a_task_the_test_is_mcnemars_exact_test(
    lost: int, gained: int, same: int
) -> None:
    sample = outcomes(lost, gained, lost + gained + same + 1)
    flips = lost + gained
    upper = sum(math.comb(flips, i) for i in range(lost, flips + 1)) / 2**flips
    lower = sum(math.comb(flips, i) for i in range(gained, flips + 1)) / 2**flips
    tails = sign_flip(sample)
    assert tails.drop == pytest.approx(upper)
    assert tails.gain == pytest.approx(lower)
    assert tails.either == pytest.approx(min(1.0, 2 * min(upper, lower)))


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=9))
def test_the_p_value_is_the_share_of_all_choices_of_signs(steps: list[int]) -> None:
    sums = [sum(s * v for s, v in zip(signs, steps, strict=True)) for signs in _signs(len(steps))]
    seen = sum(steps)
    tails = sign_flip(Differences(np.array(steps) / 5, step=1 / 5))
    assert tails.drop == pytest.approx(sum(each <= seen for each in sums) / len(sums))
    assert tails.gain == pytest.approx(sum(each >= seen for each in sums) / len(sums))


def _signs(count: int) -> list[tuple[int, ...]]:
    return list(product((-1, 1), repeat=count))


def test_the_interval_is_tangos_with_half_a_task_of_continuity_correction() -> None:
    """Both ends solve Tango's equation, whose restricted estimate maximises the likelihood."""
    lost, gained, tasks = 9, 5, 50
    value, low, high = interval(outcomes(lost, gained, tasks))
    assert value == pytest.approx(-0.08)
    for end, worse, better in ((-low, lost, gained), (high, gained, lost)):
        # `end` is how much more often than not it is worse (better, for the other end).
        shares = np.linspace(max(0.0, -end), (1 - end) / 2, 400_001)[1:-1]
        likelihood = (
            worse * np.log(shares + end)
            + better * np.log(shares)
            + (tasks - worse - better) * np.log(1 - 2 * shares - end)
        )
        share = shares[likelihood.argmax()]
        deviation = math.sqrt(tasks * (2 * share + end * (1 - end)))
        distance = tasks * end - (worse - better) - 0.5
        assert distance / deviation == pytest.approx(1.959964, abs=1e-3)


def test_agreement_everywhere_does_not_prove_equality() -> None:
    sample = outcomes(0, 0, 164)
    assert interval(sample).low == pytest.approx(-interval(sample).high)
    assert 0.01 < drop_bound(sample, 0.05) < 0.03
    few_steps = Differences(np.zeros(164), step=0.1)
    assert drop_bound(few_steps, 0.05) == drop_bound(sample, 0.05)


@given(st.lists(st.integers(-10, 10), min_size=2, max_size=60), st.floats(0.001, 0.4))
def test_bounds_are_ordered_and_mirror_each_other(steps: list[int], alpha: float) -> None:
    sample = Differences(np.array(steps) / 10, step=0.1)
    mirrored = Differences(-sample.values, step=0.1)
    value, low, high = interval(sample)
    assert -1 <= low <= value <= high <= 1
    assert interval(mirrored).low == pytest.approx(-high, abs=1e-9)
    assert drop_bound(sample, alpha) >= -value
    assert drop_bound(sample, alpha) <= drop_bound(sample, alpha / 2)


def test_differences_pair_by_task_and_know_their_step() -> None:
    before = {"a": Count(4, 1), "b": Count(6, 6), "only": Count(1, 1)}
    after = {"b": Count(6, 3), "a": Count(4, 4)}
    sample = differences(before, after)
    assert sample.values.tolist() == [0.75, -0.5]
    assert sample.step == pytest.approx(1 / 12)
    assert differences(before, after, pass_at(2)[0]).values[1] == pytest.approx(1 - 3 / 15 - 1)


def test_the_overall_difference_is_the_mean_of_the_benchmarks() -> None:
    first = {"a": -1.0, "b": 0.0}
    second = {"c": 0.5, "d": 0.5, "e": 0.0, "f": 1.0}
    assert combine([first, second]).mean == pytest.approx((-0.5 + 0.5) / 2)


def test_tasks_of_the_same_name_are_one_cluster() -> None:
    tasks = {f"t/{i}": float(i % 3 - 1) for i in range(90)}
    twice, apart = combine([tasks, tasks]), combine([tasks, {f"u{t}": v for t, v in tasks.items()}])
    once = Differences(np.array(list(tasks.values())))
    assert interval(twice).high == pytest.approx(interval(once).high)
    assert interval(apart).high < 0.8 * interval(once).high


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_is_the_step_down_of_bonferroni(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    for alpha in (0.01, 0.05, 0.3):
        rejected, left = set(), sorted(range(len(p_values)), key=lambda i: p_values[i])
        while left and p_values[left[0]] * len(left) <= alpha:
            rejected.add(left.pop(0))
        assert {i for i, p in enumerate(adjusted) if p <= alpha} == rejected


@pytest.mark.parametrize(("tasks", "alpha"), [(24, 0.05), (164, 0.05), (164, 0.01), (500, 0.05)])
@pytest.mark.parametrize("disagreement", [0.0, 0.06, 0.2])
def test_the_detectable_drop_is_shown_in_four_of_five_samples(
    tasks: int, alpha: float, disagreement: float
) -> None:
    flips = round(tasks * disagreement / 2)
    drop = detectable_drop(outcomes(flips, flips, tasks), alpha)
    assert drop is not None
    differing = max(2 * flips / tasks, drop)
    chances = [(differing + drop) / 2, (differing - drop) / 2, 1 - differing]
    drawn = np.random.default_rng(1).multinomial(tasks, chances, 4000)
    shown = [sign_flip(outcomes(int(b), int(c), tasks)).drop <= alpha for b, c, _ in drawn]
    assert np.mean(shown) == pytest.approx(0.8, abs=0.03)


def test_too_few_tasks_detect_nothing() -> None:
    assert detectable_drop(outcomes(0, 0, 4), 0.05) is None
