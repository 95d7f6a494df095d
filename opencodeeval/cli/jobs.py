"""What a command that runs benchmarks works on: jobs, opened and finished."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from opencodeeval.backends.base import Backend
from opencodeeval.benchmarks.card_benchmark import CardBenchmark
from opencodeeval.core.types import Sampling
from opencodeeval.decide.early_stop import StopEarly
from opencodeeval.records.schema import Record
from opencodeeval.runs.pipeline import RunResult
from opencodeeval.runs.store import RunStore


@dataclass(frozen=True)
class Job:
    """One benchmark to be run under one protocol.

    `counts` as in `Run`; `early_stop` makes the observer that may end it early, from
    the run's record as far as it is known beforehand.
    """

    benchmark: CardBenchmark
    sampling: Sampling
    ks: Sequence[int]
    counts: Mapping[str, int] | None = None
    early_stop: Callable[[Record], StopEarly] | None = None

    @property
    def title(self) -> str:
        """The benchmark and the protocol, for people."""
        return f"{self.benchmark.name}, {self.benchmark.protocol}"


class Opened(NamedTuple):
    """A job with the backend that answers it and the run that it fills."""

    job: Job
    backend: Backend
    store: RunStore


class Finished(NamedTuple):
    """A job and what came of it."""

    job: Job
    result: RunResult
