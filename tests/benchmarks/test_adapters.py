"""What the models are asked, what becomes of their answers, and what is graded."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from opencodeeval.benchmarks.base import Benchmark
from opencodeeval.benchmarks.cards import families, read_card
from opencodeeval.benchmarks.data.rows import read_jsonl
from opencodeeval.benchmarks.registry import list_benchmarks, load_benchmark
from opencodeeval.core.errors import DataError, OpenCodeEvalError, UsageError
from opencodeeval.core.paths import benchmarks_dir
from opencodeeval.core.syntax import defines
from opencodeeval.core.types import Completion, Message, Sampling, Style, Task, Verdict
from opencodeeval.execution.specification import specification
from tests.benchmarks.official_prompts import evalplus_chat
from tests.support.livecodebench_rows import problem

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@pytest.fixture(scope="module")
def humaneval(shared_data: Path) -> Benchmark:
    return load_benchmark("humaneval", data_dir=shared_data)


@pytest.fixture(scope="module")
def plus(shared_data: Path) -> Benchmark:
    return load_benchmark("humaneval_plus", data_dir=shared_data)


@pytest.fixture(scope="module")
def starter() -> Benchmark:
    return load_benchmark("starter")


@pytest.fixture(scope="module")
def humaneval_rows(shared_data: Path) -> list[dict[str, Any]]:
    return read_jsonl(shared_data / "humaneval" / "HumanEval.jsonl.gz")


def named(benchmark: Benchmark, task_id: str) -> Task:
    return next(task for task in benchmark.tasks if task.task_id == task_id)


def answer(task: Task, text: str, **more: Any) -> Completion:
    return Completion(task.task_id, 0, text, **more)


# --- finding benchmarks ---


def test_every_family_has_a_card_and_is_listed() -> None:
    assert [card.name for card in list_benchmarks()] == families()
    assert {"humaneval", "humaneval_plus", "starter"} <= set(families())


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("humanevil", f"did you mean humaneval? Available: {', '.join(families())}"),
        ("HumanEvl-plus", "did you mean humaneval_plus?"),
        ("xyzzy", f"no benchmark 'xyzzy'; available: {', '.join(families())}"),
        ("humaneval_plus@v0.1.8", "did you mean v0.1.9? Available: v0.1.10, v0.1.9"),
        ("humaneval@", "names no data version after the @"),
        ("absent.jsonl", "no file absent.jsonl"),
        ("", "no benchmark ''"),
    ],
)
def test_what_does_not_exist_is_answered_with_what_does(spec: str, message: str) -> None:
    with pytest.raises(UsageError) as raised:
        load_benchmark(spec)
    assert message in str(raised.value)


def test_a_protocol_that_does_not_exist_is_answered_with_those_that_do() -> None:
    with pytest.raises(
        UsageError, match="starter has no protocol 'evalplus'; available: opencodeeva"
    ):
        load_benchmark("starter", "evalplus")


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_leaves_something_to_do(limit: int) -> None:
    with pytest.raises(UsageError, match=f"a limit of {limit} leaves no task"):
        load_benchmark("starter", limit=limit)


def test_a_limit_keeps_the_first_tasks(starter: Benchmark) -> None:
    limited = load_benchmark("starter", limit=3)
    assert list(limited.tasks) == list(starter.tasks[:3])
    assert limited.data_digest == starter.data_digest


@pytest.mark.shared
def test_an_older_data_version_is_another_benchmark_state(
    plus: Benchmark, shared_data: Path
) -> None:
    older = load_benchmark("humaneval_plus@v0.1.9", data_dir=shared_data)
    assert (older.name, older.data_version) == ("humaneval_plus", "v0.1.9")
    assert plus.data_version == "v0.1.10"
    assert older.data_digest != plus.data_digest


@pytest.mark.shared
def test_sampling_defaults(humaneval: Benchmark, plus: Benchmark, starter: Benchmark) -> None:
    assert humaneval.default_sampling() == Sampling(max_tokens=1024)
    assert plus.default_sampling() == Sampling(max_tokens=768)
    assert starter.default_sampling() == Sampling(max_tokens=512)


def test_the_prompt_digest_tells_base_from_chat(starter: Benchmark) -> None:
    assert starter.prompt_digest("base") != starter.prompt_digest("chat")


def test_descriptions_are_plain_json_without_paths(starter: Benchmark) -> None:
    text = json.dumps(starter.describe())
    assert str(benchmarks_dir()) not in text
    assert json.loads(text)["limits"]["stdio"] == {
        "test_s": 4.0,
        "total_s": 30.0,
        "memory_mb": 1024,
        "digits": 50_000,
    }


def test_a_time_limit_holds_for_each_test_or_for_all_of_a_suite() -> None:
    benchmark = load_benchmark("starter")
    longer = benchmark.with_time_limit(40.0)
    limits = {task.style: task.tests["limits"] for task in longer.tasks}
    stdio = {"test_s": 40, "total_s": 40, "memory_mb": 1024, "digits": 50_000}
    assert limits[Style.STDIO] == stdio
    assert limits[Style.UNITTEST]["total_s"] == 40
    function = limits[Style.FUNCTION]
    assert (function["total_s"], function["min_call_s"]) == (40, 40)
    assert longer.describe()["limits"] == {str(style): each for style, each in limits.items()}
    for task in longer.tasks:
        specification(task.tests)
    # Nothing is left of it where the limit is set again, and the first benchmark is as it was.
    assert longer.with_time_limit(5).tasks[0].tests == benchmark.with_time_limit(5).tasks[0].tests
    assert load_benchmark("starter").tasks[0].tests == benchmark.tasks[0].tests


@pytest.mark.parametrize("seconds", [0, -1.0, float("nan"), float("inf")])
def test_a_time_limit_is_a_time(seconds: float) -> None:
    with pytest.raises(UsageError, match="the time limit must be above 0 seconds, got"):
        load_benchmark("starter", limit=1).with_time_limit(seconds)


def test_a_time_limit_of_livecodebench_is_that_of_a_test(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(problem(("1", "2"))))
    benchmark = load_benchmark(f"livecodebench@file:{path}")
    (own,), (changed,) = benchmark.tasks, benchmark.with_time_limit(6.0).tasks
    assert changed.tests_digest == own.tests_digest
    (longer,) = benchmark.with_time_limit(60).tasks
    assert longer.tests["limits"] == {**own.tests["limits"], "test_s": 60}
    (shorter,) = benchmark.with_time_limit(0.5).tasks
    assert shorter.tests["limits"]["test_s"] == 0.5


# --- HumanEval ---


@pytest.mark.shared
def test_humaneval_tasks_are_graded_by_their_own_check(
    humaneval: Benchmark, humaneval_rows: list[dict[str, Any]]
) -> None:
    assert len(humaneval.tasks) == 164
    for task, row in zip(humaneval.tasks, humaneval_rows, strict=True):
        program = row["prompt"] + row["canonical_solution"]
        assert task.reference == program
        assert task.tests == {
            "kind": "check",
            "entry_point": row["entry_point"],
            "test": row["test"],
            "helpers": program,
            "limits": {"total_s": 3.0, "memory_mb": 4096},
        }


@pytest.mark.shared
def test_humaneval_base_models_see_the_prompt_as_it_is(
    humaneval: Benchmark, humaneval_rows: list[dict[str, Any]]
) -> None:
    for task, row in zip(humaneval.tasks, humaneval_rows, strict=True):
        prompt = humaneval.prompt(task, "base")
        assert (prompt.text, prompt.messages) == (row["prompt"], ())


@pytest.mark.shared
def test_humaneval_stops_where_bigcode_does(humaneval: Benchmark) -> None:
    stop = ("\nclass", "\ndef", "\n#", "\n@", "\nprint", "\nif", "\n```")
    assert humaneval.prompt(humaneval.tasks[0], "base").stop == stop
    assert humaneval.prompt(humaneval.tasks[0], "chat").stop == ()


@pytest.mark.shared
def test_humaneval_chat_models_get_the_instruction_of_simple_evals(humaneval: Benchmark) -> None:
    task = humaneval.tasks[0]
    instruction = (
        "Read the following function signature and docstring, and fully implement the function "
        "described. Your response should only contain the code for this function.\n"
    )
    prompt = humaneval.prompt(task, "chat")
    assert prompt.messages == (Message("user", instruction + task.prompt),)
    assert (prompt.text, prompt.response_prefix) == ("", "")


@pytest.mark.shared
def test_base_completions_continue_the_prompt(
    humaneval: Benchmark, plus: Benchmark, humaneval_rows: list[dict[str, Any]]
) -> None:
    for row in humaneval_rows:
        for benchmark in (humaneval, plus):
            task = named(benchmark, row["task_id"])
            completion = answer(task, task.fields["canonical_solution"])
            program = benchmark.program(task, completion, "base")
            assert defines(program.code, task.entry_point), task.task_id


@pytest.mark.shared
def test_humaneval_samples_from_files_continue_the_prompt_to_the_letter(
    humaneval: Benchmark,
) -> None:
    task = humaneval.tasks[0]
    text = "```python\n\tpass"
    program = humaneval.program(task, answer(task, text, form="completion"), "base")
    assert (program.code, program.found) == (task.prompt + text, "completion")


@pytest.mark.shared
def test_chat_answers_get_the_prompts_imports_and_helpers(humaneval: Benchmark) -> None:
    task = named(humaneval, "HumanEval/32")
    code = "def find_zero(xs):\n    return math.sqrt(poly(xs, 0))"
    program = humaneval.program(task, answer(task, f"```python\n{code}\n```"), "chat")
    assert defines(program.code, "poly")
    assert program.code.startswith("import math\n")
    assert program.code.endswith("\n" + code)
    assert program.found == "fence"


@pytest.mark.shared
@pytest.mark.parametrize("indent", ["", "    "])
def test_a_chat_answer_that_is_only_the_body_continues_the_prompt(
    humaneval: Benchmark, indent: str
) -> None:
    task = humaneval.tasks[0]
    program = humaneval.program(task, answer(task, f"```\n{indent}return True\n```"), "chat")
    assert program.code == task.prompt + "    return True"


@pytest.mark.shared
def test_future_imports_of_an_answer_stay_first(humaneval: Benchmark) -> None:
    task = humaneval.tasks[0]
    code = f"from __future__ import annotations\n{task.reference}"
    program = humaneval.program(task, answer(task, f"```python\n{code}```"), "chat")
    assert program.code.startswith("from __future__ import annotations\nfrom typing import List\n")
    assert defines(program.code, task.entry_point)


# --- HumanEval+ ---


@pytest.mark.shared
def test_evalplus_tasks_are_calls_in_two_suites(plus: Benchmark) -> None:
    assert (plus.suites, plus.headline) == (("base", "plus"), "plus")
    tasks = {task.task_id: task for task in plus.tasks}
    tests = [task.tests for task in plus.tasks]
    sizes = [
        [suite["calls"].count("\n") + 1 if suite["calls"] else 0 for suite in each["suites"]]
        for each in tests
    ]
    assert (sum(base for base, _ in sizes), sum(extra for _, extra in sizes)) == (1570, 122_683)
    assert {each["kind"] for each in tests} == {"calls"}
    limits = {"min_call_s": 4, "reference_factor": 4, "total_s": 60, "grace_s": 1}
    assert all(each["limits"] == {**limits, "memory_mb": 4096} for each in tests)
    tolerances = {task_id: task.tests["compare"]["atol"] for task_id, task in tasks.items()}
    assert {task_id: atol for task_id, atol in tolerances.items() if atol} == {
        "HumanEval/2": 1e-6,
        "HumanEval/4": 1e-6,
        "HumanEval/32": 1e-4,
    }


@pytest.mark.shared
def test_evalplus_inputs_are_what_json_can_carry(plus: Benchmark) -> None:
    """No tuple, NaN or infinity is lost, because there is none."""
    for task in plus.tasks:
        assert json.loads(json.dumps(task.tests, allow_nan=False)) == task.tests


@pytest.mark.shared
def test_evalplus_base_prompts_are_stripped_and_start_the_solution(plus: Benchmark) -> None:
    task = named(plus, "HumanEval/1")
    prompt = plus.prompt(task, "base")
    assert prompt.text == task.prompt.strip() + "\n"
    program = plus.program(task, answer(task, "    return paren_string"), "base")
    head = prompt.text.replace("List\n\n\ndef", "List\ndef")
    assert program.code == f"{head}    return paren_string"
    assert program.found == "sanitized"


@pytest.mark.shared
def test_evalplus_chat_prompts_are_evalplus_s(plus: Benchmark) -> None:
    for task in plus.tasks:
        prompt = plus.prompt(task, "chat")
        shown = f"{prompt.messages[0].content}|{prompt.response_prefix}"
        assert shown == evalplus_chat(task)


@pytest.mark.shared
def test_evalplus_stops_where_evalplus_does(plus: Benchmark) -> None:
    from evalplus.provider.utility import EOS, extra_eos_for_direct_completion

    task = plus.tasks[0]
    base = (*EOS, *extra_eos_for_direct_completion("humaneval"))
    assert plus.prompt(task, "base").stop == base
    assert plus.prompt(task, "chat").stop == (*EOS, "\n```\n")


@pytest.mark.shared
@pytest.mark.parametrize("model_type", ["base", "chat"])
def test_evalplus_turns_generated_tabs_into_spaces(plus: Benchmark, model_type: Any) -> None:
    task = plus.tasks[0]
    head = "" if model_type == "chat" else "    pass\n"
    text = head + "def has_close_elements(a, b):\n\treturn '\t'"
    program = plus.program(task, answer(task, text), model_type)
    assert "\t" not in program.code
    assert "return '    '" in program.code or model_type == "base"


@pytest.mark.shared
def test_evalplus_grades_files_as_they_are(plus: Benchmark) -> None:
    task = plus.tasks[0]
    whole = plus.program(task, answer(task, "\tx = (", form="program"), "base")
    assert (whole.code, whole.found) == ("\tx = (", "program")
    continued = plus.program(task, answer(task, "\tx = (", form="completion"), "base")
    assert (continued.code, continued.found) == (task.prompt + "\tx = (", "completion")


@pytest.mark.shared
@pytest.mark.parametrize(
    ("base", "extra", "counts"),
    [
        (Verdict.PASSED, Verdict.PASSED, {"base": True, "plus": True}),
        (Verdict.PASSED, Verdict.WRONG, {"base": True, "plus": False}),
        (Verdict.WRONG, Verdict.PASSED, {"base": False, "plus": False}),
        (Verdict.TIMEOUT, Verdict.TIMEOUT, {"base": False, "plus": False}),
    ],
)
def test_plus_counts_only_where_base_passes(
    plus: Benchmark, base: Verdict, extra: Verdict, counts: dict[str, bool]
) -> None:
    assert plus.passes({"base": base, "plus": extra}) == counts


@pytest.mark.shared
@pytest.mark.parametrize("model_type", ["base", "chat"])
@pytest.mark.parametrize("text", ["", " \n\n"])
def test_an_empty_answer_is_no_code(
    humaneval: Benchmark, starter: Benchmark, model_type: Any, text: str
) -> None:
    for task, benchmark in ((humaneval.tasks[0], humaneval), (starter.tasks[0], starter)):
        program = benchmark.program(task, answer(task, text), model_type)
        assert (program.code, program.found) == ("", "none")


# --- the starter format ---


def test_starter_tasks_have_the_tests_of_their_style(starter: Benchmark) -> None:
    kinds = {Style.FUNCTION: "calls", Style.STDIO: "stdio", Style.UNITTEST: "unittest"}
    assert {task.style for task in starter.tasks} == set(kinds)
    for task in starter.tasks:
        row, tests = task.fields, task.tests
        assert tests["kind"] == kinds[task.style]
        if task.style is Style.FUNCTION:
            (suite,) = tests["suites"]
            assert [json.loads(line) for line in suite["calls"].splitlines()] == row["inputs"]
            assert [json.loads(line) for line in suite["expected"].splitlines()] == row["expected"]
            assert tests["compare"] == {"rule": "value", "atol": row.get("atol", 0)}
        elif task.style is Style.STDIO:
            assert (tests["tests"], tests["compare"]) == (row["tests"], {"rule": "lines"})
        else:
            assert (tests["test"], tests["reference"]) == (row["test"], task.reference)


def test_starter_prompts(starter: Benchmark) -> None:
    function, program = named(starter, "starter/0"), named(starter, "starter/10")
    text, statement = function.prompt.strip(), program.prompt.strip()
    assert starter.prompt(function, "base").text == f"{text}\n"
    assert starter.prompt(program, "base").text == f'"""\n{statement}\n"""\n'
    (question,) = starter.prompt(function, "chat").messages
    assert question.content == (
        "Complete the following Python function. Answer with the complete code in one markdown "
        f"code block.\n```python\n{text}\n```\n"
    )
    (question,) = starter.prompt(program, "chat").messages
    assert question.content == (
        "Write a Python program that solves the following problem: it reads from standard input "
        "and writes to standard output. Answer with the complete code in one markdown code "
        f"block.\n\n{statement}\n"
    )


def test_starter_references_come_back_from_every_form_of_answer(starter: Benchmark) -> None:
    for task in starter.tasks:
        solution = task.fields["canonical_solution"]
        forms = [
            (answer(task, solution), "base"),
            (answer(task, solution, form="completion"), "base"),
            (answer(task, task.reference, form="program"), "chat"),
            (answer(task, f"Sure:\n```python\n{task.reference}```\n"), "chat"),
        ]
        for completion, model_type in forms:
            program = starter.program(task, completion, model_type)  # type: ignore[arg-type]
            assert program.code.strip().endswith(task.reference.strip()), task.task_id


def test_stop_strings_do_not_cut_starter_references(starter: Benchmark) -> None:
    for task in starter.tasks:
        for stop in starter.prompt(task, "base").stop:
            assert stop not in "\n" + task.fields["canonical_solution"]


ROW = {
    "task_id": "own/0",
    "style": "function",
    "prompt": "def f(x):\n",
    "entry_point": "f",
    "canonical_solution": "    return x\n",
    "inputs": [[1]],
    "expected": [1],
}


def write(path: Path, *rows: Any) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize("prefix", ["", "file:"])
def test_own_tasks_are_a_benchmark(prefix: str, tmp_path: Path) -> None:
    own = load_benchmark(f"{prefix}{write(tmp_path / 'my tasks.jsonl', ROW)}")
    assert (own.name, own.data_version) == ("file-my_tasks", "file")
    assert [task.task_id for task in own.tasks] == ["own/0"]
    assert str(tmp_path) not in json.dumps(own.describe())


def test_other_contents_of_an_own_file_have_another_digest(tmp_path: Path) -> None:
    path = tmp_path / "tasks.jsonl"
    before = load_benchmark(str(write(path, ROW))).data_digest
    after = load_benchmark(str(write(path, {**ROW, "expected": [2]}))).data_digest
    assert before != after


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"style": "web"}, "its style is 'web': use one of"),
        ({"prompt": None}, 'needs "prompt", a string'),
        ({"canonical_solution": " "}, '"canonical_solution" is empty'),
        ({"entry_point": "f("}, "'f(' is not a Python name"),
        ({"inputs": [1]}, '"inputs", a list of argument lists'),
        ({"expected": []}, '"expected", a list with one value for each'),
        ({"inputs": [], "expected": []}, '"expected", a list with one value for each'),
        ({"atol": -1}, '"atol" is -1'),
        ({"style": "unittest"}, 'needs "test", a string'),
        ({"style": "stdio"}, 'needs "tests"'),
        ({"style": "stdio", "tests": [{"input": 1, "output": "1"}]}, '"tests" needs "input"'),
        ({"style": "stdio", "tests": ["1"]}, '"tests" needs "input"'),
    ],
)
def test_a_malformed_task_is_named_with_its_fault(
    change: dict[str, Any], message: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "tasks.jsonl", {**ROW, "task_id": "own/1"}, {**ROW, **change})
    with pytest.raises(DataError) as raised:
        load_benchmark(str(path))
    assert f"{path}, task 2 ('own/0'): " in str(raised.value)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "holds no tasks"),
        ("{}\n", "task 1"),
        ('{"a": \n', "line 1 is not valid JSON"),
        (f"{json.dumps(ROW)}\n{json.dumps(ROW)}\n", "task 2: 'own/0' is there twice"),
    ],
)
def test_a_file_without_usable_tasks_is_refused(content: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "tasks.jsonl"
    path.write_text(content)
    with pytest.raises(OpenCodeEvalError, match=message):
        load_benchmark(str(path))


# --- quirks ---

QUIRKS = [
    pytest.param(row, id=f"{family}-{row['id']}")
    for family in families()
    if not read_card(family).like
    for row in tomllib.loads((benchmarks_dir() / family / "quirks.toml").read_text("utf-8"))[
        "quirks"
    ]
]


@pytest.mark.parametrize("row", QUIRKS)
def test_every_quirk_has_its_source_its_reason_and_its_test(
    row: dict[str, Any], repo_root: Path
) -> None:
    assert all(row[name].strip() for name in ("id", "what", "source", "test"))
    assert row["reproduced"] or row["why"].strip()
    path, _, function = row["test"].partition("::")
    source = (repo_root / path).read_text("utf-8")
    assert re.search(rf"^\s*(?:async )?def {function}\(", source, re.MULTILINE)


def test_cards_name_their_headline_among_their_suites() -> None:
    for card in map(read_card, families()):
        assert card.folder.name == card.name
        assert card.templates.name == (card.like or card.name)
        for protocol in card.protocols:
            assert protocol.headline in protocol.suites
