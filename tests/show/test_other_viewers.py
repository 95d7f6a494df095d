"""Results in other tools' forms: the Hub's evaluation results, Inspect's log, Every Eval Ever.

The last two are read by their own packages where .ci/viewers.sh has put them, or where
OPENCODEEVAL_VIEWERS_PYTHON names a Python that has them.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from opencodeeval.cli import main as cli
from opencodeeval.records.reading import read_record
from opencodeeval.show.evaluator import RELATIONSHIPS
from opencodeeval.show.every_eval_ever import file_name
from tests.support.records import greedy, record, sealed, write
from tests.support.stored_runs import stored_run

COUNTS = {f"t/{task}": (2, task % 3) for task in range(4)}
HUB = {
    "benchmark": {
        "description": {
            "data": {"dataset": "openai/openai_humaneval", "revision": "7dce" * 10},
            "title": "HumanEval",
        }
    }
}

INSPECT = """
import json, sys
from inspect_ai.log import list_eval_logs, read_eval_log
log = read_eval_log(sys.argv[1])
print(json.dumps({
    "status": log.status, "model": log.eval.model, "task": log.eval.task,
    "temperature": log.eval.model_generate_config.temperature,
    "metrics": {n: m.value for n, m in log.results.scores[0].metrics.items()},
    "samples": [[s.id, s.epoch, s.output.completion, s.output.stop_reason, s.scores["base"].value,
                 s.scores["base"].answer] for s in log.samples],
    "asked": log.samples[0].messages[0].text,
    "listed": len(list_eval_logs(sys.argv[2])),
}))
"""
EVERY_EVAL_EVER = """
import json, sys
from every_eval_ever.eval_types import EvaluationLog
read = [EvaluationLog.model_validate_json(open(path).read()) for path in sys.argv[1:]]
print(json.dumps([[each.model_info.id, each.evaluation_results[0].score_details.score]
                  for each in read]))
