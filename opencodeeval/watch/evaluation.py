"""Runs a checkpoint's evaluation, draws the curve, and builds the webhook's message."""

from __future__ import annotations

import ctypes
import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opencodeeval.core.errors import OpenCodeEvalError
from opencodeeval.core.interrupted import Interrupted
from opencodeeval.core.own_files import write_own
from opencodeeval.records.answered import cautions, counts
from opencodeeval.records.reading import StoredRecord, read_record
from opencodeeval.show.training_curve import Curve, Point, page
from opencodeeval.stats.pass_at_k import Estimate
from opencodeeval.watch.checkpoints import Checkpoint, is_adapter
from opencodeeval.watch.loop import Evaluated, Failed

PAGE = "watch.html"
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Evaluation:
    """`opencodeeval run` for one checkpoint, in a separate process that loads the engine once.

    `launcher` is put before the command (srun and the like), `options` after it; `base` is
    the model of checkpoints that are LoRA adapters.
    """

    benches: Sequence[str]
    output: Path
    options: Sequence[str] = ()
    launcher: Sequence[str] = ()
    base: str = ""

    def command(self, checkpoint: Checkpoint) -> list[str]:
        """The command line.

        Raises:
            Failed: the checkpoint is an adapter, and no base is known.
        """
        model = ["--model", str(checkpoint.path)]
        if is_adapter(checkpoint.path):
            if not self.base:
                raise Failed("it is an adapter: add --base with the model that it belongs to")
            model = ["--model", self.base, "--lora", str(checkpoint.path)]
        named = [part for bench in self.benches for part in ("--bench", bench)]
        return [
            *(*self.launcher, sys.executable, "-m", "opencodeeval", "run"),
            *(*model, *named, "--output", str(self.output)),
            *("--json", *self.options),
        ]

    def __call__(self, checkpoint: Checkpoint) -> list[Path]:
        """Run it; the paths of its records.

        Raises:
            Failed: it gave no records.
            Interrupted: a signal ended it; the same signal is ending this process.
        """
        command = self.command(checkpoint)
        libc = ctypes.CDLL(None)

        def end_with_parent() -> None:
            # A watch that is killed must not leave an engine behind.
            libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            preexec_fn=end_with_parent,
        )
        try:
            printed, _ = process.communicate()
        except BaseException:
            process.terminate()
            process.wait()
            raise
        if process.returncode in (130, 143):
            raise Interrupted(process.returncode - 128)
        if process.returncode:
            raise Failed(f"the evaluation ended with status {process.returncode}")
        try:
            return [Path(each["record"]) for each in json.loads(printed)["benchmarks"]]
        except (ValueError, LookupError, TypeError) as error:
            raise Failed("the evaluation printed no summary") from error


def write_page(
    output: Path, title: str, results: Sequence[Evaluated], baseline: Sequence[StoredRecord]
) -> Path:
    """Draw every benchmark's curve from the records; the page's path.

    Raises:
        UsageError: another file has its name.
        StoreError: it cannot be written.
    """
    problems = [f"{each.name}: {each.problem}" for each in results if each.problem]
    points: dict[str, list[Point]] = {}
    for place, result in enumerate(sorted(results, key=_by_step)):
        for named in result.records:
            try:
                record = read_record(Path(named))
            except OpenCodeEvalError as error:
                problems.append(f"{result.name}: {error}")
                continue
            step = float(place if result.step is None else result.step)
            found = counts(record.record)
            shares = (found.cut_off_share, found.without_code_share)
            limits = tuple(cautions(record.record))
            point = Point(result.name, step, headline(record), result.answer or "", *shares, limits)
            points.setdefault(record.benchmark, []).append(point)
    known = {record.benchmark: headline(record) for record in baseline}
    curves = [Curve(name, tuple(each), known.get(name)) for name, each in sorted(points.items())]
    path = output / PAGE
    write_own({path: page(title, curves, problems)}, "watch")
    return path


def headline(record: StoredRecord) -> Estimate:
    """The first metric of the record's headline suite."""
    return next(iter(record.record.scores[record.headline].values())).estimate


def event(folder: Path, result: Evaluated) -> dict[str, Any]:
    """The message to a webhook about one checkpoint."""
    scores = {}
    for path in result.records:
        record = read_record(Path(path))
        scores[record.benchmark] = headline(record)._asdict()
    shown = ", ".join(f"{name} {100 * score['value']:.1f}" for name, score in scores.items())
    verdict = result.problem or (f"{result.answer}: {result.why}" if result.answer else "")
    return {
        "watched": folder.name,
        "checkpoint": result.name,
        "step": result.step,
        "scores": scores,
        "answer": result.answer,
        "why": result.why,
        "problem": result.problem,
        "text": " - ".join(part for part in (f"{result.name}: {shown}", verdict) if part),
    }


def _by_step(result: Evaluated) -> tuple[bool, int, str]:
    return result.step is None, result.step or 0, result.name
