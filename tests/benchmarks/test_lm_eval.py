"""The protocol `lm-eval` of HumanEval and MBPP.

The expectations are those of lm-evaluation-harness 0.4.13 (lm_eval/tasks/humaneval and mbpp,
lm_eval/api/task.py, lm_eval/models/huggingface.py).
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from opencodeeval.backends.rendering import render
from opencodeeval.benchmarks.card_benchmark import CardBenchmark
from opencodeeval.benchmarks.registry import load_benchmark
from opencodeeval.core.types import Completion, Message, Program, Sampling, Task, Verdict
from opencodeeval.execution import open_sandbox
from tests.support.tiny_models import tiny_tokenizer

pytestmark = pytest.mark.shared

STOP = ("\nclass", "\ndef", "\n#", "\nif", "\nprint")


@pytest.fixture(scope="module")
def humaneval(shared_data: Path) -> CardBenchmark:
    return load_benchmark("humaneval", "lm-eval", shared_data)


@pytest.fixture(scope="module")
def mbpp(shared_data: Path) -> CardBenchmark:
    return load_benchmark("mbpp", "lm-eval", shared_data)


def named(benchmark: CardBenchmark, task_id: str) -> Task:
    return next(task for task in benchmark.tasks if task.task_id == task_id)


def program(
    benchmark: CardBenchmark, text: str, model_type: Any = "chat", form: Any = "answer"
) -> str:
    task = benchmark.tasks[0]
    return benchmark.program(task, Completion(task.task_id, 0, text, form=form), model_type).code


def verdict(benchmark: CardBenchmark, task_id: str, code: str) -> Verdict:
    """What becomes of a program, in the local jail."""

    async def run() -> Verdict:
        sandbox = open_sandbox("local", 1)
        try:
            task = named(benchmark, task_id)
            grade = await sandbox.grade(task, Program(task_id, 0, code, "program"))
            return grade.suites["base"].verdict
        finally:
            await sandbox.close()

    return asyncio.run(run())


# --- prompts ---


def test_humaneval_prompts(humaneval: CardBenchmark) -> None:
    for task in humaneval.tasks:
        code = task.fields["prompt"]
        assert humaneval.prompt(task, "base").text == code
        asked = humaneval.prompt(task, "chat")
        (message,) = asked.messages
        assert message == Message(
            "user",
            "Write a solution to the following problem and make sure that it passes the tests:\n"
            f"```python\n{code}\n```\n",
        )
        assert asked.response_prefix == f"Here is the completed function:\n```python\n{code}\n"


def test_mbpp_base_prompts(mbpp: CardBenchmark, shared_data: Path) -> None:
    publishers = load_benchmark("mbpp", "mbpp", shared_data)
    for task, other in zip(mbpp.tasks, publishers.tasks, strict=True):
        assert mbpp.prompt(task, "base") == publishers.prompt(other, "base")


MBPP = [
    """You are an expert Python programmer, and here is your task:
Write a function to find the similar elements from the given two tuple lists.
Your code should pass these tests:
assert similar_elements((3, 4, 5, 6),(5, 7, 4, 10)) == (4, 5)
assert similar_elements((1, 2, 3, 4),(5, 4, 3, 7)) == (3, 4)
assert similar_elements((11, 12, 14, 13),(17, 15, 14, 13)) == (13, 14)""",
    """
```python
def similar_elements(test_tup1, test_tup2):\r
  res = tuple(set(test_tup1) & set(test_tup2))\r
  return (res)\x20
```""",
    """You are an expert Python programmer, and here is your task:
Write a python function to identify non-prime numbers.
Your code should pass these tests:
assert is_not_prime(2) == False
assert is_not_prime(10) == True
assert is_not_prime(35) == True""",
    """
```python
import math\r
def is_not_prime(n):\r
    result = False\r
    for i in range(2,int(math.sqrt(n)) + 1):\r
        if n % i == 0:\r
            result = True\r
    return result
```""",
    """You are an expert Python programmer, and here is your task:
Write a function to find the largest integers from a given list of numbers using heap queue \
algorithm.
Your code should pass these tests:
assert heap_queue_largest( [25, 35, 22, 85, 14, 65, 75, 22, 58],3)==[85, 75, 65]\x20
assert heap_queue_largest( [25, 35, 22, 85, 14, 65, 75, 22, 58],2)==[85, 75]\x20
assert heap_queue_largest( [25, 35, 22, 85, 14, 65, 75, 22, 58],5)==[85, 75, 65, 58, 35]""",
    """
```python
import heapq as hq\r
def heap_queue_largest(nums,n):\r
  largest_nums = hq.nlargest(n, nums)\r
  return largest_nums
```""",
    """You are an expert Python programmer, and here is your task:
Write a python function to remove first and last occurrence of a given character from the string.
Your code should pass these tests:
assert remove_Occ("hello","l") == "heo"
assert remove_Occ("abcda","a") == "bcd"
assert remove_Occ("PHP","P") == "H\"""",
]


