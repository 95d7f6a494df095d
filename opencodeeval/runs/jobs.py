"""The service's jobs, opened and finished, and their common result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from opencodeeval.backends.base import Backend
from opencodeeval.benchmarks.card_benchmark import CardBenchmark
from opencodeeval.core.types import Sampling
from opencodeeval.records.naming import name_of_model
from opencodeeval.records.reading import StoredRecord
from opencodeeval.records.schema import Record
from opencodeeval.runs.asking import protocol_of
from opencodeeval.runs.pipeline import RunResult
from opencodeeval.runs.prices import Prices
from opencodeeval.runs.store import run_id
from opencodeeval.stats.metrics import Metric


@dataclass(frozen=True)
class Job:
    """One benchmark to be run under one protocol; `metrics` and `counts` as in `Run`.

    `adapter` is the LoRA adapter to run it with, if there is one. `allow_long_prompts` as in
    `SamplingOptions`.
    """

    benchmark: CardBenchmark
    sampling: Sampling
    metrics: Sequence[Metric]
    counts: Mapping[str, int] | None = None
    adapter: str = ""
    allow_long_prompts: bool = False

    @property
    def samples(self) -> int:
        """The number of samples."""
        if self.counts is not None:
            return sum(self.counts.values())
        return self.sampling.n * len(self.benchmark.tasks)

    @property
    def protocol(self) -> str:
        """The protocol's name, with a mark if the user changed what it asks."""
        return protocol_of(self.benchmark, self.sampling)

    @property
    def title(self) -> str:
        """The benchmark, the protocol and the adapter, for people."""
        adapter = f", {self.adapter}" if self.adapter else ""
        return f"{self.benchmark.name}, {self.protocol}{adapter}"


class Opened(NamedTuple):
    """A job with its backend and the configuration of the run that it fills."""

    job: Job
    backend: Backend
    configured: Mapping[str, Any]

    @property
    def run_id(self) -> str:
        """The run's id."""
        return run_id(self.configured)


class Finished(NamedTuple):
    """A job and its result."""

    job: Job
    result: RunResult


class StoppedEarly(NamedTuple):
    """A run that an observer ended: it has no record, and the same call continues it.

    `generated` and `graded` of its `samples` are in the run folder.
    """

    spec: str
    protocol: str
    why: str
    run_folder: Path
    samples: int = 0
    generated: int = 0
    graded: int = 0


@dataclass(frozen=True)
class Evaluation:
    """What `evaluate` and `grade` return.

    `runs` has one entry per adapter, benchmark and protocol in the given order: the
    record, its path, the run folder. `differences` says, for each benchmark run
    under several protocols, which samples get different verdicts. `stopped` are
    the runs that an observer ended.
    """

    model: str
    runs: tuple[RunResult, ...]
    differences: tuple[Mapping[str, Any], ...] = ()
    stopped: tuple[StoppedEarly, ...] = ()

    @property
    def records(self) -> list[Record]:
        """The records of the finished runs."""
        return [run.record for run in self.runs]

    @property
    def stored(self) -> list[StoredRecord]:
        """The same with their paths, as `compare` and `gate` take them."""
        return [StoredRecord(run.record_path, run.record) for run in self.runs]

    def score(
        self,
        benchmark: str,
        metric: str = "pass@1",
        suite: str | None = None,
        lora: str | None = None,
    ) -> float:
        """One score in [0, 1], by default of the headline suite and the first adapter.

        Raises:
            KeyError: there is no finished run of the benchmark, no such suite, metric or adapter.
        """
        for record in self.records:
            named = record.benchmark
            if lora is not None and record.model.adapter not in (lora, name_of_model(lora)):
                continue
            if benchmark in (named.name, f"{named.name}@{named.data_version}"):
                return record.scores[suite or named.headline][metric].value
        raise KeyError(benchmark)

    def summary(self, prices: Prices | None = None) -> dict[str, Any]:
        """What `--json` prints; `prices` are those of `--prices`."""
        from opencodeeval.runs.summary import summarise

        summary = summarise(self.model, self.runs, prices)
        if self.differences:
            summary["differences"] = list(self.differences)
        return summary

    def __str__(self) -> str:
        """The table that the command line prints."""
        from opencodeeval.runs.summary import table

        return table(self.summary())
