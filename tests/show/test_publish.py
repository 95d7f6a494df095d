"""Publishing records: model cards, tables, and trackers where they are installed."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from opencodeeval.cli import main as cli
from opencodeeval.records.reading import StoredRecord, read_record
from opencodeeval.show.publish import as_csv, as_model_index, plain_name
from opencodeeval.show.trackers.base import TRACKERS, Tracker, TrackerError, refusals
from opencodeeval.show.trackers.fields import metrics
from tests.support import records
from tests.support.distributions import install
from tests.support.records import greedy, record, write

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture
def stored(tmp_path: Path) -> StoredRecord:
    counts = {f"t/{i}": (10, i) for i in range(11)}
    content = record(counts, model="org/model, 7B", ks=(1, 10))
    return read_record(write(tmp_path / "results", content))


def test_the_model_card_is_read_by_the_hubs_own_library(stored: StoredRecord) -> None:
    from huggingface_hub.repocard_data import model_index_to_eval_results

    loaded = yaml.safe_load(as_model_index([stored]))
    name, results = model_index_to_eval_results(loaded["model-index"])
    assert name == "org/model, 7B"
    assert [each.metric_type for each in results] == ["pass_at_1", "pass_at_10"]
    assert results[0].metric_value == pytest.approx(0.5)
    arguments = results[0].metric_args or {}
    assert arguments["protocol"] == "plain 1"
    assert arguments["record"] == stored.content["digest"]
    assert results[0].dataset_name == "humaneval v1"


def test_the_table_has_a_line_for_each_score(stored: StoredRecord) -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv([stored, stored]))))
    assert [row["metric"] for row in rows] == ["pass@1", "pass@10"] * 2
    assert rows[0]["model"] == "org/model, 7B"
    assert float(rows[0]["value"]) == pytest.approx(0.5)
    assert float(rows[0]["low"]) < 0.5 < float(rows[0]["high"])
    assert rows[0]["record_digest"] == stored.content["digest"]
    assert (rows[0]["temperature"], rows[0]["top_k"]) == ("0.8", "")
    other = record(greedy("10"), changes={"sampling": {"top_k": 20}})
    (row,) = csv.DictReader(io.StringIO(as_csv([records.stored(other)])))
    assert row["top_k"] == "20"


def test_the_command(
    stored: StoredRecord, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = str(stored.path), tmp_path / "scores.csv"
    assert cli.main(["publish", path, "--format", "csv"]) == 0
    assert capsys.readouterr().out == as_csv([stored])
    assert cli.main(["publish", path, "--format", "csv", "--output", str(out)]) == 0
    assert out.read_text() == as_csv([stored])
    assert cli.main(["publish", path, "--format", "csv", "--output", "/proc/x.csv"]) == 6
    write(tmp_path / "results", record(greedy("10"), model="other/model", benchmark="mbpp"))
    assert cli.main(["publish", str(tmp_path / "results"), "--format", "model-index"]) == 2
    assert "a model card is for one model" in capsys.readouterr().err


def python_with(module: str) -> str:
    """A Python that has the tracker: this one, or that of OPENCODEEVAL_TRACKERS_PYTHON."""
    for python in (sys.executable, os.environ.get("OPENCODEEVAL_TRACKERS_PYTHON")):
        probe = [python or "false", "-c", f"import {module}"]
        if python and subprocess.run(probe, capture_output=True).returncode == 0:
            return python
    pytest.skip(f"{module} is not installed: pip install 'opencodeeval[{module}]'")


def publish(
    python: str, stored: StoredRecord, tracker: str, folder: Path, *more: str, **env: str
) -> str:
    command = ("publish", str(stored.path), "--format", tracker, "--step", "300", *more)
    done = subprocess.run(
        [python, "-m", "opencodeeval", *command],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), **env},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


def test_mlflow_holds_every_score_once(stored: StoredRecord, tmp_path: Path) -> None:
    python = python_with("mlflow")
    uri = (tmp_path / "store").as_uri()
    store = {"MLFLOW_TRACKING_URI": uri, "MLFLOW_ALLOW_FILE_STORE": "true"}
    run = publish(python, stored, "mlflow", tmp_path, **store)
    assert publish(python, stored, "mlflow", tmp_path, **store) == run
    (folder,) = (tmp_path / "store").glob(f"*/{run}")
    logged = {
        path.relative_to(folder / "metrics").as_posix(): path.read_text().split()[1:]
        for path in (folder / "metrics").rglob("*")
        if path.is_file()
    }
    assert set(logged) == set(metrics(stored))
    assert float(logged["humaneval/base/pass_at_1"][0]) == pytest.approx(0.5)
    assert logged["humaneval/base/pass_at_1"][1] == "300"
    assert json.loads((folder / "artifacts/record.json").read_text()) == stored.content
    assert (folder / "params" / "model").read_text() == "org/model, 7B"


def test_wandb_takes_a_record_offline(stored: StoredRecord, tmp_path: Path) -> None:
    python = python_with("wandb")
    offline = {"WANDB_MODE": "offline", "WANDB_DIR": str(tmp_path), "WANDB_SILENT": "true"}
    folder = Path(publish(python, stored, "wandb", tmp_path, **offline))
    (log,) = folder.parent.glob("*.wandb")
    assert stored.content["run_id"] in log.name
    data = log.read_bytes()
    for name in ("humaneval/base/pass_at_10", stored.content["digest"], "org/model, 7B"):
        assert name.encode() in data


def test_mlflow_takes_scores_into_the_trainers_own_run(
    stored: StoredRecord, tmp_path: Path
) -> None:
    python = python_with("mlflow")
    uri = (tmp_path / "store").as_uri()
    store = {"MLFLOW_TRACKING_URI": uri, "MLFLOW_ALLOW_FILE_STORE": "true"}
    script = (
        "import mlflow; client = mlflow.MlflowClient(); name = client.create_experiment('train');"
        "print(client.create_run(name).info.run_id)"
    )
    env = {**os.environ, **store}
    trainer = subprocess.run([python, "-c", script], env=env, capture_output=True, text=True)
    run = trainer.stdout.split()[-1]
    into = ("--tracker-run", run)
    assert publish(python, stored, "mlflow", tmp_path, *into, **store) == run
    (folder,) = (tmp_path / "store").glob(f"*/{run}")
    scores = folder / "metrics/opencodeeval/humaneval/base/pass_at_1"
    assert scores.read_text().split()[1:] == ["0.5", "300"]
    status = yaml.safe_load((folder / "meta.yaml").read_text())["status"]
    assert status == 1  # RUNNING: the trainer goes on
    assert list((tmp_path / "store").glob("*/*/meta.yaml")) == [folder / "meta.yaml"]


def test_wandb_takes_scores_into_the_trainers_own_run_offline(
    stored: StoredRecord, tmp_path: Path
) -> None:
    python = python_with("wandb")
    offline = {"WANDB_MODE": "offline", "WANDB_DIR": str(tmp_path), "WANDB_SILENT": "true"}
    into = ("--tracker-run", "team/project/trainer1")
    folder = Path(publish(python, stored, "wandb", tmp_path, *into, **offline))
    (log,) = folder.parent.glob("run-trainer1.wandb")
    data = log.read_bytes()
    for name in ("opencodeeval/humaneval/base/pass_at_10", "opencodeeval/step", "team", "project"):
        assert name.encode() in data


def refused_by_tracker(
    python: str, stored: StoredRecord, tracker: str, folder: Path, **env: str
) -> str:
    """What a tracker's refusal is told as: one line, and no traceback."""
    done = subprocess.run(
        [python, "-m", "opencodeeval", "publish", str(stored.path), "--format", tracker],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), **env},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr.strip().splitlines()[-1]


