"""The GitHub Action: its shell steps, run here as a runner would run them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from opencodeeval.decide.gate import EXIT_STATUS, Answer
from tests.support.records import greedy, record, write

CHECKOUT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def action() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((CHECKOUT / "action.yml").read_text(encoding="utf-8"))
    return loaded


class Runner:
    """As much of a runner as a composite action of shell steps needs."""

    def __init__(self, action: dict[str, Any], folder: Path) -> None:
        self.action, self.folder = action, folder
        self.summary, self.output = folder / "summary", folder / "output"
        self.log = ""

    def run(self, step: str, inputs: dict[str, str], **env: str) -> int:
        """Run a step by its name; its exit status."""
        given = {name: each.get("default", "") for name, each in self.action["inputs"].items()}
        assert inputs.keys() <= given.keys()
        given.update(inputs)

        def value(text: str) -> str:
            return re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda found: given[found[1]], text)

        (found,) = (each for each in self.action["runs"]["steps"] if each["name"] == step)
        assert "${{" not in found["run"], "an input pasted into a script could be a command"
        self.summary.write_text("")
        self.output.write_text("")
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", found["run"]],
            cwd=self.folder,
            env={
                **os.environ,
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                "PYTHONPATH": str(CHECKOUT),
                "GITHUB_ACTION_PATH": str(CHECKOUT),
                "GITHUB_OUTPUT": str(self.output),
                "GITHUB_STEP_SUMMARY": str(self.summary),
                **{name: value(text) for name, text in found.get("env", {}).items()},
                **env,
            },
            capture_output=True,
            text=True,
            timeout=120,
        )
        self.log = done.stdout + done.stderr
        return done.returncode

    def outputs(self) -> dict[str, str]:
        """What the step told the runner."""
        lines = self.output.read_text().splitlines()
        return {name: text for name, _, text in (line.partition("=") for line in lines)}


@pytest.fixture
def runner(action: dict[str, Any], tmp_path: Path) -> Runner:
    for name, bits in (("old", "1" * 164), ("same", "1" * 164), ("bad", "1" * 140 + "0" * 24)):
        write(tmp_path / "results", record(greedy(bits), model=name))
    write(tmp_path / "results", record(greedy("1" * 164), model="old", benchmark="mbpp"))
    return Runner(action, tmp_path)


def inputs(candidate: str, **more: str) -> dict[str, str]:
    named = {"baseline": "results/humaneval/old--*.json", "candidate": f"{candidate}--*.json"}
    named["candidate"] = f"\nresults/humaneval/{named['candidate']}\n"
    return {**named, **{name.replace("_", "-"): text for name, text in more.items()}}


@pytest.mark.parametrize(
    ("candidate", "options", "answer", "fails"),
    [
        ("same", {"margin": "0.03"}, Answer.PASS, False),
        ("same", {}, Answer.INCONCLUSIVE, False),
        ("same", {"fail_on": "inconclusive"}, Answer.INCONCLUSIVE, True),
        ("bad", {}, Answer.REGRESSION, True),
        ("bad", {"fail_on": "never", "scope": "overall"}, Answer.REGRESSION, False),
    ],
)
def test_the_gate_step(
    runner: Runner, candidate: str, options: dict[str, str], answer: Answer, fails: bool
) -> None:
    status = runner.run("Gate", inputs(candidate, **options))
    assert status == (EXIT_STATUS[answer] if fails else 0), runner.log
    outputs = runner.outputs()
    assert outputs["answer"] == str(answer)
    assert outputs["exit-status"] == str(EXIT_STATUS[answer])
    assert f"{answer}: {candidate}" in runner.summary.read_text().splitlines()[0]
    for name in ("markdown", "json", "junit"):
        assert (runner.folder / outputs[name]).stat().st_size
    assert set(outputs) == set(runner.action["outputs"])


def test_a_gate_that_cannot_decide_fails_whatever_it_is_told(runner: Runner) -> None:
    assert runner.run("Gate", inputs("nobody", fail_on="never")) == 2
    assert "could not decide" in runner.log
    assert runner.run("Gate", inputs("same", fail_on="sometimes")) == 2
    assert runner.run("Gate", inputs("same; touch pwned #", fail_on="never")) == 2
    assert not (runner.folder / "pwned").exists()


def test_the_install_step_installs_the_checkout(runner: Runner) -> None:
    target = runner.folder / "site"
    offline = {"PIP_NO_DEPS": "1", "PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0"}
    status = runner.run("Install", {"install": "true"}, PIP_TARGET=str(target), **offline)
    assert status == 0, runner.log
    assert (target / "opencodeeval" / "_assets" / "benchmarks").is_dir()
    assert runner.run("Install", {"install": "false"}, PIP_TARGET=str(runner.folder / "no")) == 0
    assert not (runner.folder / "no").exists()


def test_the_pages_name_only_inputs_that_there_are(action: dict[str, Any]) -> None:
    page = (CHECKOUT / "docs" / "gates.md").read_text(encoding="utf-8")
    (block,) = (each for each in page.split("```yaml\n")[1:] if "uses: OWNER" in each)
    steps = yaml.safe_load(block.split("```")[0])
    assert set(steps[1]["with"]) <= set(action["inputs"])
