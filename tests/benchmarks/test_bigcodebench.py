"""What BigCodeBench asks of models, and what becomes of their answers.

The expectations are bigcodebench 0.2.5's (generate.py, provider/, sanitize.py, evaluate.py), and
of its protocol `opencodeeval` OpenCodeEval's (src/benchmark/BigCodeBench.py).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from opencodeeval.benchmarks.base import Benchmark
from opencodeeval.benchmarks.card_benchmark import CardBenchmark
from opencodeeval.benchmarks.cards import read_card
from opencodeeval.benchmarks.data.rows import read_jsonl
from opencodeeval.benchmarks.extraction import opencodeeval_sanitize
from opencodeeval.benchmarks.registry import load_benchmark
from opencodeeval.core.errors import DataError, UsageError
from opencodeeval.core.types import Completion, Message, Sampling, Style
from opencodeeval.execution.environments import read_environment
from opencodeeval.runs.formats.reading import read_samples
from opencodeeval_benchmarks.bigcodebench import adapter as bigcodebench
from opencodeeval_benchmarks.bigcodebench.sanitize import sanitize
from tests.support.one_task import of_row

ROW = {
    "task_id": "BigCodeBench/0",
    "complete_prompt": 'import math\n\ndef task_func(x):\n    """Root of x."""\n',
    "instruct_prompt": "Root of x.\nStart with:\n```\nimport math\ndef task_func(x):\n```",
    "canonical_solution": "    return math.sqrt(x)\n",
    "code_prompt": "import math\ndef task_func(x):\n",
    "test": (
        "import unittest\nclass TestCases(unittest.TestCase):\n"
        "    def test_four(self):\n        self.assertEqual(task_func(4), 2)\n"
    ),
    "entry_point": "task_func",
    "libs": "['math']",
}
STUB = "import math\ndef task_func(x):\n\n    pass\n"
QUESTION = (
    "Please provide a self-contained Python script that solves the following problem in a "
    "markdown code block:\n"
)
RESPONSE = (
    "Below is a Python script with a self-contained function that solves the problem and passes "
    "corresponding tests:\n```python\n"
)
STOP = ("<|endoftext|>", "<|endofmask|>", "</s>", "\nif __name__", "\ndef main(", "\nprint(")
BASE_STOP = ("\ndef ", "\nclass ", "\nimport ", "\nfrom ", "\nassert ")


def benchmark(protocol: str = "bigcodebench") -> Benchmark:
    """A benchmark of one task of our own, under one of the card's protocols."""
    return of_row("bigcodebench", ROW, protocol, "own")


def program(
    text: str, model_type: Any = "chat", form: Any = "answer", protocol: str = "bigcodebench"
) -> str:
    asked = benchmark(protocol)
    completion = Completion("BigCodeBench/0", 0, text, form=form)
    return asked.program(asked.tasks[0], completion, model_type).code


@pytest.fixture(scope="module")
def hard(shared_data: Path) -> CardBenchmark:
    loaded = load_benchmark("bigcodebench_hard@v0.1.0", data_dir=shared_data)
    assert isinstance(loaded, CardBenchmark)
    return loaded


@pytest.fixture(scope="module")
def full(shared_data: Path) -> Benchmark:
    return load_benchmark("bigcodebench", data_dir=shared_data)


# --- prompts ---


def test_base_models_see_the_complete_prompt_as_it_is() -> None:
    prompt = benchmark().prompt(benchmark().tasks[0], "base")
    assert (prompt.text, prompt.messages) == (ROW["complete_prompt"], ())
    assert prompt.stop == (*STOP, *BASE_STOP)


def test_chat_models_see_the_stripped_prompt_in_a_bare_fence() -> None:
    prompt = benchmark().prompt(benchmark().tasks[0], "chat")
    text = f"{QUESTION}```\n{ROW['complete_prompt'].strip()}\n```\n"
    assert prompt.messages == (Message("user", text),)
    assert (prompt.text, prompt.stop) == ("", STOP)


def test_the_instruct_split_is_put_without_a_fence() -> None:
    asked = benchmark("bigcodebench-instruct")
    prompt = asked.prompt(asked.tasks[0], "chat")
    assert prompt.messages == (Message("user", f"{QUESTION}{ROW['instruct_prompt']}\n"),)


