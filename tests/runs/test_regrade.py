"""Stored samples executed again: what moves, what stays, and what is refused."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from opencodeeval.cli import main as cli
from opencodeeval.core.errors import SandboxError
from opencodeeval.core.types import Completion, ModelType, Program, Task
from opencodeeval.execution import open_sandbox
from opencodeeval.execution.identity import sandbox_identity
from opencodeeval.records.reading import read_record
from opencodeeval.runs.observers import GradedSample
from opencodeeval.runs.regrade import Regrade, open_stored
from opencodeeval.runs.regrade import regrade as regrade_run
from opencodeeval_benchmarks.starter.adapter import Starter
from tests.runs.test_pipeline import Tally
from tests.support.records import sealed

LOCAL = ("--sandbox", "local", "--quiet")


def task(number: int, expected: int, prompt: str = "def f(x):\n") -> dict[str, Any]:
    return {
        "task_id": f"own/{number}",
        "style": "function",
        "prompt": prompt,
        "entry_point": "f",
        "canonical_solution": "    return x + 1\n",
        "inputs": [[number]],
        "expected": [expected],
    }


def written(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="ascii")
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of a real run of three own tasks, all of them passed."""
    folder = tmp_path_factory.mktemp("made")
    tasks = written(folder / "tasks.jsonl", *(task(number, number + 1) for number in range(3)))
    run = ("run", "--backend", "reference", "--bench", f"file:{tasks}", *LOCAL)
    assert cli.main([*run, "--output", str(folder / "out")]) == 0
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture
def regrade(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, dict[str, Any], str]]:
    """Regrade the run of `folder`: exit status, what came of it, and what was said."""

    def call(*options: str | Path) -> tuple[int, dict[str, Any], str]:
        given = ("regrade", the_run(folder), *options, "--json", *LOCAL)
        status = cli.main([*map(str, given)])
        printed = capsys.readouterr()
        return status, json.loads(printed.out)["runs"][0] if printed.out else {}, printed.err

    return call


Call = Callable[..., tuple[int, dict[str, Any], str]]


def the_run(folder: Path) -> Path:
    (found,) = (folder / "out" / "runs").iterdir()
    return found


def from_another_grader(run: Path, changed: dict[str, str]) -> None:
    """Make the stored verdicts those of a guest that judged some tasks otherwise."""
    record = read_record(run)
    content: dict[str, Any] = json.loads(record.path.read_text())
    content["sandbox"]["guest"] = "0" * 64
    old = sandbox_identity(content["sandbox"])
    path = run / "verdicts.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for row in rows:
        row["sandbox"] = old
        row["verdicts"]["base"] = changed.get(row["task_id"], row["verdicts"]["base"])
    written(path, *rows)
    record.path.write_text(json.dumps(sealed(content)))


def test_nothing_is_executed_where_nothing_has_changed(folder: Path, regrade: Call) -> None:
    tasks = f"file:{folder / 'tasks.jsonl'}"
    before = read_record(the_run(folder))
    status, done, _ = regrade("--bench", tasks)
    assert (status, done["changed"], done["executed"], done["record"]) == (0, [], 0, None)
    assert read_record(the_run(folder)) == before
    status, done, _ = regrade("--bench", tasks, "--again")
    assert (status, done["executed"], done["moves"]) == (0, 3, [])
    after = read_record(the_run(folder))
    assert after.content["tasks"] == before.content["tasks"]
    assert after.content["regraded"]["record"] == before.content["digest"]


def test_what_another_grader_moved_is_said_sample_by_sample(folder: Path, regrade: Call) -> None:
    run = the_run(folder)
    from_another_grader(run, {"own/1": "wrong", "own/2": "timeout"})
    status, done, _ = regrade("--bench", f"file:{folder / 'tasks.jsonl'}")
    assert status == 0
    assert done["changed"] == ["sandbox guest"]
    assert done["executed"] == 3
    assert [(move["task_id"], move["before"], move["after"]) for move in done["moves"]] == [
        ("own/1", "wrong", "passed"),
        ("own/2", "timeout", "passed"),
    ]
    # In the place of the old record, of the same run.
    assert read_record(run).content["verdicts"] == {"base": {"passed": 3}}
    assert [each.name for each in run.parent.iterdir()] == [run.name]


