"""Answers of a chat model as they are: {"task_id": ..., "answer": ...}, one object a line.

The benchmark's protocol extracts the code, as from a model that it has asked itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opencodeeval.benchmarks.cards import families
from opencodeeval.runs.formats.base import Format, Kind
from opencodeeval.runs.formats.text import json_lines

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opencodeeval.runs.finished import FinishedRun

KINDS = (Kind("answers", ("task_id", "answer"), "answer", "answer", number="sample_id"),)


def files(run: FinishedRun) -> dict[str, Iterable[str]]:
    """`answers.jsonl`."""
    rows = (
        {"task_id": each.task.task_id, "sample_id": each.sample_id, "answer": each.answer}
        for each in run.samples
    )
    return {"answers.jsonl": json_lines(rows)}


FORMAT = Format("answers", KINDS, files, rank=8, benchmarks=frozenset(families()))
