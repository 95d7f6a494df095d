"""Runs that end as soon as their gate has its answer, and runs that are gated at their end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import opencodeeval as oce
from opencodeeval.backends.base import Request
from opencodeeval.backends.reference import ReferenceBackend
from opencodeeval.backends.samples import SamplesBackend
from opencodeeval.backends.streaming import as_finished
from opencodeeval.benchmarks import registry
from opencodeeval.benchmarks.cards import read_card
from opencodeeval.benchmarks.registry import load_benchmark
from opencodeeval.cli import main as cli
from opencodeeval.core.types import Completion, Sampling, Task
from opencodeeval.decide.baseline import Baseline
from opencodeeval.decide.early_stop import EarlyStopping, StopEarly, Stopped
from opencodeeval.decide.gate import Answer, Policy
from opencodeeval.execution import open_sandbox
from opencodeeval.records.reading import read_record
from opencodeeval.runs.options import Output
from opencodeeval.runs.pipeline import Run, run_benchmark
from opencodeeval.runs.recording import Planned, configuration, head
from opencodeeval.runs.store import RunStore
from opencodeeval.stats.metrics import pass_at
from tests.support.starter_plain import rows

TASKS = 150


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of 150 tasks: one of the starter's again and again."""
    first = next(row for row in rows() if row["style"] == "function")
    path = tmp_path_factory.mktemp("tasks") / "many.jsonl"
    lines = [json.dumps({**first, "task_id": f"many/{i}"}) for i in range(TASKS)]
    path.write_text("\n".join(lines) + "\n")
    return path


def run(tasks: Path, output: Path, *options: str) -> int:
    command = ("--backend", "reference", "--bench", f"file:{tasks}", "--sandbox", "local")
    return cli.main([*command, "--output", str(output), "--quiet", *options])


