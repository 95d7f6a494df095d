"""Runs a checkpoint's evaluation, draws the curve, and builds the webhook's message."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Any

from opencodeeval.backends.models import base_of
from opencodeeval.core.errors import OpenCodeEvalError
from opencodeeval.core.interrupted import Interrupted
from opencodeeval.core.own_files import write_own
from opencodeeval.records.answered import cautions, counts
from opencodeeval.records.reading import RUNS, StoredRecord, read_record
from opencodeeval.show.report import NAME as REPORT
from opencodeeval.show.training_curve import Curve, Decided, Point, page
from opencodeeval.stats.metrics import parse_metric
from opencodeeval.stats.pass_at_k import Estimate, estimate_mean_of_parts
from opencodeeval.watch.checkpoints import Checkpoint, is_adapter
from opencodeeval.watch.loop import Evaluated, Failed

PAGE = "watch.html"
_PR_SET_PDEATHSIG = 1
_ENDING_S = 20.0


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
                own = base_of(checkpoint.path)
                said = f" (its configuration says {own})" if own else ""
                raise Failed(
                    f"it is an adapter: add --base with the model that it belongs to{said}"
                )
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
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                # A Ctrl-C in a terminal reached it too, and a second signal would kill it.
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_ENDING_S)
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
    found: list[tuple[Evaluated, float, str, StoredRecord]] = []
    for place, result in enumerate(sorted(results, key=_by_step)):
        for named in result.records:
            try:
                record = read_record(Path(named))
            except OpenCodeEvalError as error:
                problems.append(f"{result.name}: {error}")
                continue
            step = float(place if result.step is None else result.step)
            found.append((result, step, result.answers.get(named, ""), record))
    titles = _titles([record for *_, record in found])
    points: dict[str, list[Point]] = {}
    for result, step, answer, record in found:
        title_of = titles[_measured(record)]
        point = _point(result.name, step, answer, record)
        points.setdefault(title_of, []).append(replace(point, links=_links(record, output)))
    known = {titles.get(_measured(each)): headline(each) for each in baseline}
    curves = [Curve(name, tuple(each), known.get(name)) for name, each in sorted(points.items())]
    curves = [*_mean_curve(found, titles, baseline), *curves]
    decided = [
        Decided(each.name, each.answer, each.why)
        for each in sorted(results, key=_by_step)
        if each.answer
    ]
    # Where it is not the answer of the one curve, which has it already.
    apart = len(curves) > 1 or any(each.answer and not each.answers for each in results)
    path = output / PAGE
    write_own({path: page(title, curves, problems, decided if apart else ())}, "watch")
    return path


def _point(name: str, step: float, answer: str, record: StoredRecord) -> Point:
    found = counts(record.record)
    shares = (found.cut_off_share, found.without_code_share)
    return Point(name, step, headline(record), answer, *shares, tuple(cautions(record.record)))


def _links(record: StoredRecord, output: Path) -> tuple[tuple[str, str], ...]:
    """Where a record, its run and its report are, as far as they are there, seen from the page."""
    run = record.path.parent.parent / RUNS / record.record.run_id
    places = {"record": record.path, "run": run, "report": run / REPORT}
    return tuple(
        (name, PurePath(os.path.relpath(path, output)).as_posix())
        for name, path in places.items()
        if path.exists()
    )


def _mean_curve(
    found: Sequence[tuple[Evaluated, float, str, StoredRecord]],
    titles: Mapping[tuple[str, str, str, str], str],
    baseline: Sequence[StoredRecord],
) -> list[Curve]:
    """The mean of all benchmarks, with the gate's answer over all, where there are several.

    Every benchmark has the same weight, as in the gate. Checkpoints that lack one have no mean.
    """
    names = set(titles.values())
    if len(names) < 2:
        return []
    records: dict[str, dict[str, StoredRecord]] = {}
    steps = {result.name: (result, step) for result, step, _, _ in found}
    for result, _, _, record in found:
        records.setdefault(result.name, {})[titles[_measured(record)]] = record
    points = tuple(
        Point(name, steps[name][1], _mean(list(each.values())), steps[name][0].answer or "")
        for name, each in records.items()
        if each.keys() == names
    )
    known = {titles.get(_measured(each)): each for each in baseline}
    whole = names <= known.keys()
    about = f"The mean of {', '.join(sorted(names))}, each with the same weight."
    mean = _mean([known[name] for name in sorted(names)]) if whole else None
    return [Curve("Mean of all benchmarks", points, mean, about)] if points else []


def _mean(records: Sequence[StoredRecord]) -> Estimate:
    """The mean of the headline scores, with an interval over the problems of all."""
    parts = []
    for place, record in enumerate(records):
        metric = parse_metric(next(iter(record.record.scores[record.headline])))
        counted = record.counts(record.headline, (), metric)
        # A problem of one benchmark is none of another's.
        parts.append({f"{place} {task}": metric.of(count) for task, count in counted.items()})
    return estimate_mean_of_parts(parts)


def _measured(record: StoredRecord) -> tuple[str, str, str, str]:
    """What the scores of one curve have in common; the tasks only where they are a part."""
    benchmark = record.record.benchmark
    part = benchmark.shown_tasks if benchmark.part else ""
    return record.benchmark, record.data_version, record.protocol, part


def _titles(records: Sequence[StoredRecord]) -> dict[tuple[str, str, str, str], str]:
    """A title for each: the benchmark's name, and what tells it from others of that name."""
    titles = {}
    keys = {_measured(record) for record in records}
    for key in keys:
        name, version, protocol, part = key
        same = [other for other in keys if other[0] == name]
        title = f"{name}@{version}" if len({other[1] for other in same}) > 1 else name
        if len({other[2] for other in same}) > 1:
            title += f", {protocol}"
        titles[key] = f"{title}, {part} tasks" if part else title
    return titles


def headline(record: StoredRecord) -> Estimate:
    """The first metric of the record's headline suite."""
    return next(iter(record.record.scores[record.headline].values())).estimate


def event(folder: Path, result: Evaluated) -> dict[str, Any]:
    """The message to a webhook about one checkpoint."""
    records = {path: read_record(Path(path)) for path in result.records}
    titles = _titles(list(records.values()))
    named = {path: titles[_measured(record)] for path, record in records.items()}
    scores = {named[path]: headline(record)._asdict() for path, record in records.items()}
    limits = [
        f"{named[path]}: {', '.join(said)}"
        for path, record in records.items()
        if (said := cautions(record.record))
    ]
    shown = ", ".join(f"{name} {100 * score['value']:.1f}" for name, score in scores.items())
    verdict = result.problem or (f"{result.answer}: {result.why}" if result.answer else "")
    return {
        "watched": folder.name,
        "checkpoint": result.name,
        "step": result.step,
        "scores": scores,
        "answer": result.answer,
        "answers": {named[path]: answer for path, answer in result.answers.items()},
        "why": result.why,
        "problem": result.problem,
        "text": " - ".join(part for part in (f"{result.name}: {shown}", verdict, *limits) if part),
    }


def _by_step(result: Evaluated) -> tuple[bool, int, str]:
    return result.step is None, result.step or 0, result.name
