"""Decide from records whether a candidate got worse than its baseline.

Answers pass (exit status 0), regression (10) or inconclusive (11);
docs/gates.md says what each of them claims. Sources are records, run folders,
folders of results or patterns in quotes ('results/*/mine--*.json').
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from opencodeeval.core.errors import UsageError

if TYPE_CHECKING:
    from opencodeeval.decide.gate import Policy
    from opencodeeval.records.reading import StoredRecord


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `gate`."""
    parser.add_argument(
        "--baseline", required=True, nargs="+", metavar="A", help="records of the baseline"
    )
    parser.add_argument(
        "--candidate", required=True, nargs="+", metavar="B", help="records of the candidate"
    )
    add_model_option(parser, "candidate")
    add_policy_options(parser)
    group = parser.add_argument_group("output")
    group.add_argument("--markdown", type=Path, metavar="FILE", help="write the report there")
    group.add_argument("--json", type=Path, metavar="FILE", help="write the decision there")
    group.add_argument("--junit", type=Path, metavar="FILE", help="write JUnit XML there")


def add_model_option(parser: argparse._ActionsContainer, side: str) -> None:
    """--candidate-model or --baseline-model."""
    parser.add_argument(
        f"--{side}-model",
        metavar="NAME",
        help=f"the {side}'s model, if its records are of several; the end of its name will do",
    )


def records_of_model(
    sources: Sequence[str], model: str | None, option: str
) -> Sequence[StoredRecord]:
    """The records of sources, or those of one model that `option` names.

    Raises:
        UsageError, DataError, StoreError: as `read_records`; or there is no such model.
    """
    from opencodeeval.records.choosing import of_model
    from opencodeeval.records.reading import read_records

    records = read_records(sources)
    return of_model(records, model, option) if model else records


def add_policy_options(parser: argparse.ArgumentParser) -> None:
    """--baseline-model, --policy, --margin, --alpha, --scope, --metric."""
    group = parser.add_argument_group("policy of the gate")
    add_model_option(group, "baseline")
    group.add_argument("--policy", type=Path, metavar="FILE", help="a gate.toml (docs/gates.md)")
    group.add_argument("--margin", type=float, help="the tolerated drop (default: 0.01, one point)")
    group.add_argument("--alpha", type=float, help="error rate of each answer (default: 0.05)")
    group.add_argument(
        "--scope",
        choices=("each", "overall"),
        help="what must pass: each benchmark, or their mean (default: each)",
    )
    group.add_argument(
        "--metric", metavar="NAME", help="the metric compared, such as pass^4 (default: pass@1)"
    )


def policy_of(options: argparse.Namespace) -> Policy:
    """The policy of the options of `add_policy_options`.

    Raises:
        UsageError, StoreError: the policy is not valid, or cannot be read.
    """
    from opencodeeval.decide.gate import Policy
    from opencodeeval.decide.policy import overridden, read_policy

    policy = read_policy(options.policy) if options.policy else Policy()
    return overridden(
        policy,
        margin=options.margin,
        alpha=options.alpha,
        scope=options.scope,
        metric=options.metric,
    )


# Options of add_policy_options that mean nothing without a gate, by their destination.
POLICY_OPTIONS = ("baseline_model", "policy", "margin", "alpha", "scope", "metric")


def check_needs_gate(options: argparse.Namespace, others: Sequence[str] = ()) -> None:
    """Refuse the gate's options of a command that has no --gate; `others` are further ones.

    Raises:
        UsageError: one is given.
    """
    for name in (*POLICY_OPTIONS, *others):
        if getattr(options, name) not in (None, False) and not options.gate:
            option = f"--{name.replace('_', '-')}"
            raise UsageError(f"{option} is for the gate: add --gate BASELINE, or leave it out")


def check_sections(policy: Policy, benchmarks: Iterable[str]) -> None:
    """Check that the sections of a policy name benchmarks; `benchmarks` are those of records.

    A section may be for a benchmark that is not gated now.

    Raises:
        UsageError: one names none.
    """
    from difflib import get_close_matches

    from opencodeeval.benchmarks.cards import families

    known = {*families(), *benchmarks}
    for name in (*policy.margins, *policy.quarantine):
        if name not in known:
            near = get_close_matches(name.partition("@")[0], sorted(known), 1)
            meant = f", did you mean [benchmarks.{near[0]}]?" if near else ""
            raise UsageError(
                f"the policy has a section [benchmarks.{name}], and there is no such benchmark"
                f"{meant or ': correct the name, or remove the section'}"
            )


def execute(options: argparse.Namespace) -> int:
    """Read, decide, report."""
    from opencodeeval.core.own_files import write_own
    from opencodeeval.decide.from_records import gate
    from opencodeeval.decide.gate import EXIT_STATUS
    from opencodeeval.decide.gate_report import as_junit, as_markdown, as_text, gate_json
    from opencodeeval.records.comparable import unpaired

    policy = policy_of(options)
    baseline = records_of_model(options.baseline, options.baseline_model, "--baseline-model")
    candidate = records_of_model(options.candidate, options.candidate_model, "--candidate-model")
    check_sections(policy, (record.benchmark for record in (*baseline, *candidate)))
    decision = gate(baseline, candidate, policy)
    for name in unpaired(baseline, candidate):
        print(
            f"opencodeeval: {name} is not compared: the baseline has no record of it",
            file=sys.stderr,
        )
    models = baseline[0].model, candidate[0].model
    reports = {
        options.markdown: as_markdown(decision, models),
        options.json: json.dumps(gate_json(decision, models), indent=1) + "\n",
        options.junit: as_junit(decision, models),
    }
    write_own({path: text for path, text in reports.items() if path}, "gate")
    print(as_text(decision, models))
    return EXIT_STATUS[decision.answer]
