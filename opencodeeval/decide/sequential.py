"""Deciding a gate before all results are in, without giving up its error rates.

A group-sequential test: the tasks are taken in an order that has nothing to do
with the models, and after each of a few agreed shares of them the gate is asked
at a level so strict that all looks together err with chance alpha (O'Brien and
Fleming 1979; the spending function of Lan and DeMets 1983). Early looks are
very strict, so the last one has nearly all of alpha, and little power is lost.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist

import numpy as np

from opencodeeval.core.types import digest
from opencodeeval.decide.gate import Answer
from opencodeeval.stats import paired_tests
from opencodeeval.stats.pass_at_k import Count

LOOKS = 5
_NORMAL = NormalDist()
# Of the integration: points, and standard deviations that nothing reaches.
_POINTS, _FARTHEST = 400, 9.0


@dataclass(frozen=True)
class Plan:
    """After how many tasks to look (ascending), and at which level each time."""

    tasks: tuple[int, ...]
    levels: tuple[float, ...]


@dataclass(frozen=True)
class Stop:
    """An answer, from the first `tasks` of the tasks in order."""

    answer: Answer
    tasks: int
    of: int

    @property
    def saved(self) -> float:
        """The share of the tasks that were not needed."""
        return 1 - self.tasks / self.of


class Stopped(Exception):
    """The answer came before the last task, so no more results are needed."""

    def __init__(self, stop: Stop) -> None:
        super().__init__(f"{stop.answer} after {stop.tasks} of {stop.of} tasks")
        self.stop = stop


@cache
def plan(tasks: int, alpha: float, looks: int = LOOKS) -> Plan:
    """Equally spaced looks at `tasks` tasks, with an error rate of alpha in all."""
    at = sorted({math.ceil(tasks * (look + 1) / looks) for look in range(looks)})
    return Plan(tuple(at), tuple(levels([each / tasks for each in at], alpha)))


def levels(fractions: Sequence[float], alpha: float) -> list[float]:
    """One-sided nominal levels at shares of the data that end with 1.

    The chance that a Brownian motion is above its bound at any look is alpha,
    spent as 2 - 2 Phi(z_(alpha/2) / sqrt(t)); found by integrating the density
    of the paths that have not crossed yet (Armitage, McPherson and Rowe 1969).
    """
    found: list[float] = []
    spent = before = 0.0
    # The paths that have not crossed: where they are, and how much weighs each place.
    places, weights = np.zeros(1), np.ones(1)
    for fraction in fractions:
        total = 2 - 2 * _NORMAL.cdf(_NORMAL.inv_cdf(1 - alpha / 2) / math.sqrt(fraction))
        spread = math.sqrt(fraction - before)
        bound = _bound(places, weights, spread, total - spent)
        found.append(1 - _NORMAL.cdf(bound / math.sqrt(fraction)))
        grid, width = np.linspace(-_FARTHEST, bound, _POINTS, retstep=True)
        steps = np.exp(-(((grid[:, None] - places[None, :]) / spread) ** 2) / 2)
        weights = (steps @ weights) * width / (spread * math.sqrt(2 * math.pi))
        weights[[0, -1]] /= 2
        places, spent, before = grid, total, fraction
    return found


def _bound(places: np.ndarray, weights: np.ndarray, spread: float, chance: float) -> float:
    """What a step of this spread from these places crosses with this chance."""
    low, high = -_FARTHEST, _FARTHEST
    for _ in range(40):
        middle = (low + high) / 2
        above = [math.erfc(each) / 2 for each in (middle - places) / (spread * math.sqrt(2))]
        low, high = (middle, high) if float(weights @ above) > chance else (low, middle)
    return high


def in_order(tasks: Iterable[str]) -> list[str]:
    """The tasks in an order that is the same everywhere and says nothing about them.

    Results are looked at in this order and in no other: those that come in
    first would favour short answers.
    """
    return sorted(tasks, key=digest)


class EarlyStop:
    """One benchmark's gate while a candidate's results come in.

    Tell it each task's counts with `add`, in any order; `ask` then says whether
    to go on. `alpha` is for either answer; give the gate's alpha divided by the
    number of benchmarks as `regression_alpha` where there are several.
    """

    def __init__(
        self,
        baseline: Mapping[str, Count],
        margin: float,
        alpha: float,
        regression_alpha: float | None = None,
        looks: int = LOOKS,
    ) -> None:
        self._baseline = baseline
        self._margin = margin
        self._order = in_order(baseline)
        self._passing = plan(len(baseline), alpha, looks)
        self._failing = plan(len(baseline), regression_alpha or alpha, looks)
        self._results: dict[str, Count] = {}
        self._ready = self._looks = 0
        self._stop: Stop | None = None

    @property
    def order(self) -> Sequence[str]:
        """The tasks in the order in which results are needed."""
        return self._order

    def add(self, task: str, count: Count) -> None:
        """A task's result is in; once is enough."""
        self._results.setdefault(task, count)

    def ask(self) -> Stop | None:
        """The answer, if the tasks so far carry one; None means: go on.

        An answer once given stays. Without one after the last task, the answer
        is inconclusive.
        """
        while self._ready < len(self._order) and self._order[self._ready] in self._results:
            self._ready += 1
        while (
            self._stop is None
            and self._looks < len(self._passing.tasks)
            and self._passing.tasks[self._looks] <= self._ready
        ):
            self._stop = self._look(self._looks)
            self._looks += 1
        return self._stop

    def _look(self, look: int) -> Stop | None:
        tasks, of = self._passing.tasks[look], len(self._order)
        before = {task: self._baseline[task] for task in self._order[:tasks]}
        sample = paired_tests.differences(before, self._results)
        if paired_tests.drop_bound(sample, self._passing.levels[look]) < self._margin:
            return Stop(Answer.PASS, tasks, of)
        shown = paired_tests.sign_flip(sample).drop <= self._failing.levels[look]
        if shown and -sample.mean > self._margin:
            return Stop(Answer.REGRESSION, tasks, of)
        return Stop(Answer.INCONCLUSIVE, tasks, of) if tasks == of else None