def test_mlflow_works_as_the_extra_installs_it(stored: StoredRecord, tmp_path: Path) -> None:
    """mlflow-skinny lacks the database that MLflow's own default needs."""
    python = python_with("mlflow")
    env = {"MLFLOW_TRACKING_URI": (tmp_path / "store").as_uri()}
    run = publish(python, stored, "mlflow", tmp_path, **env)
    assert list((tmp_path / "store").glob(f"*/{run}"))
    probe = [python, "-c", "import sqlalchemy"]
    if subprocess.run(probe, capture_output=True).returncode:
        run = publish(python, stored, "mlflow", tmp_path)
        assert list((tmp_path / "mlruns").glob(f"*/{run}"))


def test_a_server_that_is_not_there_is_told_in_one_line(
    stored: StoredRecord, tmp_path: Path
) -> None:
    python = python_with("mlflow")
    env = {"MLFLOW_TRACKING_URI": "http://me:secret@127.0.0.1:9"}
    said = refused_by_tracker(python, stored, "mlflow", tmp_path, **env)
    assert "MLflow does not take the record" in said
    assert "set MLFLOW_TRACKING_URI to a server" in said
    assert "secret" not in said


def test_wandb_without_a_login_is_told_in_one_line(stored: StoredRecord, tmp_path: Path) -> None:
    python = python_with("wandb")
    nobody = {"HOME": str(tmp_path), "WANDB_API_KEY": "", "WANDB_DIR": str(tmp_path)}
    said = refused_by_tracker(python, stored, "wandb", tmp_path, **nobody)
    assert "Weights & Biases does not take the record (No API key configured" in said
    assert "run `wandb login`" in said


