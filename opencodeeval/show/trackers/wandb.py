"""Weights & Biases."""

from __future__ import annotations

import os

from opencodeeval.records.reading import StoredRecord
from opencodeeval.show.trackers.base import Tracker, library, refusals
from opencodeeval.show.trackers.fields import SECTION, metrics, parameters, within_run

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


def log_into(record: StoredRecord, project: str, run: str, step: int | None) -> str:
    """Log a record's scores into a run that exists, by its id or as ENTITY/PROJECT/ID.

    The scores are in the section `opencodeeval` with the axis `opencodeeval/step`, for W&B drops
    what comes for an earlier step than the trainer's. The trainer may go on logging meanwhile
    (W&B's shared mode), and the run is not marked as finished.
    """
    wandb = library("wandb")
    *place, name = run.split("/")
    entity = place[0] if len(place) > 1 else None
    project = place[-1] if place else project
    offline = os.environ.get("WANDB_MODE") in ("offline", "dryrun", "disabled")
    shared = {} if offline else {"mode": "shared", "x_primary": False, "x_label": "opencodeeval"}
    with refusals("Weights & Biases", (wandb.errors.Error, OSError), _ADVICE):
        joined = wandb.init(
            project=project,
            entity=entity,
            id=name,
            resume="allow" if offline else None,
            settings=wandb.Settings(silent=True, **shared),
        )
        axis = f"{SECTION}/step"
        joined.define_metric(axis, hidden=True)
        joined.define_metric(f"{SECTION}/*", step_metric=axis)
        at = {} if step is None else {axis: step}
        joined.log({**at, **within_run(record)})
        folder = str(joined.dir)
        joined.finish()
    return folder


TRACKER = Tracker(log, log_into, "wandb")
