"""MLflow."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from opencodeeval.records.reading import StoredRecord
from opencodeeval.show.trackers.base import Tracker, library, refusals
from opencodeeval.show.trackers.fields import metrics, parameters

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
    for name, value in _PATIENCE.items():
        os.environ.setdefault(name, value)
    mlflow = library("mlflow")
    _settle_store(mlflow)
    with refusals("MLflow", (mlflow.exceptions.MlflowException, OSError), _ADVICE):
        return _logged(mlflow, record, project, step)


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


TRACKER = Tracker(log)
