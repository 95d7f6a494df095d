"""Which of the waiting programs runs next: bounded, fair to clients, and each program once.

A client's turn comes when it has used the least of the slots' time, so a client whose
programs never end takes no more than its share. A client that was away begins where the
others are.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from opencodeeval.core.types import Grade, Program, Task
from opencodeeval.execution.base import Sandbox
from opencodeeval.runs.store import is_fault
from opencodeeval.serve import refusals

# Programs that a sandbox has beside those that run: it gives them to judges that are warm.
SPARE = 1
# How far a client's queue is searched for a program of the task that was last given out, and
# how often its first program may be overtaken by such a one.
SEARCHED = 64
# What a program takes before anything is known of its client.
FIRST_GUESS_S = 0.05
LONGEST_RETRY_S = 60.0


@dataclass(eq=False)
class Job:
    """One program against one task; several requests may wait for it.

    Its verdict is `remembered` for those who ask later, unless the answer is large.
    """

    key: str
    task: Task
    program: Program
    environment: str
    done: asyncio.Future[Grade]
    client: str
    priority: int = 0
    waiters: int = 0
    overtaken: int = 0
    guess_s: float = 0.0
    remembered: bool = True


class Place:
    """A place in the queue that is kept for a request of a batch until it is there."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher
        self._kept = True
        dispatcher.kept += 1

    def release(self) -> None:
        """Give the place back; a second call does nothing."""
        self._dispatcher.kept -= self._kept
        self._kept = False


@dataclass
class _Client:
    """What a client has used of the slots' time, in seconds, and what waits by priority."""

    used_s: float = 0.0
    each_s: float = FIRST_GUESS_S
    waiting: dict[int, deque[Job]] = field(default_factory=dict)


class _Queue:
    """The waiting programs of one environment."""

    def __init__(self) -> None:
        self.clients: dict[str, _Client] = {}
        self.more = asyncio.Event()
        self.last_task = ""

    def put(self, job: Job) -> None:
        client = self.clients.get(job.client)
        if client is None:
            client = self.clients[job.client] = _Client()
        if not client.waiting:
            others = [each.used_s for each in self.clients.values() if each.waiting]
            client.used_s = max(client.used_s, min(others, default=0.0))
        client.waiting.setdefault(job.priority, deque()).append(job)
        self.more.set()

    def take(self) -> Job | None:
        """The next program; None if none waits."""
        busy = {name: each for name, each in self.clients.items() if each.waiting}
        if not busy:
            self.more.clear()
            return None
        highest = max(priority for each in busy.values() for priority in each.waiting)
        first = [each for each in busy.values() if highest in each.waiting]
        client = min(first, key=lambda each: each.used_s)
        jobs = client.waiting[highest]
        job = self._of_warm_task(jobs)
        if not jobs:
            del client.waiting[highest]
        self.last_task = job.task.tests_digest
        job.guess_s = client.each_s
        client.used_s += job.guess_s
        return job

    def _of_warm_task(self, jobs: deque[Job]) -> Job:
        if jobs[0].overtaken < SEARCHED:
            for place, job in enumerate(jobs):
                if place == SEARCHED:
                    break
                if job.task.tests_digest == self.last_task:
                    jobs[0].overtaken += place > 0
                    del jobs[place]
                    return job
        return jobs.popleft()

    def took(self, job: Job, seconds: float) -> None:
        """Charge a client for what its program took, in place of the guess."""
        client = self.clients[job.client]
        client.used_s += seconds - job.guess_s
        client.each_s += 0.1 * (seconds - client.each_s)

    def drop(self, job: Job) -> None:
        """Take out a program for which nobody waits any more."""
        client = self.clients[job.client]
        jobs = client.waiting[job.priority]
        jobs.remove(job)
        if not jobs:
            del client.waiting[job.priority]


