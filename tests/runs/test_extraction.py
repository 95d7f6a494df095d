"""Programs are extracted in a thread, or in processes: the same ones, whatever happens to these."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

import opencodeeval as oce
from opencodeeval.core.errors import SandboxError
from opencodeeval.core.paths import benchmarks_dir
from opencodeeval.core.types import Completion
from opencodeeval.records.schema import content_of
from opencodeeval.runs import extraction
from opencodeeval.runs.extraction import CRASHED, Extraction

ANSWER = "Sure:\n```python\ndef {name}(x):\n    return '{mark}\ud800'\n```\n"
# What the adapter of a user's own folder does with some answers.
OWN = """

class Mine(Starter):
    def program(self, task, completion, model_type):
        print("printed by an adapter")
        if "KILLED" in completion.text and os.getpid() != PARENT:
            os.kill(os.getpid(), 9)
        if "ENDS" in completion.text and os.getpid() != PARENT:
            os._exit(1)
        if "RAISES" in completion.text:
            raise ValueError("an adapter's own error")
        found = super().program(task, completion, model_type)
        place = "parent" if os.getpid() == PARENT else "child"
        return replace(found, found=f"{found.found} in {place}")


ADAPTER = Adapter(to_task, Mine)
"""


@pytest.fixture
def own(tmp_path: Path) -> Any:
    """A user's own folder of a benchmark, which says where it extracts."""
    folder = tmp_path / "mine"
    shutil.copytree(benchmarks_dir() / "starter", folder)
    card = folder / "card.toml"
    card.write_text(card.read_text().replace('name = "starter"', 'name = "mine"', 1))
    path = folder / "adapter.py"
    head = f"import os\nfrom dataclasses import replace\n\nPARENT = {os.getpid()}\n"
    text = path.read_text().replace("from __future__ import annotations\n", "")
    path.write_text(f"from __future__ import annotations\n\n{head}\n{text}{OWN}")
    return oce.load_benchmark(str(folder), limit=4)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes after the first sample, two of them."""
    monkeypatch.setattr(extraction, "WORTH_S", -1.0)
    monkeypatch.setattr(extraction, "MEASURED", 1)
    monkeypatch.setattr(extraction, "usable_cores", lambda: 2)


@asynccontextmanager
async def opened(benchmark: Any) -> AsyncIterator[Extraction]:
    extracts = Extraction(benchmark, "chat")
    extracts.expected = 100
    try:
        yield extracts
    finally:
        await extracts.close()


def answers(benchmark: Any, marks: list[str]) -> list[Completion]:
    return [
        Completion(task.task_id, number, ANSWER.format(name=task.entry_point, mark=mark))
        for task in benchmark.tasks
        for number, mark in enumerate(marks)
    ]


def children() -> set[int]:
    tasks = Path("/proc/self/task").glob("*/children")
    return {int(pid) for path in tasks for pid in path.read_text().split()}


def in_turn(benchmark: Any, completions: list[Completion]) -> list[Any]:
    """The programs, the first extracted before the others begin."""

    async def work() -> list[Any]:
        async with opened(benchmark) as extracts:
            first = await extracts.program(completions[0])
            rest = map(extracts.program, completions[1:])
            return [first, *await asyncio.gather(*rest, return_exceptions=True)]

    return asyncio.run(work())


@pytest.mark.parametrize("name", ["starter", "humaneval_plus", "mbpp_plus", "bigcodebench"])
def test_processes_give_the_programs_that_the_thread_gives(
    name: str, request: pytest.FixtureRequest
) -> None:
    data = None
    if name != "starter":
        data = os.environ.get("OPENCODEEVAL_SHARED_DATA")
        if not data:
            pytest.skip("OPENCODEEVAL_SHARED_DATA names no folder of data files")
    benchmark = oce.load_benchmark(name, limit=3, data_dir=Path(data) if data else None)
    completions = answers(benchmark, ["one", "two"])
    expected = [
        benchmark.program(task, each, "chat")
        for each in completions
        for task in benchmark.tasks
        if task.task_id == each.task_id
    ]
    before = children()
    assert in_turn(benchmark, completions) == expected
    assert name != "starter" or any("\ud800" in program.code for program in expected)
    assert children() <= before


def test_a_benchmark_of_a_user_s_own_folder_is_loaded_in_the_processes(own: Any) -> None:
    found = in_turn(own, answers(own, ["one", "two"]))
    assert found[0].found.endswith(" in parent")
    assert {each.found.rpartition(" ")[2] for each in found[1:]} == {"child"}


def test_an_answer_that_ends_the_process_has_no_program_and_the_others_have_theirs(
    own: Any,
) -> None:
    completions = answers(own, ["one", "ENDS", "two"])
    found = in_turn(own, completions)
    for completion, program in zip(completions, found, strict=True):
        assert (program.code == "") == ("ENDS" in completion.text)
        assert (program.found == CRASHED) == ("ENDS" in completion.text)


def test_processes_that_are_killed_from_outside_make_no_wrong_answer(own: Any) -> None:
    found = in_turn(own, answers(own, ["one", "KILLED"]))
    raised = [each for each in found if isinstance(each, BaseException)]
    assert len(raised) == len(own.tasks)
    assert {type(each) for each in raised} == {SandboxError}
    assert "make room in memory" in str(raised[0])


def test_an_error_of_the_benchmark_s_code_is_raised_as_in_the_thread(own: Any) -> None:
    found = in_turn(own, answers(own, ["one", "RAISES"]))
    raised = [each for each in found if isinstance(each, BaseException)]
    assert len(raised) == len(own.tasks)
    assert {(type(each), str(each)) for each in raised} == {(ValueError, "an adapter's own error")}


def unpicklable(benchmark: Any) -> None:
    benchmark.provenance = {"callable": lambda: None}


def unloadable(benchmark: Any) -> None:
    path = benchmark.card.folder / "adapter.py"
    path.write_text("raise SystemExit('not here')\n")


@pytest.mark.parametrize("change", [unpicklable, unloadable])
def test_what_cannot_be_sent_or_loaded_stays_in_the_thread(
    own: Any, change: Callable[[Any], None]
) -> None:
    change(own)
    found = in_turn(own, answers(own, ["one", "two"]))
    assert {each.found.rpartition(" ")[2] for each in found} == {"parent"}


def test_few_samples_stay_in_the_thread(own: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extraction, "WORTH_S", 1000.0)
    before = children()

    async def work() -> None:
        async with opened(own) as extracts:
            for each in answers(own, ["one", "two"]):
                assert (await extracts.program(each)).found.endswith(" in parent")
                assert children() <= before

    asyncio.run(work())


def test_interrupted_it_leaves_no_process_and_a_killed_one_is_replaced(own: Any) -> None:
    before = children()
    completions = answers(own, ["one", "two", "three"])

    async def work() -> None:
        async with opened(own) as extracts:
            for each in completions[:3]:
                await extracts.program(each)
            for pid in children() - before:
                os.kill(pid, signal.SIGINT)  # Ctrl-C reaches them too: that alone ends none
            assert (await extracts.program(completions[3])).found.endswith(" in child")
            for pid in children() - before:
                os.kill(pid, signal.SIGKILL)
            assert (await extracts.program(completions[4])).found.endswith(" in child")
            waiting = asyncio.ensure_future(extracts.program(completions[5]))
            await asyncio.sleep(0)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
            # The answer of the interrupted request is nobody's.
            program = await extracts.program(completions[6])
            assert (program.task_id, program.sample_id) == (completions[6].task_id, 0)
            assert "one" in program.code

    asyncio.run(work())
    assert children() <= before


def test_a_run_whose_programs_are_extracted_in_processes_has_the_same_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def record(folder: str) -> dict[str, Any]:
        evaluation = oce.evaluate(
            "reference",
            ["starter"],
            backend="reference",
            selection=oce.Selection(limit=6),
            sandbox=oce.SandboxOptions("local", slots=2),
            output=oce.Output(tmp_path / folder, "none"),
        )
        content = content_of(evaluation.records[0])
        return {name: part for name, part in content.items() if name != "timing"}

    with_processes = record("processes")
    monkeypatch.setattr(extraction, "WORTH_S", 1000.0)
    assert record("thread") == with_processes
