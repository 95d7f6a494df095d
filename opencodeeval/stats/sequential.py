"""Looking at results before all are in, without giving up error rates.

A group-sequential test: the tasks are taken in an order that has nothing to do
with the models, and after each of a few agreed shares of them the gate is asked
at a level so strict that all looks together err with chance alpha (O'Brien and
Fleming 1979; the spending function of Lan and DeMets 1983). Early looks are
very strict, so the last one has nearly all of alpha, and little power is lost.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist

import numpy as np

LOOKS = 5
_NORMAL = NormalDist()
# Of the integration: points, and standard deviations that nothing reaches.
_POINTS, _FARTHEST = 400, 9.0


@dataclass(frozen=True)
class Plan:
    """After how many tasks to look (ascending), and at which level each time."""

    tasks: tuple[int, ...]
    levels: tuple[float, ...]


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
