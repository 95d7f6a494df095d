"""The order in which waiting programs run, and what becomes of those that cannot.

The sandbox here is a stand-in that takes as long as a program's text says and notes what it
was given: real programs would not run in an order that a test can foretell. test_service.py
has the same with real sandboxes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest

from opencodeeval.core.types import Grade, Program, Style, SuiteResult, Task, Verdict
from opencodeeval.serve.dispatch import MOST_LOST, SPARE, Dispatcher, Lost, Place
from opencodeeval.serve.refusals import Refused
from opencodeeval.serve.waiting import SEARCHED, Job


class Paced:
    """A sandbox of one slot, opened by hand; `given` are the programs in their order."""

    jail = "paced"
    slots = 1

    def __init__(self) -> None:
        self.given: list[str] = []
        self.open = asyncio.Event()
        self.fails: set[str] = set()
        self.seconds: dict[str, float] = {}

    def describe(self) -> Mapping[str, Any]:
        return {}

    async def grade(self, task: Task, program: Program) -> Grade:
        self.given.append(program.code)
        await self.open.wait()
        await asyncio.sleep(self.seconds.get(program.code, 0.0))
        failed = program.code in self.fails
        verdict = Verdict.INFRA_ERROR if failed else Verdict.PASSED
        return Grade(task.task_id, 0, {"base": SuiteResult(verdict, "the engine is gone")})

    async def close(self) -> None:
        pass


def job(name: str, client: str = "a", priority: int = 0, task: str = "t") -> Job:
    found = Task(task, Style.STDIO, "", "", "", {"name": task})
    program = Program(task, 0, name, "program")
    done: asyncio.Future[Grade] = asyncio.get_running_loop().create_future()
    return Job(f"{task}/{name}", found, program, "", done, client, priority)


Body = Callable[[Dispatcher, Paced], Awaitable[None]]


def with_dispatcher(body: Body, capacity: int = 1000) -> Paced:
    async def run() -> Paced:
        sandbox = Paced()
        dispatcher = Dispatcher({"": sandbox}, capacity)
        dispatcher.start()
        try:
            await body(dispatcher, sandbox)
        finally:
            await dispatcher.close()
        return sandbox

    return asyncio.run(run())


async def queued(dispatcher: Dispatcher, *jobs: Job) -> list[asyncio.Task[Grade]]:
    """The jobs put into the queue in this order, behind one that keeps the slot busy."""
    found = []
    for each in jobs:
        found.append(asyncio.create_task(dispatcher.grade(each)))
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    return found


# What the sandbox has at once: these are given out before any choice is made.
BUSY = [f"busy{number}" for number in range(1 + SPARE)]


def test_clients_take_turns_however_many_programs_each_has() -> None:
    async def body(dispatcher: Dispatcher, sandbox: Paced) -> None:
        many = [job(f"many{number}", "many") for number in range(20)]
        tasks = await queued(dispatcher, *map(job, BUSY))
        tasks += await queued(dispatcher, *many, job("one0", "one"), job("one1", "one"))
        sandbox.open.set()
        await asyncio.gather(*tasks)

    order = with_dispatcher(body).given[len(BUSY) :]
    assert len(order) == 22
    assert order.index("one0") <= 1
    assert order.index("one1") <= 4


def test_a_client_of_slow_programs_gets_no_more_time_than_the_others() -> None:
    async def body(dispatcher: Dispatcher, sandbox: Paced) -> None:
        slow = [job(f"slow{number}", "slow") for number in range(12)]
        fast = [job(f"fast{number}", "fast") for number in range(12)]
        sandbox.seconds = {each.program.code: 0.05 for each in slow}
        tasks = await queued(dispatcher, *slow, *fast)
        sandbox.open.set()
        await asyncio.gather(*tasks)

    order = with_dispatcher(body).given
    # All of the quick ones are done before a half of the slow ones has begun.
    last = max(order.index(f"fast{number}") for number in range(12))
    assert len([name for name in order[:last] if name.startswith("slow")]) <= 8


def test_a_higher_priority_goes_first_also_if_it_is_asked_for_later() -> None:
    async def body(dispatcher: Dispatcher, sandbox: Paced) -> None:
        tasks = await queued(dispatcher, *map(job, BUSY))
        tasks += await queued(dispatcher, job("low"), job("middle", "b", 1), job("high", "a", 5))
        tasks += await queued(dispatcher, job("low", "c", 9))
        sandbox.open.set()
        await asyncio.gather(*tasks)

    assert with_dispatcher(body).given[len(BUSY) :] == ["low", "high", "middle"]


def test_the_same_program_runs_once_and_its_verdict_is_kept() -> None:
    async def body(dispatcher: Dispatcher, sandbox: Paced) -> None:
        tasks = await queued(dispatcher, *[job("same", client) for client in "abcab"])
        sandbox.open.set()
        grades = await asyncio.gather(*tasks)
        assert len({id(grade) for grade in grades}) == 1
        assert await dispatcher.grade(job("same")) is grades[0]

    assert with_dispatcher(body).given == ["same"]


def test_a_failure_of_the_sandbox_is_an_error_and_is_not_kept() -> None:
    async def body(dispatcher: Dispatcher, sandbox: Paced) -> None:
        sandbox.fails = {"x"}
        sandbox.open.set()
        with pytest.raises(Refused, match=r"the engine is gone.*no verdict") as refused:
            await dispatcher.grade(job("x"))
        assert refused.value.status == 503
        assert refused.value.retry_after_s
        sandbox.fails.clear()
        assert (await dispatcher.grade(job("x"))).suites["base"].verdict is Verdict.PASSED

    assert with_dispatcher(body).given == ["x", "x"]


def test_what_does_not_fit_is_refused_with_a_time_to_come_back() -> None:
    async def body(dispatcher: Dispatcher, sandbox: Paced) -> None:
        tasks = await queued(dispatcher, *map(job, BUSY))
        tasks += await queued(dispatcher, job("a"), job("b"))
        with pytest.raises(Refused, match="too many requests wait") as refused:
            await dispatcher.grade(job("c"))
        assert refused.value.status == 429
        assert refused.value.retry_after_s
        # It takes no place.
        tasks += await queued(dispatcher, job("a", "d"))
        sandbox.open.set()
        await asyncio.gather(*tasks)

    assert with_dispatcher(body, capacity=2).given == [*BUSY, "a", "b"]


def test_places_that_are_kept_for_a_batch_are_taken() -> None:
    async def body(dispatcher: Dispatcher, sandbox: Paced) -> None:
        places = [Place(dispatcher) for _ in range(2)]
        with pytest.raises(Refused, match="too many requests wait"):
            await dispatcher.grade(job("other"))
        first = asyncio.create_task(dispatcher.grade(job("first"), None, places[0]))
        await asyncio.sleep(0)
        places[0].release()
        places[1].release()
        assert dispatcher.kept == 0
        sandbox.open.set()
        await asyncio.gather(first, dispatcher.grade(job("other")))

    assert sorted(with_dispatcher(body, capacity=2).given) == ["first", "other"]


def test_what_nobody_waits_for_is_not_run() -> None:
    async def body(dispatcher: Dispatcher, sandbox: Paced) -> None:
        tasks = await queued(dispatcher, *map(job, BUSY))
        first, second = await queued(dispatcher, job("left"), job("shared", "b"))
        third, fourth = await queued(dispatcher, job("shared", "c"), job("stays"))
        for task in (first, second):
            task.cancel()
        with pytest.raises(Refused) as refused:
            await dispatcher.grade(job("late"), deadline_s=0.01)
        assert refused.value.status == 504
        sandbox.open.set()
        await asyncio.gather(*tasks, third, fourth)
        assert not dispatcher.jobs
        assert dispatcher.room == dispatcher.capacity

    assert sorted(with_dispatcher(body).given) == [*BUSY, "shared", "stays"]


def test_programs_of_one_task_run_together_but_hold_up_no_other_for_ever() -> None:
    async def body(dispatcher: Dispatcher, sandbox: Paced) -> None:
        tasks = await queued(dispatcher, *map(job, BUSY))
        few = [job("u0", task="u"), job("t0"), job("u1", task="u"), job("t1")]
        tasks += await queued(dispatcher, *few)
        tasks += await queued(dispatcher, *[job(f"t{number}") for number in range(2, 99)])
        sandbox.open.set()
        await asyncio.gather(*tasks)

    order = with_dispatcher(body).given[len(BUSY) :]
    assert order[:2] == ["t0", "t1"]
    assert order.index("u0") == SEARCHED
    assert order.index("u1") == SEARCHED + 1


def test_a_server_that_ends_refuses_what_waits() -> None:
    async def body(dispatcher: Dispatcher, sandbox: Paced) -> None:
        waiting = await queued(dispatcher, *map(job, BUSY), job("waits"))
        await dispatcher.close()
        for found in await asyncio.gather(*waiting, return_exceptions=True):
            assert isinstance(found, Refused)
            assert found.status == 503
        with pytest.raises(Refused, match="shutting down"):
            await dispatcher.grade(job("new"))

    with_dispatcher(body)


def test_what_a_lost_sandbox_had_goes_to_another_one() -> None:
    async def body(dispatcher: Dispatcher, sandbox: Paced) -> None:
        tasks = await queued(dispatcher, *map(job, [*BUSY, "x", "y"]))
        (crew,) = dispatcher.crews
        dispatcher.dismiss(crew)
        await asyncio.sleep(0)
        other = Paced()
        other.open.set()
        dispatcher.employ("", other)
        await asyncio.gather(*tasks)
        assert sandbox.given == BUSY
        assert sorted(other.given[: len(BUSY)]) == BUSY
        assert other.given[len(BUSY) :] == ["x", "y"]

    with_dispatcher(body)


def test_a_retired_sandbox_finishes_what_it_has_and_gets_no_more() -> None:
    async def body(dispatcher: Dispatcher, sandbox: Paced) -> None:
        tasks = await queued(dispatcher, *map(job, [*BUSY, "x"]))
        (crew,) = dispatcher.crews
        dispatcher.retire(crew)
        sandbox.open.set()
        await asyncio.gather(*tasks[: len(BUSY)])
        assert sandbox.given == BUSY
        assert dispatcher.queued == {"t/x"}
        other = Paced()
        other.open.set()
        dispatcher.employ("", other)
        await tasks[-1]
        assert other.given == ["x"]

    with_dispatcher(body)


def test_a_program_that_is_lost_again_and_again_gets_an_error() -> None:
    class Losing(Paced):
        async def grade(self, task: Task, program: Program) -> Grade:
            self.given.append(program.code)
            raise Lost("the host is gone", counts=program.code == "counts" or len(self.given) > 9)

    async def body(dispatcher: Dispatcher, sandbox: Paced) -> None:
        losing = Losing()
        dispatcher.dismiss(dispatcher.crews[0])
        dispatcher.employ("", losing)
        with pytest.raises(Refused, match=r"the host is gone.*no verdict") as refused:
            await dispatcher.grade(job("counts"))
        assert refused.value.status == 503
        assert len(losing.given) == MOST_LOST
        # What was never run is no cause.
        with pytest.raises(Refused):
            await dispatcher.grade(job("never ran"))
        assert len(losing.given) == 9 + MOST_LOST
        assert not dispatcher.known
        assert not dispatcher.jobs

    with_dispatcher(body)


def test_nobody_s_program_is_not_run_again() -> None:
    async def body(dispatcher: Dispatcher, sandbox: Paced) -> None:
        (task,) = await queued(dispatcher, job("left"))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        dispatcher.dismiss(dispatcher.crews[0])
        await asyncio.sleep(0)
        other = Paced()
        other.open.set()
        dispatcher.employ("", other)
        await dispatcher.grade(job("stays"))
        assert other.given == ["stays"]
        assert not dispatcher.jobs

    with_dispatcher(body)


def test_tasks_stay_with_the_sandbox_that_has_them_warm() -> None:
    async def body(dispatcher: Dispatcher, sandbox: Paced) -> None:
        other = Paced()
        dispatcher.employ("", other)
        jobs = [job(f"{task}{number}", task=task) for number in range(20) for task in "tu"]
        tasks = await queued(dispatcher, *jobs)
        for each in (sandbox, other):
            each.seconds = {job.program.code: 0.001 for job in jobs}
            each.open.set()
        await asyncio.gather(*tasks)
        # What they were given before there was a choice does not count.
        firsts = [{code[0] for code in each.given[1 + SPARE : 15]} for each in (sandbox, other)]
        assert sorted(firsts, key=sorted) == [{"t"}, {"u"}]

    with_dispatcher(body)
