"""CRUXEval: what is asked, what of an answer is the prediction, and how predictions are graded.

The expectations are those of facebookresearch/cruxeval (prompts.py, inference/tasks/,
openai/openai_prompt.py, evaluation/).
"""

from __future__ import annotations

import ast
import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opencodeeval.benchmarks import registry
from opencodeeval.benchmarks.card_benchmark import CardBenchmark
from opencodeeval.benchmarks.data.rows import read_bytes
from opencodeeval.benchmarks.registry import load_benchmark
from opencodeeval.core.errors import DataError
from opencodeeval.core.types import Completion, Sampling, SuiteResult, Task, Verdict
from opencodeeval.execution import open_sandbox
from opencodeeval_benchmarks.cruxeval_input.predictions import (
    ENTRY_POINT,
    input_program,
    output_program,
    predicted,
)
from tests.support.one_task import of_row

ROW = {
    "task_id": "sample_0",
    "code": "def f(numbers, more=()):\n    numbers.sort()\n    return [*numbers, len(more)]",
    "input": "[2, 1], more='ab'",
    "output": "[1, 2, 2]",
}
# Their own input is a function: those are called where the prediction is evaluated.
WITH_FUNCTIONS = {"sample_344", "sample_364"}
# The publisher's Python was older than str.removeprefix and str.removesuffix.
NEWER_PYTHON = {"sample_296", "sample_409", "sample_531", "sample_548"}


def benchmark(scenario: str, protocol: str = "cruxeval", **changes: str) -> CardBenchmark:
    """A benchmark of one task of our own."""
    return of_row(f"cruxeval_{scenario}", {**ROW, **changes}, protocol, "own")


def results(
    asked: CardBenchmark, predictions: list[tuple[Task, str]], jail: str = "local"
) -> list[SuiteResult]:
    """What became of bare predictions, as the publisher's generations.json has them."""

    async def run() -> list[SuiteResult]:
        sandbox = open_sandbox(jail, 2)
        try:
            grades = await asyncio.gather(
                *(
                    sandbox.grade(
                        task,
                        asked.program(
                            task,
                            Completion(task.task_id, number, text, form="completion"),
                            "base",
                        ),
                    )
                    for number, (task, text) in enumerate(predictions)
                )
            )
            return [grade.suites["base"] for grade in grades]
        finally:
            await sandbox.close()

    return asyncio.run(run())


def hurried(task: Task, total_s: float) -> Task:
    """The task with another limit of time: those that never end need not take 3 s in a test."""
    return replace(
        task, tests={**task.tests, "limits": {**task.tests["limits"], "total_s": total_s}}
    )


def verdicts(
    scenario: str,
    predictions: list[str],
    jail: str = "local",
    total_s: float = 3.0,
    **changes: Any,
) -> list[Verdict]:
    """The verdicts on bare predictions of one task of our own."""
    asked = benchmark(scenario, **changes)
    task = hurried(asked.tasks[0], total_s)
    found = results(asked, [(task, text) for text in predictions], jail)
    return [each.verdict for each in found]


@pytest.fixture(scope="module", params=["input", "output"])
def real(request: pytest.FixtureRequest, shared_data: Path) -> CardBenchmark:
    return load_benchmark(f"cruxeval_{request.param}", data_dir=shared_data)


# --- prompts ---


@pytest.mark.shared
def test_questions_end_with_the_assertion_to_complete(real: CardBenchmark) -> None:
    for task in real.tasks:
        row = task.fields
        text = real.prompt(task, "base").text
        asked = f"f(??) == {row['output']}"
        if real.name == "cruxeval_output":
            asked = f"f({row['input']}) == ??"
        assert text.endswith(f"\n[PYTHON]\n{row['code']}\nassert {asked}\n[/PYTHON]\n[ANSWER]\n")
        assert text.count("[/PYTHON]") == 3


@pytest.mark.parametrize("scenario", ["input", "output"])
def test_thoughts_come_before_the_answer(scenario: str) -> None:
    asked = benchmark(scenario, "cruxeval-cot")
    prompt = asked.prompt(asked.tasks[0], "base")
    assert prompt.text.endswith("\n[/PYTHON]\n[THOUGHT]\n")
    assert prompt.text.count("[/PYTHON]") == 2
    assert prompt.stop == ("[/ANSWER]",)
    assert asked.default_sampling() == Sampling(10, 0.2, 0.95, 2048)
    at_once = benchmark(scenario)
    assert at_once.default_sampling() == Sampling(10, 0.2, 0.95, 1024)
    assert at_once.prompt(asked.tasks[0], "base").stop == ("[/ANSWER]",)