def test_chat_answers_start_with_a_sentence_and_an_open_fence() -> None:
    for name in ("bigcodebench", "bigcodebench-instruct"):
        asked = benchmark(name)
        prompt = asked.prompt(asked.tasks[0], "chat")
        assert prompt.response_prefix == RESPONSE
        assert "\n```\n" not in prompt.stop


def test_a_base_model_may_be_asked_the_instruct_split() -> None:
    asked = benchmark("bigcodebench-instruct")
    assert asked.prompt(asked.tasks[0], "base").text == ROW["instruct_prompt"]
    answer = "import math\ndef task_func(x):\n    return 2"
    assert program(answer, "base", protocol="bigcodebench-instruct") == STUB + answer


def test_answers_are_greedy_and_of_1280_tokens_by_default() -> None:
    assert benchmark().default_sampling() == Sampling(max_tokens=1280)


# --- programs ---


def test_programs_are_calibrated() -> None:
    code = "def task_func(x):\n    return x ** 0.5"
    assert program(code) == STUB + code
    assert program(code, "base", "program") == STUB + code
    assert program("    return 1", "base", "completion") == (
        f"{STUB}{ROW['complete_prompt']}    return 1"
    )


def test_a_base_answer_is_sanitized_with_its_prompt() -> None:
    kept = 'import math\ndef task_func(x):\n    """Root of x."""\n    return math.sqrt(x)'
    answer = "    return math.sqrt(x)\n\ntask_func(3)\n# that was it"
    assert program(answer, "base") == STUB + kept


def test_generated_tabs_become_spaces_and_those_of_files_stay() -> None:
    code = "def task_func(x):\n\treturn '\t'"
    assert program(code) == STUB + "def task_func(x):\n    return '    '"
    assert program(code, "base", "program") == STUB + code


def test_samples_of_files_are_not_sanitized() -> None:
    assert program("\tx = (", "base", "program") == STUB + "\tx = ("


@pytest.mark.parametrize("text", ["", " \n\n"])
def test_an_empty_answer_is_no_code_and_not_the_stub(text: str) -> None:
    assert program(text) == ""
    assert program(text, "base", "program") == ""


@pytest.mark.parametrize("protocol", ["bigcodebench", "bigcodebench-instruct"])
def test_without_calibration_programs_stand_alone(protocol: str) -> None:
    code = "def task_func(x):\n    return x ** 0.5"
    name = f"{protocol}-uncalibrated"
    assert program(code, protocol=name) == code
    assert program(code, "base", "program", name) == code
    asked, calibrated = benchmark(name), benchmark(protocol)
    assert asked.prompt(asked.tasks[0], "chat") == calibrated.prompt(calibrated.tasks[0], "chat")
    assert asked.default_sampling() == calibrated.default_sampling()
    assert asked.tasks[0].tests == calibrated.tasks[0].tests


# --- the protocol opencodeeval ---

OPENCODEEVAL_STUB = f"{STUB}\n"


@pytest.mark.parametrize("split", ["complete", "instruct"])
def test_opencodeeval_asks_with_the_prompt_alone(split: str) -> None:
    asked = benchmark("opencodeeval" if split == "complete" else "opencodeeval-instruct")
    (task,) = asked.tasks
    text = ROW[f"{split}_prompt"].strip() + "\n"
    chat = asked.prompt(task, "chat")
    assert chat.messages == (Message("user", text),)
    assert (chat.response_prefix, chat.stop) == ("", (*STOP, "\n```\n"))
    base = asked.prompt(task, "base")
    assert (base.text, base.stop) == (text, (*STOP, "\n```\n", *BASE_STOP))
    assert asked.default_sampling() == Sampling(max_tokens=2048)


def test_opencodeeval_has_ten_seconds_and_versions_of_its_own() -> None:
    for name in ("opencodeeval", "opencodeeval-instruct"):
        asked = benchmark(name)
        assert asked.tasks[0].tests["limits"] == {"total_s": 10.0, "memory_mb": 8192}
        assert asked.protocol_version == "1"


