"""MBPP: its prompts, its answers, and its assertions on a function that is elsewhere."""

from __future__ import annotations

import ast
import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

from opencodeeval.benchmarks.base import Benchmark
from opencodeeval.benchmarks.data.rows import read_jsonl
from opencodeeval.benchmarks.registry import load_benchmark
from opencodeeval.core.errors import DataError
from opencodeeval.core.types import (
    Completion,
    Message,
    Program,
    Sampling,
    SuiteResult,
    Task,
    Verdict,
)
from opencodeeval.execution import open_sandbox
from opencodeeval_benchmarks.mbpp.adapter import entry_point


@pytest.fixture(scope="module")
def mbpp(shared_data: Path) -> Benchmark:
    return load_benchmark("mbpp", data_dir=shared_data)


@pytest.fixture(scope="module", params=["full", "sanitized"])
def everything(request: pytest.FixtureRequest, shared_data: Path) -> Benchmark:
    return load_benchmark(f"mbpp@{request.param}", "mbpp-all", data_dir=shared_data)


def named(benchmark: Benchmark, task_id: str) -> Task:
    return next(task for task in benchmark.tasks if task.task_id == task_id)


def answer(task: Task, text: str, **more: Any) -> Completion:
    return Completion(task.task_id, 0, text, **more)


def results(tasks: list[Task], programs: list[str]) -> list[SuiteResult]:
    """What became of one program a task, in the local jail."""

    async def run() -> list[SuiteResult]:
        sandbox = open_sandbox("local", 2)
        try:
            grades = await asyncio.gather(
                *(
                    sandbox.grade(task, Program(task.task_id, number, code, "program"))
                    for number, (task, code) in enumerate(zip(tasks, programs, strict=True))
                )
            )
            return [grade.suites["base"] for grade in grades]
        finally:
            await sandbox.close()

    return asyncio.run(run())


# --- tasks ---


@pytest.mark.shared
@pytest.mark.parametrize(
    ("spec", "protocol", "count"),
    [
        ("mbpp", "mbpp", 500),
        ("mbpp", "mbpp-all", 974),
        ("mbpp@sanitized", "mbpp", 257),
        ("mbpp@sanitized", "mbpp-all", 427),
    ],
)
def test_the_publishers_split_is_by_number(
    spec: str, protocol: str, count: int, shared_data: Path
) -> None:
    tasks = load_benchmark(spec, protocol, shared_data).tasks
    numbers = [int(task.task_id.removeprefix("Mbpp/")) for task in tasks]
    assert len(numbers) == count
    assert numbers == sorted(numbers)
    if protocol == "mbpp":
        assert set(numbers) <= set(range(11, 511))


@pytest.mark.shared
def test_the_split_is_the_one_that_others_publish(mbpp: Benchmark, shared_data: Path) -> None:
    rows = read_jsonl(shared_data / "mbpp" / "mbpp_full_split.jsonl.gz")
    test = {f"Mbpp/{row['task_id']}" for row in rows if row["split"] == "test"}
    assert {task.task_id for task in mbpp.tasks} == test


@pytest.mark.shared
@pytest.mark.filterwarnings("ignore:invalid escape sequence")
def test_the_function_is_one_that_the_published_solution_defines(everything: Benchmark) -> None:
    for task in everything.tasks:
        defined = {
            node.name
            for node in ast.parse(task.reference.replace("\r\n", "\n")).body
            if isinstance(node, ast.FunctionDef)
        }
        assert task.entry_point in defined, task.task_id
        assert {entry_point(test) for test in task.fields["test_list"]} == {task.entry_point}


@pytest.mark.parametrize(
    ("test", "name"),
    [
        ("assert f(1) == 2", "f"),
        ("assert set(f(g(1))) == set([1])", "f"),
        ("assert math.isclose(f(1), len([1]), rel_tol=0.001)", "f"),
        ("assert not f(1)", "f"),
        ("assert sum(10, 15) == 6", "sum"),
        ("assert f([Pair(1, 2)]) == 3", "f"),
    ],
)
def test_the_function_is_the_first_that_is_called(test: str, name: str) -> None:
    assert entry_point(test) == name


def test_a_test_that_calls_nothing_is_a_fault_of_the_data() -> None:
    with pytest.raises(DataError, match="calls no function"):
        entry_point("assert True")


# --- prompts and answers ---


@pytest.mark.shared
def test_base_prompts_have_the_publishers_form_and_shots(mbpp: Benchmark) -> None:
    form = (
        r"You are an expert Python programmer, and here is your task: (.*?) Your code should pass "
        r"these tests:\n\n((?:assert [^\n]*\n){3})\[BEGIN\]\n"
    )
    for task in mbpp.tasks:
        text = mbpp.prompt(task, "base").text
        parts = re.fullmatch(rf"(?:{form}(.*?)\n\[DONE\]\n\n){{3}}{form}", text, re.DOTALL)
        assert parts, task.task_id
        assert parts[4] == task.fields["text"]
        assert parts[5].splitlines() == task.fields["test_list"]
        assert text.count("[DONE]") == 3
    assert [shot["task_id"] for shot in mbpp.tasks[0].fields["shots"]] == [2, 3, 4]
    assert mbpp.prompt(mbpp.tasks[0], "base").stop == ("[DONE]",)


