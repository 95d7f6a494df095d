"""Simulate the gate, and write what came out into docs/statistics.md and docs/gates.md.

    python -m tests.simulations.gate [--comparisons 4000] [--write]

Candidates whose true drop is known are compared with their baseline by the
code that `opencodeeval gate` runs. A quarter of an hour on one core.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from opencodeeval.core import tables
from opencodeeval.decide.early_stop import EarlyStop
from opencodeeval.decide.gate import Answer, Policy, conclude, judge
from opencodeeval.stats import paired_tests
from opencodeeval.stats.paired_tests import Differences
from opencodeeval.stats.pass_at_k import Count
from tests.simulations.models import Models, Random, comparison, outcomes, with_overall

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"
ALPHA, MARGIN = 0.05, 0.03
SIZES = (24, 164, 500, 1140)
SUITE = {"humaneval": 164, "mbpp": 500, "hard": 148, "long": 1140}


class Rates(NamedTuple):
    """Shares of simulated comparisons, and the drop that was claimed to be detectable."""

    coverage: float
    false_regression: float
    false_pass: float
    power: float
    detectable: float


class Seen(NamedTuple):
    """What the gate makes of one benchmark, alone."""

    low: float
    high: float
    answer: Answer


def seen(sample: Differences) -> Seen:
    """Interval and answer."""
    (finding,) = judge([comparison("one", sample)], Policy(margin=MARGIN, alpha=ALPHA))
    _, low, high = paired_tests.interval(sample)
    return Seen(low, high, finding.answer)


@cache
def _seen_greedy(lost: int, gained: int, tasks: int) -> Seen:
    return seen(outcomes(lost, gained, tasks))


def _see(models: Models, drop: float, random: Random) -> Seen:
    sample = models.draw(drop, random)
    if models.samples > 1:
        return seen(sample)
    lost, gained = int((sample.values < 0).sum()), int((sample.values > 0).sum())
    return _seen_greedy(lost, gained, models.tasks)


def one_benchmark(models: Models, comparisons: int, random: Random) -> Rates:
    """How often the gate is right and wrong about one benchmark."""
    equal = [_see(models, 0.0, random) for _ in range(comparisons)]
    worse = [_see(models, MARGIN, random) for _ in range(comparisons)]
    covered = [each.low <= 0 <= each.high for each in equal]
    covered += [each.low <= -MARGIN <= each.high for each in worse]
    claimed = [
        paired_tests.detectable_drop(models.draw(0.0, random), ALPHA, MARGIN) or 1.0
        for _ in range(15)
    ]
    detectable = min(float(np.median(claimed)), 0.45)
    strong = [_see(models, detectable, random) for _ in range(comparisons // 4)]
    return Rates(
        coverage=float(np.mean(covered)),
        false_regression=_share(equal, Answer.REGRESSION),
        false_pass=_share(worse, Answer.PASS),
        power=_share(strong, Answer.REGRESSION),
        detectable=detectable,
    )


def _share(found: Sequence[Seen], answer: Answer) -> float:
    return sum(each.answer is answer for each in found) / len(found)


class SuiteRates(NamedTuple):
    """Shares of the three answers over several benchmarks and their mean."""

    passed: float
    regression: float
    inconclusive: float


def several(
    samples: int, drops: Sequence[float], policy: Policy, comparisons: int, random: Random
) -> SuiteRates:
    """The gate on all of SUITE, where each benchmark's true drop is the one given."""
    counts = dict.fromkeys(Answer, 0)
    for _ in range(comparisons):
        drawn = {
            name: Models(tasks, samples, kind="different").draw(drop, random)
            for (name, tasks), drop in zip(SUITE.items(), drops, strict=True)
        }
        answer, _ = conclude(judge(with_overall(drawn), policy), policy)
        counts[answer] += 1
    return SuiteRates(*(counts[each] / comparisons for each in Answer))


class EarlyRates(NamedTuple):
    """Shares of answers with early stopping, that without, and the tasks not needed."""

    regression: float
    passed: float
    regression_at_end: float
    passed_at_end: float
    saved: float


def early(models: Models, drop: float, comparisons: int, random: Random) -> EarlyRates:
    """Early stopping against one look at the end, on the same samples."""
    stops, ends = [], []
    for _ in range(comparisons):
        sample = models.draw(drop, random)
        values = random.permutation(sample.values)
        n = models.samples
        before = {str(i): Count(n, n if value < 0 else 0) for i, value in enumerate(values)}
        stop = EarlyStop(before, MARGIN, ALPHA)
        for (task, count), value in zip(before.items(), values, strict=True):
            stop.add(task, Count(n, count.c + round(value * n)))
        found = stop.ask()
        assert found is not None
        stops.append(found)
        ends.append(seen(sample).answer)
    answers = [each.answer for each in stops]
    return EarlyRates(
        regression=answers.count(Answer.REGRESSION) / comparisons,
        passed=answers.count(Answer.PASS) / comparisons,
        regression_at_end=ends.count(Answer.REGRESSION) / comparisons,
        passed_at_end=ends.count(Answer.PASS) / comparisons,
        saved=float(np.mean([each.not_needed for each in stops])),
    )