def test_moves_are_counted_from_the_record_even_after_an_interruption(
    folder: Path, regrade: Call
) -> None:
    run = the_run(folder)
    whole = (run / "verdicts.jsonl").read_text().splitlines(keepends=True)
    from_another_grader(run, {"own/0": "wrong"})
    with (run / "verdicts.jsonl").open("a") as file:
        file.write(whole[0])  # as of a regrade that was killed after one sample
    _, done, _ = regrade("--bench", f"file:{folder / 'tasks.jsonl'}")
    assert done["executed"] == 2
    assert [move["task_id"] for move in done["moves"]] == ["own/0"]


def test_an_interrupted_regrade_of_all_samples_continues(folder: Path) -> None:
    run, tasks = the_run(folder), f"file:{folder / 'tasks.jsonl'}"
    stored = open_stored(run, tasks)

    class Interrupting(Tally):
        def graded(self, sample: GradedSample) -> None:
            super().graded(sample)
            if self.calls["passed"] == 2:
                raise SandboxError("an interruption")

    async def again(progress: Tally) -> Regrade:
        sandbox = open_sandbox("local", 1)
        try:
            return await regrade_run(stored, sandbox, folder / "out", True, progress)
        finally:
            await sandbox.close()

    def verdicts() -> int:
        return len((run / "verdicts.jsonl").read_text().splitlines())

    with pytest.raises(SandboxError):
        asyncio.run(again(Interrupting()))
    before = verdicts()
    assert before >= 3 + 2
    done = asyncio.run(again(Tally()))
    assert done.result
    assert done.result.executed == 6 - before
    assert verdicts() == 6
    # That one is complete, so the next executes all once more.
    done = asyncio.run(again(Tally()))
    assert done.result
    assert done.result.executed == 3


def test_moves_before_an_interruption_are_reported_too(folder: Path, regrade: Call) -> None:
    run = the_run(folder)
    path = run / "verdicts.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    # As of an interrupted --again in which one sample got another verdict.
    (run / "again.json").write_text(json.dumps({"verdicts_before": len(lines)}))
    row = json.loads(lines[0])
    row["verdicts"]["base"] = "timeout"
    path.write_text("".join(lines) + json.dumps(row) + "\n")
    _, done, _ = regrade("--bench", f"file:{folder / 'tasks.jsonl'}", "--again")
    assert done["executed"] == 2
    assert [(move["task_id"], move["after"]) for move in done["moves"]] == [("own/0", "timeout")]


def test_a_run_that_has_its_record_again_leaves_no_regrade_unfinished(folder: Path) -> None:
    run = the_run(folder)
    (run / "again.json").write_text(json.dumps({"verdicts_before": 3}))
    tasks = f"file:{folder / 'tasks.jsonl'}"
    command = ("run", "--backend", "reference", "--bench", tasks, *LOCAL)
    assert cli.main([*command, "--output", str(folder / "out")]) == 0
    assert not (run / "again.json").exists()


