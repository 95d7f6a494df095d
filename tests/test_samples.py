"""Samples of other tools are read as those tools read them."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from opencodeeval.adapters import load_benchmark
from opencodeeval.adapters.base import Benchmark
from opencodeeval.data import read_jsonl
from opencodeeval.errors import DataError, UsageError
from opencodeeval.samples import read_samples, sample_format

IDS = [f"starter/{number}" for number in range(24)]


@pytest.fixture(scope="module")
def starter() -> Benchmark:
    return load_benchmark("starter")


def lines(path: Path, *rows: Any) -> Path:
    content = "".join(json.dumps(row) + "\n" for row in rows).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def solutions(*task_ids: str) -> list[dict[str, str]]:
    return [{"task_id": task_id, "solution": f"# {task_id}"} for task_id in task_ids]


@pytest.mark.parametrize("name", ["samples.jsonl", "samples.jsonl.gz"])
@pytest.mark.parametrize(
    ("field", "form", "format_name"),
    [("solution", "program", "evalplus"), ("completion", "completion", "human-eval")],
)
def test_json_lines(
    name: str, field: str, form: str, format_name: str, starter: Benchmark, tmp_path: Path
) -> None:
    rows = [{"task_id": task_id, field: f"\tx = {task_id}\r\n", "more": 1} for task_id in IDS]
    path = lines(tmp_path / name, *rows)
    assert sample_format(path) == format_name
    samples = read_samples(path, starter)
    assert [sample.task_id for sample in samples] == IDS
    assert [sample.text for sample in samples] == [row[field] for row in rows]
    assert {(each.form, each.sample_id, each.finish_reason) for each in samples} == {
        (form, 0, "sample")
    }


def test_repeated_tasks_have_several_samples(starter: Benchmark, tmp_path: Path) -> None:
    path = lines(tmp_path / "s.jsonl", *solutions(*IDS, "starter/3", *IDS))
    samples = read_samples(path, starter)
    assert [each.sample_id for each in samples if each.task_id == "starter/3"] == [0, 1, 2]
    assert [each.sample_id for each in samples if each.task_id == "starter/4"] == [0, 1]


def test_a_solution_goes_before_a_completion(starter: Benchmark, tmp_path: Path) -> None:
    rows = [{**row, "completion": "    pass"} for row in solutions(*IDS)]
    samples = read_samples(lines(tmp_path / "s.jsonl", *rows), starter)
    assert {sample.form for sample in samples} == {"program"}


def test_a_folder_of_evalplus(starter: Benchmark, tmp_path: Path) -> None:
    for task_id in IDS:
        folder = tmp_path / task_id.replace("/", "_")
        folder.mkdir()
        for number in (0, 2, 10):
            (folder / f"{number}.py").write_text(f"# {task_id} {number}")
        (folder / "notes.txt").write_text("not a sample")
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "eval_results.json").write_text("{}")
    assert sample_format(tmp_path) == "evalplus-folder"
    samples = read_samples(tmp_path, starter)
    of_seven = [each for each in samples if each.task_id == "starter/7"]
    assert [(each.sample_id, each.text, each.form) for each in of_seven] == [
        (0, "# starter/7 0", "program"),
        (1, "# starter/7 2", "program"),
        (2, "# starter/7 10", "program"),
    ]
    assert len(samples) == 72


@pytest.mark.shared
def test_published_samples_are_read(shared_data: Path) -> None:
    humaneval = load_benchmark("humaneval", data_dir=shared_data)
    path = shared_data / "verdicts" / "wizardcoder-15b" / "humaneval_results.jsonl.gz"
    samples = read_samples(path, humaneval)
    assert sample_format(path) == "human-eval"
    assert {each.task_id for each in samples} == {task.task_id for task in humaneval.tasks}
    assert [each.text for each in samples] == [row["completion"] for row in read_jsonl(path)]


def test_missing_tasks_are_counted_and_named(starter: Benchmark, tmp_path: Path) -> None:
    path = lines(tmp_path / "s.jsonl", *solutions(*IDS[4:]))
    with pytest.raises(UsageError) as raised:
        read_samples(path, starter)
    message = "no sample of 4 of the 24 tasks of starter (starter/0, starter/1, starter/2, …)"
    assert message in str(raised.value)
    assert len(read_samples(path, starter, allow_missing=True)) == 20


def test_tasks_that_do_not_exist_are_counted_and_named(starter: Benchmark, tmp_path: Path) -> None:
    path = lines(tmp_path / "s.jsonl", *solutions(*IDS, "HumanEval/0", "HumanEval/0", "x"))
    with pytest.raises(DataError, match=r"2 tasks that starter v1 does not have \(HumanEval/0, x"):
        read_samples(path, starter, allow_missing=True)


def test_tasks_behind_the_limit_are_left_out(tmp_path: Path) -> None:
    path = lines(tmp_path / "s.jsonl", *solutions(*IDS))
    samples = read_samples(path, load_benchmark("starter", limit=2))
    assert [sample.task_id for sample in samples] == IDS[:2]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no samples"),
        (b"\n \n", "holds no samples"),
        (b'{"task_id": "starter/0"}\n', 'line 1 has neither "solution"'),
        (b'{"solution": "x"}\n', 'line 1 has no "task_id"'),
        (b'{"task_id": 0, "solution": "x"}\n', 'line 1 has no "task_id" that is a string'),
        (b'{"task_id": "starter/0", "solution": ["x"]}\n', "line 1: the sample is not a string"),
        (b'\n{"task_id": "starter/0", "solut', "line 2 is not valid JSON"),
        (b'{"task_id": "starter/0", "solution": "\xff"}\n', "line 1 is not UTF-8"),
        (b"[]\n", "line 1 is not a JSON object"),
    ],
)
def test_unusable_files_are_refused_by_name(
    content: bytes, message: str, starter: Benchmark, tmp_path: Path
) -> None:
    path = tmp_path / "s.jsonl"
    path.write_bytes(content)
    with pytest.raises(DataError) as raised:
        read_samples(path, starter)
    assert str(raised.value).startswith(str(path))
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_truncated_archive_is_refused(starter: Benchmark, tmp_path: Path) -> None:
    path = lines(tmp_path / "s.jsonl.gz", *solutions(*IDS))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match=r"s\.jsonl\.gz is (truncated|damaged)"):
        read_samples(path, starter)


def test_an_empty_folder_is_refused(starter: Benchmark, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no samples"):
        read_samples(tmp_path, starter)


def test_a_sample_in_a_folder_that_is_not_utf8_is_named(starter: Benchmark, tmp_path: Path) -> None:
    (tmp_path / "starter_0").mkdir()
    (tmp_path / "starter_0" / "0.py").write_bytes(b"# \xff")
    with pytest.raises(DataError, match=r"0\.py is not UTF-8"):
        read_samples(tmp_path, starter)
