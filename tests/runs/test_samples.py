"""Samples of other tools are read as those tools read them."""

from __future__ import annotations

import gzip
import json
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opencodeeval.benchmarks.base import Benchmark
from opencodeeval.benchmarks.data.rows import read_jsonl
from opencodeeval.benchmarks.registry import load_benchmark
from opencodeeval.core.errors import DataError, UsageError
from opencodeeval.core.types import Completion, Style, Task
from opencodeeval.runs.formats.markdown import looks_like_markdown, remark
from opencodeeval.runs.formats.opencodeeval import without_tests
from opencodeeval.runs.formats.reading import read_samples, sample_format

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
    [
        ("solution", "program", "EvalPlus solutions"),
        ("completion", "completion", "human-eval completions"),
    ],
)
def test_json_lines(
    name: str, field: str, form: str, format_name: str, starter: Benchmark, tmp_path: Path
) -> None:
    rows = [{"task_id": task_id, field: f"\tx = {task_id}\r\n", "more": 1} for task_id in IDS]
    path = lines(tmp_path / name, *rows)
    assert sample_format(path).title == format_name
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


def test_tasks_that_only_another_protocol_has_are_left_out(
    starter: Benchmark, tmp_path: Path
) -> None:
    path = lines(tmp_path / "s.jsonl", *solutions(*IDS, "starter/24"))
    assert len(read_samples(path, starter, elsewhere={*IDS[3:], "starter/24"})) == len(IDS)
    with pytest.raises(DataError, match="does not have"):
        read_samples(path, starter, elsewhere={"starter/25"})
    path = lines(tmp_path / "s.jsonl", *solutions(*IDS[1:], "starter/24"))
    with pytest.raises(UsageError, match=r"no sample of 1 of the 24 tasks"):
        read_samples(path, starter, elsewhere={"starter/24"})


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
    assert sample_format(tmp_path).title == "EvalPlus folder"
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
    assert sample_format(path).title == "human-eval completions"
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
        (b'{"task_id": 0.5, "solution": "x"}\n', 'line 1 has no "task_id" that is a string'),
        (b'{"task_id": "starter/0", "solution": ["x"]}\n', "line 1: the sample is not a string"),
        (b'\n{"task_id": "starter/0", "solut', "line 2 is not valid JSON"),
        (b'{"task_id": "starter/0", "solution": "\xff"}\n', "line 1 is not UTF-8"),
        (b"[]\n", "holds no samples"),
        (b'"text"\n', "line 1 is not a JSON object"),
        (b'{"task_id": "starter/0", "solution": "x"}\n[]\n', "line 2 is not a JSON object"),
        (b'{\n "eval": {}\n}\n', "is one JSON object over several lines"),
        (b'{"date": "", "eval": {}}\n', 'line 1 has neither "solution"'),
        (b'[{"question_id": "starter/0", "code_l', "is not a valid JSON list"),
        (b'["x", "y"]', "entry 1 is not a JSON object: name each problem"),
        (b'[["x"], [1]]', 'entry 2: "generations" is not a list of strings'),
        (b"[" + b'["x"],' * 24 + b'["y"]]', "entry 25 is one more than the benchmark's 24 tasks"),
        (b'{"task_id": "starter/0", "answer": 1}', "line 1: the sample is not a string"),
        (b'[{"question_id": "starter/0", "code_list": "x"}]', "is not a list of strings"),
        (b'[{"question_id": "starter/0", "code_list": [null]}]', "is not a list of strings"),
        (b'[{"question_id": null, "code_list": []}]', 'entry 1 has no "question_id" that is a str'),
        (b'[{"question_id": "\xff", "code_list": []}]', "is not UTF-8"),
        (
            b'{"task_id": true, "completion_id": 0, "solution": "x"}\n',
            'no "task_id" that is a string or a whole number',
        ),
        (
            b'{"task_id": 0, "completion_id": -1, "solution": "x"}\n',
            '"completion_id" is -1, not a number from 0',
        ),
        (
            b'{"task_id": 0, "completion_id": "0", "solution": "x"}\n',
            "\"completion_id\" is '0', not a number from 0",
        ),
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


