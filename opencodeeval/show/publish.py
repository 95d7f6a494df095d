"""Scores of records as text to publish; it needs only records."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from opencodeeval.core.own_files import mark_of
from opencodeeval.core.types import SETTINGS
from opencodeeval.records.answered import cautions
from opencodeeval.records.reading import StoredRecord
from opencodeeval.stats.pass_at_k import Estimate


class Score(NamedTuple):
    """One number of a record: a metric under one suite, with its interval."""

    suite: str
    metric: str
    estimate: Estimate


def scores(record: StoredRecord) -> Iterator[Score]:
    """All scores of a record, the headline suite's first."""
    suites = sorted(record.suites, key=lambda suite: suite != record.headline)
    for suite in suites:
        for metric, score in record.record.scores[suite].items():
            yield Score(suite, metric, score.estimate)


def plain_name(metric: str) -> str:
    """A metric's name without "@" and "^", which some places refuse: "pass_hat_4"."""
    return metric.replace("@", "_at_").replace("^", "_hat_")


def as_csv(records: Sequence[StoredRecord]) -> str:
    """One line per score; shares of 1."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for record in records:
        content = record.record
        sampling = record.content["sampling"]
        for suite, metric, estimate in scores(record):
            writer.writerow(
                [
                    *(record.model, content.model.revision),
                    *(record.benchmark, record.data_version),
                    *(content.protocol.name, content.protocol.version),
                    *(suite, suite == record.headline, metric, *estimate),
                    *(content.benchmark.tasks, record.n),
                    *(sampling.get(name, "") for name in _SAMPLING),
                    *(content.timing.finished, content.run_id, content.digest),
                    "; ".join(cautions(content)),
                    content.benchmark.tasks_in_version or "",
                ]
            )
    return out.getvalue()


_SAMPLING = ("temperature", "top_p", "seed", *SETTINGS)
_COLUMNS = (
    *("model", "revision", "benchmark", "data_version", "protocol", "protocol_version"),
    *("suite", "headline", "metric", "value", "low", "high", "tasks", "n"),
    *_SAMPLING,
    *("finished", "run_id", "record_digest", "cautions", "tasks_in_version"),
)


def as_model_index(records: Sequence[StoredRecord]) -> str:
    """The `model-index` part of a Hugging Face model card, as YAML; shares of 1.

    Put between the `---` lines at the top of the model's README.md.
    """
    from huggingface_hub import EvalResult, ModelCardData

    results = [
        EvalResult(
            task_type="text-generation",
            task_name="Code generation",
            dataset_type=_dataset(record)["type"],
            dataset_name=_dataset(record)["name"],
            dataset_revision=_dataset(record)["revision"],
            metric_type=plain_name(metric),
            metric_name=f"{metric} ({suite})" if len(record.suites) > 1 else metric,
            metric_value=round(estimate.value, 6),
            metric_args=_arguments(record, estimate),
        )
        for record in records
        for suite, metric, estimate in scores(record)
    ]
    card = ModelCardData(model_name=records[0].model, eval_results=results)
    text = card.to_yaml(line_break="\n").strip()
    return f"# {mark_of('publish')}\n{text}\n"


def _dataset(record: StoredRecord) -> dict[str, Any]:
    description = record.record.benchmark.description
    data = description.data
    return {
        "type": data.get("dataset") or record.benchmark,
        "name": f"{description.title or record.benchmark} {record.data_version}{_which(record)}",
        "revision": data.get("revision") or None,
    }


def _which(record: StoredRecord) -> str:
    """Which tasks, where it is not all: ", 5 of 164 tasks"."""
    benchmark = record.record.benchmark
    window = benchmark.description.window
    dates = [window[name] for name in ("start", "end") if name in window]
    released = f" ({' to '.join(dates)})" if dates else ""
    return "" if benchmark.whole else f", {benchmark.shown_tasks} tasks{released}"


def _arguments(record: StoredRecord, estimate: Estimate) -> dict[str, Any]:
    """What a reader has to know to compare the number with another."""
    benchmark = record.record.benchmark
    return {
        "interval_95": [round(estimate.low, 6), round(estimate.high, 6)],
        "protocol": record.protocol,
        "tasks": benchmark.tasks,
        **({} if benchmark.whole else {"tasks_in_version": benchmark.tasks_in_version}),
        **record.content["sampling"],
        "harness": f"opencodeeval {record.record.harness.version}",
        "record": record.record.digest,
        **({"cautions": said} if (said := cautions(record.record)) else {}),
    }
