"""LiveCodeBench's other scenarios: self-repair, test output prediction, code execution."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from opencodeeval.backends.carried import CarriedBackend
from opencodeeval.backends.samples import SamplesBackend
from opencodeeval.benchmarks.card_benchmark import CardBenchmark
from opencodeeval.benchmarks.livecodebench import metadata
from opencodeeval.cli.main import main
from opencodeeval.core.errors import DataError, UsageError
from opencodeeval.core.types import Completion, Sampling, SuiteResult, Verdict
from opencodeeval.execution import open_sandbox
from opencodeeval.records.reading import read_record
from opencodeeval.records.schema import content_of
from opencodeeval.runs.finished import load_benchmark, open_run
from opencodeeval.runs.formats.livecodebench import files
from opencodeeval.runs.pipeline import Run, no_code, run_benchmark
from opencodeeval.runs.recording import Planned, configuration
from opencodeeval.runs.regrade import Regrade, open_stored, regrade
from opencodeeval.runs.store import RunStore
from opencodeeval.stats.metrics import pass_at
from opencodeeval_benchmarks.livecodebench_execution.adapter import REPEATS, extract_prediction
from opencodeeval_benchmarks.livecodebench_repair.adapter import check
from opencodeeval_benchmarks.livecodebench_testoutput.adapter import extract_assertion, predicted
from tests.runs.test_pipeline import Tally
from tests.support.livecodebench_rows import problem, write

PASSED, WRONG, ERROR, NO_CODE = Verdict.PASSED, Verdict.WRONG, Verdict.ERROR, Verdict.NO_CODE

TEST_OUTPUT = {
    "question_title": "own",
    "question_content": "Add.\n",
    "question_id": "2727",
    "contest_id": "own",
    "contest_date": "2024-01-06T00:00:00",
    "test": json.dumps([{"input": "[1, 2]\n3", "output": "[4, 5]", "testtype": "functional"}]),
    "starter_code": "class Solution:\n    def add(self, a: List[int], b: int):\n        ",
    "difficulty": "easy",
    "function_name": "add",
    "test_id": 0,
}
EXECUTION = {
    "question_id": 2727,
    "contest_id": "own",
    "contest_date": "2024-01-06T00:00:00",
    "difficulty": "easy",
    "function_name": "double",
    "code": "def double(x):\n    return [x, x * 2]",
    "input": "double(x = 4)",
    "output": "[4, 8]",
    "id": "sample_10",
    "problem_id": 7,
    "numsteps": 3,
}


def load(folder: Path, name: str, rows: Sequence[Mapping[str, Any]], *more: Any) -> CardBenchmark:
    path = write(folder / "rows.jsonl", [dict(row) for row in rows])
    return load_benchmark(f"{name}@file:{path}", *more)


def verdicts(benchmark: CardBenchmark, answers: Sequence[str]) -> list[Verdict]:
    """What becomes of a chat model's answers to the first task."""
    task = benchmark.tasks[0]

    async def run() -> list[Verdict]:
        sandbox = open_sandbox("local", 1)
        try:
            found = []
            for number, text in enumerate(answers):
                completion = Completion(task.task_id, number, text)
                program = benchmark.program(task, completion, "chat")
                grade = (
                    await sandbox.grade(task, program)
                    if program.code
                    else no_code(benchmark, program)
                )
                found.append(grade.suites["base"].verdict)
            return found
        finally:
            await sandbox.close()

    return asyncio.run(run())


# --- test output prediction ---


def test_test_output_prompts_are_the_publishers(tmp_path: Path) -> None:
    benchmark = load(tmp_path, "livecodebench_testoutput", [TEST_OUTPUT])
    (task,) = benchmark.tasks
    system, user = benchmark.prompt(task, "chat").messages
    assert system.content.startswith("You are a helpful programming assistant and an expert")
    assert system.content.endswith("in the markdown code block with the correct output.")
    assert user.content == (
        "Problem:\nAdd.\nFunction:\n```\nclass Solution:\n    def add(self, a: List[int], b: int):"
        "\n        \n```\nPlease complete the following test case:\n\n```\n"
        "assert add([1, 2], 3) == # TODO\n```\n"
    )
    assert benchmark.prompt(task, "base").text == user.content
    assert benchmark.default_sampling() == Sampling(10, 0.2, 0.95, 2000)
    assert task.task_id == "2727/0"
    whole = {**TEST_OUTPUT, "starter_code": "def plus(a, b):\n    pass"}
    (named,) = load(tmp_path, "livecodebench_testoutput", [whole]).tasks
    assert named.fields["call"] == "plus([1, 2], 3)"


