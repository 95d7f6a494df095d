"""An engine that dies in the middle of a run: an engine of our own, so that it may."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.engine import Engine, engine_with

TASKS = 16

ECHO = "import time\ntime.sleep(0.4)\nprint(input())\n"

pytestmark = [pytest.mark.docker, pytest.mark.timeout(240)]


@pytest.fixture
def engine(docker_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """An engine that has the sandbox's image."""
    with engine_with(docker_image, tmp_path_factory.mktemp("engine")) as made:
        yield made


@pytest.fixture
def command(tmp_path: Path, repo_root: Path) -> Callable[..., subprocess.Popen[str]]:
    """Starts a run of slow tasks in the docker jail of an engine."""
    tasks = tmp_path / "slow.jsonl"
    rows = [
        {
            "task_id": f"slow/{number}",
            "style": "stdio",
            "prompt": f"Print what is read. ({number})",
            "entry_point": "",
            "canonical_solution": f"{ECHO}# {number}\n",
            "tests": [{"input": f"{number}\n", "output": f"{number}\n"}],
        }
        for number in range(TASKS)
    ]
    tasks.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def start(engine: Engine, output: Path) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [
                *(sys.executable, "-m", "opencodeeval", "--backend", "reference"),
                *("--bench", str(tasks), "--sandbox", "docker", "--slots", "2"),
                *("--output", str(output), "--json"),
            ],
            env={**os.environ, "PYTHONPATH": str(repo_root), "DOCKER_HOST": engine.address},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


def _verdicts(output: Path) -> list[dict[str, Any]]:
    files = output.glob("runs/*/verdicts.jsonl")
    return [json.loads(line) for path in files for line in path.read_text().splitlines()]


def _record(run: subprocess.Popen[str]) -> dict[str, Any]:
    out, err = run.communicate(timeout=120)
    assert run.returncode == 0, err
    record: dict[str, Any] = json.loads(
        Path(json.loads(out)["benchmarks"][0]["record"]).read_text()
    )
    del record["timing"]
    return record


def test_an_engine_killed_in_the_middle_of_a_run_costs_no_sample(
    engine: Engine, command: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    undisturbed = _record(command(engine, tmp_path / "undisturbed"))
    output = tmp_path / "disturbed"
    run = command(engine, output)
    end = time.monotonic() + 60
    while len(_verdicts(output)) < 4:
        assert run.poll() is None, run.communicate()[1]
        assert time.monotonic() < end
        time.sleep(0.02)
    engine.kill()
    _, words = run.communicate(timeout=120)
    before = _verdicts(output)
    # It says so, ends without a score, and takes nobody's fault for a wrong answer.
    assert run.returncode == 5, words
    assert "no Docker engine answers" in words
    assert not list(output.glob("*/*.json"))
    assert 4 <= len(before) < TASKS
    assert {row["verdict"] for row in before} == {"passed"}

    engine.start()
    assert _record(command(engine, output)) == undisturbed
    after = _verdicts(output)
    assert after[: len(before)] == before
    assert sorted(row["task_id"] for row in after) == sorted(f"slow/{i}" for i in range(TASKS))
    assert engine.docker("ps", "--all", "--quiet").stdout == ""
