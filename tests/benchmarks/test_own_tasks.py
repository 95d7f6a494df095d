"""Files of one's own tasks: HumanEval's format, and integers longer than Python's 4,300 digits."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opencodeeval.benchmarks.registry import load_benchmark
from opencodeeval.core import long_integers
from opencodeeval.core.errors import DataError
from opencodeeval.core.types import Completion, Program, Verdict
from opencodeeval.execution import open_sandbox

# 5,001 digits, written without making the number.
LONG, TWICE = "1" + "0" * 4999 + "1", "2" + "0" * 4999 + "2"
DOUBLE = {"prompt": 'def double(n):\n    """Double n."""\n', "entry_point": "double"}
POWER = "import unittest\nclass TestCases(unittest.TestCase):\n"
POWER += "    def test_length(self):\n        self.assertEqual(len(text(5000)), 5001)\n"
CHECK = "def check(candidate):\n    assert candidate(2) == 4\n"
TASKS: dict[str, dict[str, Any]] = {
    "function": {
        **DOUBLE,
        "style": "function",
        "canonical_solution": "    return int(str(n)) * 2\n",
        "inputs": [["LONG"], [1]],
        "expected": ["TWICE", 2],
    },
    "stdio": {
        "style": "stdio",
        "prompt": "Double the number.",
        "entry_point": "",
        "canonical_solution": "print(2 * int(input()))",
        "tests": [{"input": LONG, "output": TWICE}],
    },
    "unittest": {
        "style": "unittest",
        "prompt": 'def text(n):\n    """The nth power of ten as text."""\n',
        "entry_point": "text",
        "canonical_solution": "    return str(10**n)\n",
        "test": POWER,
    },
    "human-eval": {
        **DOUBLE,
        "canonical_solution": "    return 2 * n\n",
        "test": CHECK,
    },
}


def written(path: Path, **tasks: dict[str, Any]) -> str:
    text = "".join(json.dumps({"task_id": name, **row}) + "\n" for name, row in tasks.items())
    path.write_text(text.replace('"LONG"', LONG).replace('"TWICE"', TWICE))
    return f"file:{path}"


@pytest.fixture
def usual_limit() -> Iterator[None]:
    """The limit of this process as Python sets it; a long integer in a file raises it."""
    import sys

    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(4300)
    yield
    sys.set_int_max_str_digits(before)


@pytest.mark.usefixtures("usual_limit")
def test_long_integers_are_read_and_printed_in_tasks_of_every_style(tmp_path: Path) -> None:
    benchmark = load_benchmark(written(tmp_path / "tasks.jsonl", **TASKS))

    async def verdicts() -> dict[str, list[Verdict]]:
        sandbox = open_sandbox("local", 2)
        found: dict[str, list[Verdict]] = {}
        try:
            for task in benchmark.tasks:
                wrong = task.reference.replace("2", "3").replace("10", "11")
                for number, code in enumerate((task.reference, wrong)):
                    grade = await sandbox.grade(
                        task, Program(task.task_id, number, code, "program")
                    )
                    found.setdefault(task.task_id, []).append(grade.suites["base"].verdict)
            return found
        finally:
            await sandbox.close()

    wrong = [Verdict.PASSED, Verdict.WRONG]
    assert asyncio.run(verdicts()) == dict.fromkeys(TASKS, wrong)


@pytest.mark.usefixtures("usual_limit")
def test_an_integer_that_is_too_long_for_that_is_told_with_what_to_do(tmp_path: Path) -> None:
    row = {**TASKS["function"], "expected": ["TOO_LONG", 2]}
    spec = written(tmp_path / "tasks.jsonl", task=row)
    path = tmp_path / "tasks.jsonl"
    path.write_text(path.read_text().replace('"TOO_LONG"', "9" * (long_integers.MAX_DIGITS + 1)))
    with pytest.raises(DataError, match=r"more than 50,000 digits: write it as a string"):
        load_benchmark(spec)


def test_rows_of_human_eval_are_taken_as_they_are(tmp_path: Path) -> None:
    benchmark = load_benchmark(written(tmp_path / "t.jsonl", **{"Mine/0": TASKS["human-eval"]}))
    (task,) = benchmark.tasks
    assert task.tests["kind"] == "check"
    assert benchmark.prompt(task, "base").text == DOUBLE["prompt"]
    answer = Completion("Mine/0", 0, "```python\ndef double(n):\n    return n + n\n```")
    assert "return n + n" in benchmark.program(task, answer, "chat").code


def test_a_row_of_neither_format_is_refused_with_where_the_format_stands(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"its style is None: .*`opencodeeval benchmarks --help`"):
        load_benchmark(written(tmp_path / "t.jsonl", task=DOUBLE))
