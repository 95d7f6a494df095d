"""Which of the waiting programs runs next, fair to clients.

A client's turn comes when it has used the least of the slots' time, so a client whose
programs never end takes no more than its share. A client that was away begins where the
others are.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Set
from dataclasses import dataclass, field
from itertools import islice

from opencodeeval.core.types import Grade, Program, Task

# How far a client's queue is searched for a program of the task that was last given out, and
# how often its first program may be overtaken by such a one.
SEARCHED = 64
# What a program takes before anything is known of its client.
FIRST_GUESS_S = 0.05


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
    lost: int = 0
    remembered: bool = True


@dataclass
class _Client:
    """What a client has used of the slots' time, in seconds, and what waits by priority."""

    used_s: float = 0.0
    each_s: float = FIRST_GUESS_S
    waiting: dict[int, deque[Job]] = field(default_factory=dict)


class Queue:
    """The waiting programs of one environment."""

    def __init__(self) -> None:
        self.clients: dict[str, _Client] = {}
        self.more = asyncio.Event()

    def put(self, job: Job, first: bool = False) -> None:
        """Let a program wait: behind its client's others, or before them."""
        client = self.clients.get(job.client)
        if client is None:
            client = self.clients[job.client] = _Client()
        if not client.waiting:
            others = [each.used_s for each in self.clients.values() if each.waiting]
            client.used_s = max(client.used_s, min(others, default=0.0))
        jobs = client.waiting.setdefault(job.priority, deque())
        if first:
            jobs.appendleft(job)
        else:
            jobs.append(job)
        self.more.set()

    def take(self, warm: str, elsewhere: Set[str] = frozenset()) -> Job | None:
        """The next program; None if none waits.

        If possible it is of the task that is `warm` here and not `elsewhere`, or of one that is
        warm nowhere, so that each sandbox keeps tasks of its own.
        """
        busy = {name: each for name, each in self.clients.items() if each.waiting}
        if not busy:
            self.more.clear()
            return None
        highest = max(priority for each in busy.values() for priority in each.waiting)
        first = [each for each in busy.values() if highest in each.waiting]
        client = min(first, key=lambda each: each.used_s)
        jobs = client.waiting[highest]
        job = _of_task(jobs, warm, elsewhere)
        if not jobs:
            del client.waiting[highest]
        job.guess_s = client.each_s
        client.used_s += job.guess_s
        return job

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


def _of_task(jobs: deque[Job], warm: str, elsewhere: Set[str]) -> Job:
    """Take a job out of a client's queue."""
    if jobs[0].overtaken >= SEARCHED:
        return jobs.popleft()
    best, place = (True, True, True), 0
    for at, job in enumerate(islice(jobs, SEARCHED)):
        task = job.task.tests_digest
        rank = task in elsewhere, task != warm, at > 0
        if rank < best:
            best, place = rank, at
        if best[:2] == (False, False):
            break
    found = jobs[place]
    jobs[0].overtaken += place > 0
    del jobs[place]
    return found
