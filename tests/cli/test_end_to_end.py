"""The whole tool as its user runs it: real engine, real jails, real data."""

from __future__ import annotations

import gzip
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from opencodeeval.core.errors import SandboxError
from tests.sandbox.test_foreign import has_toolchains, image
from tests.support.livecodebench_rows import problem, write

CHECKPOINTS = Path(__file__).parents[1] / "checkpoints"
vllm = [
    pytest.mark.vllm,
    pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed"),
]


def opencodeeval(folder: Path, *arguments: str | Path) -> dict[str, Any]:
    """Run the command in `folder` with --json; the summary it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "opencodeeval", *map(str, arguments), "--json"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    summary: dict[str, Any] = json.loads(done.stdout)
    return summary


def checkpoint(kind: str, which: int) -> Path:
    """A tiny checkpoint by its place in training (0 first, -1 last)."""
    return sorted((CHECKPOINTS / f"starter-tiny-{kind}").glob("step-*"))[which]


def verdicts(folder: Path, result: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Task -> suite -> verdict, from a run folder with one sample a task."""
    lines = (folder / result["run_folder"] / "verdicts.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    assert len({row["task_id"] for row in rows}) == len(rows)
    return {row["task_id"]: row["verdicts"] for row in rows}


@pytest.fixture(scope="session")
def docker() -> str:
    """The docker jail with an image of this guest."""
    from opencodeeval.execution import build_image

    try:
        build_image(os.environ.get("OPENCODEEVAL_BASE_IMAGE"))
    except SandboxError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))
    return "docker"


@pytest.fixture(params=[pytest.param("docker", marks=pytest.mark.docker), "local"])
def jail(request: pytest.FixtureRequest) -> str:
    if request.param == "docker":
        request.getfixturevalue("docker")
    return str(request.param)


TINY = ("--dtype", "float32", "--max-model-len", "1024")


@pytest.mark.docker
@pytest.mark.timeout(600)
class TestTinyModel:
    """vLLM on whatever this machine has, and the checkpoints of this repository."""

    pytestmark = vllm

    def test_sampled_answers_of_a_base_model(self, docker: str, tmp_path: Path) -> None:
        sampling = ("--n", "20", "--temperature", "0.8", "--k", "1,10")
        model = checkpoint("base", -1)
        summary = opencodeeval(
            tmp_path, "--model", model, "--bench", "starter", "--sandbox", docker, *TINY, *sampling
        )
        (result,) = summary["benchmarks"]
        assert result["samples"] == 480
        scores = result["pass@k"]["base"]
        assert 0.6 < scores["pass@1"]["value"] < scores["pass@10"]["value"] <= 21 / 24

    @pytest.mark.shared
    def test_benchmarks_run_whole_in_one_load(
        self, docker: str, tmp_path: Path, shared_data: Path
    ) -> None:
        rows = [problem(("1\n", "1\n"), question_id=name) for name in ("a", "b")]
        contest = f"livecodebench@file:{write(tmp_path / 'rows.jsonl', rows)}"
        summary = opencodeeval(
            tmp_path,
            *("--model", checkpoint("chat", -1)),
            *("--bench", f"starter,humaneval,humaneval_plus,{contest}"),
            *("--data", shared_data, "--sandbox", docker, "--max-tokens", "512", *TINY),
        )
        names = [result["benchmark"] for result in summary["benchmarks"]]
        assert names == ["starter", "humaneval", "humaneval_plus", "livecodebench"]
        # What it was taught.
        starter = summary["benchmarks"].pop(0)
        assert starter["verdicts"]["base"]["passed"] == 20
        assert starter["sandbox"]["jail"] == "docker"
        score = starter["pass@k"]["base"]["pass@1"]
        assert score["value"] == pytest.approx(20 / 24)
        assert score["low"] < score["value"] < score["high"]
        record = json.loads((tmp_path / starter["record"]).read_text())
        assert record["model"]["identity"]["weights_digest"]
        assert record["totals"]["samples"] == 24
        assert sum(task["c"]["base"] for task in record["tasks"].values()) == 20
        contests = summary["benchmarks"].pop()
        assert contests["samples"] == 20
        assert contests["breakdown"]["platform"]["atcoder"]["tasks"] == 2
        assert "infra_error" not in contests["verdicts"]["base"]
        for result in summary["benchmarks"]:
            graded = verdicts(tmp_path, result)
            assert len(graded) == 164
            assert "infra_error" not in {v for each in graded.values() for v in each.values()}

    @pytest.mark.shared
    def test_programs_in_other_languages_are_written_compiled_and_run(
        self, docker: str, tmp_path: Path, shared_data: Path
    ) -> None:
        if os.environ.get("OPENCODEEVAL_TEST_JAILS") != "all":
            pytest.skip("it takes more than a minute: set OPENCODEEVAL_TEST_JAILS=all")
        if not has_toolchains(image()):
            pytest.skip("the image has no toolchains: its build reached no mirror of Debian")
        summary = opencodeeval(
            tmp_path,
            *("--model", checkpoint("base", -1), "--bench", "multipl_e_humaneval@js,sh,cpp"),
            *(
                "--data",
                shared_data,
                "--sandbox",
                docker,
                "--limit",
                "5",
                "--max-tokens",
                "64",
                *TINY,
            ),
        )
        names = [f"{each['benchmark']}@{each['data_version']}" for each in summary["benchmarks"]]
        assert sorted(names) == [f"multipl_e_humaneval@{each}" for each in ("cpp", "js", "sh")]
        for result in summary["benchmarks"]:
            graded = verdicts(tmp_path, result)
            assert len(graded) == 5
            assert "infra_error" not in {v for each in graded.values() for v in each.values()}


