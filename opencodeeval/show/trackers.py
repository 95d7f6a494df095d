"""Logging records to experiment trackers: one run of the tracker a record, and only one."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from opencodeeval.core.errors import UsageError
from opencodeeval.records.reading import StoredRecord
from opencodeeval.show.publish import scores

PROJECT = "opencodeeval"


def metrics(record: StoredRecord) -> dict[str, float]:
    """Name -> number; names that every tracker takes (no "@")."""
    found: dict[str, float] = {}
    for suite, metric, estimate in scores(record):
        name = f"{record.benchmark}/{suite}/{metric.replace('@', '_at_')}"
        found |= {
            name: estimate.value,
            f"{name}_low": estimate.low,
            f"{name}_high": estimate.high,
        }
    return found


def parameters(record: StoredRecord) -> dict[str, Any]:
    """What was measured, and how."""
    content = record.record
    return {
        "model": record.model,
        "benchmark": record.benchmark,
        "data_version": record.data_version,
        "protocol": record.protocol,
        **{f"sampling/{name}": value for name, value in record.content["sampling"].items()},
        "run_id": content.run_id,
        "record_digest": content.digest,
        "harness": content.harness.version,
    }


def to_wandb(record: StoredRecord, project: str, step: int | None) -> str:
    """Log a record to Weights & Biases (its own WANDB_MODE=offline works); the run's folder.

    A record that is logged again goes into the same run.
    """
    wandb = _imported("wandb")
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


def to_mlflow(record: StoredRecord, project: str, step: int | None) -> str:
    """Log a record to the MLflow server or folder of MLFLOW_TRACKING_URI; the run's id.

    A record that is logged again goes into the same run.
    """
    mlflow = _imported("mlflow")
    experiment = mlflow.set_experiment(project)
    known = mlflow.MlflowClient().search_runs(
        [experiment.experiment_id], f"tags.run_id = '{record.record.run_id}'", max_results=1
    )
    again = {"run_id": known[0].info.run_id} if known else {}
    with mlflow.start_run(run_name=f"{record.model} {record.benchmark}", **again) as run:
        mlflow.set_tag("run_id", record.record.run_id)
        if not known:
            mlflow.log_params(parameters(record))
        mlflow.log_metrics(metrics(record), step=step)
        mlflow.log_dict(dict(record.content), "record.json")
        return str(run.info.run_id)


TRACKERS: dict[str, Callable[[StoredRecord, str, int | None], str]] = {
    "wandb": to_wandb,
    "mlflow": to_mlflow,
}


def _imported(name: str) -> ModuleType:
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError as error:
        raise UsageError(
            f"{name} is not installed: run `pip install 'opencodeeval[{name}]'`"
        ) from error
