"""`run --gate BASELINE`: compares a run with a baseline, at its end or while it runs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from opencodeeval.benchmarks.card_benchmark import CardBenchmark
from opencodeeval.decide.baseline import Baseline
from opencodeeval.decide.early_stop import EarlyStopping, Stop, conclude
from opencodeeval.decide.gate import EXIT_STATUS, Policy, decide
from opencodeeval.decide.gate_report import as_text
from opencodeeval.decide.policy import overridden, read_policy
from opencodeeval.records.comparable import Pair, check
from opencodeeval.records.reading import read_record
from opencodeeval.runs.jobs import Evaluation


@dataclass(frozen=True)
class RunGate:
    """The baseline and the policy; `early` ends a benchmark once the gate has its answer."""

    baseline: Baseline
    policy: Policy
    early: EarlyStopping | None = None

    @property
    def observers(self) -> Sequence[EarlyStopping]:
        """The observers of the runs."""
        return [self.early] if self.early else []

    def check(self, benchmarks: Sequence[CardBenchmark]) -> None:
        """Check that the baseline has each benchmark, before a model is loaded.

        Raises:
            UsageError: it lacks one.
        """
        for each in benchmarks:
            self.baseline.record_of(each.name, each.data_version)

    def more(self) -> Mapping[str, Any]:
        """What --json adds for the runs that were stopped early."""
        stops = self._labelled()
        payload = {name: {**asdict(stop), "saved": stop.saved} for name, stop in stops.items()}
        return {"early_stop": payload} if payload else {}

    def concluded(self, evaluation: Evaluation, quiet: bool) -> int:
        """The exit status; the report goes to stdout, or to stderr if stdout has JSON."""
        if self.early is None:
            return self._decided(evaluation, quiet)
        stops = self._labelled()
        answer = conclude(stops.values())
        if not quiet:
            print(f"\n{answer}: {'; '.join(map(_summary, stops.items()))}")
        return EXIT_STATUS[answer]

    def _decided(self, evaluation: Evaluation, quiet: bool) -> int:
        pairs = []
        for result in evaluation.runs:
            record = read_record(result.record_path)
            before = self.baseline.record_of(record.benchmark, record.data_version)
            pairs.append(Pair(before, record))
            check(pairs[-1])
        decision = decide(pairs, self.policy)
        report = as_text(decision, (pairs[0].baseline.model, evaluation.model))
        print(f"\n{report}", file=sys.stderr if quiet else sys.stdout)
        return EXIT_STATUS[decision.answer]

    def _labelled(self) -> dict[str, Stop]:
        """The stops by benchmark; the key has the data version if there are several."""
        stops = self.early.stops if self.early else {}
        names = [spec.partition("@")[0] for spec in stops]
        return {
            spec if names.count(name) > 1 else name: stop
            for name, (spec, stop) in zip(names, stops.items(), strict=True)
        }


def open_gate(options: argparse.Namespace, family: int) -> RunGate:
    """The gate of `run`'s options, its baseline read and checked."""
    policy = read_policy(options.policy) if options.policy else Policy()
    policy = overridden(policy, margin=options.margin, alpha=options.alpha, scope=options.scope)
    baseline = Baseline.read([options.gate])
    early = EarlyStopping(baseline, policy, family) if options.early_stop else None
    return RunGate(baseline, policy, early)


def _summary(named: tuple[str, Stop]) -> str:
    name, stop = named
    saved = f", {100 * stop.saved:.0f} % saved" if stop.saved else ""
    return f"{name} {stop.answer} after {stop.tasks} of {stop.of} tasks{saved}"