# --- the formats, told apart by content ---

NAMED = [{"task_id": task_id} for task_id in IDS]
NUMBERED = [{"task_id": number, "completion_id": 0} for number in range(len(IDS))]


def each_with(rows: list[dict[str, Any]], **fields: Any) -> list[dict[str, Any]]:
    """The rows with more fields; a {} in a text becomes the row's number."""
    return [
        {**row, **{k: v.format(n) if isinstance(v, str) else v for k, v in fields.items()}}
        for n, row in enumerate(rows)
    ]


FORMATS = {
    "EvalPlus solutions": ("evalplus", "program", each_with(NAMED, solution="# {}")),
    "human-eval completions": ("human-eval", "completion", each_with(NAMED, completion="# {}")),
    "BigCodeBench solutions": (
        "bigcodebench",
        "program",
        each_with(NAMED, solution="# {}", raw_solution="raw {}"),
    ),
    "OpenCodeEval solutions": ("opencodeeval", "program", each_with(NUMBERED, solution="# {}")),
    "OpenCodeEval generations": ("opencodeeval", "answer", each_with(NUMBERED, completion="# {}")),
    "OpenCodeEval evaluations": (
        "opencodeeval",
        "program",
        each_with(NUMBERED, solution="# {}", passed=True, result="passed"),
    ),
}


@pytest.mark.parametrize("tool", ["evalplus", "human-eval", "answers"])
def test_tasks_may_be_named_by_their_numbers(tool: str, starter: Benchmark, tmp_path: Path) -> None:
    text = {"evalplus": "solution", "human-eval": "completion", "answers": "answer"}[tool]
    for rows in ([{"task_id": n} for n in range(24)], [{"task_id": str(n)} for n in range(24)]):
        path = lines(tmp_path / "s.jsonl", *each_with(rows, **{text: "# {}"}))
        samples = read_samples(path, starter)
        assert [(each.task_id, each.text) for each in samples] == [
            (task_id, f"# {n}") for n, task_id in enumerate(IDS)
        ]


def whole_files(tmp_path: Path) -> dict[str, tuple[Path, str]]:
    """A file of each tool that writes all samples as one value, and the samples' form."""

    def written(name: str, value: Any, indent: int | None = None) -> Path:
        path = tmp_path / name
        path.write_text(json.dumps(value, indent=indent))
        return path

    logged: list[dict[str, Any]] = [
        {"id": each, "epoch": epoch, "output": {"completion": f"# {n} {epoch}"}}
        for n, each in enumerate(IDS)
        for epoch in (1, 2)
    ]
    parts = [{"type": "reasoning", "reasoning": "Hm."}, {"type": "text", "text": "# 0 1"}]
    logged[0]["output"] = {"choices": [{"message": {"content": parts}}]}
    log = {"version": 2, "status": "success", "eval": {"model": "m"}, "samples": logged}
    archive = tmp_path / "log.eval"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("header.json", json.dumps({**log, "samples": None}))
        for each in logged:
            name = f"samples/{str(each['id']).replace('/', '_')}_epoch_{each['epoch']}.json"
            file.writestr(name, json.dumps(each))
    programs = [[f"# {n} 1", f"# {n} 2"] for n in range(24)]
    doc = [{"task_id": n if n % 2 else each} for n, each in enumerate(IDS)]
    lm_eval = [
        {"doc_id": n, "doc": doc[n], "resps": [["x"]], "filtered_resps": [each]}
        for n, each in enumerate(programs)
    ]
    return {
        "bigcode-evaluation-harness generations": (written("g.json", programs), "program"),
        "inspect logs": (written("log.json", log, 2), "answer"),
        "inspect logs, archived": (archive, "answer"),
        "inspect logs, in one line": (written("line.json", log), "answer"),
        "lm-evaluation-harness samples": (lines(tmp_path / "s.jsonl", *lm_eval), "program"),
    }


