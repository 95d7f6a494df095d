"""The runs of a command overlap: each begins while the one before is still answered and graded."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

import opencodeeval as oce
from opencodeeval.backends.base import Request
from opencodeeval.backends.capabilities import Capabilities
from opencodeeval.benchmarks.card_benchmark import CardBenchmark
from opencodeeval.core.errors import StoreError
from opencodeeval.core.types import Completion, ModelType, Sampling
from opencodeeval.runs.observers import GradedSample, StopRun
from opencodeeval.runs.pipeline import Run, RunResult, run_benchmark
from opencodeeval.runs.progress import Bars, Lines
from opencodeeval.runs.recording import Planned, configuration
from opencodeeval.runs.sharing import Asked, Shared, StoredAnswers
from opencodeeval.runs.store import RunStore, run_id
from opencodeeval.stats.metrics import pass_at
from tests.benchmarks.test_protocols import alone
from tests.runs.test_pipeline import (
    SAMPLED,
    StandInBackend,
    StandInBenchmark,
    StandInSandbox,
    answers,
    lasting,
)

OVERLAPPING = Capabilities(overlapping_calls=True)
LOCAL = oce.SandboxOptions("local", slots=2)
# A deadlock is the failure that these tests are for.
pytestmark = pytest.mark.timeout(60)


@dataclass
class Solver:
    """Answers with the tasks' own solutions; `before` is awaited before each answer."""

    solutions: Mapping[str, str]
    before: Callable[[Request, Sampling], Any]
    capabilities: Capabilities = OVERLAPPING
    model_type: ModelType = "chat"
    calls: int = 0
    most_calls: int = 0
    asked: list[tuple[int, str, int]] = field(default_factory=list)

    def identity(self) -> Mapping[str, Any]:
        return {"model": "solver", "backend": "stand-in"}

    async def generate(
        self, requests: Sequence[Request], sampling: Sampling
    ) -> AsyncIterator[Completion]:
        self.calls += 1
        self.most_calls = max(self.calls, self.most_calls)
        try:
            for request in requests:
                where = (request.prompt.task_id, request.sample_id)
                self.asked.append((sampling.max_tokens, *where))
                await self.before(request, sampling)
                text = self.solutions[where[0]]
                yield Completion(*where, text, form="program", completion_tokens=7)
        finally:
            self.calls -= 1

    async def close(self) -> None:
        return None


def three() -> list[CardBenchmark]:
    """The same five tasks with three samplings, the shortest answers first."""
    loaded = oce.load_benchmark("starter", limit=5)
    return [
        replace(
            loaded, protocol_card=replace(loaded.protocol_card, sampling=Sampling(max_tokens=most))
        )
        for most in (100, 200, 300)
    ]


def solutions() -> dict[str, str]:
    return {task.task_id: task.reference for task in oce.load_benchmark("starter").tasks}


def evaluate(backend: Any, output: Path, **options: Any) -> oce.Evaluation:
    return oce.evaluate(
        backend, three(), sandbox=LOCAL, output=oce.Output(output, "none"), **options
    )


def test_the_engine_has_the_next_requests_before_the_last_answers(tmp_path: Path) -> None:
    """The last answer of each run comes only when the next run has asked."""
    begun: dict[int, asyncio.Event] = {}

    async def before(request: Request, sampling: Sampling) -> None:
        begun.setdefault(sampling.max_tokens, asyncio.Event()).set()
        following = sampling.max_tokens - 100
        if request.prompt.task_id == last and following:
            await begun.setdefault(following, asyncio.Event()).wait()

    last = three()[0].tasks[-1].task_id
    backend = Solver(solutions(), before)
    result = evaluate(backend, tmp_path)
    # Long answers were asked for first; the results are in the order of the command.
    assert list(dict.fromkeys(most for most, _, _ in backend.asked)) == [300, 200, 100]
    assert [record.sampling.max_tokens for record in result.records] == [100, 200, 300]
    assert [record.scores["base"]["pass@1"].value for record in result.records] == [1.0] * 3


def test_a_backend_that_does_not_say_so_is_never_called_twice_at_once(tmp_path: Path) -> None:
    async def before(request: Request, sampling: Sampling) -> None:
        await asyncio.sleep(0)

    backend = Solver(solutions(), before, Capabilities())
    assert len(evaluate(backend, tmp_path).runs) == 3
    assert backend.most_calls == 1


def test_a_record_is_written_and_its_folder_let_go_while_the_next_run_goes_on(
    tmp_path: Path,
) -> None:
    free: list[bool] = []

    async def before(request: Request, sampling: Sampling) -> None:
        if sampling.max_tokens == 100 and not free:
            # Two runs are over before the third has any answer.
            while len(list((tmp_path / "starter").glob("*.json"))) < 2:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)
            for file in (tmp_path / "runs").glob("*/run.json"):
                configured = json.loads(file.read_text())["configuration"]
                try:
                    RunStore(tmp_path, configured).close()
                    free.append(True)
                except StoreError:
                    free.append(False)

    evaluate(Solver(solutions(), before), tmp_path)
    assert sorted(free) == [False, True, True]


def test_a_run_that_another_process_has_open_is_told_of_before_anything_is_asked(
    tmp_path: Path,
) -> None:
    async def before(request: Request, sampling: Sampling) -> None:
        await asyncio.sleep(0)

    evaluate(Solver(solutions(), before), tmp_path)
    file = next(iter((tmp_path / "runs").glob("*/run.json")))
    again = Solver(solutions(), before)
    with (
        closing(RunStore(tmp_path, json.loads(file.read_text())["configuration"])),
        pytest.raises(StoreError, match=r"has .* open"),
    ):
        evaluate(again, tmp_path)
    assert again.asked == []


