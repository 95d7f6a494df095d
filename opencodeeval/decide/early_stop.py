"""A gate that decides while a run is going on: `run --gate BASELINE --early-stop`.

The tasks run in an order that does not depend on the models, and the gate decides
after each of a few fixed shares of them (stats/sequential.py).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from opencodeeval.core.errors import UsageError
from opencodeeval.core.types import digest
from opencodeeval.decide.baseline import Baseline
from opencodeeval.decide.gate import Answer, Policy, check_quarantine, quarantined
from opencodeeval.records.comparable import Pair, check
from opencodeeval.records.counts import cluster_of
from opencodeeval.records.reading import StoredRecord
from opencodeeval.records.schema import Record
from opencodeeval.runs.observers import GradedSample, Observer, StopRun
from opencodeeval.stats import paired_tests
from opencodeeval.stats.metrics import PASS_AT_1
from opencodeeval.stats.pass_at_k import Count
from opencodeeval.stats.sequential import LOOKS, plan


@dataclass(frozen=True)
class Stop:
    """An answer, from the first `tasks` of the tasks in order."""

    answer: Answer
    tasks: int
    of: int

    @property
    def not_needed(self) -> float:
        """The share of tasks that the answer did not need; they may have been generated before."""
        return 1 - self.tasks / self.of


class Stopped(StopRun):
    """The answer came before the last task, so no more results are needed."""

    def __init__(self, stop: Stop) -> None:
        super().__init__(f"{stop.answer} after {stop.tasks} of {stop.of} tasks")
        self.stop = stop


def in_order(tasks: Iterable[str]) -> list[str]:
    """The tasks in a fixed order that does not depend on their content.

    Results are used in this order only: using those that arrive first would
    favour short answers.
    """
    return sorted(tasks, key=digest)


class EarlyStop:
    """One benchmark's gate while a candidate's results come in.

    Add each task's counts with `add`, in any order; `ask` then says whether to go
    on. `alpha` is the error rate of each answer; with several benchmarks, set
    `regression_alpha` to the gate's alpha divided by their number.
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
        """Add a task's result; a second one for the same task is ignored."""
        self._results.setdefault(task, count)

    def ask(self) -> Stop | None:
        """The answer, if the results so far suffice for one; None means: go on.

        An answer never changes later. If there is none after the last task, the
        answer is inconclusive.
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


class StopEarly(Observer):
    """Ends one benchmark's run as soon as its gate has an answer."""

    def __init__(self, baseline: StoredRecord, head: Record, policy: Policy, family: int) -> None:
        """`head` is the part of the run's record that is known before the run.

        `family` benchmarks share alpha for a regression.

        Raises:
            UsageError: the run cannot be compared with the baseline.
        """
        if policy.compared != PASS_AT_1:
            raise UsageError(
                f"early stopping decides by pass@1, and the policy's metric is {policy.compared}: "
                "use pass@1, or leave out --early-stop"
            )
        pair = Pair(baseline, StoredRecord(Path("this run"), head))
        check(pair)
        check_quarantine([pair], policy)
        skipped = quarantined(pair, policy)
        counts = baseline.counts(baseline.headline, skipped)
        if not counts:
            raise UsageError(f"no task of {head.benchmark.name} is left for the gate")
        margin = policy.margin_of(head.benchmark.name)
        self._early = EarlyStop(counts, margin, policy.alpha, policy.alpha / family)
        self._cluster = {
            task: cluster_of(task, row) for task, row in head.tasks.items() if task not in skipped
        }
        self._wanted = Counter(self._cluster.values())
        self._n = head.sampling.n
        self._seen: Counter[str] = Counter()
        self._passed: Counter[str] = Counter()
        self.stop: Stop | None = None

    def order(self, task_ids: Sequence[str]) -> Sequence[str]:
        """The order that the gate needs; quarantined tasks last: only the score needs them."""
        places = {cluster: place for place, cluster in enumerate(self._early.order)}
        last = len(places)
        return sorted(task_ids, key=lambda task: places.get(self._cluster.get(task, ""), last))

    def graded(self, sample: GradedSample) -> None:
        """Take one sample's verdict, and end the run once there is an answer."""
        cluster = self._cluster.get(sample.task_id)
        if cluster is None:
            return
        self._seen[cluster] += 1
        self._passed[cluster] += int(sample.passed)
        all_samples = self._n * self._wanted[cluster]
        if self._seen[cluster] == all_samples:
            self._early.add(cluster, Count(all_samples, self._passed[cluster]))
            self.stop = self._early.ask()
        if self.stop is not None and self.stop.tasks < self.stop.of:
            raise Stopped(self.stop)


class EarlyStopping(Observer):
    """Ends each run of a command, or of `evaluate`, as soon as the gate has its answer.

    `stops` has the answer of every run that reached one, by benchmark and data
    version ("starter@v1"). After a regression no further run starts, and others end.
    """

    def __init__(self, baseline: Baseline, policy: Policy, family: int = 1) -> None:
        """`family` is the number of benchmarks that share alpha for a regression."""
        self.stops: dict[str, Stop] = {}
        self._baseline = baseline
        self._policy = policy
        self._family = family
        self._spec = ""
        self._current: StopEarly | None = None

    def for_run(self) -> EarlyStopping:
        """The same for one run, with these `stops`."""
        of_run = EarlyStopping(self._baseline, self._policy, self._family)
        of_run.stops = self.stops
        return of_run

    def begin(self, head: Record) -> None:
        """Find the baseline's record for the run.

        Raises:
            StopRun: an earlier run has shown a regression.
            UsageError: the baseline has no comparable record.
        """
        self._check_others("not run")
        before = self._baseline.record_of(head.benchmark.name, head.benchmark.data_version)
        self._spec = before.spec
        self._current = StopEarly(before, head, self._policy, self._family)

    def order(self, task_ids: Sequence[str]) -> Sequence[str]:
        """The order in which the gate needs results."""
        return task_ids if self._current is None else self._current.order(task_ids)

    def graded(self, sample: GradedSample) -> None:
        """Take one sample's verdict, and end the run once there is an answer."""
        if self._current is None:
            return
        self._check_others("not finished")
        try:
            self._current.graded(sample)
        finally:
            if self._current.stop is not None:
                self.stops[self._spec] = self._current.stop

    def _check_others(self, left: str) -> None:
        for spec, stop in self.stops.items():
            if stop.answer is Answer.REGRESSION and spec != self._spec:
                raise StopRun(f"{left}, because {spec} shows a regression")


def conclude(stops: Iterable[Stop]) -> Answer:
    """The answer for all benchmarks: regression if any regressed, pass if all pass."""
    answers = [stop.answer for stop in stops]
    if Answer.REGRESSION in answers:
        return Answer.REGRESSION
    return Answer.PASS if set(answers) == {Answer.PASS} else Answer.INCONCLUSIVE
