"""A pool of slots behind asyncio: assigns programs to slots and repeats failed ones."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from opencodeeval.core.errors import DataError
from opencodeeval.core.types import Grade, Program, SuiteResult, Task, Verdict
from opencodeeval.execution import expected
from opencodeeval.execution.base import Sandbox
from opencodeeval.execution.frames import SlotFailed
from opencodeeval.execution.jails.base import Slot
from opencodeeval.execution.pending import Pending
from opencodeeval.execution.places import Gate
from opencodeeval.execution.specification import Specification, specification

ATTEMPTS = 3
# What a program can do to a judge, which is fresh each time.
BY_THE_PROGRAM = ("the judge stalled", "the judge died", "the judge failed")
USED_UP = "the jail's memory was used up"
RESTART_PAUSE_S = 1.0
# Specifications that are kept: more than a benchmark has tasks.
CHECKED = 4096


@dataclass
class _Job:
    task: Task
    program: Program
    done: asyncio.Future[Grade]
    attempts: int = 0
    stalls: int = 0
    used_up: int = 0


@dataclass
class _Held:
    """The slot that a worker holds between two samples, if any."""

    slot: Slot | None = None


class SlotPool:
    """Implements opencodeeval.execution.base.Sandbox over one kind of slot."""

    def __init__(
        self,
        jail: str,
        slots: int,
        make: Callable[[], Slot],
        first: Slot,
        about: Mapping[str, Any],
        log: Callable[[str], None],
    ) -> None:
        self.jail, self.slots = jail, slots
        self.make, self.log = make, log
        self.about = dict(about)
        self.idle: list[Slot] = [first]
        self.running: set[Slot] = set()
        self.pending: Pending[_Job] = Pending(slots)
        self.workers: list[asyncio.Task[None]] = []
        self.threads = ThreadPoolExecutor(slots, thread_name_prefix="slot")
        self.closed = False
        self.waiting: set[asyncio.Future[Grade]] = set()
        self.checked: OrderedDict[str, Specification] = OrderedDict()
        self.gate = Gate(slots)

    def describe(self) -> Mapping[str, Any]:
        """See opencodeeval.execution.base.Sandbox."""
        return {"jail": self.jail, "slots": self.slots, **self.about}

    async def grade(self, task: Task, program: Program) -> Grade:
        """See opencodeeval.execution.base.Sandbox."""
        if not self.workers:
            self.more = asyncio.Condition()
            self.workers = [asyncio.create_task(self._work(slot)) for slot in range(self.slots)]
        self._specification(task)
        job = _Job(task, program, asyncio.get_running_loop().create_future())
        self.waiting.add(job.done)
        try:
            await self._put(job)
            return await job.done
        finally:
            self.waiting.discard(job.done)

    async def _put(self, job: _Job) -> None:
        async with self.more:
            self.pending.put(job.task.tests_digest, job)
            self.more.notify()

    async def _take(self, place: int, warm: str) -> _Job:
        async with self.more:
            await self.more.wait_for(lambda: bool(self.pending))
            return self.pending.take(place, warm)

    async def _work(self, place: int) -> None:
        slot: Slot | None = None
        while True:
            job = await self._take(place, slot.task_key if slot else "")
            if job.done.cancelled():
                continue
            held = _Held(slot)
            try:
                await self._run(job, held)
            except Exception as defect:  # for the caller that waits for the verdict
                if not job.done.done():
                    job.done.set_exception(defect)
                # After this error the slot may be in any state.
                await self._drop(held)
            slot = held.slot

    async def _run(self, job: _Job, held: _Held) -> None:
        """Run one job in this worker's slot; replace the slot if it must not be used again."""
        try:
            await self.gate.enter()
            try:
                answer = await self._attempt(job, held)
                # A time limit reached while the processor was shared may not be the sample's fault.
                if _starved(answer):
                    async with self.gate.set_aside():
                        answer = await self._attempt(job, held)
            finally:
                await self.gate.leave()
        except SlotFailed as failure:
            why, words = str(failure), ""
            if held.slot:
                words = await self._thread(held.slot.last_words)
                if await self._thread(held.slot.out_of_memory):
                    why = f"{USED_UP} ({why})"
            await self._drop(held)
            await self._failed(job, why, words)
            return
        if not job.done.cancelled():
            job.done.set_result(_grade_of(job, answer))

    async def _attempt(self, job: _Job, held: _Held) -> dict[str, Any]:
        """The guest's answer to one job; a slot that is not clean afterwards is ended."""
        held.slot = held.slot or await self._thread(self._open)
        answer: dict[str, Any] = await self._thread(self._grade, held.slot, job)
        if not answer.get("clean"):
            self.log("a sample left something behind that could not be removed: replacing its slot")
            await self._drop(held)
        return answer

    async def _drop(self, held: _Held) -> None:
        slot, held.slot = held.slot, None
        if slot is not None:
            await self._thread(self._end, slot)

    def _end(self, slot: Slot) -> None:
        self.running.discard(slot)
        try:
            slot.kill()
        finally:
            slot.release()

    async def _thread(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self.threads, function, *arguments)

    def _open(self) -> Slot:
        if self.idle:
            slot = self.idle.pop()
        else:
            slot = self.make()
            slot.start()
        self.running.add(slot)
        if self.closed:
            slot.kill()
        return slot

    def _grade(self, slot: Slot, job: _Job) -> dict[str, Any]:
        spec = self._specification(job.task)
        key = spec.digest
        interpreter = f"{slot.hello.get('python')}, NumPy {slot.hello.get('numpy')}"
        if slot.environment.name:
            interpreter += f", {slot.environment.name}"
        answer = slot.grade(
            spec,
            job.program.code,
            lambda: expected.recall(key, interpreter) if job.task.kept else None,
        )
        if job.task.kept:
            for learned in answer.get("blobs", ()):
                expected.remember(key, interpreter, learned)
        return answer

    def _specification(self, task: Task) -> Specification:
        """A task's specification; it is checked when it is first used."""
        key = task.tests_digest
        found = self.checked.get(key)
        if found is None:
            try:
                found = self.checked[key] = specification(task.tests, key)
            except DataError as error:
                raise DataError(f"task {task.task_id!r}: {error}") from None
            if len(self.checked) > CHECKED:
                self.checked.popitem(last=False)
        return found

    async def _failed(self, job: _Job, why: str, words: str) -> None:
        job.attempts += 1
        job.stalls += why.startswith(BY_THE_PROGRAM)
        job.used_up += why.startswith(USED_UP)
        self.log(f"{job.task.task_id}: {why} (attempt {job.attempts} of {ATTEMPTS})")
        if words.strip():
            self.log(f"the sandbox's last line of output: {words.strip().splitlines()[-1][:300]}")
        if job.used_up >= 2:
            # Two fresh jails, with nothing in them but this program.
            result = SuiteResult(Verdict.MEMORY, USED_UP)
        elif job.stalls >= 2:
            # Two fresh judges ended on the same program: its return value is the cause.
            detail = f"what the program returned could not be judged ({why})"
            result = SuiteResult(Verdict.ERROR, detail)
        elif job.attempts >= ATTEMPTS:
            result = SuiteResult(Verdict.INFRA_ERROR, why)
        else:
            await asyncio.sleep(RESTART_PAUSE_S * (job.attempts - 1))
            await self._put(job)
            return
        if not job.done.cancelled():
            suites = dict.fromkeys(self._specification(job.task).suites, result)
            job.done.set_result(Grade(job.task.task_id, job.program.sample_id, suites))

    async def close(self) -> None:
        """See opencodeeval.execution.base.Sandbox."""
        self.closed = True
        for worker in self.workers:
            worker.cancel()
        for unfinished in self.waiting:
            unfinished.cancel()
        # Killing first makes the threads that wait for a jail's answer return.
        everything = [*self.running, *self.idle]
        killing = [asyncio.to_thread(slot.kill) for slot in everything]
        await asyncio.gather(*killing, *self.workers, return_exceptions=True)
        await asyncio.to_thread(self.threads.shutdown, cancel_futures=True)
        for slot in {*everything, *self.running}:
            slot.kill()
            slot.release()