@pytest.mark.parametrize("scenario", ["input", "output"])
@pytest.mark.parametrize("protocol", ["cruxeval", "cruxeval-cot"])
def test_chat_models_are_asked_the_same_as_experts(scenario: str, protocol: str) -> None:
    asked = benchmark(scenario, protocol)
    base, chat = (asked.prompt(asked.tasks[0], kind) for kind in ("base", "chat"))
    system, user = chat.messages
    assert (system.role, user.role) == ("system", "user")
    assert system.content.startswith("You are an expert at Python programming, code execution,")
    assert user.content == base.text
    assert (chat.stop, chat.response_prefix) == (base.stop, "")


# --- predictions ---


@pytest.mark.parametrize(
    ("scenario", "thought", "last_line", "text", "prediction"),
    [
        ("input", False, False, "assert f([1], 2) == 3\n", "f([1], 2)"),
        ("input", False, False, "f([1], 2)", "f([1], 2)"),
        ("input", False, False, "[ANSWER]\nassert f(1) == 3", "f(1)"),
        ("input", False, False, "assert f('==') == 3", "f('"),
        ("input", True, False, "So assert f(0)\n[ANSWER]\nassert f(1) == 3\n", "f(1)"),
        ("input", True, False, "assert f(0) == 1", "f(0)"),
        ("input", True, True, "[ANSWER] assert f(1) == 3", "f(1)"),
        ("input", True, True, "The input is\nf(1)", "f(1)"),
        ("output", False, False, "assert f(1) == [1, 2]\n", "[1, 2]"),
        ("output", False, False, "[1, 2]", "[1, 2]"),
        ("output", False, False, "assert f(1) == 'a==b'", "'a"),
        ("output", True, False, "x == 1\n[ANSWER]\nassert f(1) == 2", "2"),
        ("output", True, False, "so f(1) == 2", "2"),
        ("output", True, True, "[ANSWER]\n2\n", "2"),
        ("output", True, True, "It is\n2 ", "2"),
        ("output", False, False, "", ""),
        ("input", False, False, "", ""),
    ],
)
def test_what_of_an_answer_is_the_prediction(
    scenario: str, thought: bool, last_line: bool, text: str, prediction: str
) -> None:
    assert predicted(text, scenario, thought, last_line) == prediction
    asked = benchmark(scenario, "cruxeval-cot" if thought else "cruxeval")
    task = asked.tasks[0]
    answer = asked.program(task, Completion("", 0, text), "chat" if last_line else "base")
    bare = asked.program(task, Completion("", 0, prediction, form="completion"), "base")
    assert answer.code == bare.code


@given(st.text(max_size=80), st.sampled_from(["input", "output"]), st.booleans(), st.booleans())
def test_any_answer_has_a_prediction_and_a_program_or_none(
    text: str, scenario: str, thought: bool, last_line: bool
) -> None:
    prediction = predicted(text, scenario, thought, last_line)
    assert prediction in text
    make = input_program if scenario == "input" else output_program
    code = make(ROW["code"], prediction)
    assert not code or ast.parse(code)
    assert make(ROW["code"], f"{prediction}\n)(") == ""


literals = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.binary(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=6,
)


@given(literals)
def test_a_program_gives_what_was_predicted(value: Any) -> None:
    namespace: dict[str, Any] = {}
    exec(output_program(ROW["code"], repr(value)), namespace)
    assert namespace[ENTRY_POINT]() == value
    assert "f" not in namespace
    exec(input_program(ROW["code"], f"f({value!r}, more={value!r})"), namespace)
    assert namespace[ENTRY_POINT]() == [[value], {"more": value}]


