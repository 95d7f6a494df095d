"""The leaderboard's files: made from records alone, and checked against them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from opencodeeval.cli import main as cli
from opencodeeval.show.leaderboard import FILES, leaderboard
from opencodeeval.show.pages import embedded, markdown_text
from tests.support.records import greedy, record, sealed, write


@pytest.fixture
def results(tmp_path: Path) -> Path:
    write(tmp_path, record(greedy("1100"), model="owner/first"))
    write(tmp_path, record({"t/0": (20, 3), "t/1": (20, 9)}, model="/data/x/second", ks=(1, 10)))
    write(tmp_path, record(greedy("110"), model="owner/first", benchmark="mbpp"))
    return tmp_path


def run(*arguments: str | Path) -> int:
    return cli.main(["leaderboard", *map(str, arguments)])


def test_the_files_follow_from_the_records_and_from_nothing_else(
    results: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(results) == 0
    printed = capsys.readouterr().out.split()
    assert printed == [str(results / name) for name in FILES]
    assert run(results, "--check") == 0
    # Not from where it is made, and not from what an earlier leaderboard left.
    monkeypatch.chdir(results.parent)
    again = leaderboard(Path(results.name))
    assert [text.encode() for text in again.values()] == [
        (results / name).read_bytes() for name in FILES
    ]


def test_json_has_every_score_with_its_interval_and_its_record(results: Path) -> None:
    assert run(results) == 0
    value = json.loads((results / "leaderboard.json").read_text())
    assert [(group["benchmark"], group["tasks"]) for group in value["groups"]] == [
        ("humaneval", 2),
        ("humaneval", 4),
        ("mbpp", 3),
    ]
    rows = {row["model"]: row for row in value["rows"]}
    (sampled,) = rows["x/second"]["cells"]
    assert list(sampled["scores"]["base"]) == ["pass@1", "pass@10"]
    assert list(sampled["curve"]) == ["1", "2", "3", "5", "10", "20"]
    assert sampled["n"] == [20, 20]
    for row in value["rows"]:
        for cell in row["cells"]:
            stored = json.loads((results / cell["record"]).read_text())
            assert stored["digest"] == cell["digest"]
            for suite, scores in cell["scores"].items():
                for metric, score in scores.items():
                    assert score == pytest.approx(stored["pass@k"][suite][metric], abs=1e-9)


def test_answers_that_are_not_whole_are_shown_with_each_record(tmp_path: Path) -> None:
    content = record(
        greedy("0001"), changes={"totals": {"finish_reasons": {"length": 1, "stop": 3}}}
    )
    content["verdicts"]["base"] = {"passed": 1, "no_code": 2, "wrong": 1}
    write(tmp_path, sealed(content))
    assert run(tmp_path) == 0
    ((cell,),) = (
        row["cells"] for row in json.loads((tmp_path / "leaderboard.json").read_text())["rows"]
    )
    assert cell["answers"] == {"cut_off": 0.25, "prompts_too_long": 0.0, "without_code": 0.5}
    assert "| 1 | 25.0 % | 50.0 % |" in (tmp_path / "README.md").read_text()
    page = (tmp_path / "leaderboard.html").read_text()
    assert '"cut_off":0.25,"longest":512,"without_code":0.5' in page


def test_markdown_has_a_table_for_each_column_group(results: Path) -> None:
    assert run(results) == 0
    text = (results / "README.md").read_text()
    assert re.findall(r"^<summary><b>(.*)</b>", text, re.MULTILINE) == [
        "humaneval v1, plain 1",
        "humaneval v1, plain 1",
        "mbpp v1, plain 1",
    ]
    # One row of the overview is one model, with its rank.
    (row,) = re.findall(r"^\| owner/first \|  \|.*$", text, re.MULTILINE)
    assert row.endswith("|  | **50.0** (15.0 to 85.0) | **66.7** (20.8 to 93.9) |")
    assert "| owner/first | greedy | **50.0** (15.0 to 85.0) | 1 |" in text
    for target in re.findall(r"\]\(([^)]*)\)", text):
        assert (results / target).exists(), target


def test_scores_over_sound_tasks_stand_below_those_over_all(results: Path) -> None:
    content = record(greedy("1100"), model="owner/first", benchmark="starter")
    content["sound"] = {"tasks": 3, "without": ["t/3"], "pass@k": {}}
    write(results, sealed(content))
    assert run(results) == 0
    assert "<br>66.7 over 3 sound tasks |" in (results / "README.md").read_text()
    assert '"sound":[3,[["base","pass@1",0.6667,' in (results / "leaderboard.html").read_text()


def test_check_says_which_file_does_not_follow(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(results, "--check") == 1
    assert "README.md is missing" in capsys.readouterr().err
    assert run(results) == 0
    page = results / "leaderboard.html"
    page.write_text(page.read_text().replace("50.0", "60.0"))
    assert run(results, "--check") == 1
    told = capsys.readouterr().err
    assert f"{page} does not match the records" in told
    assert "README.md" not in told
    assert f"run `opencodeeval leaderboard {results}`" in told


def test_check_sees_a_record_that_came_or_went(results: Path) -> None:
    assert run(results) == 0
    late = write(results, record(greedy("1110"), model="owner/late"))
    assert run(results, "--check") == 1
    late.unlink()
    assert run(results, "--check") == 0


def test_published_scores_are_read_from_the_folder_and_from_files(results: Path) -> None:
    row = {"benchmark": "humaneval", "protocol": "plain", "suite": "base", "metric": "pass@1"}
    own = {"source": "a paper", "scores": [{**row, "model": "first", "score": 40}]}
    more = {"source": "a site", "scores": [{**row, "model": "third", "score": 90}]}
    (results / "published.json").write_text(json.dumps(own))
    (results.parent / "more.json").write_text(json.dumps(more))
    assert run(results) == 0
    text = (results / "README.md").read_text()
    assert "<br>*published 40.0, +0.3 bars*" in text
    assert run(results, "--published", results.parent / "more.json", "--check") == 1
    assert run(results, "--published", results.parent / "more.json") == 0
    assert '"model":"third"' in (results / "leaderboard.html").read_text()
    for name in ("README.md", "leaderboard.html"):
        assert "(a paper; a site)" in (results / name).read_text()
    measured, others = (results / "README.md").read_text().split("1 more model, with scores")
    assert "| third |  |  |  | *90.0* 1 of 2 |  |" in others
    assert "**50.0** (15.0 to 85.0) 2 of 2 |" in measured
    value = json.loads((results / "leaderboard.json").read_text())
    (third,) = (row for row in value["rows"] if row["model"] == "third")
    assert third["cells"][0]["rank"] == {"rank": 1, "of": 2}


@pytest.mark.parametrize(
    ("damage", "status", "complaint"),
    [
        (lambda content: {**content, "schema": 3}, 3, "is a record of schema 3"),
        (lambda content: {**content, "model_type": "base"}, 3, "was changed after it was written"),
        (lambda content: {**content, "totals": {"samples": float("nan")}}, 3, "holds NaN"),
        (lambda content: [], 2, "is not a record"),
    ],
)
def test_a_record_that_is_not_to_be_trusted_ends_it(
    results: Path, capsys: pytest.CaptureFixture[str], damage: object, status: int, complaint: str
) -> None:
    path = next(results.glob("mbpp/*.json"))
    path.write_text(json.dumps(damage(json.loads(path.read_text()))))  # type: ignore[operator]
    assert run(results) == status
    told = capsys.readouterr().err
    assert complaint in told
    assert str(path) in told
    assert not (results / "README.md").exists()


def test_a_folder_without_records_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path) == 2
    assert "holds no record" in capsys.readouterr().err
    assert run(tmp_path / "nowhere") == 2
    assert "is not a folder" in capsys.readouterr().err
    # A run that never finished has a folder, and no record.
    (tmp_path / "runs" / "0123456789ab").mkdir(parents=True)
    (tmp_path / "runs" / "0123456789ab" / "run.json").write_text("{}")
    assert run(tmp_path) == 2
    assert "holds no record" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_said(
    tiny_disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tiny_disk, record(greedy("10")))
    (tiny_disk / "filler").write_bytes(b"\0" * 40_000)
    assert run(tiny_disk) == 6
    told = capsys.readouterr().err
    assert "leaderboard.html cannot be written (No space left on device)" in told
    assert not list(tiny_disk.glob(".*.tmp"))


def test_a_file_that_cannot_be_replaced_is_said(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (results / "README.md").mkdir()
    assert run(results) == 6
    assert "README.md cannot be written (Is a directory)" in capsys.readouterr().err
    assert run(results, "--check") == 6
    assert "README.md cannot be read (Is a directory)" in capsys.readouterr().err


def test_names_cannot_break_a_table_of_markdown() -> None:
    name = "a|b*c_d`e<script>[x](y)\n&~\\"
    assert markdown_text(name) == r"a\|b\*c\_d\`e\<script\>\[x\](y) &amp;\~\\"


def test_embedded_json_cannot_end_its_script_and_is_the_same_value() -> None:
    value = {"</script><!--": "\u2028 & \ud800 \U0001d54f"}
    text = str(embedded(value))
    assert not re.search("[<>&\u2028]", text)
    assert json.loads(text.encode("utf-8")) == value


def test_a_digest_seals_what_is_shown(results: Path) -> None:
    content = record(greedy("1100"), model="owner/first")
    content["model"]["name"] = "owner/other"
    write(results, sealed(content))
    assert run(results) == 0
    assert "owner/other" in (results / "README.md").read_text()


def test_a_metric_is_an_option_of_what_is_written_and_of_what_is_checked(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(results, "--metric", "pass^5", "--metric", "solved") == 0
    value = json.loads((results / "leaderboard.json").read_text())
    assert value["groups"][0]["metrics"] == ["pass@1", "pass@10", "pass^5", "solved"]
    assert value["groups"][1]["metrics"] == ["pass@1", "solved"]
    assert "| pass^5 |" in (results / "README.md").read_text()
    assert "<small>pass^5 · plain 1" in (results / "leaderboard.html").read_text()
    assert run(results, "--check", "--metric", "pass^5", "--metric", "solved") == 0
    assert run(results, "--check") == 1
    capsys.readouterr()
    assert run(results, "--metric", "pass^21") == 2
    assert "no record has the samples that pass^21 needs" in capsys.readouterr().err
