"""OpenCodeEval: the files it writes step by step, with tasks named by numbers only."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from opencodeeval.core.errors import UsageError
from opencodeeval.core.types import Task
from opencodeeval.runs.formats.base import Format, Kind
from opencodeeval.runs.formats.human_eval import outcome
from opencodeeval.runs.formats.text import json_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from opencodeeval.benchmarks.finished import FinishedSample as Sample
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


def files(run: FinishedRun) -> dict[str, Iterable[str]]:
    """The files from generations to the score, in the tool's folder."""
    suite, numbers = run.benchmark.headline, _numbers(run)

    def row(sample: Sample) -> dict[str, Any]:
        return {"task_id": numbers[sample.task.task_id], "completion_id": sample.sample_id}

    def judged(sample: Sample) -> dict[str, Any]:
        return {"passed": sample.passes[suite], "result": outcome(sample.suites[suite])}

    generations = ({**row(each), "completion": each.answer} for each in run.samples)
    solutions = ({**row(each), "solution": each.solution} for each in run.samples)
    evaluations = ({**row(each), **judged(each), "solution": each.program} for each in run.samples)
    return {
        "generations.jsonl": json_lines(generations),
        "solutions.jsonl": json_lines(solutions),
        "evaluation.jsonl": json_lines(evaluations),
        "result.json": json_lines(_score(run)),
    }


def _score(run: FinishedRun) -> Iterator[dict[str, float]]:
    yield {"score": run.pass_at(run.benchmark.headline, [1])["pass@1"]}


def _numbers(run: FinishedRun) -> Mapping[str, int]:
    """Task id -> the number in it.

    Raises:
        UsageError: an id has none, or two have the same.
    """
    found = {task.task_id: number_in(task.task_id) for task in run.tasks}
    numbers = {task_id: number for task_id, number in found.items() if number is not None}
    if len({*numbers.values()}) != len(found):
        raise UsageError(
            f"OpenCodeEval names tasks by whole numbers, and the ids of {run.benchmark.name} "
            "do not end in numbers of their own: choose another --format"
        )
    return numbers


def number_in(task_id: str) -> int | None:
    """The whole number at the end of a task id, if there is one."""
    found = re.search(r"[0-9]+$", task_id)
    return int(found.group()) if found else None


FORMAT = Format("OpenCodeEval", KINDS, files, rank=5, prepends=True)
