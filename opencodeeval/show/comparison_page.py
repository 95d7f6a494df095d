"""The page that shows two runs beside each other, task by task and sample by sample."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opencodeeval.core.types import Verdict
from opencodeeval.records.reading import StoredRecord
from opencodeeval.show import pages
from opencodeeval.show.ranking import decoding, shown_name
from opencodeeval.show.samples import LETTERS, Samples, short


@dataclass(frozen=True)
class Side:
    """One of two runs: its record and its folder."""

    record: StoredRecord
    folder: Path


@dataclass(frozen=True)
class Compared:
    """Two runs of one benchmark, and what `compare` says of them.

    `comparison` is as `compare --json` prints it: names, scores in [0, 1] and the
    difference with its 95 % interval.
    """

    baseline: Side
    candidate: Side
    comparison: Mapping[str, Any]


def comparison_page(compared: Sequence[Compared]) -> Iterator[str]:
    """The page of all benchmarks that both sides have, in pieces, from records and run folders.

    Raises:
        StoreError: what is stored of a run is damaged, or samples are missing.
    """
    found = [(_samples(each.baseline), _samples(each.candidate), each) for each in compared]
    return pages.render_pieces(
        "compare.html.jinja",
        ("samples.js", "compare.js"),
        names=[shown_name(side.record.model) for side in _sides(compared[0])],
        decodings=[decoding(side.record) for side in _sides(compared[0])],
        compared=[each.comparison for each in compared],
        titles=[_title(each.baseline.record) for each in compared],
        index={
            "letters": {LETTERS[verdict]: verdict.value for verdict in Verdict},
            "benchmarks": [_index(before, after, each) for before, after, each in found],
        },
        blocks=[pages.packed(_tasks(before, after)) for before, after, _ in found],
    )


def _sides(compared: Compared) -> tuple[Side, Side]:
    return compared.baseline, compared.candidate


def _samples(side: Side) -> Samples:
    return Samples(side.record, side.folder)


def _title(record: StoredRecord) -> str:
    title = record.record.benchmark.description.title or record.benchmark
    return title if record.data_version == "file" else f"{title} {record.data_version}"


def _index(before: Samples, after: Samples, compared: Compared) -> dict[str, Any]:
    """Each task with the correct samples of both sides under the compared suite."""
    suite = compared.comparison["suite"]
    rows = [side.record.record.tasks for side in _sides(compared)]
    return {
        "title": _title(compared.baseline.record),
        "tasks": [
            [
                task_id,
                short(before.verdicts[task_id]),
                short(after.verdicts[task_id]),
                *([tasks[task_id].c[suite], tasks[task_id].n] for tasks in rows),
            ]
            for task_id in before.verdicts
            if task_id in after.verdicts
        ],
    }


def _tasks(before: Samples, after: Samples) -> Iterator[dict[str, Any]]:
    for task_id in before.verdicts:
        if task_id in after.verdicts:
            prompts = [side.prompt(task_id) for side in (before, after)]
            yield {
                "prompts": prompts[:1] if prompts[0] == prompts[1] else prompts,
                "sides": [side.texts(task_id) for side in (before, after)],
            }
