"""The timing of a run that was continued, and of one whose command was given again."""

from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path

import pytest

from opencodeeval.cli import main as cli
from opencodeeval.core.errors import BackendError
from opencodeeval.records.reading import read_records
from opencodeeval.records.schema import content_of
from tests.runs.test_pipeline import StandInBackend, answers, run


def test_the_timing_covers_all_legs(tmp_path: Path) -> None:
    broken = StandInBackend(answers, stop_after=5)
    with pytest.raises(BackendError):
        run(tmp_path, broken)
    (path,) = tmp_path.glob("runs/*/legs.jsonl")
    (row,) = map(json.loads, path.read_text().splitlines())
    # As if it had begun a quarter of an hour before, and been killed ten minutes ago: the
    # time between two legs is no part of the run.
    killed = time.time() - 600
    row |= {"at": killed - 900, "started": "2026-01-01T00:00:00+00:00"}
    path.write_text(json.dumps(row) + "\n")
    for name in ("completions.jsonl", "programs.jsonl", "verdicts.jsonl"):
        os.utime(path.with_name(name), (killed, killed))
    with (path.with_name("verdicts.jsonl")).open("a") as file:
        file.write('{"task_id": "t/')  # by half
    os.utime(path.with_name("verdicts.jsonl"), (killed, killed))
    timing = run(tmp_path, StandInBackend(answers)).record.timing
    assert timing.started == "2026-01-01T00:00:00+00:00"
    assert 900 <= timing.wall_s < 1100
    assert (timing.generated, timing.resumed) == (12, True)
    alone = run(tmp_path / "alone", StandInBackend(answers)).record.timing
    assert alone.executed <= timing.executed <= 12


def test_a_finished_run_keeps_its_record(tmp_path: Path) -> None:
    first = run(tmp_path, StandInBackend(answers))
    before = first.record_path.read_bytes(), first.record_path.stat().st_mtime_ns
    again = run(tmp_path, StandInBackend(answers))
    assert again.record == first.record
    assert (again.record_path.read_bytes(), again.record_path.stat().st_mtime_ns) == before
    # Other metrics are written, with the time of the run.
    more = run(tmp_path, StandInBackend(answers), ks=(1, 2)).record
    assert "pass@2" in more.scores["base"]
    assert more.timing == first.record.timing
    assert read_records([tmp_path])[0].record == more


def test_a_folder_of_an_earlier_version_has_no_legs_and_keeps_its_timing(tmp_path: Path) -> None:
    first = run(tmp_path, StandInBackend(answers))
    (first.run_folder / "legs.jsonl").unlink()
    again = run(tmp_path, StandInBackend(answers))
    assert content_of(again.record) == content_of(first.record)


def test_a_leaderboard_still_matches_where_the_command_was_given_again(tmp_path: Path) -> None:
    command = ["--backend", "reference", "--bench", "starter", "--sandbox", "local", "--quiet"]
    command += ["--output", str(tmp_path)]
    assert cli.main(command) == 0
    assert cli.main(["leaderboard", str(tmp_path)]) == 0
    (path,) = tmp_path.glob("starter/*.json")
    before = path.read_bytes()
    shutil.copy(path, tmp_path / "copy")
    assert cli.main(command) == 0
    assert path.read_bytes() == before
    assert cli.main(["leaderboard", str(tmp_path), "--check"]) == 0