"""


def said(python: Path, script: str, *arguments: Path) -> Any:
    """What a script prints as JSON, in a Python that has nothing of ours."""
    done = subprocess.run(
        [python, "-c", script, *arguments],
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/tmp")},
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


def publish(*arguments: str | Path) -> int:
    return cli.main(["publish", *map(str, arguments)])


def test_the_hubs_own_library_reads_evaluation_results(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from huggingface_hub import parse_eval_result_entries

    path = write(tmp_path, record(greedy("1100"), changes=HUB))
    output = tmp_path / ".eval_results" / "opencodeeval.yaml"
    assert publish(path, "--format", "eval-results", "--output", output) == 0
    (entry,) = parse_eval_result_entries(yaml.safe_load(output.read_text()))
    assert (entry.dataset_id, entry.task_id) == ("openai/openai_humaneval", "humaneval")
    assert entry.value == 50.0
    assert entry.dataset_revision == "7dce" * 10
    assert entry.date == "2026-01-01T00:00:00+00:00"
    assert entry.notes
    assert "pass@1, 95 % interval 15.0 to 85.0, data v1, protocol plain 1" in entry.notes
    # The same command replaces its own file.
    assert publish(path, "--format", "eval-results", "--output", output) == 0


def test_what_the_hub_cannot_show_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ("--format", "eval-results")
    own = write(tmp_path, record(greedy("10"), benchmark="starter"))
    assert publish(own, *command) == 2
    assert "starter, which has no data set on the Hub" in capsys.readouterr().err
    part = write(tmp_path, record(greedy("11"), changes={"benchmark": {"tasks_in_version": 9}}))
    assert publish(part, *command) == 2
    assert "2 of 9 tasks" in capsys.readouterr().err
    other = write(tmp_path, record(greedy("10"), model="other/model"))
    assert publish(part, other, *command) == 2
    assert "is for one model" in capsys.readouterr().err


def test_a_record_is_a_file_of_every_eval_ever(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = record({"t/0": (10, 3), "t/1": (10, 8)}, model="org/m", ks=(1, 5), changes=HUB)
    path = write(tmp_path, content)
    who = ("--organization", "a lab", "--relationship", "first_party")
    assert publish(path, "--format", "every-eval-ever", *who) == 0
    value = json.loads(capsys.readouterr().out)
    assert value["source_metadata"]["evaluator_relationship"] == "first_party"
    first, second = value["evaluation_results"]
    assert first["source_data"]["hf_repo"] == "openai/openai_humaneval"
    assert [each["metric_config"]["metric_parameters"] for each in (first, second)] == [
        {"k": 1},
        {"k": 5},
    ]
    interval = first["score_details"]["uncertainty"]["confidence_interval"]
    assert interval["lower"] < first["score_details"]["score"] == 0.55 < interval["upper"]
    assert first["generation_config"]["generation_args"]["temperature"] == 0.8


def test_each_record_has_a_file_of_its_own_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = [write(tmp_path / "r", record(greedy(bits), model=f"o/{bits}")) for bits in ("10", "1")]
    assert publish(*paths, "--format", "every-eval-ever") == 2
    assert "add --output FOLDER" in capsys.readouterr().err
    out = tmp_path / "out"
    for _ in range(2):
        assert publish(*paths, "--format", "every-eval-ever", "--output", out) == 0
    files = {path.relative_to(out).as_posix() for path in out.rglob("*.json")}
    assert files == {file_name(read_record(path)) for path in paths}
    assert all(name.startswith("data/humaneval/o/") for name in files)


def test_a_run_is_a_log_of_inspect(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = stored_run(tmp_path, "org/m", COUNTS, text="\ud800 <&>")
    command = ["export", str(path), "--format", "inspect", "--output", str(tmp_path / "logs")]
    assert cli.main(command) == 0
    written = Path(capsys.readouterr().out.strip())
    log = json.loads(written.read_text("utf-8"))
    assert len(log["samples"]) == 8
    assert [each["scores"]["base"]["value"] for each in log["samples"]] == list("IICICCII")
    failed = log["samples"][0]["scores"]["base"]
    assert failed["explanation"].startswith("wrong: wrong answer\ninput: [1]\nexpected: ")
    assert cli.main(command) == 2
    assert "is already there" in capsys.readouterr().err
    assert cli.main([*command, "--overwrite"]) == 0


def test_inspect_reads_the_log(viewers: Path, tmp_path: Path) -> None:
    path = stored_run(tmp_path, "org/m", COUNTS, text="\ud800 <&>")
    logs = tmp_path / "logs"
    command = ["export", str(path), "--format", "inspect", "--output", str(logs)]
    assert cli.main(command) == 0
    (log,) = logs.iterdir()
    read = said(viewers, INSPECT, log, logs)
    assert (read["status"], read["model"], read["task"]) == ("success", "org/m", "humaneval")
    assert (read["metrics"], read["temperature"]) == ({"pass@1": 0.375}, 0.8)
    assert read["listed"] == 1
    assert read["asked"].startswith("# t/0 ")
    assert [sample[:2] for sample in read["samples"]] == [
        [f"t/{task}", epoch] for task in range(4) for epoch in (1, 2)
    ]
    assert "".join(sample[4] for sample in read["samples"]) == "IICICCII"
    assert all(sample[2] == sample[5] and sample[3] == "stop" for sample in read["samples"])


def test_every_eval_ever_reads_its_files(viewers: Path, tmp_path: Path) -> None:
    from_file = record(greedy("1101"), model="org/from-file")
    identity = {"backend": "samples", "model": "org/from-file", "samples_sha256": "0" * 64}
    from_file["model"] |= {"origin": "file", "identity": identity}
    from_file["sampling"] = {"n": 1}
    contents = [record(greedy("10"), model="org/m", changes=HUB), sealed(from_file)]
    paths = [write(tmp_path / "results", content) for content in contents]
    for relationship in RELATIONSHIPS:
        out = tmp_path / relationship
        options = ("--relationship", relationship, "--output", out)
        assert publish(*paths, "--format", "every-eval-ever", *options) == 0
    files = sorted(tmp_path.rglob("data/*/*/*/*.json"))
    assert len(files) == 2 * len(RELATIONSHIPS)
    read = said(viewers, EVERY_EVAL_EVER, *files)
    assert sorted(map(tuple, read))[:1] == [("org/from-file", 0.75)]
    assert ["org/m", 0.5] in read
