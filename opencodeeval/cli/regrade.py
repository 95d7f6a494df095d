"""Execute the samples of finished runs again, and list the verdicts that changed.

No model is loaded. A sample is executed only if the grader, the sandbox or its
data have changed since; with --again all are. If only the grader has changed,
the new record replaces the old one; other data or another protocol make a
separate run. An interrupted regrade continues when you repeat the command.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opencodeeval.cli.options import (
    add_executor_options,
    add_sandbox_options,
    add_time_limit_option,
    executor_of,
    sandbox_of,
)
from opencodeeval.core.errors import UsageError
from opencodeeval.runs.options import Output

if TYPE_CHECKING:
    from opencodeeval.runs.regrade import Regrade


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `regrade`."""
    parser.add_argument(
        "runs", type=Path, nargs="+", metavar="RUN", help="a run folder, or a record"
    )
    parser.add_argument("--bench", help="another data version, e.g. humaneval_plus@v0.1.10")
    parser.add_argument("--protocol", help="another protocol with the same prompts")
    parser.add_argument("--data", type=Path, metavar="DIR", help="take data sets from this folder")
    parser.add_argument(
        "--from-run",
        type=Path,
        metavar="RUN",
        help="(livecodebench_repair only) the repaired run, if it is not in the same folder as RUN",
    )
    add_time_limit_option(parser)
    parser.add_argument("--again", action="store_true", help="also execute unaffected samples")
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help="results (default: the folder the run is in)"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--quiet", action="store_true", help="no progress on stderr")
    add_sandbox_options(parser)
    add_executor_options(parser)


def execute(options: argparse.Namespace) -> int:
    """Regrade each run, and print the verdicts that changed."""
    if options.slots is not None and options.slots < 1:
        raise UsageError(f"--slots {options.slots}: at least one slot is needed")
    chosen = executor_of(options)

    from opencodeeval.runs.regrade import open_stored, regrade_runs

    # All are opened before any is executed, so an error in the last one shows at once.
    changes = (options.bench, options.protocol, options.data, options.from_run, options.time_limit)
    stored = [open_stored(run, *changes) for run in options.runs]
    shown = Output(progress="none" if options.quiet else "auto")
    executor = chosen.open(sandbox_of(options), shown.log)
    done = regrade_runs(stored, executor, shown, again=options.again, folder=options.output)
    if options.json:
        print(json.dumps({"runs": [_object(each) for each in done]}))
    else:
        print("\n\n".join("\n".join(_lines(each)) for each in done))
    return 0


def _object(done: Regrade) -> dict[str, Any]:
    from opencodeeval.records.schema import content_of

    return {
        "run_folder": str(done.stored.folder),
        "changed": list(done.changed),
        "left_out": list(done.stored.left_out),
        "lacking": list(done.stored.lacking),
        "executed": done.result.executed if done.result else 0,
        "moves": [move._asdict() for move in done.moves],
        "before": done.stored.record.content["pass@k"],
        "after": content_of(done.result.record)["pass@k"] if done.result else None,
        "record": str(done.result.record_path) if done.result else None,
    }


def _lines(done: Regrade) -> list[str]:
    from opencodeeval.records.schema import content_of

    stored, before = done.stored, done.stored.record.content
    lines = [f"{stored.record.model}, {stored.record.benchmark}, {stored.record.protocol}"]
    if done.result is None:
        why = "nothing that affects a verdict has changed, so nothing was executed"
        return [*lines, f"  {why} (--again executes all)"]
    lines.append(f"  changed since: {', '.join(done.changed) or 'nothing'}")
    for what, tasks in (
        ("tasks are no longer in the data", stored.left_out),
        ("tasks of the data have no samples", stored.lacking),
    ):
        lines += [f"  {len(tasks)} {what}, first {tasks[0]}"] if tasks else []
    moved = len({(move.task_id, move.sample_id) for move in done.moves})
    after = content_of(done.result.record)
    lines.append(f"  {moved} of {after['totals']['samples']} samples have a new verdict")
    lines += [
        f"    {move.task_id}, sample {move.sample_id}, {move.suite}: {move.before} -> {move.after}"
        for move in done.moves
    ]
    for suite, scores in after["pass@k"].items():
        for metric, score in scores.items():
            was = before["pass@k"].get(suite, {}).get(metric)
            old_score = f"{100 * was['value']:.1f} -> " if was else ""
            lines.append(f"  {suite} {metric}: {old_score}{100 * score['value']:.1f}")
    return [*lines, f"  record: {done.result.record_path}"]