@pytest.mark.parametrize(
    "title",
    [
        "bigcode-evaluation-harness generations",
        "inspect logs",
        "inspect logs, archived",
        "inspect logs, in one line",
        "lm-evaluation-harness samples",
    ],
)
def test_files_that_other_harnesses_write(title: str, starter: Benchmark, tmp_path: Path) -> None:
    path, form = whole_files(tmp_path)[title]
    assert sample_format(path).title == title.partition(",")[0]
    samples = sorted(read_samples(path, starter), key=lambda each: (each.task_id, each.sample_id))
    assert [(each.task_id, each.text, each.form) for each in samples] == sorted(
        (task_id, f"# {n} {epoch}", form) for n, task_id in enumerate(IDS) for epoch in (1, 2)
    )


def test_places_in_a_list_are_those_of_all_tasks(tmp_path: Path) -> None:
    path, _ = whole_files(tmp_path)["bigcode-evaluation-harness generations"]
    samples = read_samples(path, load_benchmark("starter", limit=3))
    assert [each.task_id for each in samples] == [each for each in IDS[:3] for _ in range(2)]


@pytest.mark.shared
@pytest.mark.parametrize("direction", ["input", "output"])
def test_cruxeval_s_own_files(direction: str, shared_data: Path, tmp_path: Path) -> None:
    folder = shared_data / "verdicts" / "qwen2.5-coder-1.5b-base" / "cruxeval"
    path = folder / f"{direction}-cot" / "completion_scored.json.gz"
    benchmark = load_benchmark(f"cruxeval_{direction}", "cruxeval-cot", shared_data)
    assert sample_format(path).title == "CRUXEval predictions"
    table = json.loads(gzip.decompress(path.read_bytes()))["raw_generations"]
    bare = tmp_path / "generations.json"
    bare.write_text(json.dumps(table))
    for each in (path, bare):
        samples = read_samples(each, benchmark)
        assert {sample.task_id: [sample.text] for sample in samples} == table
        assert {sample.form for sample in samples} == {"completion"}


@pytest.mark.parametrize(
    ("text", "form", "expected"),
    [
        ("```python\nx = 1\n```", "program", True),
        ("Here it is:\n```\nx = 1", "program", True),
        ("    return 1\n```\nThis adds.", "completion", True),
        ("```python\nx = 1\n```", "answer", False),
        ('x = """\n```\n"""', "program", False),
        ('    x = """\n```\n"""', "completion", False),
        ("x = (", "program", False),
    ],
)
def test_markdown_given_as_code_is_noticed(text: str, form: Any, expected: bool) -> None:
    sample = Completion("t", 0, text, form=form)
    assert looks_like_markdown(sample) is expected
    said = remark([sample, Completion("t", 1, "x = 1", form="program")])
    assert said.startswith("1 of 2 samples look like Markdown") if expected else not said


@pytest.mark.parametrize("title", FORMATS)
@pytest.mark.parametrize("named", [False, True])
def test_lines_of_every_tool_are_told_by_their_fields(
    title: str, named: bool, starter: Benchmark, tmp_path: Path
) -> None:
    tool, form, rows = FORMATS[title]
    path = lines(tmp_path / "s.jsonl", *rows)
    found = sample_format(path, tool if named else None)
    assert found.title == title
    samples = read_samples(path, starter, expected=found)
    assert [(each.task_id, each.sample_id, each.text, each.form) for each in samples] == [
        (task_id, 0, f"# {n}", form) for n, task_id in enumerate(IDS)
    ]


@pytest.mark.parametrize("first", FORMATS)
@pytest.mark.parametrize("second", FORMATS)
def test_files_that_mix_formats_are_refused(
    first: str, second: str, starter: Benchmark, tmp_path: Path
) -> None:
    rows = [*FORMATS[first][2][:20], *FORMATS[second][2][20:]]
    path = lines(tmp_path / "s.jsonl", *rows)
    if first == second:
        assert len(read_samples(path, starter)) == 24
        return
    with pytest.raises(
        DataError, match=rf"line 21 is of {second}, and what precedes it of {first}"
    ):
        read_samples(path, starter)