@pytest.mark.parametrize(
    ("scenario", "prediction"),
    [
        ("input", "??"),
        ("input", "f(??)"),
        ("input", "[1, 2, 2]"),
        ("input", "[1, 2, 2] # f("),
        ("input", "[1, 2, 2] if 'f(' else 0"),
        ("input", "(lambda f: f(1))(lambda x: [1, 2, 2])"),
        ("input", "f(1) or True"),
        ("input", "f(1) != 3"),
        ("input", "f (1)"),
        ("input", "1\nf(1)"),
        ("output", "[1, 2, 2] or True"),
        ("output", "not []"),
        ("output", "f([2, 1], more='ab')"),
        ("output", "['f([2, 1], more='ab')']"),
        ("output", "[1, 2"),
        ("output", "\x00"),
        ("output", "+".join(["1"] * 5000)),
        ("output", "[" * 5000),
    ],
)
def test_what_is_no_prediction_is_no_code(scenario: str, prediction: str) -> None:
    asked = benchmark(scenario)
    completion = Completion("", 0, prediction, form="completion")
    assert asked.program(asked.tasks[0], completion, "base").code == ""


# --- grading ---


@pytest.mark.shared
def test_published_inputs_and_outputs_pass(real: CardBenchmark) -> None:
    tasks = list(real.tasks)
    called = real.name == "cruxeval_input"
    texts = [f"f({t.fields['input']})" if called else str(t.fields["output"]) for t in tasks]
    found = results(real, list(zip(tasks, texts, strict=True)))
    failed = {
        task.task_id
        for task, result in zip(tasks, found, strict=True)
        if result.verdict is not Verdict.PASSED
    }
    assert not failed
    kinds = {task.task_id for task in tasks if called and task.tests["kind"] == "calls"}
    assert kinds == (WITH_FUNCTIONS if called else set())
    hardened = {task.task_id for task in tasks if task.integrity == "hardened"}
    assert hardened == kinds


@pytest.mark.shared
def test_verdicts_are_those_that_were_published(real: CardBenchmark, shared_data: Path) -> None:
    scenario = real.name.removeprefix("cruxeval_")
    folder = shared_data / "verdicts" / "qwen2.5-coder-1.5b-base" / "cruxeval" / f"{scenario}-cot"
    published = json.loads(read_bytes(folder / "completion_scored.json.gz"))
    texts = published["raw_generations"]
    found = results(real, [(hurried(task, 0.5), texts[task.task_id][0]) for task in real.tasks])
    scored = published["raw_scored_generations"]
    differ = {
        task.task_id
        for task, result in zip(real.tasks, found, strict=True)
        if (result.verdict is Verdict.PASSED) != scored[task.task_id][0]
    }
    assert differ == (NEWER_PYTHON if scenario == "input" else set())
    assert all(
        found[int(name.removeprefix("sample_"))].verdict is Verdict.PASSED for name in differ
    )


def test_any_input_that_leads_to_the_output_is_right() -> None:
    right = [
        "f([2, 1], more='ab')",
        "f([1, 2], ['', None])",
        "f(more=(1, 2), numbers=[2, 1])",
        "f(*[[1, 2], [3, 4]]), 'a message'",
        "f([1, 2], (0, 0))\nassert f(0)",
        "f([1.0, True + 1], '##')",
        "f(f([1])[:1] + [2], 'ab')",
    ]
    broken = ["f((1, 2), 'ab')", "f()", "f(unknown)", "f([1, 'a'])", "f([1, 2], range(2))"]
    assert verdicts("input", ["f([1, 2])", *right, *broken]) == [
        Verdict.WRONG,
        *[Verdict.PASSED] * len(right),
        *[Verdict.ERROR] * len(broken),
    ]


def test_outputs_are_equal_as_in_python() -> None:
    assert verdicts(
        "output",
        [
            "[1, 2, 2]",
            "[1.0, True + 1, 2]",
            "sorted([2, 1, 2])",
            "[1, 2, 2], 'a message'",
            "(1, 2, 2)",
            "'[1, 2, 2]'",
            "[1, 2, n]",
        ],
    ) == [Verdict.PASSED] * 4 + [Verdict.WRONG] * 2 + [Verdict.ERROR]


def test_one_limit_is_for_prediction_and_function() -> None:
    spin = "[n for n in iter(int, 1)]"
    tired = "import time\ndef f(n):\n    time.sleep(n)\n    return 1"
    row: dict[str, Any] = {"code": tired, "input": "0", "output": "1"}
    half = "[__import__('time').sleep(0.7), 0.7][1]"
    predictions = ["f(0.7)", f"f({half})", "f(9)", f"f({spin})", "f('a' * 10**11)"]
    assert verdicts("input", predictions, total_s=1.0, **row) == [
        Verdict.PASSED,
        *[Verdict.TIMEOUT] * 3,
        Verdict.MEMORY,
    ]
    assert verdicts("output", [spin], total_s=1.0) == [Verdict.TIMEOUT]
    for scenario in ("input", "output"):
        assert benchmark(scenario).describe()["limits"]["total_s"] == 3.0


