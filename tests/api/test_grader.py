"""`Grader`: single programs, many at once, in a real local jail."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

import opencodeeval
from opencodeeval import Grader, SandboxError, SandboxOptions, UsageError, Verdict
from opencodeeval.core.types import Grade, Program, SuiteResult, Task

LOCAL = SandboxOptions("local", slots=2)


def references() -> dict[str, str]:
    return {task.task_id: task.reference for task in opencodeeval.load_benchmark("starter").tasks}


def test_many_programs_are_graded_at_once() -> None:
    codes = references()

    async def work() -> list[bool]:
        async with Grader("starter", sandbox=LOCAL) as grader:
            assert grader.task_ids == list(codes)
            right = [grader.grade(task_id, code) for task_id, code in codes.items()]
            wrong = [grader.grade(task_id, "x = 1") for task_id in codes]
            return [graded.passed for graded in await asyncio.gather(*right, *wrong)]

    assert asyncio.run(work()) == [True] * len(codes) + [False] * len(codes)


def test_a_verdict_says_what_went_wrong() -> None:
    async def work() -> None:
        async with Grader("starter", sandbox=LOCAL) as grader:
            graded = await grader.grade("starter/0", "def count_rises(values):\n    return 0\n")
            assert (graded.passed, graded.verdict) == (False, Verdict.WRONG)
            assert graded.suites["base"].failure is not None
            nothing = await grader.grade("starter/0", "")
            assert nothing.verdict is Verdict.NO_CODE
            answer = f"Here it is:\n```python\n{references()['starter/0']}\n```\n"
            assert (await grader.grade("starter/0", answer, form="answer")).passed
            with pytest.raises(UsageError, match="has no task 'starter/99'"):
                await grader.grade("starter/99", "")

    asyncio.run(work())


class Failing:
    """A stand-in, as a real sandbox cannot be made to fail for good at will."""

    jail = "local"
    slots = 1

    def describe(self) -> dict[str, str]:
        return {}

    async def grade(self, task: Task, program: Program) -> Grade:
        result = SuiteResult(Verdict.INFRA_ERROR, "the slot does not start")
        return Grade(task.task_id, program.sample_id, {"base": result})

    async def close(self) -> None:
        return None


class FailingOptions(SandboxOptions):
    def open(self, environment: str, log: Callable[[str], None]) -> Failing:
        return Failing()


def test_a_failure_of_the_sandbox_is_never_a_verdict() -> None:
    async def work() -> None:
        async with Grader("starter", sandbox=FailingOptions()) as grader:
            await grader.grade("starter/0", "x = 1")

    with pytest.raises(SandboxError, match=r"failed on starter/0 \(the slot does not start\)"):
        asyncio.run(work())


def test_a_grader_that_is_not_open_says_so() -> None:
    with pytest.raises(UsageError, match="not open: use `async with"):
        asyncio.run(Grader("starter", sandbox=LOCAL).grade("starter/0", "x = 1"))


def test_the_grader_takes_a_file_of_own_tasks(tmp_path: Path) -> None:
    card = Path(opencodeeval.__file__).parents[1] / "benchmarks" / "starter" / "tasks.jsonl"
    tasks = tmp_path / "mine.jsonl"
    tasks.write_text("".join(card.read_text().splitlines(keepends=True)[:1]))

    async def work() -> bool:
        async with Grader(f"file:{tasks}", sandbox=LOCAL) as grader:
            return (await grader.grade("starter/0", references()["starter/0"])).passed

    assert asyncio.run(work())
