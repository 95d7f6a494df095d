"""The logged fields of a record, under names that every tracker accepts."""

from __future__ import annotations

from typing import Any

from opencodeeval.records.answered import cautions
from opencodeeval.records.reading import StoredRecord
from opencodeeval.show.publish import plain_name, scores

SECTION = "opencodeeval"


def metrics(record: StoredRecord) -> dict[str, float]:
    """Name -> score or end of its interval, as shares of 1; no name contains "@" or "^"."""
    found: dict[str, float] = {}
    for suite, metric, estimate in scores(record):
        name = f"{record.benchmark}/{suite}/{plain_name(metric)}"
        found |= {
            name: estimate.value,
            f"{name}_low": estimate.low,
            f"{name}_high": estimate.high,
        }
    return found


def within_run(record: StoredRecord) -> dict[str, float]:
    """The same under a section of their own, beside what a trainer logs."""
    return {f"{SECTION}/{name}": value for name, value in metrics(record).items()}


def parameters(record: StoredRecord) -> dict[str, Any]:
    """What was measured, and how."""
    content = record.record
    return {
        "model": record.model,
        "benchmark": record.benchmark,
        "data_version": record.data_version,
        "protocol": record.protocol,
        "tasks": content.benchmark.shown_tasks,
        **{f"sampling/{name}": value for name, value in record.content["sampling"].items()},
        "run_id": content.run_id,
        "record_digest": content.digest,
        "harness": content.harness.version,
        **({"cautions": "; ".join(said)} if (said := cautions(content)) else {}),
    }
