"""Scores by kind and by month, and the drop after a date: on records whose truth is known."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from opencodeeval.cli.main import main
from opencodeeval.records.breakdown import breakdown, contamination, counts_of, drop, months
from opencodeeval.records.reading import read_record
from opencodeeval.records.schema import TaskRow
from opencodeeval.show.month_chart import months_of
from opencodeeval.stats.metrics import pass_at
from opencodeeval.stats.pass_at_k import Count, estimate_pass_at_k
from tests.support import records
from tests.support.livecodebench_rows import problem, write

CUTOFF = datetime(2024, 6, 30, 23, 59)


UNDATED = {"a": TaskRow(n=1, c={"base": 1}, verdicts={})}


def row(
    date: str,
    c: int,
    n: int = 10,
    difficulty: str = "easy",
    platform: str = "atcoder",
    cluster: str = "",
) -> TaskRow:
    kinds = {"contest_date": date, "difficulty": difficulty, "platform": platform}
    return TaskRow(n=n, c={"base": c}, verdicts={}, about=kinds, cluster=cluster)


def simulated(seed: int, before: float, after: float, tasks: int = 300) -> dict[str, TaskRow]:
    """Tasks over a year, solved with one chance up to the end of June and another after it."""
    chance = random.Random(seed)
    found = {}
    for number in range(tasks):
        month = chance.randint(1, 12)
        rate = before if month <= 6 else after
        right = sum(chance.random() < rate for _ in range(10))
        found[f"t{number}"] = row(f"2024-{month:02}-15T00:00:00", right)
    return found


def test_months_are_those_that_have_tasks_with_their_intervals() -> None:
    rows = {
        "a": row("2024-01-31T18:30:00", 10),
        "b": row("2024-01-01T00:00:00", 0),
        "c": row("2024-03-01T00:00:00", 5),
    }
    january, march = months(rows, "base")
    assert (january.month, january.tasks, january.value) == ("2024-01", 2, 0.5)
    expected = estimate_pass_at_k([Count(10, 10), Count(10, 0)], 1)
    assert (january.low, january.high) == (expected.low, expected.high)
    assert (march.month, march.tasks, march.value) == ("2024-03", 1, 0.5)
    assert months(UNDATED, "base") == []


def test_kinds_are_scored_apart_and_easy_comes_first() -> None:
    rows = {
        "a": row("2024-01-01T00:00:00", 9),
        "b": row("2024-01-01T00:00:00", 1, difficulty="hard"),
        "c": row("2024-01-01T00:00:00", 3, difficulty="hard", platform="leetcode"),
    }
    found = breakdown(rows, ["base"], pass_at(1, 10))
    assert list(found["difficulty"]) == ["easy", "hard"]
    hard = found["difficulty"]["hard"]
    assert hard["tasks"] == 2
    assert hard["pass@k"]["base"]["pass@1"]["value"] == pytest.approx(0.2)
    assert hard["pass@k"]["base"]["pass@10"]["value"] == 1.0
    assert found["platform"]["leetcode"]["tasks"] == 1
    assert breakdown(UNDATED, ["base"], pass_at(1)) == {}


def test_tasks_of_one_cluster_count_as_one() -> None:
    rows = {
        "a#0": row("2024-01-01", 1, n=1, cluster="a"),
        "a#1": row("2024-01-01", 0, n=1, cluster="a"),
        "b#0": row("2024-01-01", 1, n=1, cluster="b"),
    }
    assert counts_of(rows, "base") == [Count(2, 1), Count(1, 1)]


def test_a_drop_is_found_and_measured() -> None:
    found = drop(simulated(1, 0.6, 0.3), "base", CUTOFF)
    assert found
    assert sum(found.tasks) == 300
    assert found.p_value < 0.001
    assert found.low < 0.3 < found.high
    assert found.difference == pytest.approx(found.before.value - found.after.value)


def test_where_nothing_drops_small_p_values_are_rare() -> None:
    found = [drop(simulated(seed, 0.5, 0.5, 120), "base", CUTOFF) for seed in range(40)]
    p_values = np.array([each.p_value for each in found if each])
    assert len(p_values) == 40
    assert 0.3 < p_values.mean() < 0.7
    assert (p_values < 0.05).sum() <= 6
    assert all(each.low < 0 < each.high for each in found if each and 0.2 < each.p_value < 0.8)


def test_harder_tasks_after_the_date_are_no_drop() -> None:
    chance = random.Random(3)
    rows = {}
    for number in range(400):
        late = number % 2
        hard = chance.random() < (0.8 if late else 0.2)
        right = sum(chance.random() < (0.2 if hard else 0.8) for _ in range(10))
        date = f"2024-{9 if late else 3:02}-01T00:00:00"
        rows[str(number)] = row(date, right, difficulty="hard" if hard else "easy")
    found = drop(rows, "base", CUTOFF)
    assert found
    assert found.difference > 0.25
    assert abs(found.adjusted) < 0.05
    assert found.p_value > 0.05


def test_a_date_that_parts_nothing_gives_no_drop() -> None:
    rows = {"a": row("2024-01-01", 1), "b": row("2024-02-01", 1)}
    assert drop(rows, "base", CUTOFF) is None
    assert contamination(rows, "base", "2024-06-30")["one_side_of"] == "2024-06-30"
    assert contamination(UNDATED, "base") == {}


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of twelve dated problems of our own, half of which are solved."""
    folder = tmp_path_factory.mktemp("run")
    rows = [
        problem(
            ("1", "1"),
            question_id=f"p{month:02}",
            contest_date=f"2024-{month:02}-05T00:00:00",
            difficulty=("easy", "hard")[month % 2],
        )
        for month in range(1, 13)
    ]
    path = write(folder / "rows.jsonl", rows)
    samples = [
        {"question_id": each["question_id"], "code_list": [f"print({1 if number < 6 else 2})"]}
        for number, each in enumerate(rows)
    ]
    (folder / "o.json").write_text(json.dumps(samples))
    given = ["--bench", f"livecodebench@file:{path}", "--sandbox", "local", "--quiet"]
    given += ["--cutoff", "2024-06-30", "--output", str(folder / "results")]
    assert main(["grade", str(folder / "o.json"), *given]) == 0
    return folder / "results"


