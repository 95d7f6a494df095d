"""The gate: did a candidate get worse than its baseline? Decided from two sets of records.

docs/gates.md says what each answer claims, and docs/statistics.md how often
it is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from typing import Literal

import numpy as np

from opencodeeval.core.errors import UsageError
from opencodeeval.decide.comparison import OVERALL, Comparison, compare_all, labelled
from opencodeeval.records.comparable import Pair
from opencodeeval.records.schema import Record
from opencodeeval.stats import paired_tests
from opencodeeval.stats.metrics import Metric, parse_metric, pass_at


class Answer(str, Enum):
    """A gate's answer."""

    PASS = "pass"
    REGRESSION = "regression"
    INCONCLUSIVE = "inconclusive"

    def __str__(self) -> str:
        return self.value


EXIT_STATUS = {Answer.PASS: 0, Answer.REGRESSION: 10, Answer.INCONCLUSIVE: 11}


@dataclass(frozen=True)
class Policy:
    """What a candidate must satisfy; shares of 1, not percent.

    `margin` is the tolerated drop, `alpha` the error rate of each answer. With
    `scope` "each" every benchmark must pass; with "overall" their mean must
    pass, and no benchmark may show a regression. `margins` and `quarantine`
    (tasks that do not count) are by benchmark; `errata` also quarantines the
    tasks that had an erratum when either record was made. pass@k is compared, or
    another `metric` ("pass^4").
    """

    margin: float = 0.01
    alpha: float = 0.05
    scope: Literal["each", "overall"] = "each"
    k: int = 1
    errata: bool = True
    metric: str = ""
    margins: Mapping[str, float] = field(default_factory=dict)
    quarantine: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def compared(self) -> Metric:
        """The metric that is compared.

        Raises:
            UsageError: there is none of this name.
        """
        return parse_metric(self.metric) if self.metric else pass_at(self.k)[0]

    def margin_of(self, benchmark: str) -> float:
        """The tolerated drop in one benchmark."""
        return self.margins.get(benchmark, self.margin)


@dataclass(frozen=True)
class Finding:
    """One benchmark, or the mean of all.

    `bound` is the largest drop that the data allow at `alpha`; `p_value` tests for
    a drop and is adjusted by Holm for `family` tests.
    """

    comparison: Comparison
    margin: float
    alpha: float
    family: int
    bound: float
    p_value: float
    answer: Answer

    @property
    def drop(self) -> float:
        """Baseline minus candidate: positive if the candidate is worse."""
        return -self.comparison.difference.value

    @cached_property
    def provable(self) -> float:
        """The smallest possible `bound` for this number of tasks: if all tasks agree."""
        sample = self.comparison.differences
        agreeing = paired_tests.Differences(np.zeros(len(sample.values)), sample.largest)
        return paired_tests.drop_bound(agreeing, self.alpha)

    @cached_property
    def detectable(self) -> float | None:
        """The smallest drop that would have been shown in four of five cases, if any.

        Computed at Holm's first and strictest step, so that the whole procedure shows it.
        """
        sample = self.comparison.differences
        return paired_tests.detectable_drop(sample, self.alpha / self.family, self.margin)


@dataclass(frozen=True)
class Decision:
    """A gate's answer and its findings; `quarantined` is benchmark -> task -> reason."""

    answer: Answer
    why: str
    policy: Policy
    findings: tuple[Finding, ...]
    quarantined: Mapping[str, Mapping[str, str]]


def decide(pairs: Sequence[Pair], policy: Policy) -> Decision:
    """The answer for all benchmarks together.

    Raises:
        UsageError: the policy names unknown tasks, or leaves no task.
    """
    check_quarantine(pairs, policy)
    left_out = {label: quarantined(pair, policy) for label, pair in labelled(pairs)}
    comparisons = compare_all(pairs, policy.compared, left_out=left_out)
    findings = judge(comparisons, policy)
    answer, why = conclude(findings, policy)
    return Decision(answer, why, policy, tuple(findings), left_out)


def judge(
    comparisons: Sequence[Comparison], policy: Policy, alpha: float | None = None
) -> list[Finding]:
    """Each comparison's own answer, at the policy's alpha or another level."""
    level = policy.alpha if alpha is None else alpha
    adjusted = paired_tests.holm([each.p_values.drop for each in comparisons])
    return [
        _finding(each, policy.margin_of(each.benchmark), p_value, level, len(comparisons))
        for each, p_value in zip(comparisons, adjusted, strict=True)
    ]


def conclude(findings: Sequence[Finding], policy: Policy) -> tuple[Answer, str]:
    """The answer for all findings together, and a sentence with the reason."""
    worse = [each for each in findings if each.answer is Answer.REGRESSION]
    if worse:
        named = ", ".join(f"{_name(each)} by {100 * each.drop:.1f} points" for each in worse)
        return Answer.REGRESSION, f"the candidate is worse: {named}"
    required = _required(findings, policy)
    open_ = [each for each in required if each.answer is not Answer.PASS]
    if not open_:
        most = max(100 * each.margin for each in required)
        return Answer.PASS, f"no drop of {most:.4g} points or more: {_names(required)}"
    parts = [
        f"{_name(each)} (a drop of up to {100 * each.bound:.1f} points is possible, "
        f"{100 * each.margin:.4g} tolerated)"
        for each in open_
    ]
    return Answer.INCONCLUSIVE, f"too little data to tell: {', '.join(parts)}"


def _required(findings: Sequence[Finding], policy: Policy) -> list[Finding]:
    """The findings that must all pass."""
    if len(findings) == 1:
        return list(findings)
    overall = policy.scope == "overall"
    return [each for each in findings if (each.comparison.benchmark == OVERALL) == overall]


def _finding(
    comparison: Comparison, margin: float, p_value: float, alpha: float, family: int
) -> Finding:
    bound = paired_tests.drop_bound(comparison.differences, alpha)
    answer = Answer.INCONCLUSIVE
    if bound < margin:
        answer = Answer.PASS
    elif p_value <= alpha and -comparison.difference.value > margin:
        answer = Answer.REGRESSION
    return Finding(comparison, margin, alpha, family, bound, p_value, answer)


def check_quarantine(pairs: Sequence[Pair], policy: Policy) -> None:
    """Check that the tasks which a policy quarantines exist.

    Raises:
        UsageError: one does not.
    """
    for name, named in policy.quarantine.items():
        known = [
            task
            for pair in pairs
            if pair.baseline.benchmark == name
            for task in pair.baseline.record.tasks
        ]
        unknown = [task for task in named if task not in known]
        if known and unknown:
            raise UsageError(
                f"{', '.join(unknown)} in the quarantine of {name} is not one of its tasks: they "
                f"are named like {known[0]}"
            )


def quarantined(pair: Pair, policy: Policy) -> dict[str, str]:
    """Task -> reason why it does not count."""
    named = policy.quarantine.get(pair.baseline.benchmark, ())
    tasks = pair.baseline.record.tasks
    found = {task: "quarantined by the policy" for task in named if task in tasks}
    if policy.errata:
        for record in pair:
            found = {**_errata(record.record), **found}
    return found


def _errata(record: Record) -> dict[str, str]:
    """Task -> erratum at the time of the record; schema 1 says only which tasks had one."""
    if record.errata is None:
        return dict.fromkeys(record.unsound, "erratum: its own solution does not pass in a jail")
    return {row.task: f"erratum ({row.kind}): {row.what}" for row in record.errata}


def _name(finding: Finding) -> str:
    return finding.comparison.title


def _names(findings: Sequence[Finding]) -> str:
    return ", ".join(_name(each) for each in findings)
