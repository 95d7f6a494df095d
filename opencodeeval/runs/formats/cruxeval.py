"""CRUXEval: one JSON object with each sample's list of predictions, bare or beside their scores."""

from __future__ import annotations

import re
from collections.abc import Mapping
from statistics import fmean
from typing import TYPE_CHECKING, Any, Protocol, cast

from opencodeeval.core.types import ModelType
from opencodeeval.runs.formats.base import Format, Kind
from opencodeeval.runs.formats.text import json_text

if TYPE_CHECKING:
    from opencodeeval.runs.finished import FinishedRun

KINDS = (
    Kind(
        "CRUXEval predictions",
        ("sample", "predictions"),
        "predictions",
        "completion",
        task="sample",
        many=True,
    ),
)
_NAME = re.compile(r"sample_\d+")


class Predicting(Protocol):
    """A benchmark whose answers predict a value."""

    def prediction(self, answer: str, model_type: ModelType) -> str:
        """The value that an answer predicts, as the publisher extracts it."""
        ...


def objects(value: Mapping[str, Any]) -> list[Mapping[str, Any]] | None:
    """A row for each sample, of generations.json or completion_scored.json; None if it is none."""
    table = value.get("raw_generations", value)
    if not isinstance(table, Mapping) or not table or not all(map(_NAME.fullmatch, table)):
        return None
    return [{"sample": name, "predictions": each} for name, each in table.items()]


def files(run: FinishedRun) -> dict[str, str]:
    """The generations, and the same with the score of each and pass@1 and pass@5 in percent."""
    suite = run.benchmark.headline
    texts: dict[str, list[str]] = {}
    scored: dict[str, list[bool]] = {}
    for sample in run.samples:
        texts.setdefault(sample.task.task_id, []).append(_prediction(run, sample.bare))
        scored.setdefault(sample.task.task_id, []).append(sample.passes[suite])
    graded = {
        "raw_generations": texts,
        "raw_scored_generations": scored,
        "pass_at_1": 100 * fmean(_pass_at(1, each) for each in scored.values()),
        "pass_at_5": 100 * fmean(_pass_at(5, each) for each in scored.values()),
    }
    return {"generations.json": json_text(texts), "completion_scored.json": json_text(graded)}


def _prediction(run: FinishedRun, answer: str) -> str:
    model = run.record.model_type
    if run.record.model.origin == "file" and model == "base":
        return answer  # a prediction already
    predict = getattr(run.benchmark, "prediction", None)
    return cast("Predicting", run.benchmark).prediction(answer, model) if predict else answer


def _pass_at(k: int, right: list[bool]) -> float:
    """The publisher's estimate: 1 where there are fewer wrong samples than k, also of one."""
    from opencodeeval.stats.pass_at_k import pass_at_k

    n, c = len(right), sum(right)
    return 1.0 if n - c < k else pass_at_k(n, c, k)


FORMAT = Format("CRUXEval", KINDS, files, rank=12, objects=objects)