def test_evalplus_itself_takes_solutions_beside_completions(
    starter: Benchmark, tmp_path: Path
) -> None:
    rows = [*each_with(NAMED, solution="x")[:9], *each_with(NAMED, completion="y")[9:]]
    path = lines(tmp_path / "s.jsonl", *rows)
    samples = read_samples(path, starter, expected=sample_format(path, "evalplus"))
    assert [each.form for each in samples] == ["program"] * 9 + ["completion"] * 15


@pytest.mark.parametrize("more", [{}, {"output_list": ["a", "b"], "graded_list": [True, False]}])
@pytest.mark.parametrize("name", ["codes.json", "codes.json.gz"])
def test_lists_of_livecodebench(
    name: str, more: dict[str, Any], starter: Benchmark, tmp_path: Path
) -> None:
    """custom_evaluator's input, a scenario's output and its eval_all have the code in one place."""
    problems = [{"question_id": each, "code_list": [f"a {each}", f"b {each}"]} for each in IDS]
    content = json.dumps([{**problem, **more} for problem in problems], indent=4).encode()
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    assert sample_format(path).title == "LiveCodeBench code lists"
    samples = read_samples(path, starter)
    assert [(each.task_id, each.sample_id, each.text) for each in samples[:3]] == [
        ("starter/0", 0, "a starter/0"),
        ("starter/0", 1, "b starter/0"),
        ("starter/1", 0, "a starter/1"),
    ]
    assert len(samples) == 48
    assert {each.form for each in samples} == {"program"}


@pytest.mark.shared
def test_a_published_evaluation_of_livecodebench_is_read(shared_data: Path, tmp_path: Path) -> None:
    path = shared_data / "verdicts" / "livecodebench" / "o1-mini.v5_880.eval_all.json.gz"
    published = json.loads(gzip.decompress(path.read_bytes()))
    # The problems as tasks of one's own: their tests are no part of what is read.
    tasks = [
        {
            "task_id": problem["question_id"],
            "style": "stdio",
            "prompt": problem["question_content"],
            "entry_point": "",
            "canonical_solution": "pass",
            "tests": [{"input": "", "output": ""}],
        }
        for problem in published
    ]
    problems = load_benchmark(f"file:{lines(tmp_path / 'problems.jsonl', *tasks)}")
    samples = read_samples(path, problems)
    assert [each.text for each in samples] == [problem["code_list"][0] for problem in published]
    assert len(samples) == 880


def test_samples_go_by_their_numbers_not_by_their_lines(starter: Benchmark, tmp_path: Path) -> None:
    """OpenCodeEval writes solutions in the order in which they are ready."""
    rows = [
        {"task_id": number, "completion_id": each, "solution": f"{number} {each}"}
        for each in (2, 0, 1)
        for number in reversed(range(24))
    ]
    samples = read_samples(lines(tmp_path / "s.jsonl", *rows), starter)
    assert {each.text for each in samples} == {
        f"{each.task_id.removeprefix('starter/')} {each.sample_id}" for each in samples
    }
    assert len({(each.task_id, each.sample_id) for each in samples}) == 72


def test_a_number_that_is_the_end_of_several_ids_is_refused(tmp_path: Path) -> None:
    own = {"style": "stdio", "prompt": "p", "entry_point": "", "canonical_solution": "pass"}
    own["tests"] = [{"input": "", "output": ""}]  # type: ignore[assignment]
    ids = ["a/1", "b/1", "b/11", "21", "no-number"]
    tasks = lines(tmp_path / "tasks.jsonl", *({"task_id": task_id, **own} for task_id in ids))
    benchmark = load_benchmark(f"file:{tasks}")

    def read(number: int) -> str:
        row = {"task_id": number, "completion_id": 0, "solution": "x"}
        path = lines(tmp_path / "s.jsonl", row)
        return read_samples(path, benchmark, allow_missing=True)[0].task_id

    assert read(11) == "b/11"
    assert read(21) == "21"
    with pytest.raises(DataError, match=r"line 1: task 1 may be any of a/1, b/1: write whole task"):
        read(1)
    with pytest.raises(DataError, match=r"tasks that file-tasks file does not have \(2\)"):
        read(2)