def test_opencodeeval_programs_are_printed_anew_behind_the_stub() -> None:
    answer = "Sure:\n```python\ndef task_func( x ):\n\treturn (x)\n```"
    code = "def task_func(x):\n    return x"
    assert program(answer, protocol="opencodeeval") == f"{OPENCODEEVAL_STUB}{code}\n"
    assert program("    return x\n", "base", protocol="opencodeeval") == (
        f'{OPENCODEEVAL_STUB}import math\ndef task_func(x):\n    """Root of x."""\n    return x\n'
    )
    assert program(code, "base", "program", "opencodeeval") == f"{OPENCODEEVAL_STUB}{code}\n"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        # What OpenCodeEval's src/sanitize.py gives for entry point "f".
        ("def f():\n    print(1)", ""),
        ("def f():\n    return 1\ndef f():\n    return 2", "def f():\n    return 2"),
        ("N: int = 3\nA, B = 1, 2\ndef f():\n    return N", "def f():\n    return N"),
        (
            "def g():\n    return 1\ndef f():\n    return g",
            "def g():\n    return 1\n" + "def f():\n    return g",
        ),
        ("G = ''\ndef f():\n    return G.upper()", "def f():\n    return G.upper()"),
        ("upper = 1\ndef f():\n    return G.upper()", "upper = 1\ndef f():\n    return G.upper()"),
        ("oops oops\nimport os", "import os"),
        ("oops oops", ""),
        ("\n" * 5 + "x = 1\n" * 100 + "def f():\n    return 1", ""),
        ("async def f():\n    return 1", ""),
        ("\x00\nimport os", "import os"),
    ],
)
def test_opencodeeval_s_sanitizer(text: str, kept: str) -> None:
    assert opencodeeval_sanitize.sanitize(text, "f") == kept


def test_opencodeeval_s_sanitizer_without_an_entry_point_keeps_every_definition() -> None:
    text = "x = 1\nclass A:\n    pass\ndef g():\n    return 1\nprint(g())"
    kept = "x = 1\nclass A:\n    pass\ndef g():\n    return 1"
    assert opencodeeval_sanitize.sanitize(text) == kept


# --- the sanitizer: each expectation is what bigcodebench.sanitize.sanitize(text, "f") gives ---


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        # Functions without a return statement stay.
        ("def f():\n    print(1)\n", "def f():\n    print(1)"),
        ("def g(x):\n    x()\ndef f():\n    g(f)", "def g(x):\n    x()\ndef f():\n    g(f)"),
        # The text is stripped before code is looked for, so that one line is enough.
        ("\n\nimport os\n", "import os"),
        ("  import os\n  g()\n", "import os"),
        # But not where nothing is kept: then the run of lines is one of the text as it was.
        ("\n\nf()\n", "\n\nf()"),
        ("\n  \n  x = 1\n", ""),
        # Last lines that name the entry point without being indented go, be they its definition.
        ("import os\ndef f(): return 1", "import os"),
        ("def f():\n    return x\nx = f", "def f():\n    return x"),
        ("def f():\n    return x\nx = [\n    f,\n]", "def f():\n    return x\nx = [\n    f,\n]"),
    ],
)
def test_the_sanitizer_differs_from_evalplus_s(text: str, kept: str) -> None:
    assert sanitize(text, "f") == kept


def test_what_crashes_the_publishers_sanitizer_is_not_code() -> None:
    code = "def f():\n    print(1)"
    assert sanitize(f"\x00\n{code}", "f") == code
    assert sanitize("\ud800", "f").encode() == b"?"


@pytest.mark.shared
@pytest.mark.parametrize("subset", ["full", "hard"])
def test_the_sanitizer_gives_the_published_programs(subset: str, shared_data: Path) -> None:
    folder = shared_data / "verdicts/qwen2.5-coder-1.5b-base/bigcodebench" / subset
    published = {
        row["task_id"]: row["solution"]
        for row in read_jsonl(folder / "completion-sanitized-calibrated.jsonl.gz")
    }
    raw = {row["task_id"]: row["solution"] for row in read_jsonl(folder / "completion.jsonl.gz")}
    assert len(raw) == {"full": 1140, "hard": 148}[subset]
    assert {task_id: sanitize(text, "task_func") for task_id, text in raw.items()} == published


# --- tasks ---


def test_a_task_is_graded_by_its_own_test_class() -> None:
    (task,) = benchmark().tasks
    assert task.style is Style.UNITTEST
    assert task.reference == f"{ROW['complete_prompt']}\n{ROW['canonical_solution']}"
    assert task.tests == {
        "kind": "unittest",
        "entry_point": "task_func",
        "test": ROW["test"],
        "reference": task.reference,
        "module": {
            "name": "__test__",
            "given": {"sys": "sys", "os": "os", "environ": "os.environ"},
            "taken": ["exit", "quit"],
        },
        "limits": {"total_s": 241.0, "memory_mb": 8192},
        "must_run": ["test_four"],
    }


