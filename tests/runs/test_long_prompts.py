"""Runs in which prompts do not fit the model's context: refused where many do not, and told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from opencodeeval.backends.base import Request
from opencodeeval.cli import main as cli
from opencodeeval.core.types import Completion, Sampling
from opencodeeval.records.answered import cautions
from opencodeeval.runs.long_prompts import PromptsTooLong
from opencodeeval.runs.pipeline import Run, RunResult, run_benchmark
from opencodeeval.runs.recording import Planned, configuration
from opencodeeval.runs.store import RunStore
from opencodeeval.stats.metrics import pass_at
from tests.runs.test_pipeline import StandInBackend, StandInBenchmark, StandInSandbox

TINY = Path(__file__).resolve().parents[1] / "checkpoints" / "starter-tiny-chat" / "step-0300"


@dataclass
class ShortOfContext(StandInBackend):
    """Gives up on the prompts of the tasks `too_long`."""

    too_long: Sequence[str] = ()
    asked: list[tuple[str, int]] = field(default_factory=list)

    async def generate(
        self, requests: Sequence[Request], sampling: Sampling
    ) -> AsyncIterator[Completion]:
        async for each in super().generate(requests, sampling):
            if each.task_id in self.too_long:
                each = replace(each, text="", finish_reason="prompt_too_long")
            yield each


def go(output: Path, too_long: int, allowed: bool, number: int = 40) -> RunResult:
    benchmark = StandInBenchmark(number=number)
    names = [f"t/{i}" for i in range(too_long)]
    backend = ShortOfContext(lambda *_: "x = 1", too_long=names)
    store = RunStore(output, configuration(benchmark, backend, Sampling()))
    planned = Planned(benchmark, backend, Sampling())
    sandbox = StandInSandbox()
    try:
        run = Run(planned, sandbox, store, pass_at(1), allow_long_prompts=allowed)
        return asyncio.run(run_benchmark(run))
    finally:
        store.close()


def test_many_are_refused_and_the_same_run_goes_on_where_they_are_allowed(tmp_path: Path) -> None:
    with pytest.raises(PromptsTooLong, match=r"at least 3 of 40 samples of standin do not fit"):
        go(tmp_path, 4, allowed=False)
    assert not list(tmp_path.glob("standin/*.json"))
    # Stored ones count, before anything is asked for.
    with pytest.raises(PromptsTooLong, match="add --allow-long-prompts"):
        go(tmp_path, 4, allowed=False)
    record = go(tmp_path, 4, allowed=True).record
    assert record.timing.resumed
    assert cautions(record) == ["10.0 % of the prompts did not fit the context"]


def test_a_few_are_scored_and_told(tmp_path: Path) -> None:
    record = go(tmp_path, 2, allowed=False).record
    assert cautions(record) == ["5.0 % of the prompts did not fit the context"]


def test_the_command_refuses_and_every_page_says_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("transformers")
    command = ["--backend", "transformers", "--model", str(TINY), "--bench", "starter"]
    command += ["--sandbox", "local", "--dtype", "float32", "--max-model-len", "100"]
    command += ["--output", str(tmp_path)]
    assert cli.main([*command, "--quiet"]) == 4
    said = capsys.readouterr().err
    assert "do not fit the model's context of 100 tokens" in said
    assert cli.main([*command, "--allow-long-prompts", "--json"]) == 0
    printed = capsys.readouterr()
    (part,) = json.loads(printed.out)["benchmarks"]
    assert part["answers"]["prompts_too_long"] == pytest.approx(22 / 24)
    warning = "22 of 24 prompts did not fit the model's context of 100 tokens"
    assert warning in part["answers"]["warnings"][0]
    assert f"warning: starter, opencodeeval-starter: {warning}" in printed.err
    short = "91.7 % of the prompts did not fit the context"
    (path,) = tmp_path.glob("starter/*.json")
    assert cli.main(["leaderboard", str(tmp_path)]) == 0
    assert cli.main(["report", str(path)]) == 0
    (report,) = tmp_path.glob("runs/*/report.html")
    assert warning in report.read_text().replace("&#39;", "'")
    assert f"⚠ {short}" in (tmp_path / "README.md").read_text()
    assert f'class="caution" title="{short}' in (tmp_path / "leaderboard.html").read_text()
    capsys.readouterr()
    assert cli.main(["gate", "--baseline", str(path), "--candidate", str(path)]) == 11
    assert f"candidate: {short}" in capsys.readouterr().out
    assert cli.main(["publish", str(path), "--format", "model-index"]) == 0
    assert short in capsys.readouterr().out
    assert cli.main(["publish", str(path), "--format", "csv"]) == 0
    assert short in capsys.readouterr().out
