"""Runs in parts: what the parts give together is what the undivided run gives."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from opencodeeval.cli.main import main
from opencodeeval.core.errors import UsageError
from opencodeeval.execution.jails import local
from opencodeeval.records.schema import Record
from opencodeeval.runs.merging import merge
from opencodeeval.runs.options import Output, SamplingOptions, SandboxOptions, Selection
from opencodeeval.runs.service import evaluate
from opencodeeval.runs.shards import Shard, parse_shard, shard_in

pytestmark = pytest.mark.skipif(local.available() is not None, reason="there is no local jail")

TINY = Path(__file__).parents[1] / "checkpoints" / "starter-tiny-chat" / "step-0300"


def score(output: Path, shard: str | None = None, limit: int = 5, **sampling: object) -> Record:
    """A run of the reference solutions, or of one of its shards."""
    found = evaluate(
        "reference",
        "starter",
        backend="reference",
        selection=Selection(shard=shard, limit=limit),
        sampling=SamplingOptions(**sampling),  # type: ignore[arg-type]
        sandbox=SandboxOptions("local", slots=1),
        output=Output(output, progress="none"),
    )
    return found.records[0]


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of results with both shards of a run of five tasks."""
    folder = tmp_path_factory.mktemp("shards")
    for number in (1, 2):
        score(folder, f"{number}/2")
    return folder


@pytest.fixture
def copied(shards: Path, tmp_path: Path) -> Path:
    """The same, to be changed."""
    return Path(shutil.copytree(shards, tmp_path / "shards"))


def record_of(folder: Path, shard: Shard) -> Path:
    from opencodeeval.records.reading import read_records

    (found,) = [each.path for each in read_records(folder) if shard_in(each.record) == shard]
    return found


def test_the_merged_record_is_that_of_the_undivided_run(shards: Path, tmp_path: Path) -> None:
    (merged,) = merge([shards], tmp_path / "merged")
    whole = score(tmp_path / "whole")
    assert merged.record.digest == whole.digest
    assert merged.record.run_id == whole.run_id
    assert merged.record.timing.executed == whole.timing.executed == 5
    # The undivided command has nothing left to do there, and finds the same.
    again = score(tmp_path / "merged")
    assert (again.digest, again.timing.executed) == (whole.digest, 5)


def test_merging_twice_changes_nothing(shards: Path, tmp_path: Path) -> None:
    (first,) = merge([shards], tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    merge([shards], tmp_path)
    assert first.record_path in before
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_model_s_samples_are_the_same_in_shards(tmp_path: Path) -> None:
    pytest.importorskip("torch")

    def run(output: Path, shard: str | None) -> Record:
        found = evaluate(
            TINY,
            "starter",
            backend="transformers",
            selection=Selection(shard=shard, limit=3),
            sampling=SamplingOptions(n=2, temperature=0.8, max_tokens=32),
            sandbox=SandboxOptions("local", slots=1),
            output=Output(output, progress="none"),
        )
        return found.records[0]

    for shard in ("1/2", "2/2"):
        run(tmp_path / "shards", shard)
    (merged,) = merge([tmp_path / "shards"], tmp_path / "merged")
    assert merged.record.digest == run(tmp_path / "whole", None).digest


def test_a_shard_does_not_pass_for_the_whole(shards: Path) -> None:
    from opencodeeval.records.reading import read_records

    for each in read_records(shards):
        assert each.record.benchmark.part
        assert each.record.benchmark.tasks in (2, 3)


def test_a_missing_shard_is_named(copied: Path, tmp_path: Path) -> None:
    record_of(copied, Shard(2, 2)).unlink()
    with pytest.raises(UsageError, match="shard 2/2 is missing: run it, then merge again"):
        merge([copied], tmp_path / "merged")
    assert not (tmp_path / "merged").exists()


def test_a_shard_of_another_configuration_is_told(copied: Path, tmp_path: Path) -> None:
    record_of(copied, Shard(2, 2)).unlink()
    score(copied, "2/2", max_tokens=77)
    with pytest.raises(UsageError, match=r"missing.*is there with another sampling"):
        merge([copied], tmp_path / "merged")


def test_a_shard_that_is_there_twice_is_told(copied: Path, shards: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"1/2 .* is there twice"):
        merge([copied, shards], tmp_path / "merged")


def test_a_shard_without_all_its_samples_is_told(copied: Path, tmp_path: Path) -> None:
    record = record_of(copied, Shard(1, 2))
    folder = copied / "runs" / record.stem.rpartition("--")[2]
    lines = (folder / "verdicts.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "verdicts.jsonl").write_bytes(b"".join(lines[:-1]))
    with pytest.raises(UsageError, match=r"lacks sample 0 of starter/.*repeat the command"):
        merge([copied], tmp_path / "merged")


def test_what_is_no_shard_is_left_alone(tmp_path: Path) -> None:
    score(tmp_path, limit=1)
    with pytest.raises(UsageError, match="no record of a shard"):
        merge([tmp_path], tmp_path / "merged")


@pytest.mark.parametrize("text", ["0/2", "3/2", "2", "1/0", "a/b", "-1/2", ""])
def test_what_names_no_shard_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="use 1/8 for the first of eight"):
        parse_shard(text)


def test_a_shard_without_a_task_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="it has 5 tasks, so use no more shards"):
        score(tmp_path, "6/6")


def test_the_script_of_the_docs_runs_as_slurm_runs_it(tmp_path: Path, repo_root: Path) -> None:
    """Slurm's part, the variables of each task, is played here: there is no Slurm."""
    text = (repo_root / "docs" / "scale.md").read_text("utf-8")
    (script,) = re.findall(r"```bash\n(.*?)```", text, re.DOTALL)
    command = tmp_path / "bin" / "opencodeeval"
    command.parent.mkdir()
    command.write_text(
        f'#!/bin/sh\nexec {sys.executable} -m opencodeeval "$@" --backend reference --limit 4\n'
    )
    command.chmod(0o755)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "activate").write_text(f"PATH={command.parent}:$PATH\n")
    for task in "12":
        subprocess.run(
            ["bash", "-euc", script.replace("humaneval_plus", "starter")],
            cwd=tmp_path,
            env={
                **os.environ,
                "PYTHONPATH": str(repo_root),
                "MODEL": "reference",
                "SLURM_ARRAY_TASK_ID": task,
                "SLURM_ARRAY_TASK_COUNT": "2",
                "SLURM_ARRAY_JOB_ID": "77",
            },
            check=True,
            capture_output=True,
        )
    (merged,) = merge([tmp_path / "shards" / "77"], tmp_path / "results")
    assert merged.record.benchmark.tasks == 4


def test_the_commands(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = ["--backend", "reference", "--bench", "starter", "--limit", "2", "--sandbox", "local"]
    run += ["--quiet", "--output", str(tmp_path / "shards")]
    for shard in ("1/2", "2/2"):
        assert main([*run, "--shard", shard]) == 0
    capfd.readouterr()
    assert main(["merge", str(tmp_path / "shards"), "--output", str(tmp_path / "merged")]) == 0
    assert "100.0" in capfd.readouterr().out
    refused: list[Callable[[], int]] = [
        lambda: main([*run, "--shard", "1/2", "--gate", str(tmp_path / "merged")]),
        lambda: main(["merge", str(tmp_path / "merged")]),
    ]
    for command in refused:
        assert command() == 2