def test_mbpp_chat_models_see_each_shot_as_two_turns(mbpp: CardBenchmark) -> None:
    task = named(mbpp, "Mbpp/11")
    asked = mbpp.prompt(task, "chat")
    assert [each.content for each in asked.messages] == MBPP
    assert [each.role for each in asked.messages] == [*["user", "assistant"] * 3, "user"]
    assert asked.response_prefix == "\n```python\n"


def test_the_line_feed_behind_the_start_of_an_answer_stays(mbpp: CardBenchmark) -> None:
    trimming = "{% for each in messages %}{{ each.role }}: {{ each.content | trim }}.{% endfor %}"
    asked = mbpp.prompt(mbpp.tasks[0], "chat")
    text = render(tiny_tokenizer(trimming), asked).text
    assert text.endswith("assistant: ```python\n")
    assert "user: You are an expert" in text


def test_answers_stop_where_lm_evaluation_harness_stops(
    humaneval: CardBenchmark, mbpp: CardBenchmark
) -> None:
    task = humaneval.tasks[0]
    assert humaneval.prompt(task, "base").stop == humaneval.prompt(task, "chat").stop == STOP
    assert mbpp.prompt(mbpp.tasks[0], "base").stop == ("[DONE]",)
    assert mbpp.prompt(mbpp.tasks[0], "chat").stop == ()


def test_answers_are_greedy_and_of_the_tasks_lengths(
    humaneval: CardBenchmark, mbpp: CardBenchmark
) -> None:
    assert humaneval.default_sampling() == Sampling(max_tokens=1024)
    assert mbpp.default_sampling() == Sampling(max_tokens=256)


@pytest.mark.parametrize("name", ["humaneval", "mbpp"])
def test_the_prompts_digest_covers_the_start_of_the_answer(name: str, shared_data: Path) -> None:
    own = load_benchmark(name, "lm-eval", shared_data, 1)
    other = load_benchmark(name, None, shared_data, 1)
    found = {each.prompt_digest(kind) for each in (own, other) for kind in ("base", "chat")}
    assert len(found) == 4


# --- programs ---


def test_humaneval_programs_continue_the_prompt(humaneval: CardBenchmark) -> None:
    head = humaneval.tasks[0].prompt
    text = "    return 1\n```\n\nHere is a test:\n```python\nx\n```"
    assert program(humaneval, text) == f"{head}    return 1\n"
    assert program(humaneval, text, "base") == head + text
    assert program(humaneval, text, form="completion") == head + text
    assert program(humaneval, text, form="program") == text


def test_a_humaneval_answer_without_text_is_the_prompt_alone(humaneval: CardBenchmark) -> None:
    head = humaneval.tasks[0].prompt
    assert program(humaneval, "", "base") == program(humaneval, "```") == head
    assert verdict(humaneval, "HumanEval/0", head) is Verdict.WRONG


def test_mbpp_base_programs_are_what_was_written(mbpp: CardBenchmark) -> None:
    text = "```python\nx = 1\n```\n"
    assert program(mbpp, text, "base") == text
    assert program(mbpp, f"{text}[DONE]\n\nYou are", "base") == text
    assert program(mbpp, f"{text}[DONE]", "base", form="program") == f"{text}[DONE]"
    assert program(mbpp, " \n", "base") == ""


@pytest.mark.parametrize(
    ("text", "code"),
    [
        # The tool itself takes `def` for the label of the fence, so that " f(): ..." is left.
        ("def f():\n    return 1\n```\nIt returns 1.\n```", "def f():\n    return 1"),
        ("\nx = 1\n\n```", "x = 1\n"),
        ("x = 1", ""),  # the fence is never closed
        ("```python\nx = 1\n```", ""),
    ],
)
def test_mbpp_chat_programs_end_at_the_first_fence(
    text: str, code: str, mbpp: CardBenchmark
) -> None:
    assert program(mbpp, text) == code


# --- grading ---


def test_tests_are_those_of_the_publishers_protocols(
    humaneval: CardBenchmark, mbpp: CardBenchmark, shared_data: Path
) -> None:
    for benchmark in (humaneval, mbpp):
        other = load_benchmark(benchmark.name, None, shared_data)
        differing = [
            task.task_id
            for task, theirs in zip(benchmark.tasks, other.tasks, strict=True)
            if task.tests != theirs.tests
        ]
        assert differing == (["Mbpp/367"] if benchmark is mbpp else [])


def test_setup_code_is_left_out(mbpp: CardBenchmark) -> None:
    task = named(mbpp, "Mbpp/367")
    assert verdict(mbpp, "Mbpp/367", task.reference) is Verdict.WRONG
    (erratum,) = [row for row in mbpp.errata if row.task == "Mbpp/367"]
    assert erratum.fails
