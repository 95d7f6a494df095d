"""Answers in forms that users hit get the verdict that their code deserves.

`answer_cases.jsonl` has cases of our own; the others are beside the data files that are not part
of the repository. Each goes the way of a chat model's answer: extraction, then the sandbox.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from opencodeeval.benchmarks.card_benchmark import CardBenchmark
from opencodeeval.benchmarks.registry import load_benchmark
from opencodeeval.core.types import Completion
from opencodeeval.execution import open_sandbox

OWN = Path(__file__).parent / "answer_cases.jsonl"
BENCHMARKS = {"starter": "starter", "HumanEval": "humaneval", "Mbpp": "mbpp"}

Case = Mapping[str, str]


def read_cases(path: Path) -> list[Case]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def verdicts(cases: Sequence[Case], data: Path | None = None) -> dict[str, str]:
    """The verdict of each case's answer, by its id."""

    @cache
    def benchmark(family: str) -> CardBenchmark:
        return load_benchmark(BENCHMARKS[family], data_dir=data)

    async def grade() -> list[Any]:
        sandbox = open_sandbox("local", 2)
        waiting = []
        try:
            for number, case in enumerate(cases):
                found = benchmark(case["task_id"].partition("/")[0])
                task = next(each for each in found.tasks if each.task_id == case["task_id"])
                answer = Completion(task.task_id, number, case["answer"])
                program = found.program(task, answer, "chat")
                waiting.append(sandbox.grade(task, program) if program.code else no_code())
            return await asyncio.gather(*waiting)
        finally:
            await sandbox.close()

    async def no_code() -> None:
        return None

    grades = asyncio.run(grade())
    return {
        case["id"]: str(grade.suites["base"].verdict) if grade else "no_code"
        for case, grade in zip(cases, grades, strict=True)
    }


def expected(cases: Sequence[Case]) -> dict[str, str]:
    return {case["id"]: case["expect"] for case in cases}


def test_our_own_cases() -> None:
    cases = read_cases(OWN)
    assert len({case["id"] for case in cases}) == len(cases) > 10
    assert verdicts(cases) == expected(cases)


@pytest.mark.shared
@pytest.mark.parametrize("name", ["answers.jsonl", "mbpp_answers.jsonl"])
def test_cases_after_public_reports(name: str, shared_data: Path) -> None:
    path = shared_data.parent / "cases" / name
    if not path.is_file():
        pytest.skip(f"no cases at {path}")
    cases = read_cases(path)
    assert verdicts(cases, shared_data) == expected(cases)
