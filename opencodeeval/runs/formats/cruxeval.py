"""CRUXEval: one JSON object with each sample's list of predictions, bare or beside their scores."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import fmean
from typing import TYPE_CHECKING, Any, Protocol, cast

from opencodeeval.core.json_pieces import Keyed, Listed
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


def files(run: FinishedRun) -> dict[str, Iterable[str]]:
    """The generations, and the same with the score of each and pass@1 and pass@5 in percent."""
    return {
        "generations.json": json_text(_texts(run)),
        "completion_scored.json": json_text(Keyed(_graded(run))),
    }


def _texts(run: FinishedRun) -> Keyed:
    return Keyed(
        (name, Listed(_prediction(run, sample.bare) for sample in run.of_task(name)))
        for name in run.places
    )


def _graded(run: FinishedRun) -> Iterator[tuple[str, Any]]:
    yield "raw_generations", _texts(run)
    scored = run.passes[run.benchmark.headline]
    yield "raw_scored_generations", Keyed(scored.items())
    yield "pass_at_1", 100 * fmean(_pass_at(1, each) for each in scored.values())
    yield "pass_at_5", 100 * fmean(_pass_at(5, each) for each in scored.values())


def _prediction(run: FinishedRun, answer: str) -> str:
    model = run.record.model_type
    if run.record.model.origin == "file" and model == "base":
        return answer  # a prediction already
    predict = getattr(run.benchmark, "prediction", None)
    return cast("Predicting", run.benchmark).prediction(answer, model) if predict else answer


def _pass_at(k: int, right: Sequence[bool]) -> float:
    """The publisher's estimate: 1 where there are fewer wrong samples than k, also of one."""
    from opencodeeval.stats.pass_at_k import pass_at_k

    n, c = len(right), sum(right)
    return 1.0 if n - c < k else pass_at_k(n, c, k)


FORMAT = Format("CRUXEval", KINDS, files, rank=12, objects=objects)