ALL_MODELS = [
    *(Models(tasks, 1, share) for tasks in SIZES for share in (0.04, 0.15)),
    *(Models(tasks, 10, kind=kind) for tasks in SIZES for kind in ("weaker", "different")),
    *(Models(tasks, 10, kind="broken") for tasks in SIZES),
]
EACH = Policy(margin=MARGIN, alpha=ALPHA)
MEAN = Policy(margin=MARGIN, alpha=ALPHA, scope="overall")
SETTINGS = (
    ("no drop anywhere", (0.0,) * 4),
    ("8 points in one of four", (0.0, 0.08, 0.0, 0.0)),
    ("the margin in one of four", (0.0, 0.0, 0.0, MARGIN)),
    ("the margin in all", (MARGIN,) * 4),
    ("5 points in all", (0.05,) * 4),
)


def percent(share: float) -> str:
    """A share in percent."""
    return f"{100 * share:.1f}"


def benchmark_table(comparisons: int, random: Random) -> str:
    """The table of single benchmarks."""
    header = (
        *("tasks", "models", "coverage", "false regression", "false pass"),
        *("detectable", "power there"),
    )
    rows = []
    for models in ALL_MODELS:
        found = one_benchmark(models, comparisons, random)
        told = [percent(each) for each in found[:3]]
        power = [percent(found.detectable), percent(found.power)]
        rows.append((str(models.tasks), models.title, *told, *power))
        print(*rows[-1], flush=True)
    return tables.markdown(header, rows, set(header) - {"models"})


def suite_table(comparisons: int, random: Random) -> str:
    """The table of several benchmarks."""
    header = ("true drop", "n", "scope", "pass", "regression", "inconclusive")
    rows = []
    for title, drops in SETTINGS:
        for samples in (1, 10):
            for policy in (EACH, MEAN):
                found = several(samples, drops, policy, comparisons // 4, random)
                rows.append((title, str(samples), policy.scope, *map(percent, found)))
                print(*rows[-1], flush=True)
    return tables.markdown(header, rows, set(header[3:]))


def early_table(comparisons: int, random: Random) -> str:
    """The table of early stopping."""
    header = (
        *("tasks", "models", "true drop", "regression", "at the end", "pass", "at the end "),
        "tasks saved",
    )
    rows = []
    for models in (Models(164, 1, 0.1), Models(500, 1, 0.1), Models(500, 10, kind="different")):
        for drop in (-0.03, 0.0, MARGIN, 0.1, 0.2):
            if models.samples > 1 and drop < 0:
                continue
            found = early(models, drop, comparisons // 4, random)
            told = (found.regression, found.regression_at_end, found.passed, found.passed_at_end)
            cells = [percent(each) for each in (*told, found.saved)]
            rows.append((str(models.tasks), models.title, percent(drop), *cells))
            print(*rows[-1], flush=True)
    return tables.markdown(header, rows, set(header) - {"models"})


def margin_table() -> str:
    """What margins so many tasks can show; no simulation, but a sum over outcomes."""
    header = ("tasks", "all agree", "one in ten disagrees", "such as")
    names = {24: "starter", 164: "humaneval", 378: "mbpp_plus", 1140: "bigcodebench"}
    rows = []
    for tasks, name in names.items():
        agree = paired_tests.drop_bound(outcomes(0, 0, tasks), ALPHA)
        # The bound that four of five equal models stay below: the flips' binomial spread.
        flips = round(0.1 * tasks)
        excess = NormalDist().inv_cdf(0.8) * np.sqrt(flips)
        lost = min(flips, round((flips + excess) / 2))
        differ = paired_tests.drop_bound(outcomes(lost, flips - lost, tasks), ALPHA)
        rows.append((str(tasks), percent(agree), percent(differ), name))
    return tables.markdown(header, rows, set(header[:3]))


def replace(page: Path, name: str, text: str) -> None:
    """Put a table between a page's marks."""
    content = page.read_text(encoding="utf-8")
    start = content.index("\n", content.index(f"<!-- {name}:")) + 1
    end = content.index("<!-- end -->", start)
    page.write_text(f"{content[:start]}\n{text}\n\n{content[end:]}", encoding="utf-8")


def main() -> None:
    """Simulate, print, and write if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--comparisons", type=int, default=4000, help="per row and drop")
    parser.add_argument("--write", action="store_true", help="into the pages of docs/")
    options = parser.parse_args()
    random = np.random.default_rng(20260101)
    pages = {
        "margins": (DOCS / "gates.md", margin_table()),
        "benchmarks": (DOCS / "statistics.md", benchmark_table(options.comparisons, random)),
        "several": (DOCS / "statistics.md", suite_table(options.comparisons, random)),
        "early": (DOCS / "statistics.md", early_table(options.comparisons, random)),
    }
    for name, (page, table) in pages.items():
        print(f"\n{table}")
        if options.write:
            replace(page, name, table)


if __name__ == "__main__":
    main()