class Follower(oce.Observer):
    """One for each run; `heard` has all of them."""

    def __init__(self, heard: list[Follower] | None = None) -> None:
        self.heard = [] if heard is None else heard
        self.graded_tasks: list[str] = []

    def for_run(self) -> Follower:
        found = Follower(self.heard)
        self.heard.append(found)
        return found

    def graded(self, sample: GradedSample) -> None:
        self.graded_tasks.append(sample.grade.task_id)


def test_an_observer_may_follow_each_run_by_itself(tmp_path: Path) -> None:
    async def before(request: Request, sampling: Sampling) -> None:
        await asyncio.sleep(0)

    follower = Follower()
    evaluate(Solver(solutions(), before), tmp_path, observers=[follower])
    tasks = sorted(task.task_id for task in three()[0].tasks)
    assert [sorted(each.graded_tasks) for each in follower.heard] == [tasks] * 3
    assert follower.graded_tasks == []


def both(
    output: Path,
    backend: StandInBackend,
    observers: Sequence[Sequence[oce.Observer]] = ((), ()),
) -> list[RunResult | BaseException]:
    """Two protocols with the same prompts, at once."""
    benchmarks = [StandInBenchmark(), StandInBenchmark(protocol="other")]
    asked = Asked()

    async def one(benchmark: StandInBenchmark, mine: Sequence[oce.Observer]) -> RunResult:
        ids = [run_id(configuration(each, backend, SAMPLED)) for each in benchmarks]
        with closing(RunStore(output, configuration(benchmark, backend, SAMPLED))) as store:
            sources = [
                StoredAnswers(output / "runs" / each) for each in ids if each != store.run_id
            ]
            run = Run(
                Planned(benchmark, backend, SAMPLED),
                StandInSandbox(),
                store,
                pass_at(1),
                shared=Shared(asked, sources),
            )
            return await run_benchmark(run, mine)

    async def all_of_them() -> list[RunResult | BaseException]:
        runs = [one(*each) for each in zip(benchmarks, observers, strict=True)]
        return await asyncio.gather(*runs, return_exceptions=True)

    return asyncio.run(all_of_them())


def test_what_another_run_is_asking_just_now_is_not_asked_again(tmp_path: Path) -> None:
    backend = StandInBackend(answers)
    first, second = both(tmp_path, backend)
    assert isinstance(first, RunResult)
    assert isinstance(second, RunResult)
    assert set(Counter(backend.asked).values()) == {1}
    assert sorted(each.record.timing.generated for each in (first, second)) == [0, 12]
    for each in (first, second):
        name = each.record.protocol.name
        assert lasting(each) == alone(tmp_path / name, StandInBenchmark(protocol=name))


class Ends(oce.Observer):
    """Ends its run at the first verdict."""

    def graded(self, sample: GradedSample) -> None:
        raise StopRun("enough")


def test_a_run_asks_for_what_another_left_unanswered(tmp_path: Path) -> None:
    async def slowly(number: int) -> None:
        await asyncio.sleep(0.005)

    backend = StandInBackend(answers, before_each=slowly)
    first, second = both(tmp_path, backend, [[Ends()], []])
    assert isinstance(first, StopRun)
    assert isinstance(second, RunResult)
    assert second.record.totals.samples == 12
    # Only what the first run had under way when it was ended may be asked twice.
    assert len(set(backend.asked)) == 12
    assert len(backend.asked) <= 13


def test_long_answers_are_asked_for_first_where_their_length_is_known(tmp_path: Path) -> None:
    lengths = {"t/0": 10, "t/1": 40, "t/2": 20}

    class Longer(StandInBackend):
        async def generate(
            self, requests: Sequence[Request], sampling: Sampling
        ) -> AsyncIterator[Completion]:
            async for each in super().generate(requests, sampling):
                yield replace(each, completion_tokens=lengths.get(each.task_id, 0))

    benchmark, sampling = StandInBenchmark(), replace(SAMPLED, n=2)
    backend = Longer(answers)
    with closing(RunStore(tmp_path, configuration(benchmark, backend, sampling))) as store:
        for task_id, length in lengths.items():
            store.add_completion(Completion(task_id, 1, "half", completion_tokens=length))
        run = Run(Planned(benchmark, backend, sampling), StandInSandbox(), store, pass_at(1))
        asyncio.run(run_benchmark(run))
    # t/3, of which nothing is known, may be as long as the limit.
    assert backend.asked == [("t/3", 0), ("t/3", 1), ("t/1", 0), ("t/2", 0), ("t/0", 0)]


def test_progress_of_overlapping_runs_is_counted_apart(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = Lines()
    first, second = lines.for_run(), lines.for_run()
    first.start("first", 1)
    second.start("second", 2)
    first.generated()
    first.finish()
    second.finish()
    said = capsys.readouterr().err.splitlines()
    assert said == ["first: 1/1 generated, 0/1 graded", "second: 0/2 generated, 0/2 graded"]

    bars = Bars()
    shown = [bars.for_run() for _ in range(3)]
    for each in shown[:2]:
        each.start("run", 1)
    assert [each._pair for each in shown[:2]] == [0, 1]
    shown[0].finish()
    # The lines of a run that is over are free for the next.
    shown[2].start("run", 1)
    assert shown[2]._pair == 0
    for each in shown[1:]:
        each.finish()