@pytest.mark.shared
@pytest.mark.timeout(900)
def test_canonical_solutions_pass(jail: str, tmp_path: Path, shared_data: Path) -> None:
    summary = opencodeeval(
        tmp_path,
        *("--backend", "reference", "--bench", "humaneval,humaneval_plus,starter"),
        *("--data", shared_data, "--sandbox", jail),
    )
    counts = [result["verdicts"] for result in summary["benchmarks"]]
    assert counts == [
        {"base": {"passed": 164}},
        {"base": {"passed": 164}, "plus": {"passed": 164}},
        {"base": {"passed": 24}},
    ]


@pytest.mark.shared
@pytest.mark.timeout(900)
def test_published_verdicts_of_qwen_on_human_eval_plus(
    jail: str, tmp_path: Path, shared_data: Path
) -> None:
    published = shared_data / "verdicts/qwen2.5-coder-1.5b-base/evalplus/humaneval"
    summary = opencodeeval(
        tmp_path,
        *("grade", published / "generated.jsonl.gz", "--bench", "humaneval_plus@v0.1.9"),
        *("--data", shared_data, "--sandbox", jail),
    )
    (result,) = summary["benchmarks"]
    with gzip.open(published / "generated_eval_results.json.gz") as file:
        theirs = json.load(file)["eval"]
    ours = verdicts(tmp_path, result)
    differing = [
        (task_id, suite, graded[suite], theirs[task_id][0][f"{suite}_status"])
        for task_id, graded in ours.items()
        for suite in ("base", "plus")
        if (graded[suite] == "passed") != (theirs[task_id][0][f"{suite}_status"] == "pass")
    ]
    assert len(ours) == len(theirs) == 164
    assert not differing
    scores = [result["pass@k"][suite]["pass@1"]["value"] for suite in ("base", "plus")]
    assert [round(100 * score, 1) for score in scores] == [43.9, 36.6]


@pytest.mark.shared
def test_published_verdicts_of_wizardcoder_on_human_eval(tmp_path: Path, shared_data: Path) -> None:
    path = shared_data / "verdicts/wizardcoder-15b/humaneval_results.jsonl.gz"
    summary = opencodeeval(
        tmp_path,
        *("grade", path, "--bench", "humaneval", "--data", shared_data, "--sandbox", "local"),
    )
    with gzip.open(path, "rt") as file:
        theirs = {row["task_id"]: row["passed"] for row in map(json.loads, file)}
    ours = verdicts(tmp_path, summary["benchmarks"][0])
    assert {task_id: each["base"] == "passed" for task_id, each in ours.items()} == theirs
