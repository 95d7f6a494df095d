"""Early stopping: published boundaries, the order of tasks, and error rates by simulation."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest

from opencodeeval.decide.early_stop import EarlyStop, in_order
from opencodeeval.decide.gate import Answer
from opencodeeval.stats.pass_at_k import Count
from opencodeeval.stats.sequential import levels, plan


def test_the_bounds_are_those_published_for_five_looks() -> None:
    """One-sided alpha 0.025, five looks: Lan and DeMets (1983) with O'Brien-Fleming spending."""
    bounds = [NormalDist().inv_cdf(1 - level) for level in levels([0.2, 0.4, 0.6, 0.8, 1], 0.025)]
    assert bounds == pytest.approx([4.877, 3.357, 2.680, 2.290, 2.031], abs=0.01)


def test_one_look_has_all_of_alpha() -> None:
    assert levels([1.0], 0.05) == pytest.approx([0.05], abs=1e-4)


def test_few_tasks_are_looked_at_fewer_times() -> None:
    assert plan(3, 0.05).tasks == (1, 2, 3)
    assert plan(164, 0.05).tasks == (33, 66, 99, 132, 164)


def baseline(tasks: int) -> dict[str, Count]:
    return {f"t/{i}": Count(1, 1) for i in range(tasks)}


def feed(stop: EarlyStop, passed: dict[str, bool]) -> None:
    for task, each in passed.items():
        stop.add(task, Count(1, int(each)))


def test_a_collapse_is_seen_early() -> None:
    stop = EarlyStop(baseline(500), margin=0.02, alpha=0.05)
    feed(stop, dict.fromkeys(stop.order[:99], False))
    assert stop.ask() is None
    stop.add(stop.order[99], Count(1, 0))
    found = stop.ask()
    assert found is not None
    assert (found.answer, found.tasks, found.not_needed) == (Answer.REGRESSION, 100, 0.8)


def test_results_count_only_in_the_agreed_order() -> None:
    stop = EarlyStop(baseline(500), margin=0.02, alpha=0.05)
    feed(stop, dict.fromkeys(stop.order[1:], False))
    assert stop.ask() is None
    assert list(stop.order) == in_order(reversed(list(baseline(500))))
    assert list(stop.order) != list(baseline(500))


def test_the_last_task_brings_an_answer_that_stays() -> None:
    stop = EarlyStop(baseline(50), margin=0.01, alpha=0.05)
    feed(stop, dict.fromkeys(stop.order, True))
    found = stop.ask()
    assert found is not None
    assert (found.answer, found.not_needed) == (Answer.INCONCLUSIVE, 0)
    assert stop.ask() is found


def test_agreement_on_many_tasks_passes_early() -> None:
    stop = EarlyStop(baseline(1140), margin=0.02, alpha=0.05)
    feed(stop, dict.fromkeys(stop.order, True))
    found = stop.ask()
    assert found is not None
    assert found.answer is Answer.PASS
    assert found.not_needed > 0.3


def test_looking_often_errs_no_more_often() -> None:
    """600 candidates as good as the baseline, which disagree on a tenth of the tasks."""
    rng = np.random.default_rng(5)
    regressions = 0
    for _ in range(600):
        before = {f"t/{i}": Count(1, int(bit)) for i, bit in enumerate(rng.random(300) < 0.5)}
        flipped = rng.random(300) < 0.1
        stop = EarlyStop(before, margin=0.02, alpha=0.05)
        for (task, count), flip in zip(before.items(), flipped, strict=True):
            stop.add(task, Count(1, count.c ^ int(flip)))
        found = stop.ask()
        regressions += found is not None and found.answer is Answer.REGRESSION
    assert 0.005 < regressions / 600 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 600)