@pytest.mark.parametrize(
    ("answer", "expression"),
    [
        ("assert add([1, 2], 3) == [4, 5]", "[4, 5]"),
        ("So:\nassert f() == 1\nno,\nassert f() == 2\n", "2"),
        ("```python\n  assert f() == (1,\n  2)\n```", ""),
        ("```\n# assert g() == 1\n  assert f() == 3\n```", "3"),
        ("```\nx\n```\n```python\n [1]\n```", "[1]"),
        ("assert f() == 1, 'message'", "1"),
        ("assert f() == 1 == 2", "1"),
        ("assert f() > 1", ""),
        ("assert f() is 1 or True", ""),
        ("the answer is 4", ""),
        ("assert f() == ", ""),
        ("assert " + "(" * 5000, ""),
    ],
)
def test_predictions_are_what_follows_the_equals_signs(answer: str, expression: str) -> None:
    assert predicted(extract_assertion(answer)) == expression


def test_predicted_values_are_compared_as_published(tmp_path: Path) -> None:
    benchmark = load(tmp_path, "livecodebench_testoutput", [TEST_OUTPUT])
    cases = {
        "assert add([1, 2], 3) == [4, 5]": PASSED,
        "assert add([1, 2], 3) == [4.0, 5]": PASSED,
        "assert add([1, 2], 3) == sorted([5, 4])": PASSED,
        "assert add([1, 2], 3) == (4, 5)": WRONG,
        "assert add([1, 2], 3) == [5, 4]": WRONG,
        "assert add([1, 2], 3) == true": ERROR,
        "I cannot say.": NO_CODE,
    }
    assert verdicts(benchmark, list(cases)) == list(cases.values())
    unreadable = {**TEST_OUTPUT, "test": TEST_OUTPUT["test"].replace("[4, 5]", "[4, 5")}  # type: ignore[attr-defined]
    broken = load(tmp_path, "livecodebench_testoutput", [unreadable])
    assert verdicts(broken, ["assert f() == [4, 5]"]) == [WRONG]


def test_predictions_are_evaluated_in_the_sandbox_only(tmp_path: Path) -> None:
    benchmark = load(tmp_path, "livecodebench_testoutput", [TEST_OUTPUT])
    mark = tmp_path / "evaluated"
    answers = [
        f"assert f() == __import__('pathlib').Path({str(mark)!r}).touch() or [4, 5]",
        "assert f() == type('A', (), {'__eq__': lambda *_: True})()",
        "assert f() == type('A', (list,), {'__eq__': lambda *_: True})()",
        "assert f() == __import__('os')._exit(0)",
        "assert f() == exit(0)",
    ]
    found = verdicts(benchmark, answers)
    assert PASSED not in found
    assert not mark.exists()


@pytest.mark.parametrize(
    "change",
    [{"test": "[]"}, {"test": "{"}, {"starter_code": "x = 1"}, {"starter_code": None}],
)
def test_rows_of_no_test_output_are_refused(change: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="it is no row of test output prediction"):
        load(tmp_path, "livecodebench_testoutput", [{**TEST_OUTPUT, **change}])


# --- code execution ---


def test_execution_prompts_have_examples_with_and_without_thoughts(tmp_path: Path) -> None:
    direct = load(tmp_path, "livecodebench_execution", [EXECUTION])
    (task,) = direct.tasks
    _, user = direct.prompt(task, "chat").messages
    assert user.content.count("[ANSWER]\nassert") == 2
    assert user.content.endswith(
        "[PYTHON]\ndef double(x):\n    return [x, x * 2]\nassert double(x = 4) == ??\n[/PYTHON]\n"
        "[ANSWER]\n"
    )
    thinking = load(tmp_path, "livecodebench_execution", [EXECUTION], "livecodebench-cot")
    text = thinking.prompt(thinking.tasks[0], "base").text
    assert text.count("[THOUGHT]") == 2
    assert text.endswith("== ??\n[/PYTHON]\n[THOUGHT]\n")
    assert "Execute the program step by step" in text


