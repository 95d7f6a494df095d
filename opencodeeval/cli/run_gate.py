"""`run --gate BASELINE`: what a run is compared with, at its end or while it goes on."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from opencodeeval.benchmarks.card_benchmark import CardBenchmark
from opencodeeval.core.errors import UsageError
from opencodeeval.decide.early_stop import StopEarly
from opencodeeval.decide.gate import EXIT_STATUS, Policy, decide
from opencodeeval.decide.gate_report import as_text
from opencodeeval.decide.policy import overridden, read_policy
from opencodeeval.records.comparable import Pair, check
from opencodeeval.records.reading import StoredRecord, read_record, read_records
from opencodeeval.records.schema import Record
from opencodeeval.runs.pipeline import RunResult


@dataclass(frozen=True)
class RunGate:
    """The baseline's records by benchmark and data version.

    `early` ends a benchmark once the answer is there; `family` is how many there are.
    """

    baseline: Mapping[tuple[str, str], StoredRecord]
    policy: Policy
    early: bool
    family: int

    def early_stop(self, benchmark: CardBenchmark) -> Callable[[Record], StopEarly] | None:
        """Makes the observer that ends one benchmark early, if one is wanted.

        Raises:
            UsageError: the baseline has no record of it.
        """
        record = self.record_of(benchmark.name, benchmark.data_version)
        if not self.early:
            return None
        return lambda head: StopEarly(record, head, self.policy, self.family)

    def record_of(self, benchmark: str, data_version: str) -> StoredRecord:
        """The baseline's record of a benchmark in a data version.

        Raises:
            UsageError: there is none.
        """
        found = self.baseline.get((benchmark, data_version))
        if found is None:
            raise UsageError(
                f"the baseline has no record of {benchmark}@{data_version}: name one that has, or "
                "leave the benchmark out"
            )
        return found

    def decided(self, results: Sequence[RunResult], model: str, quiet: bool) -> int:
        """The exit status of the gate over whole results; its report goes to stdout or stderr."""
        pairs = []
        for result in results:
            record = read_record(result.record_path)
            pairs.append(Pair(self.record_of(record.benchmark, record.data_version), record))
            check(pairs[-1])
        decision = decide(pairs, self.policy)
        report = as_text(decision, (pairs[0].baseline.model, model))
        print(f"\n{report}", file=sys.stderr if quiet else sys.stdout)
        return EXIT_STATUS[decision.answer]


def open_gate(options: argparse.Namespace, family: int) -> RunGate:
    """The gate of `run`'s options, its baseline read and checked."""
    policy = read_policy(options.policy) if options.policy else Policy()
    policy = overridden(policy, margin=options.margin, alpha=options.alpha, scope=options.scope)
    baseline: dict[tuple[str, str], StoredRecord] = {}
    for record in read_records([options.gate]):
        key = record.benchmark, record.data_version
        if key in baseline:
            raise UsageError(
                f"{options.gate} has two records of {'@'.join(key)}: name one of them, or a "
                "pattern that only one matches"
            )
        baseline[key] = record
    return RunGate(baseline, policy, options.early_stop, family)
