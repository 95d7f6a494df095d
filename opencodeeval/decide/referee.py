"""A gate that is asked while a run is going on: `run --gate BASELINE --early-stop`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from opencodeeval.backends.base import Backend
from opencodeeval.benchmarks.base import Benchmark
from opencodeeval.core.errors import UsageError
from opencodeeval.core.types import Sampling
from opencodeeval.decide.gate import Answer, Policy, quarantined
from opencodeeval.decide.sequential import EarlyStop, Stop
from opencodeeval.records.comparable import Pair, check
from opencodeeval.records.reading import StoredRecord
from opencodeeval.runs.recording import sampling_fields
from opencodeeval.stats.pass_at_k import Count


class Referee:
    """One benchmark's early stop; `family` benchmarks share alpha for a regression."""

    def __init__(
        self,
        baseline: StoredRecord,
        benchmark: Benchmark,
        backend: Backend,
        sampling: Sampling,
        policy: Policy,
        family: int,
    ) -> None:
        """Raises UsageError if the run is not one that the baseline can be compared with."""
        if policy.k != 1:
            raise UsageError(f"early stopping decides by pass@1, and the policy's k is {policy.k}")
        pair = Pair(baseline, _as_planned(benchmark, backend, sampling))
        check(pair)
        skipped = quarantined(pair, policy)
        counts = baseline.counts(baseline.headline).items()
        kept = {task: count for task, count in counts if task not in skipped}
        if not kept:
            raise UsageError(f"no task of {benchmark.name} is left to decide by")
        self._early = EarlyStop(
            kept, policy.margin_of(benchmark.name), policy.alpha, policy.alpha / family
        )
        # Quarantined tasks are drawn last: they are part of the score, not of the answer.
        self.order: Sequence[str] = [*self._early.order, *skipped]
        self.stop: Stop | None = None
        self._n = sampling.n
        self._seen: Counter[str] = Counter()
        self._passed: Counter[str] = Counter()

    def graded(self, task_id: str, passed: bool) -> Stop | None:
        """Take one sample's verdict under the headline suite; the answer, once there is one."""
        self._seen[task_id] += 1
        self._passed[task_id] += int(passed)
        if self._seen[task_id] == self._n:
            self._early.add(task_id, Count(self._n, self._passed[task_id]))
            self.stop = self._early.ask()
        return self.stop


def conclude(stops: Sequence[Stop]) -> Answer:
    """The answer of all benchmarks: one regression is enough, a pass takes all."""
    answers = [stop.answer for stop in stops]
    if Answer.REGRESSION in answers:
        return Answer.REGRESSION
    return Answer.PASS if set(answers) == {Answer.PASS} else Answer.INCONCLUSIVE


def _as_planned(benchmark: Benchmark, backend: Backend, sampling: Sampling) -> StoredRecord:
    """As much of a record as is known before the run: all but its results."""
    content: dict[str, Any] = {
        "model": dict(backend.identity()),
        "model_type": backend.model_type,
        "benchmark": {
            "name": benchmark.name,
            "data_version": benchmark.data_version,
            "data_digest": benchmark.data_digest,
            "suites": list(benchmark.suites),
            "headline": benchmark.headline,
            "description": dict(benchmark.describe()),
        },
        "protocol": {
            "name": benchmark.protocol,
            "version": benchmark.protocol_version,
            "prompt_digest": benchmark.prompt_digest(backend.model_type),
        },
        "sampling": sampling_fields(backend, sampling),
        "tasks": {task.task_id: {} for task in benchmark.tasks},
    }
    return StoredRecord(Path("this run"), content)
