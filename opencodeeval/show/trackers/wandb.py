"""Weights & Biases."""

from __future__ import annotations

from opencodeeval.records.reading import StoredRecord
from opencodeeval.show.trackers.base import Tracker, library, refusals
from opencodeeval.show.trackers.fields import metrics, parameters

_ADVICE = "run `wandb login` or set WANDB_API_KEY, or set WANDB_MODE=offline to upload it later"


def log(record: StoredRecord, project: str, step: int | None) -> str:
    """Log a record to Weights & Biases (its own WANDB_MODE=offline works); the run's folder.

    A record that is logged again goes into the same run.
    """
    wandb = library("wandb")
    with refusals("Weights & Biases", (wandb.errors.Error, OSError), _ADVICE):
        run = wandb.init(
            project=project,
            id=record.record.run_id,
            name=f"{record.model} {record.benchmark}",
            config=parameters(record),
            resume="allow",
            settings=wandb.Settings(silent=True),
        )
        run.log(metrics(record), step=step)
        run.summary.update(metrics(record))
        folder = str(run.dir)
        run.finish()
    return folder


TRACKER = Tracker(log)
