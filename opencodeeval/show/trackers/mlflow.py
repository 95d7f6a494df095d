"""MLflow."""

from __future__ import annotations

import os
import time
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from opencodeeval.records.reading import StoredRecord
from opencodeeval.show.trackers.base import Tracker, library, refusals
from opencodeeval.show.trackers.fields import SECTION, metrics, parameters, within_run

_ADVICE = (
    "set MLFLOW_TRACKING_URI to a server (http://HOST:5000) that answers, or to a folder "
    "(file:///PATH)"
)
# MLflow's own are seven tries, which take minutes, at a server that is not there.
_PATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2", "MLFLOW_HTTP_REQUEST_TIMEOUT": "30"}


def log(record: StoredRecord, project: str, step: int | None) -> str:
    """Log a record to the MLflow server or folder of MLFLOW_TRACKING_URI; the run's id.

    Without the variable it is MLflow's default, or the folder mlruns where MLflow lacks
    its database (mlflow-skinny). A record that is logged again goes into the same run.
    """
    mlflow = _ready()
    with refusals("MLflow", (mlflow.exceptions.MlflowException, OSError), _ADVICE):
        return _logged(mlflow, record, project, step)


def _ready() -> ModuleType:
    """The library, with its patience and its store settled."""
    for name, value in _PATIENCE.items():
        os.environ.setdefault(name, value)
    mlflow = library("mlflow")
    _settle_store(mlflow)
    return mlflow


def _settle_store(mlflow: ModuleType) -> None:
    """Choose a folder where the default needs a database that is not installed; allow folders."""
    if not mlflow.is_tracking_uri_set() and find_spec("sqlalchemy") is None:
        mlflow.set_tracking_uri(Path("mlruns").resolve().as_uri())
    uri = mlflow.get_tracking_uri()
    if uri.startswith("file:") or "://" not in uri:
        # MLflow 3 refuses folders otherwise, in favour of its database.
        os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")


def _logged(mlflow: ModuleType, record: StoredRecord, project: str, step: int | None) -> str:
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


def log_into(record: StoredRecord, project: str, run: str, step: int | None) -> str:
    """Log a record's scores into a run that exists, by its id; `project` is not needed.

    The run's status stays as it is, so the trainer may go on logging.
    """
    mlflow = _ready()
    with refusals("MLflow", (mlflow.exceptions.MlflowException, OSError), _ADVICE):
        client, now = mlflow.MlflowClient(), int(1000 * time.time())
        scores = [
            mlflow.entities.Metric(name, value, now, step or 0)
            for name, value in within_run(record).items()
        ]
        client.log_batch(run, metrics=scores)
        client.log_dict(run, dict(record.content), f"{SECTION}/{record.record.run_id}.json")
    return run


TRACKER = Tracker(log, log_into, "mlflow")