# No list leads to True.
NEVER = "def f(numbers):\n    numbers.sort()\n    return len(numbers) < 0"
HOSTILE_INPUTS = {
    "a list that sorts itself": ("f(type('L', (list,), {'sort': lambda s: s.extend([1] * 77)})())"),
    "functions replaced": ("f(setattr(__import__('builtins'), 'len', lambda n: -1) or [])"),
    "the function replaced": "f((globals().update(f=lambda n: True), [1])[1])",
    "the arguments replaced": "f(globals().update(_arguments=lambda *n: True) or [])",
    "the entry point replaced": "f(globals().update(_called_with=lambda *n: True) or [])",
    "an object that is equal": "f(type('A', (), {'__eq__': lambda s, o: True})())",
    "exit": "f(__import__('os')._exit(0))",
    "the channel": "f(__import__('os').write(3, b'[\"v\",true]\\n') or [1])",
    "not arguments": "f(globals().update(_arguments=lambda *n: [[1], 2]) or [])",
    "deep": "f(__import__('functools').reduce(lambda a, b: [a], range(400), 1))",
    "much": "f(['a' * 10**6] * 50)",
}
HOSTILE_OUTPUTS = {
    "an object that is equal": "type('A', (list,), {'__eq__': lambda s, o: True})([3])",
    "exit": "__import__('os')._exit(0)",
    "raise SystemExit": "exit(0)",
    "the channel": "__import__('os').write(3, b'[\"v\",true]\\n')",
    "the function with a blank": "f([2, 1],  more='ab')",
    "the function by name": "globals()['f']([2, 1], 'ab')",
    "the frame": "__import__('sys')._getframe(2).f_locals.get('expected', 0)",
    "itself": "_predicted()",
}


@pytest.fixture(params=["local", pytest.param("docker", marks=pytest.mark.docker)])
def jail(request: pytest.FixtureRequest) -> str:
    if request.param == "docker":
        request.getfixturevalue("guest_image")
    return str(request.param)


def test_no_cheat_passes(jail: str) -> None:
    inputs = list(HOSTILE_INPUTS.values())
    row: dict[str, Any] = {"code": NEVER, "input": "[]", "output": "True"}
    found = dict(zip(HOSTILE_INPUTS, verdicts("input", inputs, jail, **row), strict=True))
    found |= zip(
        HOSTILE_OUTPUTS, verdicts("output", list(HOSTILE_OUTPUTS.values()), jail), strict=True
    )
    assert not {Verdict.PASSED, Verdict.INFRA_ERROR} & set(found.values()), found


# --- what cannot be carried out ---


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"output": "g(1)"}, r"its output is no literal, .*: g\(1\)"),
        ({"output": "[1"}, "its output is no literal"),
        ({"output": 3}, 'it needs "output", a string'),
        ({"code": None}, 'it needs "code", a string'),
        ({"input": "??"}, "its code, input and output are no Python"),
    ],
)
def test_a_malformed_row_is_named(
    change: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:

    rows = [ROW, {**ROW, "task_id": "sample_1", **change}]
    monkeypatch.setattr(registry, "load_rows", lambda *_: (rows, {"rows_sha256": ""}))
    with pytest.raises(DataError, match=message) as raised:
        load_benchmark("cruxeval_input")
    assert "CRUXEval-I v1, task 2 ('sample_1')" in str(raised.value)


def test_predictions_of_the_same_value_are_one_answer() -> None:
    made = benchmark("output")
    assert made.has_answers

    def answer(text: str) -> str:
        completion = Completion("sample_0", 0, text, form="completion")
        return made.answer(made.program(made.tasks[0], completion, "base"))

    assert answer("[1, 'a']") == answer('[1,"a"]') == answer("( [1, 'a'] )")
    assert len({answer(text) for text in ("[1]", "[1.0]", "[True]", "(1,)", "'[1]'")}) == 5