CLASS = "import unittest\n{}class TestCases({}):\n    def test_a(self):\n        pass\n{}"


@pytest.mark.parametrize(
    ("test", "names"),
    [
        (CLASS.format("", "unittest.TestCase", ""), ["test_a"]),
        (CLASS.format("", "unittest.TestCase", "    def test_a(self): pass\n"), ["test_a"]),
        (CLASS.format("", "unittest.TestCase", "    def testB(self): pass\n"), ["testB", "test_a"]),
        (CLASS.format("", "unittest.TestCase", "    def helper(self): pass\n"), ["test_a"]),
        (CLASS.format("", "unittest.TestCase", "class Other:\n    test_b = 1\n"), ["test_a"]),
        (CLASS.format("@wrap\n", "unittest.TestCase", ""), []),
        (CLASS.format("", "Fake", ""), []),
        (CLASS.format("class TestCases: pass\n", "unittest.TestCase", ""), []),
        ("", []),
    ],
)
def test_the_tests_that_must_run_are_those_of_a_plain_class(test: str, names: list[str]) -> None:
    assert bigcodebench.names_of_tests(test) == names


def test_a_test_that_is_not_python_is_damaged_data() -> None:
    with pytest.raises(DataError, match="its test cannot be parsed"):
        bigcodebench.names_of_tests("class TestCases(")


@pytest.mark.shared
def test_all_tasks_but_one_name_their_tests(hard: Benchmark, full: Benchmark) -> None:
    assert (len(hard.tasks), len(full.tasks)) == (148, 1140)
    assert all(task.tests["must_run"] for task in hard.tasks)
    # Its class is of pyfakefs.
    unnamed = [task.task_id for task in full.tasks if "must_run" not in task.tests]
    assert unnamed == ["BigCodeBench/719"]


@pytest.mark.shared
def test_hard_tasks_are_tasks_of_the_whole(hard: CardBenchmark, full: Benchmark) -> None:
    whole = {task.task_id: task for task in full.tasks}
    assert all(task.tests == whole[task.task_id].tests for task in hard.tasks)
    assert read_card("bigcodebench_hard").protocols == read_card("bigcodebench").protocols
    assert hard.card.environment == "bigcodebench"


@pytest.mark.shared
def test_the_tests_named_are_those_that_are_written_there(full: Benchmark) -> None:
    for task in full.tasks:
        if "must_run" not in task.tests:
            continue
        found = {
            line.split("def ")[1].split("(")[0]
            for line in task.tests["test"]
            .split("class TestCases")[1]
            .split("\nclass ")[0]
            .splitlines()
            if line.startswith("    def test")
        }
        assert set(task.tests["must_run"]) == found, task.task_id


@pytest.mark.shared
def test_later_data_differ_where_the_publisher_says(hard: CardBenchmark, shared_data: Path) -> None:
    fields, rows = hard.card.fields, {}
    for version in ("v0.1.0", "v0.1.3", "v0.1.4"):
        loaded = load_benchmark(f"bigcodebench_hard@{version}", data_dir=shared_data)
        rows[version] = {each.task_id: [each.fields[f] for f in fields] for each in loaded.tasks}

    def changed(old: str, new: str) -> set[str]:
        return {key for key, row in rows[new].items() if row != rows[old][key]}

    prompts = {"BigCodeBench/37", "BigCodeBench/760"}
    assert changed("v0.1.0", "v0.1.3") == {*prompts, "BigCodeBench/1006"}
    assert changed("v0.1.3", "v0.1.4") == {"BigCodeBench/211"}


@pytest.mark.shared
def test_samples_of_fewer_tasks_are_refused(hard: Benchmark, tmp_path: Path) -> None:
    path = tmp_path / "samples.jsonl"
    path.write_text('{"task_id": "BigCodeBench/13", "solution": "x"}\n')
    with pytest.raises(UsageError, match="has no sample of 147 of the 148 tasks"):
        read_samples(path, hard)


def test_the_environment_is_the_publishers() -> None:
    environment = read_environment("bigcodebench")
    pins = environment.pins()
    assert environment.python == "3.10"
    assert dict(environment.environ) == {
        "TZ": "UTC",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_ENABLE_ONEDNN_OPTS": "0",
    }
    assert (pins["numpy"], pins["pandas"], pins["scikit-learn"]) == ("1.21.2", "2.0.3", "1.3.1")
    assert len(pins) == 71
