"""`run --gate BASELINE`: compares a run with a baseline, at its end or while it runs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from opencodeeval.cli.gate import check_sections, policy_of, records_of_model
from opencodeeval.core.errors import UsageError
from opencodeeval.decide.baseline import Baseline
from opencodeeval.decide.early_stop import EarlyStopping, Stop, conclude
from opencodeeval.decide.gate import EXIT_STATUS, Policy, decide
from opencodeeval.decide.gate_report import as_text
from opencodeeval.records.comparable import Pair, check
from opencodeeval.records.reading import read_record
from opencodeeval.runs.jobs import Evaluation, Job
from opencodeeval.stats.metrics import CONSISTENCY, estimate, too_few


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

    def check(self, jobs: Sequence[Job]) -> None:
        """Check that the baseline has each benchmark, before a model is loaded.

        Raises:
            UsageError: it lacks one or has another protocol, or one side lacks the samples of
                the policy's metric.
        """
        metric = self.policy.compared
        for job in jobs:
            name = job.benchmark.name
            before = self.baseline.record_of(name, job.benchmark.data_version)
            known = before.record.protocol.name
            if known != job.protocol:
                raise UsageError(
                    f"{name} has the protocol {known} in the baseline and {job.protocol} in this "
                    "run, so the two cannot be compared: use the same options, or another baseline"
                )
            if job.sampling.n < metric.samples:
                raise too_few(metric, job.sampling.n)
            if metric == CONSISTENCY and not job.benchmark.has_answers:
                raise UsageError(f"consistency needs answers to agree on, and {name} has programs")
            estimate(list(before.counts(before.headline, (), metric).values()), metric)

    def more(self, evaluation: Evaluation) -> Mapping[str, Any]:
        """What --json adds for the runs that were stopped early."""
        payload = {
            name: {**asdict(stop), **_spared(spec, evaluation)}
            for name, (spec, stop) in self._labelled().items()
        }
        return {"early_stop": payload} if payload else {}

    def concluded(self, evaluation: Evaluation, quiet: bool) -> int:
        """The exit status; the report goes to stdout, or to stderr if stdout has JSON."""
        if self.early is None:
            return self._decided(evaluation, quiet)
        stops = self._labelled()
        answer = conclude(stop for _, stop in stops.values())
        if not quiet:
            parts = [
                _summary(name, stop, _spared(spec, evaluation))
                for name, (spec, stop) in stops.items()
            ]
            print(f"\n{answer}: {'; '.join(parts)}")
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

    def _labelled(self) -> dict[str, tuple[str, Stop]]:
        """Spec and stop by benchmark; the key has the data version if there are several."""
        stops = self.early.stops if self.early else {}
        names = [spec.partition("@")[0] for spec in stops]
        return {
            spec if names.count(name) > 1 else name: (spec, stop)
            for name, (spec, stop) in zip(names, stops.items(), strict=True)
        }


def open_gate(options: argparse.Namespace, family: int) -> RunGate:
    """The gate of `run`'s options, its baseline read and checked."""
    policy = policy_of(options)
    stored = records_of_model([options.gate], options.baseline_model, "--baseline-model")
    baseline = Baseline.of(stored)
    check_sections(policy, (record.benchmark for record in baseline.records.values()))
    early = EarlyStopping(baseline, policy, family) if options.early_stop else None
    return RunGate(baseline, policy, early)


def _spared(spec: str, evaluation: Evaluation) -> dict[str, Any]:
    """How many samples there are, and how many were generated until the run was stopped.

    The engine works on many requests at once, so that it may have answered all of them
    before the answer is there.
    """
    for each in evaluation.stopped:
        if each.spec == spec and each.samples:
            spared = 1 - each.generated / each.samples
            return {"samples": each.samples, "generated": each.generated, "saved": spared}
    return {"saved": 0.0}


def _summary(name: str, stop: Stop, spared: Mapping[str, Any]) -> str:
    text = f"{name} {stop.answer} after {stop.tasks} of {stop.of} tasks"
    if "generated" not in spared:
        return text
    return (
        f"{text}, {spared['generated']} of {spared['samples']} samples generated "
        f"({100 * spared['saved']:.0f} % saved)"
    )