def test_execution_tasks_are_in_the_publishers_order(tmp_path: Path) -> None:
    rows = [{**EXECUTION, "id": f"sample_{number}"} for number in (10, 9, 100, 1)]
    tasks = load(tmp_path, "livecodebench_execution", rows).tasks
    assert [task.task_id for task in tasks] == [f"sample_{n}" for n in (1, 9, 10, 100)]
    with pytest.raises(DataError, match='its "output" is no literal'):
        load(tmp_path, "livecodebench_execution", [{**EXECUTION, "output": "f(1)"}])


@pytest.mark.parametrize(
    ("text", "thought", "prediction"),
    [
        ("assert double(x = 4) == [4, 8]\n[/ANSWER]", False, "[4, 8]"),
        ("[4, 8]\nbecause", False, "[4, 8]"),
        ("f(1) == [1,\n2]\n[/ANSWER] more", False, "[1,\n2]"),
        ("a == 1 == 2", False, "1"),
        ("x == 1\n[ANSWER]\nassert f() == 2\n[/ANSWER]", True, "2"),
        ("x == 1\n[ANSWER]\nassert f() == 2\n[/ANSWER]", False, "1"),
        ("", True, ""),
    ],
)
def test_executed_predictions_are_extracted_as_published(
    text: str, thought: bool, prediction: str
) -> None:
    assert extract_prediction(text, thought) == prediction


def test_executed_predictions_are_compared_by_value(tmp_path: Path) -> None:
    benchmark = load(tmp_path, "livecodebench_execution", [EXECUTION])
    cases = {
        "assert double(x = 4) == [4, 8]\n[/ANSWER]": PASSED,
        "== [4, 7]": WRONG,
        "== (4, 8)": WRONG,
        "== double(4)": PASSED,
        "== [4, gcd(8, 16)]": PASSED,
        "== 0 or True": NO_CODE,
        "== [4, 8], 'because'": PASSED,
        "== [4, 8": NO_CODE,
        "== nothing": ERROR,
        "== type('A', (), {'__eq__': lambda *_: True})()": WRONG,
        "== (lambda: [[] for _ in iter(int, 1)])()": Verdict.MEMORY,
    }
    found = verdicts(benchmark, list(cases))
    assert found[:-1] == list(cases.values())[:-1]
    assert found[-1] in (Verdict.MEMORY, Verdict.TIMEOUT, ERROR)
    assert benchmark.protocol_card.limits["min_call_s"] == 3.0