def share_cores(sandboxes: Sequence[Sandbox]) -> None:
    """Let sandboxes of several environments run no more programs at once than one would.

    Must be called before the first program. Sandboxes that are no pools of slots,
    from other packages, are left as they are.
    """
    pools = [each for each in sandboxes if isinstance(each, SlotPool)]
    if pools:
        gate = Gate(max(pool.slots for pool in pools))
        for pool in pools:
            pool.gate = gate


def _starved(answer: Mapping[str, Any]) -> bool:
    return any(
        (suite.get("verdict") == Verdict.TIMEOUT.value and suite.get("starved"))
        or (suite.get("extra") or {}).get("starved")
        for suite in answer["suites"].values()
    )


def _grade_of(job: _Job, answer: Mapping[str, Any]) -> Grade:
    suites = {name: _suite(found) for name, found in answer["suites"].items()}
    tails = {
        stream: "\n".join(
            dict.fromkeys(str(found.get(stream, "")) for found in answer["suites"].values())
        ).strip("\n")
        for stream in ("stdout", "stderr")
    }
    return Grade(job.task.task_id, job.program.sample_id, suites, **tails)


def _suite(found: Mapping[str, Any]) -> SuiteResult:
    return SuiteResult(
        verdict=Verdict(found["verdict"]),
        detail=str(found.get("detail", "")),
        tests_run=int(found.get("tests_run", 0)),
        tests_total=int(found.get("tests_total", 0)),
        failure=found.get("failure"),
        wall_s=round(float(found.get("wall_s", 0.0)), 4),
        cpu_s=round(float(found.get("cpu_s", 0.0)), 4),
        peak_mb=round(float(found.get("peak_mb", 0.0)), 1),
        apart=found.get("apart") is True,
        extra=found.get("extra"),
    )
