"""Evaluate each new checkpoint in a folder once it is fully written.

Options of `opencodeeval run` follow `--`. A killed watch continues when you repeat
the command. It runs until Ctrl-C; with --once it evaluates the checkpoints that
exist and ends.

exit status: 10 if any checkpoint so far regressed; else 1 if any could not be
evaluated, or there was none; else 11 if any was inconclusive; else 0
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from opencodeeval.cli.gate import (
    add_policy_options,
    check_needs_gate,
    check_sections,
    policy_of,
    records_of_model,
)
from opencodeeval.cli.options import (
    add_bench_option,
    add_folder_option,
    add_tracker_run_options,
    comma_list,
)
from opencodeeval.core.errors import OpenCodeEvalError, UsageError
from opencodeeval.show.trackers.base import TRACKERS

if TYPE_CHECKING:
    from opencodeeval.cli.run import Wanted
    from opencodeeval.records.reading import StoredRecord
    from opencodeeval.watch.evaluation import Evaluation
    from opencodeeval.watch.loop import Gate, State
    from opencodeeval.watch.tracking import Tracking
    from opencodeeval.watch.webhook import Webhook

PASSES_ON = True
USAGE = "opencodeeval watch CKPT_DIR --bench BENCHMARKS [-- run options]"
WEBHOOK = "OPENCODEEVAL_WEBHOOK"
_MOST_LEFT_OUT = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `watch`."""
    parser.add_argument("folder", type=Path, metavar="CKPT_DIR", help="where checkpoints appear")
    add_bench_option(parser)
    parser.add_argument(
        "--base",
        metavar="MODEL",
        default="",
        help="the model of checkpoints that are LoRA adapters",
    )
    parser.add_argument(
        "--gate", metavar="BASELINE", help="records of the baseline to compare with"
    )
    parser.add_argument(
        "--order",
        choices=("newest", "oldest"),
        default="newest",
        help="which step to evaluate first (default: newest)",
    )
    parser.add_argument(
        "--once", action="store_true", help="evaluate existing checkpoints, then end"
    )
    parser.add_argument(
        "--stop-on-regression", action="store_true", help="end at the first regression"
    )
    add_folder_option(parser)
    parser.add_argument(
        "--settle",
        type=float,
        default=10.0,
        metavar="SECONDS",
        help="how long a checkpoint must be unchanged (default: 10)",
    )
    parser.add_argument(
        "--poll",
        type=float,
        default=5.0,
        metavar="SECONDS",
        help="how often to look for checkpoints (default: 5)",
    )
    parser.add_argument(
        "--launcher",
        default="",
        metavar="COMMAND",
        help="put before each evaluation, e.g. srun -G1",
    )
    parser.add_argument(
        "--webhook", metavar="URL", help=f"post each checkpoint's result there (or set ${WEBHOOK})"
    )
    parser.add_argument(
        "--webhook-format",
        choices=("json", "slack", "lark"),
        default="json",
        dest="kind",
        help="what the receiver reads (default: json)",
    )
    parser.add_argument(
        "--every",
        type=int,
        default=1,
        metavar="N",
        help="evaluate only steps that are multiples of N (and checkpoints without a step)",
    )
    group = parser.add_argument_group("experiment tracker")
    group.add_argument(
        "--tracker",
        choices=TRACKERS.names(),
        metavar="NAME",
        help=f"log each checkpoint's scores there: {', '.join(TRACKERS.names())}",
    )
    add_tracker_run_options(group)
    add_policy_options(parser)


def execute(options: argparse.Namespace) -> int:
    """Do the quick checks, then watch."""
    from opencodeeval.benchmarks.registry import expanded
    from opencodeeval.core.own_files import check_own
    from opencodeeval.watch.checkpoints import find_checkpoints, is_model
    from opencodeeval.watch.evaluation import PAGE, Evaluation
    from opencodeeval.watch.loop import Gate, State
    from opencodeeval.watch.webhook import Webhook

    benches = expanded([spec for text in options.bench for spec in comma_list(text)])
    if not benches:
        raise UsageError("no benchmark is named: add --bench NAME (see `opencodeeval benchmarks`)")
    if not options.folder.is_dir():
        raise UsageError(f"{options.folder} is not a folder: name the folder with the checkpoints")
    if is_model(options.folder) and not find_checkpoints(options.folder):
        raise UsageError(
            f"{options.folder} is itself a checkpoint: name the folder that it is in, or evaluate "
            "it with `opencodeeval --model`"
        )
    if options.settle < 0 or options.poll <= 0:
        raise UsageError("--settle must be 0 seconds or more, and --poll above 0")
    if options.every < 1:
        raise UsageError(f"--every {options.every}: must be a step of 1 or more")
    tracking = _tracking(options)
    asked = _check_run_options(options.passed_on, benches, options.base)
    check_own([options.output / PAGE], "watch")
    url = options.webhook or os.environ.get(WEBHOOK)
    webhook = Webhook(url, options.kind) if url else None
    check_needs_gate(options, ("stop_on_regression",))
    policy = policy_of(options)
    baseline: Sequence[StoredRecord] = []
    if options.gate:
        baseline = records_of_model([options.gate], options.baseline_model, "--baseline-model")
    check_sections(policy, (record.benchmark for record in baseline))
    # Last, for it may take a while to find that they cannot be had.
    if not options.launcher:
        # A launcher evaluates on another machine, which may have what this one lacks.
        for spec in asked.specs:
            asked.selection.load(spec)
    evaluation = Evaluation(
        benches, options.output, options.passed_on, shlex.split(options.launcher), options.base
    )
    state = State(
        options.output,
        {
            "folder": str(options.folder.resolve()),
            "benches": benches,
            "options": list(options.passed_on),
            # Only where there is one: a watch without it continues an earlier one.
            **({"base": options.base} if options.base else {}),
            "baseline": [record.record.digest for record in baseline],
        },
    )
    gate = Gate(baseline, policy) if baseline else None
    with closing(state):
        state.forget_failures()
        state.ask_again(gate)
        return _watched(options, state, gate, evaluation, (webhook, tracking))