@pytest.mark.parametrize(
    ("name", "row"),
    [("livecodebench_testoutput", TEST_OUTPUT), ("livecodebench_execution", EXECUTION)],
)
def test_the_expected_values_are_right_answers(
    name: str, row: Mapping[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bench = f"{name}@file:{write(tmp_path / 'rows.jsonl', [dict(row)])}"
    assert main(["selfcheck", bench, "--times", "1", "--sandbox", "local", "--quiet"]) == 0
    given = ["--backend", "reference", "--bench", bench, "--n", "1", "--sandbox", "local"]
    assert main([*given, "--quiet", "--json", "--output", str(tmp_path / "results")]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["benchmarks"][0]["verdicts"] == {"base": {"passed": 1}}


# --- runs of ready-made answers ---


def run(
    benchmark: CardBenchmark, answers: Mapping[str, Sequence[str]], output: Path, form: Any
) -> Mapping[str, Any]:
    """The record of a run of these answers: task id -> one text a sample."""
    completions = [
        Completion(task_id, number, text, form=form)
        for task_id, texts in answers.items()
        for number, text in enumerate(texts)
    ]
    n = max(map(len, answers.values()))

    async def whole() -> Mapping[str, Any]:
        given = SamplesBackend(completions, {"model": "own"}, "chat")
        backend = CarriedBackend(given, benchmark.carried())
        sandbox = open_sandbox("local", 2)
        sampling = Sampling(n=n, temperature=0.2)
        store = RunStore(output, configuration(benchmark, backend, sampling))
        try:
            planned = Planned(benchmark, backend, sampling)
            result = await run_benchmark(Run(planned, sandbox, store, pass_at(1, 10)))
            return content_of(result.record)
        finally:
            store.close()
            await sandbox.close()

    return asyncio.run(whole())


def test_predictions_that_repeat_the_input_are_not_counted(tmp_path: Path) -> None:
    rows = [EXECUTION, {**EXECUTION, "id": "sample_11"}]
    benchmark = load(tmp_path, "livecodebench_execution", rows)
    answers = {
        "sample_10": ["== [4, 8]", "double(x = 4) is [4, 8]", "== 5"],
        "sample_11": ["double(x = 4)"] * 3,
    }
    record = run(benchmark, answers, tmp_path / "results", "answer")
    first, second = record["tasks"]["sample_10"], record["tasks"]["sample_11"]
    assert (first["n"], first["c"]["base"], first["samples"]) == (2, 1, 3)
    assert (second["n"], second["c"]["base"]) == (3, 0)
    assert record["pass@k"]["base"]["pass@1"]["value"] == pytest.approx(0.25)
    assert "pass@10" not in record["pass@k"]["base"]
    (folder,) = (tmp_path / "results" / "runs").iterdir()
    exported = open_run(folder, f"livecodebench_execution@file:{tmp_path / 'rows.jsonl'}")
    assert [each.suites["base"].detail == REPEATS for each in exported.samples].count(True) == 4


def regraded(run_folder: Path, bench: str) -> Regrade:
    """All samples of a run executed again in a jail."""

    async def whole() -> Regrade:
        sandbox = open_sandbox("local", 2)
        results = run_folder.parent.parent
        try:
            return await regrade(open_stored(run_folder, bench), sandbox, results, True, Tally())
        finally:
            await sandbox.close()

    return asyncio.run(whole())


def test_a_regrade_executes_samples_that_no_score_counts(tmp_path: Path) -> None:
    benchmark = load(tmp_path, "livecodebench_execution", [EXECUTION])
    answers = {"sample_10": ["double(x = 4) is [4, 8]", "== [4, 8]", "== 5"]}
    before = run(benchmark, answers, tmp_path / "results", "answer")
    (folder,) = (tmp_path / "results" / "runs").iterdir()
    done = regraded(folder, f"livecodebench_execution@file:{tmp_path / 'rows.jsonl'}")
    rows = [json.loads(line) for line in (folder / "verdicts.jsonl").read_text().splitlines()]
    assert sorted(row["sample_id"] for row in rows[3:]) == [0, 1, 2]
    assert done.result
    assert content_of(done.result.record)["tasks"] == before["tasks"]
    assert content_of(done.result.record)["totals"] == before["totals"]


ROWS = [
    problem(("1\n", "1\n"), private=[("2\n", "2\n")], question_id="a"),
    problem(("1\n2", "3"), function="add", question_id="b"),
]
RIGHT = {"a": "print(input())\n", "b": "def add(x, y):\n    return x + y\n"}
ANSWERS = {
    "a": [RIGHT["a"], "print(1)\n", "print(int('x'))\n"],
    "b": ["def add(x, y):\n    return x\n", "import os\nos._exit(1)\n", RIGHT["b"]],
}


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A run of code generation with failures of three kinds, and what its data are called."""
    folder = tmp_path_factory.mktemp("generation")
    benchmark = load(folder, "livecodebench", ROWS)
    run(benchmark, ANSWERS, folder / "results", "program")
    (run_folder,) = (folder / "results" / "runs").iterdir()
    return run_folder, f"file:{folder / 'rows.jsonl'}"


def repair(generated: tuple[Path, str], protocol: str | None = None) -> CardBenchmark:
    folder, name = generated
    return load_benchmark(f"livecodebench_repair@{name}", protocol, from_run=folder)


def test_self_repair_shows_the_program_and_what_was_wrong(generated: tuple[Path, str]) -> None:
    benchmark = repair(generated)
    tasks = {task.task_id: task for task in benchmark.tasks}
    assert list(tasks) == ["a#0", "a#1", "a#2", "b#0", "b#1", "b#2"]
    system, user = benchmark.prompt(tasks["a#1"], "chat").messages
    assert system.content.startswith("You are a helpful programming assistant")
    tail = (
        "### Format: Read the inputs from stdin solve the problem and write the answer to stdout "
        "(do not directly test on the sample inputs). Enclose your code within delimiters as "
        "follows.\n```python\n# YOUR CODE HERE\n```\n\n### Answer: (use the provided format with "
        "backticks)\n\n"
    )
    assert user.content == (
        "### Question:\nDo it.\n\n### Answer:\n```python\nprint(1)\n\n```\n\nThe above code is "
        "incorrect and got a wrong answer.\nInput: 2\n\nGenerated Output: 1\n\nExpected: 2\n\n"
        + tail
    )
    crashed = benchmark.prompt(tasks["a#2"], "base").text
    assert "got a runtime error.\nInput: 1\n\nExpected: 1\n\nValueError(" in crashed
    method = benchmark.prompt(tasks["b#0"], "chat").messages[1].content
    assert "Input: [1, 2]\nGenerated Output: 1\nExpected: 3" in method
    assert method.endswith(tail)
    assert benchmark.default_sampling() == Sampling(1, 0.2, 0.95, 2000)


def test_every_failure_has_a_prompt() -> None:
    died = metadata(SuiteResult(ERROR, "died"))
    assert died["error_code"] == -5
    assert check(died) == ""
    unloaded = metadata(SuiteResult(ERROR, "Error during testing: SyntaxError"))
    assert check(unloaded).endswith("Error during testing: SyntaxError")
    late = SuiteResult(Verdict.TIMEOUT, "Time Limit Exceeded", failure={"error": "E()"})
    assert check(metadata(late)).startswith("The above code is incorrect and got time limit")
    for verdict in Verdict:
        check(metadata(SuiteResult(verdict, "x")) if verdict is not Verdict.INFRA_ERROR else {})


def test_self_repair_counts_what_was_right_already(
    generated: tuple[Path, str],
) -> None:
    benchmark = repair(generated)
    carried = {each.task_id for each in benchmark.carried()}
    assert carried == {"a#0", "b#2"}
    failed = [task.task_id for task in benchmark.tasks if task.task_id not in carried]
    answers = {name: [f"```python\n{RIGHT['a']}\n```"] for name in failed}
    answers["b#0"] = [f"Wrong name.\n```python\n{RIGHT['b']}```"]
    results = generated[0].parent.parent
    record = run(benchmark, answers, results, "answer")
    solved = {name for name, row in record["tasks"].items() if row["c"]["base"]}
    assert solved == {"a#0", "a#1", "a#2", "b#0", "b#2"}
    assert record["pass@k"]["base"]["pass@1"]["value"] == pytest.approx((1 + 2 / 3) / 2)
    (note,) = record["benchmark"]["description"]["notes"]
    assert note.startswith("2 of 6 samples were right already and are kept")
    assert record["benchmark"]["description"]["data"]["from_run"] == generated[0].name
    assert main(["leaderboard", str(results)]) == 0
    assert "livecodebench_repair" in (results / "README.md").read_text()
    again = open_run(results / "runs" / record["run_id"], f"livecodebench_repair@{generated[1]}")
    _, _, evaluated = map(json.loads, map("".join, files(again).values()))
    assert [each["question_id"] for each in evaluated] == ["a", "b"]
    assert [each["graded_list"] for each in evaluated] == [[True] * 3, [True, False, True]]
    assert evaluated[0]["original_code_list"] == ANSWERS["a"]
    assert evaluated[0]["code_list"][1] == RIGHT["a"]


def test_a_run_of_self_repair_can_be_regraded(generated: tuple[Path, str], tmp_path: Path) -> None:
    results = tmp_path / "results"
    shutil.copytree(generated[0].parent.parent, results)
    given = results / "runs" / generated[0].name
    benchmark = repair((given, generated[1]))
    answers = {
        task.task_id: [f"```python\n{RIGHT['b']}```"]
        for task in benchmark.tasks
        if not task.fields["right"]
    }
    before = run(benchmark, answers, results, "answer")
    folder = results / "runs" / before["run_id"]
    done = regraded(folder, f"livecodebench_repair@{generated[1]}")
    assert done.moves == ()
    assert done.result
    assert content_of(done.result.record)["tasks"] == before["tasks"]
    assert content_of(done.result.record)["run_id"] == before["run_id"]
    given.rename(tmp_path / "elsewhere")
    with pytest.raises(UsageError, match="which is not beside it: name its folder with --from-run"):
        open_stored(folder, f"livecodebench_repair@{generated[1]}")


def test_a_regrade_keeps_the_window_and_the_cut_off(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dates = {"a": "2023-05-01T00:00:00", "b": "2024-02-01T00:00:00", "c": "2022-01-01T00:00:00"}
    rows = [
        problem(("1\n", "1\n"), question_id=name, contest_date=date) for name, date in dates.items()
    ]
    bench = f"livecodebench@file:{write(tmp_path / 'rows.jsonl', rows)}"
    samples = [{"question_id": name, "code_list": ["print(input())\n"]} for name in ("a", "b")]
    (tmp_path / "samples.json").write_text(json.dumps(samples))
    given = ["grade", str(tmp_path / "samples.json"), "--bench", bench, "--sandbox", "local"]
    window = ["--start-date", "2023-01-01", "--cutoff", "2023-12-31"]
    assert main([*given, *window, "--quiet", "--output", str(tmp_path / "results")]) == 0
    (folder,) = (tmp_path / "results" / "runs").iterdir()
    before = read_record(folder).content
    assert before["contamination"]["cutoff"]["tasks"] == [1, 1]
    regrade_it = ["regrade", str(folder), "--bench", bench, "--again", "--sandbox", "local"]
    assert main([*regrade_it, "--quiet"]) == 0
    capsys.readouterr()
    after = read_record(folder).content
    assert after["benchmark"] == before["benchmark"]
    assert after["contamination"] == before["contamination"]


def test_self_repair_wants_a_run_of_code_generation(
    generated: tuple[Path, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UsageError, match="name its folder with --from-run"):
        load(tmp_path, "livecodebench_repair", ROWS)
    folder, name = generated
    with pytest.raises(UsageError, match="is for livecodebench_repair"):
        load_benchmark(f"livecodebench@{name}", from_run=folder)
    with pytest.raises(UsageError, match="does not exist"):
        load_benchmark(f"livecodebench_repair@{name}", from_run=tmp_path / "absent")
    given = ["--model", "absent", "--bench", "livecodebench_repair", "--from-run", str(folder)]
    assert main(given) == 2
    assert "with --bench" in capsys.readouterr().err


def test_scenarios_are_written_as_the_publisher_does(
    generated: tuple[Path, str], tmp_path: Path
) -> None:
    rows = [EXECUTION, {**EXECUTION, "id": "sample_2", "problem_id": 8}]
    benchmark = load(tmp_path, "livecodebench_execution", rows)
    reasoned = "<think>\n== [1]\n</think>== [4, 8]"
    answers = {"sample_10": [reasoned], "sample_2": ["== [4, 9]"]}
    run(benchmark, answers, tmp_path / "results", "answer")
    (folder,) = (tmp_path / "results" / "runs").iterdir()
    written = files(open_run(folder, f"livecodebench_execution@file:{tmp_path / 'rows.jsonl'}"))
    output, evaluated, whole = map(json.loads, map("".join, written.values()))
    assert list(written) == [
        f"own_codeexecution_output{end}.json" for end in ("", "_eval", "_eval_all")
    ]
    assert [each["id"] for each in output] == ["sample_2", "sample_10"]
    assert output[1]["pred_list"] == ["[4, 8]"]
    assert output[1]["output_list"] == [reasoned]
    assert evaluated[0] == {"pass@1": 50.0}
    assert evaluated[1] == {"0": [[False]], "1": [[True]]}
    assert [each["graded_list"] for each in whole] == [[False], [True]]
    assert {"numsteps", "problem_id", "function_name"} <= whole[0].keys()


def test_asserted_values_that_are_the_same_are_one_answer(tmp_path: Path) -> None:
    made = load(tmp_path, "livecodebench_testoutput", [TEST_OUTPUT])
    assert made.has_answers

    def answer(value: str) -> str:
        text = f"```python\nassert add([1, 2], 3) == {value}\n```"
        return made.answer(made.program(made.tasks[0], Completion("t", 0, text), "chat"))

    assert answer("[4, 5]") == answer("[4,5]") == answer("[4, 5]  # four and five")
    assert answer("[4, 5]") != answer("[4, 6]")
    assert made.has_answers