# --- what every tracker has to do ---


def test_what_a_library_raises_is_one_sentence_without_passwords() -> None:
    with (
        pytest.raises(TrackerError) as refused,
        refusals("It", (ValueError,), "wait"),
    ):
        raise ValueError(f"no answer of http://me:secret@host/ {'x' * 500}\nbecause\nof that")
    said = str(refused.value)
    assert said.startswith("It does not take the record (no answer of http://host/ xxx")
    assert said.endswith("x): wait")
    assert len(said) < 250
    # What is no refusal is a bug, and told as one.
    with pytest.raises(KeyError), refusals("It", (ValueError,), "wait"):
        raise KeyError("a bug")


@pytest.mark.parametrize("name", TRACKERS.names())
def test_every_tracker_names_the_extra_that_it_lacks(
    name: str,
    stored: StoredRecord,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert isinstance(TRACKERS.load(name), Tracker)
    monkeypatch.setitem(sys.modules, name, None)  # what an import finds of a module not there
    assert cli.main(["publish", str(stored.path), "--format", name]) == 2
    assert f"pip install 'opencodeeval[{name}]'" in capsys.readouterr().err


def test_ours_are_found_by_looking() -> None:
    assert TRACKERS.names() == ["mlflow", "wandb"]


def test_a_distribution_s_tracker_is_one_of_the_formats(
    stored: StoredRecord,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    points = {"opencodeeval.trackers": {"notebook": "theirs.pages"}}
    (install(tmp_path / "site", "theirs", points, monkeypatch) / "pages.py").write_text(
        "from opencodeeval.show.trackers.base import Tracker\n"
        "TRACKER = Tracker(lambda record, project, step: f'{project} {record.model} {step}')\n"
    )
    command = ("publish", str(stored.path), "--format", "notebook", "--project", "p", "--step", "7")
    assert cli.main(command) == 0
    assert capsys.readouterr().out == "p org/model, 7B 7\n"


def test_a_run_of_a_tracker_needs_a_tracker_that_takes_it_and_a_step(
    stored: StoredRecord,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    points = {"opencodeeval.trackers": {"notebook": "theirs.pages"}}
    page = install(tmp_path / "site", "theirs", points, monkeypatch) / "pages.py"
    page.write_text(
        "from opencodeeval.show.trackers.base import Tracker\n"
        "TRACKER = Tracker(lambda record, project, step: 'own')\n"
    )
    record_and_run = ("publish", str(stored.path), "--tracker-run", "r", "--format")
    for more, said in (
        (("notebook", "--step", "7"), "notebook makes a run of each record: leave out"),
        (("notebook",), "--tracker-run needs the training step of these scores: add --step N"),
        (("csv", "--step", "7"), "--tracker-run is for trackers: use --format"),
    ):
        assert cli.main([*record_and_run, *more]) == 2
        assert said in capsys.readouterr().err


def test_no_name_has_signs_that_places_refuse() -> None:
    assert plain_name("pass@10") == "pass_at_10"
    assert plain_name("g-pass@4_0.5") == "g-pass_at_4_0.5"
    assert plain_name("pass^4") == "pass_hat_4"