def test_a_regrade_notices_a_mended_extraction(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, tasks = the_run(folder), f"file:{folder / 'tasks.jsonl'}"
    plain = Starter.program

    def mended(self: Starter, task: Task, completion: Completion, model_type: ModelType) -> Program:
        found: Program = plain(self, task, completion, model_type)
        return replace(found, code=found.code.replace("x + 1", "x"))

    monkeypatch.setattr(Starter, "extraction_digest", "another, of no consequence")
    assert open_stored(run, tasks)
    assert cli.main(["regrade", str(run), "--bench", tasks, *LOCAL]) == 0
    assert "regraded" not in read_record(run).content
    monkeypatch.setattr(Starter, "program", mended)
    assert cli.main(["regrade", str(run), "--bench", tasks, *LOCAL]) == 0
    assert read_record(run).content["verdicts"] == {"base": {"wrong": 3}}


def test_other_data_make_a_run_of_their_own(
    folder: Path, regrade: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    run = the_run(folder)
    other = written(folder / "sub.jsonl", task(0, 1), task(1, 7), task(5, 6))
    other = other.rename(folder / "tasks.jsonl")
    status, done, _ = regrade("--bench", f"file:{other}")
    assert status == 0
    assert done["changed"] == ["data", "tests"]
    assert (done["left_out"], done["lacking"]) == (["own/2"], ["own/5"])
    assert [(move["task_id"], move["after"]) for move in done["moves"]] == [("own/1", "wrong")]
    assert read_record(run).content["verdicts"] == {"base": {"passed": 3}}
    new = read_record(Path(done["record"]))
    assert new.content["verdicts"] == {"base": {"passed": 1, "wrong": 1}}
    assert new.content["run_id"] != run.name
    assert cli.main(["regrade", str(run), "--bench", f"file:{other}", *LOCAL]) == 0
    told = capsys.readouterr().out
    assert "1 of 2 samples have a new verdict" in told
    assert "own/1, sample 0, base: passed -> wrong" in told
    assert "base pass@1: 100.0 -> 50.0" in told
    assert "1 tasks are no longer in the data, first own/2" in told


def test_an_output_of_its_own_leaves_the_run_as_it_is(folder: Path, regrade: Call) -> None:
    run = the_run(folder)
    before = {path: path.read_bytes() for path in run.iterdir()}
    tasks = f"file:{folder / 'tasks.jsonl'}"
    status, done, _ = regrade("--bench", tasks, "--again", "--output", folder / "other")
    assert (status, done["executed"]) == (0, 3)
    assert Path(done["record"]).is_relative_to(folder / "other")
    assert {path: path.read_bytes() for path in run.iterdir()} == before


def test_samples_of_other_prompts_are_refused(folder: Path, regrade: Call) -> None:
    asked = [task(number, number + 1, "def f(x): # more\n") for number in range(3)]
    tasks = written(folder / "tasks.jsonl", *asked)
    status, _, told = regrade("--bench", f"file:{tasks}")
    assert status == 2
    assert "answer other prompts" in told
    assert "3 tasks, first own/0" in told


def test_what_cannot_be_regraded_is_said(folder: Path, regrade: Call) -> None:
    assert "name it with --bench file:PATH" in regrade()[2]
    assert "do not answer starter" in regrade("--bench", "starter")[2]
    strange = written(folder / "strange.jsonl", {**task(9, 10)}).rename(folder / "tasks.jsonl")
    assert "no sample of any task" in regrade("--bench", f"file:{strange}")[2]
    read_record(the_run(folder)).path.unlink()
    status, _, told = regrade("--bench", f"file:{strange}")
    assert status == 2
    assert "to finish it" in told


def test_a_score_of_samples_says_where_they_come_from(tmp_path: Path) -> None:
    tasks = written(tmp_path / "tasks.jsonl", task(0, 1))
    rows = [{"task_id": "own/0", "solution": "def f(x): return x + 1"}]
    samples = written(tmp_path / "samples.jsonl", *rows)
    grade = ("grade", str(samples), "--bench", f"file:{tasks}", "--source", "a paper", *LOCAL)
    assert cli.main([*grade, "--output", str(tmp_path / "out")]) == 0
    run = the_run(tmp_path)
    assert read_record(run).record.model.identity["samples_source"] == "a paper"
    # A reader of samples does not know what was asked: other prompts are no obstacle.
    written(tasks, task(0, 1, "def f(x): # more\n"))
    assert cli.main(["regrade", str(run), "--bench", f"file:{tasks}", *LOCAL]) == 0
