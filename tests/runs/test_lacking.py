"""What answers had to do without is in every later record of them, whoever makes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from opencodeeval.backends.capabilities import Capabilities
from opencodeeval.cli.main import main
from opencodeeval.core.errors import BackendError, StoreError
from opencodeeval.execution.jails import local
from opencodeeval.runs.lacking import NAME, remember, remembered
from opencodeeval.runs.sharing import Shared, StoredAnswers
from tests.runs.test_pipeline import StandInBackend, StandInBenchmark, answers, run
from tests.support.openai_asking import command
from tests.support.openai_server import Server

UNKNOWN = Capabilities(exact_prompts=False, token_counts=False)
jailed = pytest.mark.skipif(local.available() is not None, reason="there is no local jail")


def score(server: Server, out: Path, *more: str) -> None:
    """Two tasks of `starter`, answered by a model that takes no stop strings."""
    server.newer = True
    server.only = {"stop": None}
    assert command(server, out, "--stop", "two", *more) == 0


def records(out: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted(out.glob("starter/*.json"))]


@jailed
def test_a_run_that_was_interrupted_before_its_record_says_it(
    server: Server, tmp_path: Path
) -> None:
    score(server, tmp_path)
    (path,) = tmp_path.glob("starter/*.json")
    before = json.loads(path.read_text())
    assert "stop-strings" in before["lacks"]
    path.unlink()
    asked = len(server.bodies)
    score(server, tmp_path)
    assert len(server.bodies) == asked
    assert [each["lacks"] for each in records(tmp_path)] == [before["lacks"]]


@jailed
def test_a_regrade_says_it(server: Server, tmp_path: Path) -> None:
    score(server, tmp_path / "out")
    (before,) = records(tmp_path / "out")
    (folder,) = (tmp_path / "out" / "runs").iterdir()
    other = tmp_path / "other"
    for where in ([], ["--output", str(other)]):
        assert main(["regrade", str(folder), "--again", "--sandbox", "local", *where]) == 0
    found = [*records(tmp_path / "out"), *records(other)]
    assert [each["lacks"] for each in found] == [before["lacks"]] * 2
    assert all(each["regraded"] for each in found)


@jailed
def test_a_record_merged_from_shards_says_it(server: Server, tmp_path: Path) -> None:
    for shard in ("1/2", "2/2"):
        score(server, tmp_path / "parts", "--shard", shard)
    assert main(["merge", str(tmp_path / "parts"), "--output", str(tmp_path / "whole")]) == 0
    lacks = [each["lacks"] for each in records(tmp_path / "parts")]
    (merged,) = records(tmp_path / "whole")
    assert [merged["lacks"]] * 2 == lacks
    assert "stop-strings" in merged["lacks"]


def test_a_run_that_takes_another_s_answers_says_it(tmp_path: Path) -> None:
    """`evaluate` gives it the folders of the command's other runs as sources."""
    first = run(tmp_path, StandInBackend(answers, capabilities=UNKNOWN))
    sources = [StoredAnswers(first.run_folder)]
    knows = StandInBackend(answers)
    second = run(
        tmp_path, knows, StandInBenchmark(protocol="other"), shared=Shared(sources=sources)
    )
    assert not knows.asked
    assert second.record.lacks == first.record.lacks == ("exact-prompts", "token-counts")


def test_a_leg_that_could_do_more_does_not_hide_an_earlier_one(tmp_path: Path) -> None:
    with pytest.raises(BackendError):
        run(tmp_path, StandInBackend(answers, stop_after=2, capabilities=UNKNOWN))
    assert run(tmp_path, StandInBackend(answers)).record.lacks == ("exact-prompts", "token-counts")


def test_what_is_in_a_folder_is_added_to(tmp_path: Path) -> None:
    assert remembered(tmp_path) == ()
    remember(tmp_path, ())
    assert not (tmp_path / NAME).exists()
    remember(tmp_path, ["token-counts"])
    remember(tmp_path, ["seeds"])
    assert remembered(tmp_path) == ("seeds", "token-counts")


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"lacks": 3}', '{"lacks": [[]]}'])
def test_a_damaged_file_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / NAME).write_text(content)
    with pytest.raises(StoreError, match=r"lacks\.json cannot be read .*: delete it"):
        remembered(tmp_path)