def _watched(
    options: argparse.Namespace,
    state: State,
    gate: Gate | None,
    evaluation: Evaluation,
    told: tuple[Webhook | None, Tracking | None],
) -> int:
    from opencodeeval.watch.checkpoints import find_checkpoints, is_model, left_out
    from opencodeeval.watch.evaluation import event, write_page
    from opencodeeval.watch.loop import Looking, exit_status, watch

    baseline = gate.baseline if gate else []
    webhook, tracking = told
    looking = Looking(options.order, options.settle, options.poll, options.once, options.every)
    there = find_checkpoints(options.folder)
    skipped = sum(not looking.wants(each) for each in there)
    _log(
        f"watching {options.folder} for {', '.join(evaluation.benches)}: {len(there)} checkpoints "
        f"are there, {sum(each.name in state.done for each in there)} of them evaluated"
        + (f", {skipped} left out by --every {options.every}" if skipped else "")
    )
    unseen = [f"{name} is left out: {why}" for name, why in left_out(options.folder).items()]
    if is_model(options.folder):
        unseen.append("the model in the folder itself is left out: evaluate it with --model")
    for line in unseen[:_MOST_LEFT_OUT]:
        _log(line)
    title = f"{options.folder.resolve().name}: {', '.join(evaluation.benches)}"
    for result in watch(
        options.folder,
        evaluation,
        state,
        gate,
        looking,
        _log,
    ):
        page = write_page(options.output, title, list(state.done.values()), baseline)
        payload = event(options.folder, result)
        _log(f"{payload['text']} (curve: {page})")
        for problem in (
            webhook.tell(payload) if webhook else None,
            tracking.tell(result) if tracking else None,
        ):
            if problem:
                _log(problem)
        if result.answer == "regression" and options.stop_on_regression:
            break
    if not state.done:
        raise OpenCodeEvalError(
            f"nothing was evaluated: {options.folder} has no complete checkpoint (a folder in it "
            "with config.json and weights)"
        )
    return exit_status(state.done.values())


_OF_THE_GATE = frozenset(
    {
        "--gate",
        "--baseline-model",
        "--early-stop",
        "--policy",
        "--margin",
        "--alpha",
        "--scope",
        "--metric",
    }
)


def _check_run_options(given: Sequence[str], benches: Sequence[str], base: str) -> Wanted:
    """Refuse at once any option that would make every evaluation fail; what will be asked."""
    from opencodeeval.cli.run import parsed, wanted

    for each in given:
        name = each.partition("=")[0]
        if name in ("--model", "--name", "--bench", "--lora", "--output", "--json"):
            raise UsageError(f"{name} after -- is set by watch itself: leave it out")
        if name in _OF_THE_GATE:
            raise UsageError(
                f"{name} after -- would gate each evaluation separately: put --gate and the "
                "policy's options before --"
            )
    adapter = ["--lora", "each"] if base else []
    return wanted(parsed(["--model", "each", *adapter, "--bench", ",".join(benches), *given]))


def _tracking(options: argparse.Namespace) -> Tracking | None:
    """Where scores are logged, checked before anything is evaluated."""
    from opencodeeval.watch.tracking import Tracking

    if not options.tracker:
        if options.tracker_run:
            raise UsageError("--tracker-run is a run of a tracker: add --tracker NAME")
        return None
    tracking = Tracking(options.tracker, options.project, options.tracker_run or "")
    tracking.check()
    return tracking


def _log(message: str) -> None:
    now = time.strftime("%Y-%m-%d %H:%M:%S")
    print(f"opencodeeval: {now} {message}", file=sys.stderr, flush=True)
