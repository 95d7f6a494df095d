"""Grading on the nodes of a cluster: gives programs to slots, and again where a node is lost."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from opencodeeval.core.errors import DataError, SandboxError
from opencodeeval.core.types import Grade, Program, SuiteResult, Task, Verdict
from opencodeeval.execution.pending import Pending
from opencodeeval.execution.specification import Specification, specification
from opencodeeval.runs.cluster.connection import NodeLost, answer_of
from opencodeeval.runs.cluster.roster import LOOKS_S, Grader, Roster
from opencodeeval.runs.cluster.slot_actor import packed

# A program whose node is lost so often may be the cause.
LOST = 5
# Tasks that stay in the cluster's object store for nodes that have not fetched them.
STORED = 64
# More than the slots of any cluster.
PLACES = 1 << 16


@dataclass(eq=False)
class _Job:
    environment: str
    task: Task
    program: Program
    done: asyncio.Future[Grade]
    lost: int = 0

    @property
    def key(self) -> str:
        """Its task's judge, in its environment."""
        return f"{self.environment} {self.task.tests_digest}"


@dataclass(eq=False)
class _Place:
    """A slot as it is seen from here: what it was given last, and how many programs it has."""

    number: int
    task: str = ""
    flying: int = 0


class Dispatcher:
    """Gives programs to the slots of a roster's nodes, one for each, and a second one that waits.

    The rest waits here, by task, so that each slot goes on with its task (execution/pending.py).
    """

    def __init__(self, roster: Roster, log: Callable[[str], None], wait_s: float) -> None:
        """`wait_s`: how long to wait for a node, in seconds, where all are lost."""
        self.roster, self._log, self._wait_s = roster, log, wait_s
        self._pending: Pending[_Job] = Pending(PLACES)
        self._number_pending = 0
        self._numbers = count()
        self._places: dict[Grader, list[_Place]] = {}
        self._stored: OrderedDict[str, Any] = OrderedDict()
        self._checked: dict[str, Specification] = {}
        self._going: set[asyncio.Task[None]] = set()
        self._waiting: set[asyncio.Future[Grade]] = set()
        self._looking: asyncio.Task[None] | None = None
        self._alone_since: float | None = None

    async def grade(self, environment: str, task: Task, program: Program) -> Grade:
        """See `Sandbox.grade`."""
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())
        key = task.tests_digest
        if key not in self._checked:
            try:
                self._checked[key] = specification(task.tests, key)
            except DataError as error:
                raise DataError(f"task {task.task_id!r}: {error}") from None
        job = _Job(environment, task, program, asyncio.get_running_loop().create_future())
        self._waiting.add(job.done)
        try:
            self._put(job)
            return await job.done
        finally:
            self._waiting.discard(job.done)

    def _put(self, job: _Job) -> None:
        self._pending.put(job.key, job)
        self._number_pending += 1
        self._pump()

    def _pump(self) -> None:
        """Give what waits to slots that have room, those of the least loaded node first."""
        while self._pending:
            found = self._free_place()
            if found is None:
                return
            grader, place = found
            job = self._pending.take(place.number, place.task)
            self._number_pending -= 1
            place.task = job.key
            if not job.done.cancelled():
                place.flying += 1
                grader.flying += 1
                self._start(self._run(grader, place, job))

    def _free_place(self) -> tuple[Grader, _Place] | None:
        """An empty place; or, where more waits than there are slots, one that has one program."""
        graders = self.roster.graders.values()
        self._places = {each: self._places.get(each) or self._new_places(each) for each in graders}
        places = [(each, place) for each, held in self._places.items() for place in held]
        most = 2 if self._number_pending > len(places) else 1
        free = [each for each in places if each[1].flying < most]
        return min(
            free, key=lambda each: (each[1].flying, each[0].flying / each[0].slots), default=None
        )

    def _new_places(self, grader: Grader) -> list[_Place]:
        return [_Place(next(self._numbers) % PLACES) for _ in range(grader.slots)]

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        going = asyncio.ensure_future(work)
        self._going.add(going)
        going.add_done_callback(self._going.discard)

    async def _run(self, grader: Grader, place: _Place, job: _Job) -> None:
        grade: Grade | Exception
        try:
            grade = await self._graded(grader, job)
        except Exception as error:
            grade = error
        grader.flying -= 1
        place.flying -= 1
        if isinstance(grade, NodeLost):
            self.roster.lose(grader, str(grade))
            self._again(job, str(grade))
        elif not job.done.done():
            if isinstance(grade, Exception):  # for the caller that waits for the verdict
                job.done.set_exception(grade)
            else:
                job.done.set_result(grade)
        self._pump()

    def _again(self, job: _Job, why: str) -> None:
        job.lost += 1
        if job.done.done():
            return
        if job.lost < LOST:
            self._put(job)
            return
        result = SuiteResult(Verdict.INFRA_ERROR, f"{LOST} nodes were lost that ran it ({why})")
        suites = dict.fromkeys(self._checked[job.task.tests_digest].suites, result)
        job.done.set_result(Grade(job.task.task_id, job.program.sample_id, suites))

    async def _graded(self, grader: Grader, job: _Job) -> Grade:
        key = job.task.tests_digest
        while True:
            await self._send(grader, job.task)
            found = await answer_of(grader.actor.grade.remote(job.environment, key, job.program))
            for line in found.log:
                self._log(f"node {grader.node.address}: {line}")
            if found.grade is not None:
                grade: Grade = found.grade
                return grade
            grader.sent.pop(key, None)  # the node had no room for it

    async def _send(self, grader: Grader, task: Task) -> None:
        """Have a task on a node: it is sent once, whatever number of programs wait for it."""
        import ray

        key = task.tests_digest
        sent = grader.sent.get(key)
        if sent is not None:
            await asyncio.shield(sent)
            return
        sent = grader.sent[key] = asyncio.get_running_loop().create_future()
        try:
            if key not in self._stored:
                content = packed(task, self._checked[key].parts)
                self._stored[key] = await asyncio.to_thread(ray.put, content)
                while len(self._stored) > STORED:
                    self._stored.popitem(last=False)
            self._stored.move_to_end(key)
            # In a list, so that the node fetches it by itself, from whoever has it.
            await answer_of(grader.actor.hold.remote(key, [self._stored[key]]))
        except BaseException as error:
            grader.sent.pop(key, None)
            sent.set_exception(error if isinstance(error, Exception) else NodeLost("interrupted"))
            sent.exception()  # perhaps nobody else waits for it
            raise
        sent.set_result(None)

    async def _look(self) -> None:
        """Take nodes in that come, and give up where there has been none for too long."""
        while True:
            await asyncio.sleep(LOOKS_S if self.roster.graders else 1.0)
            try:
                if await asyncio.to_thread(self.roster.look):
                    self._pump()
            except Exception as error:  # of Ray; those that are here go on
                self._log(f"new nodes cannot be looked for now: {error}")
            if self.roster.graders or not self._waiting:
                self._alone_since = None
                continue
            if self._alone_since is None:
                self._alone_since = time.monotonic()
                self._log(f"no node with slots is left: waiting up to {self._wait_s:g} s for one")
            if time.monotonic() - self._alone_since > self._wait_s:
                self._give_up()

    def _give_up(self) -> None:
        error = SandboxError(
            f"all nodes with slots were lost, and none came within {self._wait_s:g} s: the same "
            "command continues the run when the cluster has some"
        )
        self._pending = Pending(PLACES)
        self._number_pending = 0
        for unfinished in list(self._waiting):
            if not unfinished.done():
                unfinished.set_exception(error)

    async def close(self) -> None:
        """End everything that goes on, and the slots on all nodes."""
        going = [*self._going, *([self._looking] if self._looking else [])]
        self._looking = None
        for each in going:
            each.cancel()
        for unfinished in self._waiting:
            unfinished.cancel()
        await asyncio.gather(*going, return_exceptions=True)
        await asyncio.to_thread(self.roster.close)


class RaySandbox:
    """Implements opencodeeval.execution.base.Sandbox on the nodes of a cluster."""

    def __init__(self, dispatcher: Dispatcher, environment: str) -> None:
        """Open an environment on the nodes.

        Raises:
            UsageError, SandboxError: as `Roster.open`.
        """
        self._dispatcher, self._environment = dispatcher, environment
        described = dispatcher.roster.open(environment)
        self.jail = str(described["jail"])
        self.slots = dispatcher.roster.slots
        self._described = {**described, "slots": self.slots}

    def describe(self) -> Mapping[str, Any]:
        """What the nodes' sandboxes have in common, and the slots that there were at first."""
        return self._described

    async def grade(self, task: Task, program: Program) -> Grade:
        """See opencodeeval.execution.base.Sandbox."""
        return await self._dispatcher.grade(self._environment, task, program)

    async def close(self) -> None:
        """End the slots of all environments on all nodes."""
        await self._dispatcher.close()