def record(results: Path) -> Mapping[str, Any]:
    (path,) = results.glob("livecodebench/*.json")
    found: Mapping[str, Any] = json.loads(path.read_text())
    return found


def test_records_have_the_kinds_the_months_and_the_drop(graded: Path) -> None:
    found = record(graded)
    assert found["breakdown"]["difficulty"]["easy"]["tasks"] == 6
    assert [each["month"] for each in found["contamination"]["months"]] == [
        f"2024-{month:02}" for month in range(1, 13)
    ]
    assert found["contamination"]["cutoff"]["difference"] == 1.0
    assert found["contamination"]["cutoff"]["p_value"] < 0.01
    assert found["tasks"]["p01"]["about"]["contest_date"] == "2024-01-05T00:00:00"
    (path,) = graded.glob("livecodebench/*.json")
    stored = read_record(path).record
    again = contamination(stored.tasks, "base", "2024-06-30T23:59:59.999999")
    assert again == found["contamination"]


def test_the_report_draws_the_months(graded: Path, tmp_path: Path) -> None:
    (path,) = graded.glob("livecodebench/*.json")
    page = tmp_path / "page.html"
    assert main(["report", str(path), "--output", str(page)]) == 0
    text = page.read_text("utf-8")
    assert text.count('<g class="early">') == text.count('<g class="late">') == 6
    assert "<title>2024-01: 100.0 (20.7 to 100.0), 1 task</title>" in text
    assert "Up to 2024-06-30 100.0, after it 0.0: a drop of 100.0" in text


def test_marks_lie_where_their_scores_are() -> None:
    found = simulated(1, 0.9, 0.2)
    plain = records.stored(records.record({"a": (1, 1)})).record
    view = contamination(found, "base", "2024-06-30")
    drawn = months_of(msgspec.structs.replace(plain, contamination=view))
    assert drawn
    rows = view["months"]
    assert [mark.late for mark in drawn.marks] == [row["month"] > "2024-06" for row in rows]
    bottom, top = (dict(drawn.scale)[label] for label in ("0", "100"))
    for mark, row in zip(drawn.marks, rows, strict=True):
        assert mark.y == pytest.approx(bottom + row["value"] * (top - bottom), abs=0.1)
        assert mark.high <= mark.y <= mark.low
    before, after = (
        [mark.x for mark in drawn.marks if mark.late is late] for late in (False, True)
    )
    assert drawn.cutoff
    assert max(before) < drawn.cutoff < min(after)
    assert months_of(plain) is None


def test_the_view_is_a_table_and_an_object(
    graded: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (path,) = graded.glob("livecodebench/*.json")
    assert main(["contamination", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["month", "tasks", "pass@1", "95", "%", "interval"]
    assert len(lines) == 14
    assert "up to 2024-06-30 100.0 (6 tasks), after it 0.0 (6 tasks)" in lines[-1]
    assert main(["contamination", str(path), "--cutoff", "2024-03-31", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["cutoff"]["tasks"] == [3, 9]
    (tmp_path / "record.json").write_text(json.dumps(records.record(records.greedy("10"))))
    assert main(["contamination", str(tmp_path / "record.json")]) == 2
    assert "have no dates" in capsys.readouterr().err
