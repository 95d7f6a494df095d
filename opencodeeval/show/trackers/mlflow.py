"""MLflow."""

from __future__ import annotations

from opencodeeval.records.reading import StoredRecord
from opencodeeval.show.trackers.base import Tracker, library
from opencodeeval.show.trackers.fields import metrics, parameters


def log(record: StoredRecord, project: str, step: int | None) -> str:
    """Log a record to the MLflow server or folder of MLFLOW_TRACKING_URI; the run's id.

    A record that is logged again goes into the same run.
    """
    mlflow = library("mlflow")
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