@pytest.mark.shared
def test_shots_are_given_to_the_letter(mbpp: Benchmark) -> None:
    text = mbpp.prompt(mbpp.tasks[0], "base").text
    for shot in mbpp.tasks[0].fields["shots"]:
        assert f"[BEGIN]\n{shot['code']}\n[DONE]\n\n" in text
    assert "\r\n" in text


@pytest.mark.shared
def test_no_task_is_its_own_shot(everything: Benchmark) -> None:
    for task in everything.tasks:
        shots = [shot["task_id"] for shot in task.fields["shots"]]
        assert len(shots) == 3
        assert task.fields["task_id"] not in shots
    assert [each["task_id"] for each in named(everything, "Mbpp/3").fields["shots"]][:2] == [2, 4]


@pytest.mark.shared
def test_chat_models_see_the_same_text_without_shots(mbpp: Benchmark) -> None:
    task = mbpp.tasks[0]
    prompt = mbpp.prompt(task, "chat")
    asked = mbpp.prompt(task, "base").text.rpartition("[DONE]\n\n")[2]
    assert prompt.messages == (Message("user", asked.removesuffix("[BEGIN]\n")),)
    assert (prompt.stop, prompt.response_prefix) == ((), "")
    assert mbpp.default_sampling() == Sampling(max_tokens=512)


@pytest.mark.shared
def test_a_base_models_program_is_what_it_wrote(mbpp: Benchmark) -> None:
    task = mbpp.tasks[0]
    for text, code in (
        ("def f():\r\n\treturn 1", "def f():\r\n\treturn 1"),
        ("x = 1\n[DONE]\n\nYou are", "x = 1\n"),
        ("```python\nx = 1\n```\n[DONE]", "x = 1"),
        ("[BEGIN]\nx = 1\n[DONE]", "x = 1"),
        ("[BEGIN]\n```python\nx = 1\n```\n[DONE]", "x = 1"),
        ("```python\n[BEGIN]\nx = 1\n[DONE]\n```", "x = 1"),
        (" \n[DONE]", ""),
    ):
        assert mbpp.program(task, answer(task, text), "base").code.strip("\n") == code.strip("\n")
    for form in ("program", "completion"):
        assert mbpp.program(task, answer(task, "\tx = (", form=form), "base").code == "\tx = ("


@pytest.mark.shared
def test_a_chat_models_program_is_the_block_that_defines_the_function(mbpp: Benchmark) -> None:
    task = mbpp.tasks[0]
    code = f"def {task.entry_point}(*_):\n    return 1"
    text = f"Try:\n```python\n{code}\n```\nTest it:\n```python\nprint(1)\n```"
    assert mbpp.program(task, answer(task, text), "chat").code == code


# --- grading ---

# Its tests call a class of the sample, which cannot leave the sample's process; a training task.
UNABLE = {"Mbpp/601"}


@pytest.mark.shared
def test_canonical_solutions_pass(everything: Benchmark) -> None:
    tasks = list(everything.tasks)
    found = results(tasks, [task.reference for task in tasks])
    failed = {
        task.task_id: result.verdict
        for task, result in zip(tasks, found, strict=True)
        if result.verdict is not Verdict.PASSED
    }
    for row in everything.errata:
        # Near the limit: it depends on the machine.
        if row.kind == "slow" and failed.get(row.task) is Verdict.TIMEOUT:
            del failed[row.task]
    assert failed.keys() == UNABLE & {task.task_id for task in tasks}


@pytest.mark.shared
def test_a_function_that_returns_nothing_passes_nowhere(everything: Benchmark) -> None:
    tasks = list(everything.tasks)
    found = results(tasks, [f"def {task.entry_point}(*_): pass" for task in tasks])
    passed = {
        task.task_id
        for task, result in zip(tasks, found, strict=True)
        if result.verdict is Verdict.PASSED
    }
    assert not passed


TREE = "class Node:\n    def __init__(self, data):\n        self.left = self.right = None\n"
DEPTH = """
def is_tree_balanced(root):
    def depth(node):
        return 1 + max(depth(node.left), depth(node.right)) if node else 0
    return not root or (
        abs(depth(root.left) - depth(root.right)) <= 1
        and is_tree_balanced(root.left) and is_tree_balanced(root.right)
    )
"""


@pytest.mark.shared
def test_objects_of_the_samples_own_classes_stay_with_it(mbpp: Benchmark) -> None:
    task = named(mbpp, "Mbpp/367")
    programs = [TREE + DEPTH, TREE + "def is_tree_balanced(root): return False", DEPTH]
    verdicts = [result.verdict for result in results([task] * 3, programs)]
    assert verdicts == [Verdict.PASSED, Verdict.WRONG, Verdict.ERROR]


@pytest.mark.shared
def test_assertions_are_judged_by_values(mbpp: Benchmark) -> None:
    task = named(mbpp, "Mbpp/11")
    head = f"def {task.entry_point}(s, ch):\n    return "
    always = "class Any(str):\n    __eq__ = lambda self, other: True\n" + head + "Any()"
    slow = "import time\n" + head + "time.sleep(4)"
    verdicts = [result.verdict for result in results([task] * 3, [always, head + "exit()", slow])]
    assert verdicts == [Verdict.WRONG, Verdict.ERROR, Verdict.TIMEOUT]


@pytest.mark.shared
def test_annotations_are_evaluated(mbpp: Benchmark) -> None:
    task = named(mbpp, "Mbpp/11")
    program = task.reference.replace("(s,ch)", "(s: List[int], ch)")
    assert program != task.reference
    assert results([task], [program])[0].verdict is Verdict.ERROR
