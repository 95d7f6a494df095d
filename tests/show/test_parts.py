"""Runs of a part of a benchmark (--limit) never pass for the whole."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from opencodeeval.cli import main as cli
from opencodeeval.records.reading import read_records
from opencodeeval.show.trackers.fields import parameters
from tests.support.records import greedy, record, write

PART = {"benchmark": {"tasks_in_version": 164}}
WHOLE = {"benchmark": {"tasks_in_version": 4}}


@pytest.fixture
def results(tmp_path: Path) -> Path:
    write(tmp_path, record(greedy("1100"), model="owner/first", changes=WHOLE))
    write(tmp_path, record(greedy("11111"), model="owner/second", changes=PART))
    return tmp_path


def test_a_real_limited_run_says_so_in_its_record(tmp_path: Path) -> None:
    run = ["--backend", "reference", "--bench", "starter", "--sandbox", "local", "--quiet"]
    assert cli.main([*run, "--output", str(tmp_path), "--limit", "5"]) == 0
    (found,) = read_records([tmp_path])
    benchmark = found.record.benchmark
    assert (benchmark.part, benchmark.shown_tasks) == (True, "5 of 24")
    assert benchmark.description.data["limit"] == 5
    assert cli.main([*run, "--output", str(tmp_path / "all"), "--limit", "24"]) == 0
    (found,) = read_records([tmp_path / "all"])
    assert (found.record.benchmark.part, found.record.benchmark.shown_tasks) == (False, "24")
    assert "limit" not in found.record.benchmark.description.data


def test_a_window_of_dates_is_no_part() -> None:
    dates = {"tasks_in_version": 9, "description": {"window": {"start": "2024-08-01"}}}
    content = record(greedy("10"), changes={"benchmark": dates})
    from tests.support.records import stored

    assert not stored(content).record.benchmark.part
    dates["description"] = {"window": {"start": "2024-08-01"}, "data": {"limit": 2}}
    assert stored(record(greedy("10"), changes={"benchmark": dates})).record.benchmark.part


def test_the_leaderboard_has_no_column_for_a_part(results: Path) -> None:
    # A score that others published for the whole does not stand beside a part either.
    (results / "published.json").write_text(
        json.dumps(
            {
                "source": "a paper",
                "scores": [
                    {
                        "model": "owner/second",
                        "benchmark": "humaneval",
                        "protocol": "plain",
                        "suite": "base",
                        "metric": "pass@1",
                        "score": 50.0,
                    }
                ],
            }
        )
    )
    assert cli.main(["leaderboard", str(results)]) == 0
    board = json.loads((results / "leaderboard.json").read_text())
    assert [(each["tasks"], each["part"]) for each in board["groups"]] == [(4, False), (5, True)]
    cells = [cell for row in board["rows"] for cell in row["cells"] if "record" in cell]
    assert all("published" not in cell for cell in cells)
    text = (results / "README.md").read_text()
    assert text.count("<summary><b>humaneval v1, plain 1</b>") == 1
    whole, parts = text.split("## Parts of benchmarks")
    assert "owner/second" not in whole
    # As in the tables of whole benchmarks: how it was drawn, and what answers were not whole.
    (line,) = (line for line in parts.splitlines() if line.startswith("| owner/second"))
    assert line.startswith("| owner/second | humaneval v1, plain 1 | 5 of 164 | greedy | pass@1 1")
    assert ") | 1 | not known | 0.0 % | [" in line
    page = (results / "leaderboard.html").read_text()
    table = page[page.index('id="board"') : page.index("</table>")]
    assert "owner/<wbr>first" in table
    assert "of 164" not in table
    assert "<td>5 of 164</td>" in page


def test_a_folder_of_parts_alone_has_a_page(tmp_path: Path) -> None:
    write(tmp_path, record(greedy("11111"), changes=PART))
    assert cli.main(["leaderboard", str(tmp_path)]) == 0
    assert "<td>5 of 164</td>" in (tmp_path / "leaderboard.html").read_text()


def test_publish_refuses_a_part_in_a_model_card_and_says_it_where_it_may(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (part,) = results.glob("*/owner--second*.json")
    command = ["publish", str(part), "--format", "model-index"]
    assert cli.main(command) == 2
    assert "is of 5 of 164 tasks of humaneval (--limit)" in capsys.readouterr().err
    assert cli.main([*command, "--allow-part"]) == 0
    card = capsys.readouterr().out
    assert "name: humaneval v1, 5 of 164 tasks" in card
    assert "tasks_in_version: 164" in card
    assert cli.main(["publish", str(results), "--format", "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert sorted((row["tasks"], row["tasks_in_version"]) for row in rows) == [
        ("4", "4"),
        ("5", "164"),
    ]
    assert sorted(parameters(each)["tasks"] for each in read_records([results])) == [
        "4",
        "5 of 164",
    ]


def test_the_gate_says_it(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (part,) = results.glob("*/owner--second*.json")
    cli.main(["compare", str(part), str(part)])
    assert "only 5 of 164 tasks were run (--limit)" in capsys.readouterr().out