@pytest.fixture(scope="module")
def baseline(tasks: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("baseline")
    assert run(tasks, output) == 0
    (path,) = output.glob("*/*.json")
    return path


def test_a_pass_comes_early_and_the_run_can_be_finished(
    tasks: Path, baseline: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gate = ("--gate", str(baseline), "--margin", "0.05")
    assert run(tasks, tmp_path, *gate, "--early-stop", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    (stop,) = told["early_stop"].values()
    assert stop["answer"] == "pass"
    assert 0 < stop["tasks"] < TASKS
    (folder,) = (tmp_path / "runs").iterdir()
    generated = len((folder / "completions.jsonl").read_text().splitlines())
    # What was generated before the answer came is not saved, though the answer did not need it.
    assert (stop["samples"], stop["generated"]) == (TASKS, generated)
    assert stop["saved"] == 1 - generated / TASKS < 1 - stop["tasks"] / TASKS
    assert told["benchmarks"] == []
    assert not list(tmp_path.glob("file-many/*.json"))
    (folder,) = (tmp_path / "runs").iterdir()
    assert len((folder / "verdicts.jsonl").read_text().splitlines()) >= stop["tasks"]
    assert run(tasks, tmp_path, *gate) == 0
    assert "pass: no drop of 5 points or more" in capsys.readouterr().out
    (record,) = tmp_path.glob("file-many/*.json")
    assert read_record(record).content["timing"]["resumed"]


class SlowEngine(ReferenceBackend):
    """Works on all requests at once, answers 120 of them, and is never done with the others."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        super().__init__(tasks)
        self.begun = self.answered = self.cancelled = 0

    async def generate(
        self, requests: Sequence[Request], sampling: Sampling
    ) -> AsyncIterator[Completion]:
        async def answer(request: Request) -> Completion:
            self.begun += 1
            if self.begun > 120:
                try:
                    await asyncio.Event().wait()
                finally:
                    self.cancelled += 1
            (found,) = [
                each async for each in super(SlowEngine, self).generate([request], sampling)
            ]
            return found

        async with aclosing(as_finished(requests, answer, len(requests))) as completions:
            async for completion in completions:
                self.answered += 1
                yield completion


def test_what_the_engine_has_not_answered_is_cancelled_and_counted(
    tasks: Path, baseline: Path, tmp_path: Path
) -> None:
    before = read_record(baseline)
    early = EarlyStopping(Baseline({before.spec: before}), Policy(margin=0.05))
    engine = SlowEngine(load_benchmark(f"file:{tasks}").tasks)
    evaluation = oce.evaluate(
        engine,
        f"file:{tasks}",
        sandbox="local",
        output=Output(tmp_path, "none"),
        observers=[early],
    )
    (stopped,) = evaluation.stopped
    assert stopped.samples == TASKS
    assert stopped.generated == engine.answered < TASKS
    # Those that were in the engine were ended there, and none was begun after.
    assert engine.begun == engine.answered + engine.cancelled
    assert engine.cancelled > 0


def test_a_margin_that_cannot_be_shown_takes_all_tasks(
    tasks: Path, baseline: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tasks, tmp_path, "--gate", str(baseline), "--early-stop") == 11
    assert f"inconclusive after {TASKS} of {TASKS} tasks" in capsys.readouterr().out
    assert len(list(tmp_path.glob("file-many/*.json"))) == 1


async def _evaluate(tasks: Path, baseline: Path, output: Path, code: str) -> Any:
    benchmark = load_benchmark(f"file:{tasks}")
    answers = [
        Completion(task.task_id, 0, code, finish_reason="sample", form="program")
        for task in benchmark.tasks
    ]
    backend = SamplesBackend(answers, {"model": "bad", "samples_sha256": "x"}, "base")
    sampling = Sampling(n=1)
    planned = Planned(benchmark, backend, sampling)
    early = StopEarly(read_record(baseline), head(planned), Policy(margin=0.02), family=3)
    store = RunStore(output, configuration(benchmark, backend, sampling))
    sandbox = open_sandbox("local", 2, lambda message: None)
    try:
        await run_benchmark(Run(planned, sandbox, store, pass_at(1)), [early])
    finally:
        store.close()
        await sandbox.close()


def test_two_data_versions_have_each_their_baseline_and_their_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The starter in two versions: the second has one text of the first changed."""
    card = read_card("starter")
    first = card.versions[0]
    second = replace(first, name="v2", rows_sha256="")
    both = replace(card, versions=(first, second))
    monkeypatch.setattr(registry, "read_card", lambda name: both)
    bench = ("--backend", "reference", "--bench", "starter,starter@v2", "--sandbox", "local")
    output = ("--output", str(tmp_path), "--quiet")
    assert cli.main([*bench, *output]) == 0
    assert len(list(tmp_path.glob("starter/*.json"))) == 2
    capsys.readouterr()
    gate = ("--gate", str(tmp_path), "--margin", "0.5", "--early-stop", "--json")
    assert cli.main([*bench, "--output", str(tmp_path / "again"), "--quiet", *gate]) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told["early_stop"]) == {f"starter@{first.name}", "starter@v2"}
    assert cli.main([*bench, *output, "--gate", str(tmp_path), "--margin", "0.5"]) == 0
    printed = capsys.readouterr().out
    assert f"starter@{first.name}" in printed
    assert "starter@v2" in printed


def test_a_collapse_ends_the_run(tasks: Path, baseline: Path, tmp_path: Path) -> None:
    with pytest.raises(Stopped) as stopped:
        asyncio.run(_evaluate(tasks, baseline, tmp_path, "x = 1"))
    assert stopped.value.stop.answer is Answer.REGRESSION
    assert stopped.value.stop.tasks < TASKS


def test_what_cannot_be_gated_is_refused(
    tasks: Path, baseline: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tasks, tmp_path, "--early-stop") == 2
    assert "add --gate BASELINE" in capsys.readouterr().err
    starter = ("--backend", "reference", "--bench", "starter", "--sandbox", "local")
    output = ("--output", str(tmp_path), "--quiet")
    assert cli.main([*starter, *output, "--gate", str(baseline)]) == 2
    assert "the baseline has no record of starter" in capsys.readouterr().err
    assert run(tasks, tmp_path, "--gate", str(baseline), "--early-stop", "--limit", "20") == 2
    assert "tasks: 130 only here, 0 only there" in capsys.readouterr().err
    assert run(tasks, tmp_path, "--gate", str(baseline), "--stop", "x") == 2
    said = capsys.readouterr().err
    assert "opencodeeval-starter in the baseline and opencodeeval-starter+stop-" in said
    assert "sandbox" not in said  # at once
    two = ("--gate", str(baseline), "--protocol", "human-eval,opencodeeval")
    assert run(tasks, tmp_path, *two) == 2
    assert "--gate compares under one protocol" in capsys.readouterr().err
