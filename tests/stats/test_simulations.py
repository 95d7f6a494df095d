"""The claims of docs/statistics.md, on fewer comparisons and other random numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from opencodeeval.decide.gate import Policy
from tests.simulations.gate import ALPHA, DOCS, MARGIN, margin_table, one_benchmark, several
from tests.simulations.models import Models

COMPARISONS = 400


def at_most(rate: float, comparisons: int) -> float:
    """What a rate may seem to be by chance, in one of a thousand cases."""
    return rate + 3.1 * math.sqrt(rate * (1 - rate) / comparisons)


@pytest.mark.parametrize(
    "models",
    [
        Models(164, 1, 0.04),
        Models(164, 1, 0.15),
        Models(1140, 1, 0.1),
        Models(164, 10, kind="weaker"),
        Models(164, 10, kind="broken"),
        Models(500, 10, kind="different"),
    ],
    ids=lambda models: f"{models.tasks} tasks, {models.title}",
)
def test_one_benchmark(models: Models) -> None:
    found = one_benchmark(models, COMPARISONS, np.random.default_rng(7))
    assert 1 - found.coverage <= at_most(0.05, 2 * COMPARISONS)
    assert found.false_regression <= at_most(ALPHA, COMPARISONS)
    assert found.false_pass <= at_most(ALPHA, COMPARISONS)
    # A drop that comes from few tasks is seen less often than is claimed (docs/statistics.md).
    missed = 0.35 if models.kind == "broken" else 0.23
    assert 1 - found.power <= at_most(missed, COMPARISONS // 4)


@pytest.mark.parametrize("scope", ["each", "overall"])
@pytest.mark.parametrize("samples", [1, 10])
def test_false_alarms_over_several_benchmarks(scope: str, samples: int) -> None:
    policy = Policy(margin=MARGIN, alpha=ALPHA, scope=scope)  # type: ignore[arg-type]
    random = np.random.default_rng(8)
    equal = several(samples, (0.0,) * 4, policy, 80, random)
    assert equal.regression <= at_most(ALPHA, 80)
    worse = several(samples, (MARGIN,) * 4, policy, 80, random)
    assert worse.passed <= at_most(ALPHA, 80)


def test_the_pages_hold_what_the_simulation_writes() -> None:
    assert margin_table() in (DOCS / "gates.md").read_text(encoding="utf-8")
    page = (DOCS / "statistics.md").read_text(encoding="utf-8")
    for name in ("benchmarks", "several", "early"):
        table = page[page.index(f"<!-- {name}:") :].split("<!-- end -->")[0]
        assert table.count("\n|") > 10
