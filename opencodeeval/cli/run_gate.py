"""`run --gate BASELINE`: what a run is compared with, at its end or while it goes on."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from opencodeeval.backends.base import Backend
from opencodeeval.benchmarks.base import Benchmark
from opencodeeval.core.errors import UsageError
from opencodeeval.core.types import Sampling
from opencodeeval.decide.gate import EXIT_STATUS, Policy, decide
from opencodeeval.decide.gate_report import as_text
from opencodeeval.decide.policy import overridden, read_policy
from opencodeeval.decide.referee import Referee
from opencodeeval.records.comparable import Pair, check
from opencodeeval.records.reading import StoredRecord, read_record, read_records
from opencodeeval.runs.pipeline import RunResult


@dataclass(frozen=True)
class RunGate:
    """The baseline's records by benchmark; `early` ends a benchmark once the answer is there."""

    baseline: Mapping[str, StoredRecord]
    policy: Policy
    early: bool
    family: int

    def referee_for(
        self, benchmark: Benchmark, sampling: Sampling
    ) -> Callable[[Backend], Referee] | None:
        """Makes the referee of one benchmark once the backend is open, if one is wanted.

        Raises:
            UsageError: the baseline has no record of it.
        """
        if benchmark.name not in self.baseline:
            raise UsageError(
                f"the baseline has no record of {benchmark.name}: name one that has, or leave the "
                "benchmark out"
            )
        record = self.baseline[benchmark.name]

        def make(backend: Backend) -> Referee:
            return Referee(record, benchmark, backend, sampling, self.policy, self.family)

        return make if self.early else None

    def decided(self, results: Sequence[RunResult], model: str, quiet: bool) -> int:
        """The exit status of the gate over whole results; its report goes to stdout or stderr."""
        pairs = []
        for result in results:
            record = read_record(result.record_path)
            pairs.append(Pair(self.baseline[record.benchmark], record))
            check(pairs[-1])
        decision = decide(pairs, self.policy)
        report = as_text(decision, (pairs[0].baseline.model, model))
        print(f"\n{report}", file=sys.stderr if quiet else sys.stdout)
        return EXIT_STATUS[decision.answer]


def open_gate(options: argparse.Namespace, family: int) -> RunGate:
    """The gate of `run`'s options, its baseline read and checked."""
    policy = read_policy(options.policy) if options.policy else Policy()
    policy = overridden(policy, margin=options.margin, alpha=options.alpha, scope=options.scope)
    baseline: dict[str, StoredRecord] = {}
    for record in read_records([options.gate]):
        if record.benchmark in baseline:
            raise UsageError(
                f"{options.gate} has two records of {record.benchmark}: name one of them, or a "
                "pattern that only one matches"
            )
        baseline[record.benchmark] = record
    return RunGate(baseline, policy, options.early_stop, family)
