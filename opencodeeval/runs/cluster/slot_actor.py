"""The actor that has the slots of one node.

The process of the command makes it (cluster/roster.py), gives it programs and takes the
grades; the node keeps nothing that the run would miss.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from opencodeeval.core import parts
from opencodeeval.core.types import Grade, Program, Style, Task
from opencodeeval.execution.base import Sandbox
from opencodeeval.execution.pool import share_cores
from opencodeeval.runs.cluster.node import AboutNode, about_here
from opencodeeval.runs.options import SandboxOptions

# Bytes of tasks that a node keeps; a task that it had to let go of is sent again.
KEPT_BYTES = 2 << 30


class Packed(NamedTuple):
    """A task for a node: what its judge needs, with the parts that its tests name."""

    task: Task
    parts: Mapping[str, bytes]

    @property
    def size(self) -> int:
        """About how many bytes it has."""
        return sum(map(len, self.parts.values())) + len(str(self.task.tests))


class OpenedSlots(NamedTuple):
    """A sandbox's description, with the log lines of its node."""

    described: Mapping[str, Any]
    log: Sequence[str]


class Graded(NamedTuple):
    """A grade with the log lines of its node; no grade where the node lacks the task."""

    grade: Grade | None
    log: Sequence[str]


def packed(task: Task, digests: Sequence[str]) -> Packed:
    """A task with what its judge needs, and nothing of its prompt.

    Raises:
        DataError: a part cannot be read.
    """
    tests, style = dict(task.tests), Style(task.style)
    light = Task(task.task_id, style, "", "", "", tests, {}, task.in_process, task.kept)
    return Packed(light, {sha256: parts.read_part(sha256) for sha256 in digests})


class _Tasks:
    """The tasks that this node was sent, the ones that were used last; a source of their parts."""

    def __init__(self) -> None:
        self._held: OrderedDict[str, Packed] = OrderedDict()
        self._bytes = 0
        self.in_use: Counter[str] = Counter()

    def add(self, key: str, task: Packed) -> None:
        if key in self._held:
            return
        self._held[key] = task
        self._bytes += task.size
        for old in list(self._held)[:-1]:
            if self._bytes > KEPT_BYTES and not self.in_use[old]:
                self._bytes -= self._held.pop(old).size

    def get(self, key: str) -> Task | None:
        if key not in self._held:
            return None
        self._held.move_to_end(key)
        return self._held[key].task

    def read(self, sha256: str) -> bytes | None:
        held = list(self._held.values())  # slots read in threads of their own
        return next((each.parts[sha256] for each in held if sha256 in each.parts), None)


class Slots:
    """The slots of one node, for programs of any environment."""

    def __init__(self) -> None:
        self._sandboxes: dict[str, Sandbox] = {}
        self._opening = asyncio.Lock()
        self._tasks = _Tasks()
        self._log: list[str] = []
        parts.add_source(self._tasks)

    async def about(self) -> AboutNode:
        return about_here()

    async def open(self, environment: str, options: SandboxOptions) -> OpenedSlots:
        """Open a sandbox, if it is not open.

        Raises:
            UsageError, SandboxError: as `SandboxOptions.open`.
        """
        async with self._opening:
            if environment not in self._sandboxes:
                opened = await asyncio.to_thread(options.open, environment, self._log.append)
                self._sandboxes[environment] = opened
                share_cores(list(self._sandboxes.values()))
        return OpenedSlots(self._sandboxes[environment].describe(), self._said())

    async def give_image(self, environment: str, options: SandboxOptions) -> bytes:
        """The Docker image of an environment, for a node that lacks it.

        Raises:
            SandboxError: it is not here.
        """
        return await asyncio.to_thread(_packed_image, environment, options)

    async def take_image(self, reference: Sequence[Any]) -> None:
        """Fetch an image from the node that gave it.

        Raises:
            SandboxError: this node's engine does not take it.
        """
        from opencodeeval.execution.images import unpack_image

        await asyncio.to_thread(unpack_image, await reference[0])

    async def hold(self, key: str, reference: Sequence[Any]) -> None:
        """Fetch a task, once for this node, and keep it under the digest of its tests."""
        self._tasks.add(key, await reference[0])

    async def grade(self, environment: str, key: str, program: Program) -> Graded:
        """Grade one program; without a grade if the task is not held.

        Raises:
            DataError: the task's specification is damaged.
        """
        task = self._tasks.get(key)
        if task is None:
            return Graded(None, ())
        self._tasks.in_use[key] += 1
        try:
            grade = await self._sandboxes[environment].grade(task, program)
        finally:
            self._tasks.in_use[key] -= 1
        return Graded(grade, self._said())

    def _said(self) -> list[str]:
        said, self._log[:] = list(self._log), []
        return said

    async def close(self) -> None:
        """End all slots; a jail that is being started is waited for, or it would be left over."""
        async with self._opening:
            while self._sandboxes:
                await self._sandboxes.popitem()[1].close()


def _packed_image(environment: str, options: SandboxOptions) -> bytes:
    from opencodeeval.execution.environments import read_environment
    from opencodeeval.execution.images import default_image, packed_image

    return packed_image(options.image or default_image(read_environment(environment)))
