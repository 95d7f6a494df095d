"""The page of a run: what is in it, where it is written, and what is refused."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from opencodeeval.cli import main as cli
from opencodeeval.core.types import Grade, SuiteResult, Verdict
from opencodeeval.records.reading import read_record
from opencodeeval.records.schema import Totals
from opencodeeval.runs.store import read_run
from opencodeeval.show.report import tokens_shown
from opencodeeval.show.samples import LONGEST, kind_of_error
from tests.support.embedded import embedded, unpacked
from tests.support.hostile_run import HOSTILE, SAMPLES, TASK, make


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("run"))


@pytest.fixture
def run_folder(made: Path, tmp_path: Path) -> Path:
    """A copy that may be damaged."""
    shutil.copytree(made.parent.parent, tmp_path / "results")
    return tmp_path / "results" / "runs" / made.name


def report(*arguments: str | Path) -> int:
    return cli.main(["report", *map(str, arguments)])


def test_every_sample_is_there_with_its_program_and_what_it_failed_on(
    run_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(run_folder) == 0
    path = run_folder / "report.html"
    assert capsys.readouterr().out == f"{path}\n"
    page = path.read_text("utf-8")
    data, texts = embedded(page), unpacked(page)
    assert data["index"]["tasks"] == [[TASK, "pwe"], ["task/plain", "pwe"]]
    stored = read_run(run_folder)
    for place, (task_id, _) in enumerate(data["index"]["tasks"]):
        shown = texts[place]
        assert HOSTILE in shown["prompt"]
        assert [sample["code"] for sample in shown["samples"]] == list(SAMPLES)
        for number, sample in enumerate(shown["samples"]):
            grade = stored.grades[task_id, number]  # type: ignore[index]
            assert sample["suites"]["base"]["verdict"] == grade.suites["base"].verdict.value
            assert (sample["stdout"], sample["stderr"]) == (grade.stdout, grade.stderr)
        passed, wrong, error = (sample["suites"]["base"] for sample in shown["samples"])
        assert passed["failure"] is None
        assert wrong["failure"]["expected"] == repr(HOSTILE)
        assert wrong["failure"]["got"] == repr(HOSTILE + HOSTILE)
        assert error["detail"] == "ValueError"


@pytest.mark.parametrize(
    ("verdict", "detail", "kind"),
    [
        (Verdict.ERROR, "ValueError", "ValueError"),
        (Verdict.WRONG, "test_case_3: AssertionError: 1 != 2", "AssertionError"),
        (Verdict.ERROR, "exit status 255", "exit status N"),
        (Verdict.ERROR, "javac: Problem.java:28: error: cannot find symbol\nx", "javac"),
        (Verdict.TIMEOUT, "time limit in call 7", "time limit in call N"),
        (Verdict.WRONG, "", ""),
        (Verdict.PASSED, "fence", ""),
    ],
)
def test_errors_are_counted_by_kind(verdict: Verdict, detail: str, kind: str) -> None:
    suites = {
        "first": SuiteResult(Verdict.PASSED, detail="no matter"),
        "second": SuiteResult(verdict, detail=detail),
    }
    assert kind_of_error(Grade("t", 0, suites)) == kind


def test_what_was_not_counted_has_no_number(run_folder: Path) -> None:
    """HumanEval's check does not count its tests; samples from a file have no tokens."""
    path = run_folder / "verdicts.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for row in rows:
        for suite in row["suites"].values():
            numbers = [(1, 0), (0, 0), (2, 3)][row["sample_id"]]
            suite["tests_run"], suite["tests_total"] = numbers
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (record,) = run_folder.parent.parent.glob("*/*--*.json")
    assert report(run_folder) == 0
    page = (run_folder / "report.html").read_text("utf-8")
    first = unpacked(page)[0]["samples"]
    shown = [sample["suites"]["base"]["tests"] for sample in first]
    assert shown == ["not counted", "none", "2 of 3"]
    assert "of 0" not in page
    assert tokens_shown(read_record(record).record.totals) == "not counted"
    assert "<dt>Tokens</dt><dd>not counted</dd>" in page
    assert tokens_shown(Totals(samples=1, prompt_tokens=3)) == "3 read, 0 written"


def test_a_record_names_its_run_as_well_and_the_page_goes_where_it_is_told(
    run_folder: Path, tmp_path: Path
) -> None:
    (record,) = run_folder.parent.parent.glob("*/*--*.json")
    assert report(record, "--output", tmp_path / "sub" / "page.html") == 0
    assert report(run_folder) == 0
    page = (tmp_path / "sub" / "page.html").read_bytes()
    assert page == (run_folder / "report.html").read_bytes()


def test_texts_that_nobody_reads_to_the_end_are_cut(run_folder: Path) -> None:
    path = run_folder / "completions.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    rows[0]["text"] += "x" * LONGEST
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert report(run_folder) == 0
    first, *_ = unpacked((run_folder / "report.html").read_text("utf-8"))
    shown = first["samples"][0]["answer"]
    assert shown.endswith(f"[{len(SAMPLES[0])} more characters are in the run folder]")


def test_a_run_that_never_finished_is_refused(
    run_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (record,) = run_folder.parent.parent.glob("*/*--*.json")
    record.unlink()
    assert report(run_folder) == 2
    assert "give the command of the run again to finish it" in capsys.readouterr().err


def test_samples_that_are_missing_are_said(
    run_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = run_folder / "verdicts.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    assert report(run_folder) == 6
    assert "lacks sample" in capsys.readouterr().err


def test_a_changed_record_a_missing_folder_and_no_run_are_refused(
    run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (record,) = run_folder.parent.parent.glob("*/*--*.json")
    record.write_text(record.read_text().replace('"seed": 0', '"seed": 1').replace("base", "bass"))
    assert report(run_folder) in (2, 3)
    assert str(record) in capsys.readouterr().err
    assert report(tmp_path / "nowhere") == 2
    assert "does not exist" in capsys.readouterr().err


def test_a_record_without_its_run_folder_is_refused(
    run_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (record,) = run_folder.parent.parent.glob("*/*--*.json")
    shutil.rmtree(run_folder)
    assert report(record) == 2
    assert "bring it here" in capsys.readouterr().err


def test_where_it_cannot_be_written_is_said(
    run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert report(run_folder, "--output", tmp_path / "file" / "page.html") == 6
    assert "page.html cannot be written" in capsys.readouterr().err


def test_any_metric_of_the_counts_can_be_shown(
    run_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(run_folder) == 0
    assert "solved" not in (run_folder / "report.html").read_text("utf-8")
    assert report(run_folder, "--metric", "pass^2", "--metric", "solved") == 0
    page = (run_folder / "report.html").read_text("utf-8")
    shown = re.findall(r"<dt>([^<]*)</dt><dd><b>([^<]*)</b>", page)
    assert shown == [("pass@1", "33.3"), ("pass^2", "0.0"), ("solved", "100.0")]
    capsys.readouterr()
    before = (run_folder / "report.html").read_bytes()
    assert report(run_folder, "--metric", "pass^4") == 2
    assert "pass^4 needs at least 4 samples per task" in capsys.readouterr().err
    assert (run_folder / "report.html").read_bytes() == before
