"""Gives waiting programs to sandboxes: a bounded number waits, and each program runs once."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from opencodeeval import __version__
from opencodeeval.core.types import Grade
from opencodeeval.execution.base import Sandbox
from opencodeeval.execution.identity import sandbox_identity
from opencodeeval.runs.store import is_fault
from opencodeeval.serve import refusals
from opencodeeval.serve.messages import Ready, SandboxState
from opencodeeval.serve.waiting import FIRST_GUESS_S, Job, Queue

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

# Programs that a sandbox has beside those that run: it gives them to judges that are warm.
SPARE = 1
LONGEST_RETRY_S = 60.0
# How often a program is given to another sandbox after the one that had it was lost or refused.
MOST_LOST = 3


class Lost(Exception):
    """A sandbox cannot say anything about a program: another one gets it.

    `counts` is False where nothing was run, so the program cannot be the cause.
    """

    def __init__(self, why: str, counts: bool = True) -> None:
        super().__init__(why)
        self.counts = counts


@dataclass(eq=False)
class Crew:
    """The workers that give programs of one environment to one sandbox.

    `warm` is the task of the program that it got last. A crew that is `retired` takes no more.
    """

    environment: str
    sandbox: Sandbox
    workers: list[asyncio.Task[None]] = field(default_factory=list)
    idle: set[asyncio.Task[None]] = field(default_factory=set)
    warm: str = ""
    retired: bool = False


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


class Dispatcher:
    """Gives programs to the sandboxes of their environments.

    At most `capacity` programs wait; the verdicts of the last `remembered` programs are
    kept. An infrastructure failure is never kept, and never a verdict.
    """

    def __init__(
        self,
        sandboxes: Mapping[str, Sandbox],
        capacity: int,
        remembered: int = 20_000,
        environments: Iterable[str] = (),
    ) -> None:
        """`environments` are those whose sandboxes come later (`employ`)."""
        self.sandboxes = dict(sandboxes)
        self.capacity, self.remembered = capacity, remembered
        self.known: OrderedDict[str, Grade] = OrderedDict()
        self.jobs: dict[str, Job] = {}
        self.queued: set[str] = set()
        self.kept = 0
        self.running = 0
        self.closed = False
        self.instance = secrets.token_hex(8)
        self.crews: list[Crew] = []
        self._queues = {name: Queue() for name in (*sandboxes, *environments)}
        self._each_s = FIRST_GUESS_S

    def start(self) -> None:
        """Begin to give out programs; must be called in the event loop."""
        for name, sandbox in self.sandboxes.items():
            self.employ(name, sandbox)

    def employ(self, environment: str, sandbox: Sandbox) -> Crew:
        """Give programs to one more sandbox."""
        crew = Crew(environment, sandbox)
        for _ in range(sandbox.slots + SPARE):
            crew.workers.append(asyncio.create_task(self._work(crew)))
        self.crews.append(crew)
        return crew

    def retire(self, crew: Crew) -> None:
        """Give no more programs to a crew's sandbox; what it has goes on to its end."""
        if not crew.retired:
            crew.retired = True
            self.crews.remove(crew)
            for worker in crew.idle:
                worker.cancel()

    def dismiss(self, crew: Crew) -> None:
        """Give the programs that a crew's sandbox has to others."""
        self.retire(crew)
        for worker in crew.workers:
            worker.cancel()

    async def close(self) -> None:
        """Refuse what waits, and close the sandboxes."""
        self.closed = True
        workers = [worker for crew in self.crews for worker in crew.workers]
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        for job in self.jobs.values():
            _refuse(job, refusals.closing())
        for sandbox in self.sandboxes.values():
            await sandbox.close()

    def about(self) -> Ready:
        """What it can do now."""
        slots: dict[str, int] = {}
        sandboxes: dict[str, SandboxState] = {}
        for crew in self.crews:
            name = crew.environment or "plain"
            slots[name] = slots.get(name, 0) + crew.sandbox.slots
            described = crew.sandbox.describe()
            sandboxes[name] = SandboxState(
                identity=sandbox_identity(described),
                languages=sorted(described.get("toolchains", ())),
            )
        return Ready(slots=slots, sandboxes=sandboxes, version=__version__, instance=self.instance)

    def register(self, registry: CollectorRegistry) -> None:
        """Add what it measures, beside what all have."""

    @property
    def room(self) -> int:
        """How many more programs may wait."""
        return self.capacity - len(self.queued) - self.kept

    def retry_after_s(self) -> float:
        """Seconds until a half of what waits should have run."""
        slots = sum(crew.sandbox.slots for crew in self.crews)
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

    async def _work(self, crew: Crew) -> None:
        queue, worker = self._queues[crew.environment], asyncio.current_task()
        assert worker
        while not crew.retired:
            job = queue.take(crew.warm, self._warm_elsewhere(crew))
            if job is None:
                crew.idle.add(worker)
                try:
                    await queue.more.wait()
                finally:
                    crew.idle.discard(worker)
                continue
            crew.warm = job.task.tests_digest
            self.queued.discard(job.key)
            self.running += 1
            began = time.monotonic()
            try:
                await self._run(crew.sandbox, job)
            finally:
                self.running -= 1
                if job.key not in self.queued:
                    self._forget(job)
                took = time.monotonic() - began
                queue.took(job, took)
                self._each_s += 0.05 * (took - self._each_s)

    def _warm_elsewhere(self, crew: Crew) -> set[str]:
        return {
            other.warm
            for other in self.crews
            if other is not crew and other.environment == crew.environment
        }

    async def _run(self, sandbox: Sandbox, job: Job) -> None:
        try:
            grade = await sandbox.grade(job.task, job.program)
        except Lost as lost:
            self._again(job, str(lost), lost.counts)
        except asyncio.CancelledError:
            if self.closed:
                _refuse(job, refusals.closing())
            else:
                self._again(job, "its host was lost", True)
            raise
        except Exception as defect:  # for those who wait: the others go on
            why = f"{type(defect).__name__}: {defect}"
            _refuse(job, refusals.failed(job.task.task_id, why, 1.0))
        else:
            self._finish(job, grade)

    def _again(self, job: Job, why: str, counts: bool) -> None:
        """Put a program back that has no verdict, if anybody waits for it."""
        job.lost += counts
        if job.lost >= MOST_LOST:
            _refuse(job, refusals.failed(job.task.task_id, why, self.retry_after_s()))
        elif job.waiters:
            self.queued.add(job.key)
            self._queues[job.environment].put(job, first=True)

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
