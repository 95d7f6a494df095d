"""Pairs of models whose true difference is known, and the gate's verdict on their samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from opencodeeval.decide.comparison import OVERALL, Comparison
from opencodeeval.stats import paired_tests
from opencodeeval.stats.paired_tests import Differences
from opencodeeval.stats.pass_at_k import Estimate

Random = np.random.Generator


@dataclass(frozen=True)
class Models:
    """A baseline and a candidate on one benchmark.

    `samples` 1 is greedy: a share `disagreement` of the tasks is solved by one
    of the two only. With more, a task's chances are drawn from a U-shaped
    distribution (Beta(0.35, 0.35)), and the candidate's are: a little lower on
    every task ("weaker"), 0 on a few tasks ("broken"), or others, scattered
    about the baseline's and then a little lower ("different").
    """

    tasks: int
    samples: int = 1
    disagreement: float = 0.1
    kind: str = "weaker"

    def draw(self, drop: float, random: Random) -> Differences:
        """One comparison of a candidate whose true score is lower by `drop`."""
        if self.samples == 1:
            differing = max(self.disagreement, abs(drop))
            chances = ((differing + drop) / 2, (differing - drop) / 2, 1 - differing)
            lost, gained, _ = random.multinomial(self.tasks, chances)
            return outcomes(int(lost), int(gained), self.tasks)
        before = random.beta(0.35, 0.35, self.tasks)
        after = before
        if self.kind == "broken":
            after = np.where(random.random(self.tasks) < 2 * drop, 0.0, before)
        else:
            if self.kind == "different":
                after = random.beta(8 * before + 1e-9, 8 * (1 - before) + 1e-9)
            after = after * (1 - 2 * drop)
        correct = random.binomial(self.samples, after) - random.binomial(self.samples, before)
        return Differences(correct / self.samples, step=1 / self.samples)

    @property
    def title(self) -> str:
        """The models in a table."""
        if self.samples == 1:
            return f"greedy, {100 * self.disagreement:.0f} % disagree"
        return f"n = {self.samples}, {self.kind}"


@cache
def outcomes(lost: int, gained: int, tasks: int) -> Differences:
    """Greedy differences; the same object for the same counts."""
    return Differences(np.repeat([-1.0, 1.0, 0.0], [lost, gained, tasks - lost - gained]))


def comparison(
    name: str,
    sample: Differences,
    difference: Estimate | None = None,
) -> Comparison:
    """As much of a comparison as the gate looks at."""
    return Comparison(
        benchmark=name,
        protocol="",
        data_version="",
        suite="",
        metric="pass@1",
        tasks=len(sample.values),
        samples=1,
        baseline=0.5,
        candidate=0.5 + sample.mean,
        difference=difference or Estimate(sample.mean, sample.mean, sample.mean),
        p_values=paired_tests.sign_flip(sample),
        differences=sample,
    )


def with_overall(samples: Mapping[str, Differences]) -> list[Comparison]:
    """The benchmarks' comparisons and that of their mean."""
    groups = [
        {f"{name}/{i}": float(value) for i, value in enumerate(each.values)}
        for name, each in samples.items()
    ]
    parts = [comparison(name, each) for name, each in samples.items()]
    return [*parts, comparison(OVERALL, paired_tests.combine(groups))]
