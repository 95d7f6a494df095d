"""Our statistics against those of scipy and statsmodels, and against counting everything.

Tango's interval has no oracle there: statsmodels has none for paired proportions, and
ours has a continuity correction besides; tests/stats/test_simulations.py checks it.
"""

from __future__ import annotations

import math
from itertools import combinations
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest, multivariate_normal, norm, permutation_test
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from opencodeeval.records.breakdown import drop
from opencodeeval.records.schema import TaskRow
from opencodeeval.stats.paired_tests import Differences, holm, sign_flip
from opencodeeval.stats.pass_at_k import pass_at_k, wilson
from opencodeeval.stats.sequential import levels

quick = settings(max_examples=60, deadline=None)


@quick
@given(st.integers(1, 12), st.data())
def test_pass_at_k_is_the_share_of_draws_with_a_correct_sample(n: int, data: st.DataObject) -> None:
    c, k = data.draw(st.integers(0, n)), data.draw(st.integers(1, n))
    draws = list(combinations(range(n), k))
    share = sum(any(each < c for each in draw) for draw in draws) / len(draws)
    assert pass_at_k(n, c, k) == pytest.approx(share, abs=1e-12)


@quick
@given(st.integers(1, 2000), st.data(), st.floats(0.5, 0.999))
def test_wilson_is_statsmodels_wilson(n: int, data: st.DataObject, confidence: float) -> None:
    c = data.draw(st.integers(0, n))
    theirs = proportion_confint(c, n, alpha=1 - confidence, method="wilson")
    assert wilson(c / n, n, confidence) == pytest.approx(theirs, abs=1e-9)


@quick
@given(st.integers(0, 60), st.integers(0, 60), st.integers(0, 20))
def test_one_sample_a_task_is_the_exact_test_of_mcnemar(lost: int, gained: int, same: int) -> None:
    values = np.array([-1.0] * lost + [1.0] * gained + [0.0] * max(same, 1))
    found = sign_flip(Differences(values))
    table = [[same, lost], [gained, 0]]
    assert found.either == pytest.approx(mcnemar(table, exact=True).pvalue, abs=1e-9)
    if lost + gained:
        drop_p = binomtest(lost, lost + gained, 0.5, alternative="greater").pvalue
        assert found.drop == pytest.approx(drop_p, abs=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_several_samples_a_task_are_the_exact_permutation_test(seed: int) -> None:
    random = np.random.default_rng(seed)
    steps = random.integers(-4, 4, size=11, endpoint=True)
    found = sign_flip(Differences(steps / 4, step=0.25))
    exact = {
        side: permutation_test(
            (steps, np.zeros(11)),
            lambda a, b, axis: np.sum(a - b, axis=axis),
            permutation_type="samples",
            n_resamples=np.inf,
            alternative=side,
            vectorized=True,
        ).pvalue
        for side in ("less", "greater")
    }
    assert (found.drop, found.gain) == pytest.approx((exact["less"], exact["greater"]), abs=1e-9)


@quick
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_is_statsmodels_holm(p_values: list[float]) -> None:
    with patch("gc.collect"):  # at each call of theirs, of all that other tests have left
        theirs = multipletests(p_values, method="holm")[1]
    assert holm(p_values) == pytest.approx(list(theirs), abs=1e-12)


@pytest.mark.parametrize(("early", "late"), [((30, 40), (10, 40)), ((5, 20), (5, 25))])
def test_a_drop_s_interval_is_newcombe_s(early: tuple[int, int], late: tuple[int, int]) -> None:
    from datetime import datetime

    rows = {
        f"{date}/{i}": TaskRow(
            n=1, c={"base": int(i < c)}, verdicts={}, about={"contest_date": f"{date}-01"}
        )
        for date, (c, n) in {"2024-01": early, "2024-09": late}.items()
        for i in range(n)
    }
    found = drop(rows, "base", datetime(2024, 6, 30))
    theirs = confint_proportions_2indep(*early, *late, method="newcomb", compare="diff")
    assert found
    assert (found.low, found.high) == pytest.approx(theirs, abs=1e-9)


@pytest.mark.parametrize("alpha", [0.01, 0.05])
def test_all_looks_together_err_with_chance_alpha(alpha: float) -> None:
    """The chance of crossing at any look, by scipy's multivariate normal distribution."""
    fractions = [0.2, 0.4, 0.6, 0.8, 1.0]
    bounds = [norm.isf(level) for level in levels(fractions, alpha)]
    correlation = [[math.sqrt(min(s, t) / max(s, t)) for t in fractions] for s in fractions]
    stays = multivariate_normal(np.zeros(5), correlation, seed=1).cdf(bounds)
    assert 1 - stays == pytest.approx(alpha, rel=0.02)