@pytest.mark.parametrize("again", [3, "starter/3"])
def test_a_sample_that_is_there_twice_is_named(
    again: int | str, starter: Benchmark, tmp_path: Path
) -> None:
    rows = [*FORMATS["OpenCodeEval solutions"][2]]
    rows.append({"task_id": again, "completion_id": 0, "solution": "x"})
    with pytest.raises(DataError, match="line 25 has sample 0 of task starter/3 a second time"):
        read_samples(lines(tmp_path / "s.jsonl", *rows), starter)


def test_a_problem_that_is_there_twice_is_named(starter: Benchmark, tmp_path: Path) -> None:
    problems = [{"question_id": each, "code_list": ["x"]} for each in [*IDS, IDS[7]]]
    path = tmp_path / "codes.json"
    path.write_text(json.dumps(problems))
    with pytest.raises(DataError, match="entry 25 has the task starter/7 a second time"):
        read_samples(path, starter)


def test_an_evaluated_program_is_read_without_the_tools_tests() -> None:
    def task(**fields: Any) -> Task:
        return Task("t", Style.FUNCTION, "", "f", "", {}, fields)

    program = "import math\ndef f(x):\n    return x\n"
    check = "METADATA = {}\n\ndef check(candidate):\n    assert candidate(1) == 1\n"
    of_human_eval = f"{program}\n{check}\ncheck(f)"
    tests = ["assert f(1) == 1", "assert f(2) == 2"]
    solving = "\nmy = Solution()\nassert my.f(1)\n"
    helpers = "import numpy as np\n\ndef is_floats(x):\n    return False\n"
    for whole, wanted, tested in [
        (of_human_eval, program, task(test=check)),
        (of_human_eval, f"{program}\nMETADATA = {{}}\n", task()),
        (f"{program}\n{helpers}\n{check[14:]}\ncheck(f)", f"{program}\n{helpers}", task()),
        (f"{program}\nassert f(1) == 1\nassert f(2) == 2", program, task(test_list=tests)),
        (f"{program}\n\nmy = Solution()\nassert my.f(1)", program, task(test=solving)),
        (program, program, task(test=check)),
        (f"{program}\n\n", f"{program}\n\n", task()),
    ]:
        assert without_tests(whole, tested) == wanted


def test_a_line_of_ten_megabytes_is_one_sample(starter: Benchmark, tmp_path: Path) -> None:
    long = "x" * 10_000_000
    rows = each_with(NAMED, solution="# {}")
    rows[5]["solution"] = long
    samples = read_samples(lines(tmp_path / "s.jsonl.gz", *rows), starter)
    assert samples[5].text == long


def test_a_file_is_not_held_beside_its_samples(starter: Benchmark, tmp_path: Path) -> None:
    """What rows hold beside the sample is dropped line by line."""
    rows = each_with(NAMED, solution="# {}")
    path = lines(tmp_path / "s.jsonl", *({**row, "all_code": "y" * 2_000_000} for row in rows))
    tracemalloc.start()
    try:
        read_samples(path, starter)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < path.stat().st_size / 3


texts = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.lists(texts, min_size=24, max_size=24))
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_text_is_read_as_it_was_written(
    starter: Benchmark, tmp_path: Path, written: list[str]
) -> None:
    named = [{"task_id": each, "solution": text} for each, text in zip(IDS, written, strict=True)]
    numbered = [
        {"task_id": number, "completion_id": 0, "completion": text}
        for number, text in enumerate(written)
    ]
    listed = [
        {"question_id": each, "code_list": [text]} for each, text in zip(IDS, written, strict=True)
    ]
    paths = [lines(tmp_path / "a.jsonl", *named), lines(tmp_path / "b.jsonl.gz", *numbered)]
    paths.append(tmp_path / "c.json")
    paths[-1].write_text(json.dumps(listed, ensure_ascii=False), "utf-8")
    for path in paths:
        assert [sample.text for sample in read_samples(path, starter)] == written