class Dispatcher:
    """Gives programs to the sandboxes of their environments.

    At most `capacity` programs wait; the verdicts of the last `remembered` programs are
    kept. An infrastructure failure is never kept, and never a verdict.
    """

    def __init__(
        self, sandboxes: Mapping[str, Sandbox], capacity: int, remembered: int = 20_000
    ) -> None:
        self.sandboxes = dict(sandboxes)
        self.capacity, self.remembered = capacity, remembered
        self.known: OrderedDict[str, Grade] = OrderedDict()
        self.jobs: dict[str, Job] = {}
        self.queued: set[str] = set()
        self.kept = 0
        self.running = 0
        self.closed = False
        self._queues = {name: _Queue() for name in sandboxes}
        self._workers: list[asyncio.Task[None]] = []
        self._each_s = FIRST_GUESS_S

    def start(self) -> None:
        """Begin to give out programs; must be called in the event loop."""
        for name, sandbox in self.sandboxes.items():
            for _ in range(sandbox.slots + SPARE):
                self._workers.append(asyncio.create_task(self._work(name, sandbox)))

    async def close(self) -> None:
        """Refuse what waits, and close the sandboxes."""
        self.closed = True
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        for job in self.jobs.values():
            _refuse(job, refusals.closing())
        for sandbox in self.sandboxes.values():
            await sandbox.close()

    @property
    def room(self) -> int:
        """How many more programs may wait."""
        return self.capacity - len(self.queued) - self.kept

    def retry_after_s(self) -> float:
        """Seconds until a half of what waits should have run."""
        slots = sum(sandbox.slots for sandbox in self.sandboxes.values())
        seconds = len(self.queued) * self._each_s / max(slots, 1) / 2
        return float(round(min(LONGEST_RETRY_S, max(1.0, seconds))))

    async def grade(
        self, wanted: Job, deadline_s: float | None = None, place: Place | None = None
    ) -> Grade:
        """The verdicts of a program; a program that waits or runs already is not run twice.

        `place` is the one that was kept for it, if one was.

        Raises:
            Refused: the queue is full, the deadline passed, or the sandbox failed.
        """
        if place is not None:
            place.release()
        known = self.known.get(wanted.key)
        if known is not None:
            self.known.move_to_end(wanted.key)
            return known
        job = self.jobs.get(wanted.key)
        if job is None:
            if self.closed:
                raise refusals.closing()
            if place is None and self.room < 1:
                raise refusals.too_many(self.retry_after_s())
            job = self.jobs[wanted.key] = wanted
            self.queued.add(job.key)
            self._queues[job.environment].put(job)
        elif wanted.priority > job.priority and job.key in self.queued:
            self._queues[job.environment].drop(job)
            job.priority = wanted.priority
            self._queues[job.environment].put(job)
        return await self._wait(job, deadline_s)

    async def _wait(self, job: Job, deadline_s: float | None) -> Grade:
        job.waiters += 1
        try:
            done, _ = await asyncio.wait({job.done}, timeout=deadline_s)
        finally:
            job.waiters -= 1
            if job.waiters == 0 and job.key in self.queued:
                self._queues[job.environment].drop(job)
                self._forget(job)
        if not done:
            raise refusals.too_late()
        return job.done.result()

    def _forget(self, job: Job) -> None:
        self.queued.discard(job.key)
        self.jobs.pop(job.key, None)

    async def _work(self, name: str, sandbox: Sandbox) -> None:
        queue = self._queues[name]
        while True:
            job = queue.take()
            if job is None:
                await queue.more.wait()
                continue
            self.queued.discard(job.key)
            self.running += 1
            began = time.monotonic()
            try:
                grade = await sandbox.grade(job.task, job.program)
            except asyncio.CancelledError:
                _refuse(job, refusals.closing())
                raise
            except Exception as defect:  # for those who wait: the others go on
                why = f"{type(defect).__name__}: {defect}"
                _refuse(job, refusals.failed(job.task.task_id, why, 1.0))
            else:
                self._finish(job, grade)
            finally:
                self.running -= 1
                self._forget(job)
                took = time.monotonic() - began
                queue.took(job, took)
                self._each_s += 0.05 * (took - self._each_s)

    def _finish(self, job: Job, grade: Grade) -> None:
        if is_fault(grade):
            details = [suite.detail for suite in grade.suites.values() if suite.detail]
            why = next(iter(details), "no detail")
            _refuse(job, refusals.failed(job.task.task_id, why, self.retry_after_s()))
            return
        if job.remembered:
            self.known[job.key] = grade
        if len(self.known) > self.remembered:
            self.known.popitem(last=False)
        job.done.set_result(grade)


def _refuse(job: Job, why: refusals.Refused) -> None:
    if not job.done.done():
        job.done.set_exception(why)
        # It is no defect that nobody may wait for it.
        job.done.exception()
