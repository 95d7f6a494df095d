"""The options of a run as values, for Python and for the command line."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from opencodeeval.core.errors import UsageError
from opencodeeval.core.types import Sampling

if TYPE_CHECKING:
    from opencodeeval.benchmarks.card_benchmark import CardBenchmark
    from opencodeeval.execution.base import Sandbox
    from opencodeeval.stats.metrics import Metric

RESULTS = Path("results")
ProgressKind = Literal["auto", "bars", "lines", "none"]


@dataclass(frozen=True)
class Selection:
    """Which tasks of a benchmark, from where, under which protocols.

    `protocols`: empty means the benchmark's default. `data_dir`: a folder to take
    data sets from, instead of downloading them. `limit`: only the first `limit`
    tasks. Dates are texts ("2024-06-30"): tasks released from `start_date` to
    `end_date`; `cutoff` is the day up to which the model's training data reach.
    `from_run`: the run folder that livecodebench_repair repairs.
    """

    protocols: Sequence[str] = ()
    data_dir: Path | None = None
    limit: int | None = None
    start_date: str | None = None
    end_date: str | None = None
    cutoff: str | None = None
    from_run: Path | None = None

    def load(self, spec: str) -> list[CardBenchmark]:
        """The benchmark under each of the protocols.

        Raises:
            UsageError: there is no such benchmark, version, protocol or limit.
            DataError: the data are not available, or damaged.
        """
        from opencodeeval.benchmarks.windows import parse_window
        from opencodeeval.runs.finished import load_benchmark

        if self.limit is not None and self.limit < 1:
            raise UsageError(f"limit must be at least 1, got {self.limit}")
        window = parse_window(self.start_date, self.end_date, self.cutoff)
        named: Sequence[str | None] = list(dict.fromkeys(self.protocols)) or [None]
        return [
            load_benchmark(spec, protocol, self.data_dir, self.limit, window, self.from_run)
            for protocol in named
        ]


@dataclass(frozen=True)
class SamplingOptions:
    """Changes to a benchmark's own sampling; None keeps the publisher's value.

    `n` samples per task; `temperature` 0 is greedy; `ks` are the k of pass@k
    (default: 1, and 10 and 100 where n allows), `metrics` the names of further metrics
    such as "pass^4" (docs/statistics.md).
    """

    n: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    seed: int | None = None
    ks: Sequence[int] | None = None
    metrics: Sequence[str] = ()

    def applied(self, default: Sampling) -> Sampling:
        """The sampling of a benchmark whose own is `default`.

        Temperature 0 without a number of samples means one sample per task.

        Raises:
            UsageError: values that cannot be sampled with.
        """
        n = self.n
        if n is None:
            n = 1 if self.temperature == 0 else default.n
        sampling = Sampling(
            n=n,
            temperature=default.temperature if self.temperature is None else self.temperature,
            top_p=default.top_p if self.top_p is None else self.top_p,
            max_tokens=default.max_tokens if self.max_tokens is None else self.max_tokens,
            seed=default.seed if self.seed is None else self.seed,
        )
        _check(sampling)
        return sampling

    def resolved_ks(self, n: int) -> list[int]:
        """The k to report for n samples per task, ascending.

        Raises:
            UsageError: a k below 1 or above n.
        """
        if self.ks is None:
            return [1, *(k for k in (10, 100) if k <= n)]
        ks = sorted(set(self.ks))
        if not ks or ks[0] < 1:
            raise UsageError(f"k of pass@k must be at least 1, got {list(self.ks)}")
        if ks[-1] > n:
            raise UsageError(
                f"pass@{ks[-1]} needs at least {ks[-1]} samples per task, and there are {n}: "
                f"use n = {ks[-1]} or a smaller k"
            )
        return ks

    def metrics_of(self, benchmark: CardBenchmark, n: int) -> list[Metric]:
        """The metrics to report for n samples per task of a benchmark, pass@k first.

        Raises:
            UsageError: there is no such metric, or it cannot be computed.
        """
        from opencodeeval.stats.metrics import (
            CONSISTENCY,
            in_order,
            parse_metrics,
            pass_at,
            too_few,
        )

        further = parse_metrics(self.metrics)
        for metric in further:
            if metric == CONSISTENCY and not benchmark.has_answers:
                raise UsageError(
                    f"consistency needs answers to agree on, and {benchmark.name} has programs: "
                    "leave it out, or see docs/statistics.md for the benchmarks that have answers"
                )
            if n < metric.samples:
                raise too_few(metric, n)
        return in_order([*pass_at(*self.resolved_ks(n)), *further])


def _check(sampling: Sampling) -> None:
    if sampling.n < 1:
        raise UsageError(f"n (samples per task) must be at least 1, got {sampling.n}")
    if not (math.isfinite(sampling.temperature) and sampling.temperature >= 0):
        raise UsageError(f"temperature must be 0 (greedy) or above, got {sampling.temperature}")
    if not 0 < sampling.top_p <= 1:
        raise UsageError(f"top-p must be above 0 and at most 1, got {sampling.top_p}")
    if sampling.max_tokens < 1:
        raise UsageError(f"max-tokens must be at least 1, got {sampling.max_tokens}")
    if sampling.n > 1 and sampling.temperature == 0:
        raise UsageError(
            f"n = {sampling.n} at temperature 0: greedy decoding gives the same sample "
            f"{sampling.n} times, so use n = 1 or a temperature above 0"
        )


@dataclass(frozen=True)
class SandboxOptions:
    """Where programs run: `kind` "auto" is Docker if an engine responds, else the local jail.

    Other kinds are "docker", "local" and jails from other packages.

    `slots`: programs at once (default: the usable cores). `image` and `runtime`
    (e.g. "runsc") are for Docker only.
    """

    kind: str = "auto"
    slots: int | None = None
    image: str | None = None
    runtime: str | None = None

    def open(self, environment: str, log: Callable[[str], None]) -> Sandbox:
        """A sandbox with the packages of an environment ("" for Python and NumPy alone).

        Raises:
            UsageError: no such sandbox, or fewer slots than one.
            SandboxError: the sandbox is not available on this machine.
        """
        from opencodeeval.execution import open_sandbox

        return open_sandbox(self.kind, self.slots, log, self.image, self.runtime, environment)


@dataclass(frozen=True)
class Output:
    """Where results go, and how progress is shown (`none`: no progress and no log lines)."""

    folder: Path = RESULTS
    progress: ProgressKind = "auto"

    def log(self, message: str) -> None:
        """Write a line to stderr."""
        if self.progress != "none":
            from opencodeeval.runs.progress import remark

            remark(message)
