"""OpenCodeEval: the files it writes step by step, with tasks named by numbers only."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from opencodeeval.core.errors import UsageError
from opencodeeval.core.types import Task
from opencodeeval.runs.formats.base import Format, Kind
from opencodeeval.runs.formats.human_eval import outcome
from opencodeeval.runs.formats.text import json_lines

if TYPE_CHECKING:
    from opencodeeval.runs.finished import FinishedRun


def without_tests(program: str, task: Task) -> str:
    """A program of evaluation.jsonl without the tests that the tool has added after it.

    These are the data's own `test` or `test_list`, or a `check` and its call.
    """
    whole = program.rstrip()
    text = whole.removesuffix(f"check({task.entry_point})").rstrip()
    called = text != whole
    for test in [task.fields.get("test"), *reversed(task.fields.get("test_list") or ())]:
        if isinstance(test, str) and test.strip():
            text = text.removesuffix(test.strip()).rstrip()
    checks = [*re.finditer(r"^def check\(", text, re.MULTILINE)] if called else []
    if checks:
        text = text[: checks[-1].start()].rstrip()
    return program if text == whole else text + "\n"


SOLUTIONS = "OpenCodeEval solutions"
GENERATIONS = "OpenCodeEval generations"
KINDS = (
    Kind(
        "OpenCodeEval evaluations",
        ("completion_id", "passed", "solution"),
        "solution",
        "program",
        number="completion_id",
        cut=without_tests,
    ),
    Kind(
        SOLUTIONS,
        ("completion_id", "solution"),
        "solution",
        "program",
        number="completion_id",
    ),
    Kind(
        GENERATIONS,
        ("completion_id", "completion"),
        "completion",
        "answer",
        number="completion_id",
    ),
    # For a file that the user names as this tool's (--format).
    Kind(SOLUTIONS, ("solution",), "solution", "program"),
    Kind(GENERATIONS, ("completion",), "completion", "answer"),
)


def files(run: FinishedRun) -> dict[str, str]:
    """The files from generations to the score, in the tool's folder."""
    generations, solutions, evaluations = [], [], []
    for sample, number in zip(run.samples, _numbers(run), strict=True):
        row = {"task_id": number, "completion_id": sample.sample_id}
        result, passed = sample.suites[run.benchmark.headline], sample.passes
        generations.append({**row, "completion": sample.answer})
        solutions.append({**row, "solution": sample.solution})
        judged = {"passed": passed[run.benchmark.headline], "result": outcome(result)}
        evaluations.append({**row, **judged, "solution": sample.program})
    score = run.pass_at(run.benchmark.headline, [1])["pass@1"]
    return {
        "generations.jsonl": json_lines(generations),
        "solutions.jsonl": json_lines(solutions),
        "evaluation.jsonl": json_lines(evaluations),
        "result.json": json_lines([{"score": score}]),
    }


def _numbers(run: FinishedRun) -> list[int]:
    """The number in the task id of each sample.

    Raises:
        UsageError: an id has none, or two have the same.
    """
    ids = {task.task_id: number_in(task.task_id) for task in run.tasks}
    numbers = [number for number in ids.values() if number is not None]
    if len(set(numbers)) != len(ids):
        raise UsageError(
            f"OpenCodeEval names tasks by whole numbers, and the ids of {run.benchmark.name} "
            "do not end in numbers of their own: choose another --format"
        )
    return [number for sample in run.samples if (number := ids[sample.task.task_id]) is not None]


def number_in(task_id: str) -> int | None:
    """The whole number at the end of a task id, if there is one."""
    found = re.search(r"[0-9]+$", task_id)
    return int(found.group()) if found else None


FORMAT = Format("OpenCodeEval", KINDS, files, rank=5, prepends=True)
