"""What runs on the nodes of a cluster: actors that hold slots, and actors that hold an engine.

They are made by the process of the command (cluster/connection.py), which gives them work and
takes results; a node keeps nothing that the run would miss.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, cast

import opencodeeval
from opencodeeval.backends import BackendOptions, open_backend
from opencodeeval.backends.base import AdaptedBackend, Backend, Request
from opencodeeval.backends.capabilities import Capabilities
from opencodeeval.core import parts
from opencodeeval.core.errors import BackendError
from opencodeeval.core.machine import hardware, usable_cores
from opencodeeval.core.types import Completion, Grade, ModelType, Program, Sampling, Style, Task
from opencodeeval.execution.base import Sandbox
from opencodeeval.execution.pool import share_cores
from opencodeeval.runs.options import SandboxOptions

# Bytes of tasks that a node keeps; a task that it had to let go of is sent again.
KEPT_BYTES = 2 << 30


class AboutNode(NamedTuple):
    """What a node says of itself: this package there, and the machine."""

    version: str
    sources: str
    hardware: Mapping[str, Any]
    cores: int


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


@cache
def sources() -> str:
    """A digest of this package's code, so that two nodes of one version can be told apart."""
    content, root = hashlib.sha256(), Path(opencodeeval.__file__).parent
    for path in sorted(root.rglob("*.py")):
        if "_assets" not in path.parts:
            content.update(str(path.relative_to(root)).encode() + path.read_bytes())
    return content.hexdigest()


def about_here() -> AboutNode:
    """What this process says of its node."""
    return AboutNode(opencodeeval.__version__, sources(), hardware(), usable_cores())


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
        if environment not in self._sandboxes:
            opened = await asyncio.to_thread(options.open, environment, self._log.append)
            self._sandboxes[environment] = opened
            share_cores(list(self._sandboxes.values()))
        return OpenedSlots(self._sandboxes[environment].describe(), self._said())

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
        while self._sandboxes:
            await self._sandboxes.popitem()[1].close()


class AboutEngine(NamedTuple):
    """What an engine says of itself, as the backend in it does."""

    identity: Mapping[str, Any]
    model_type: ModelType
    capabilities: Capabilities


class EnginePlan(NamedTuple):
    """What an engine is opened with: as `open_backend`, in a folder, with settings of the driver.

    `threads` is for engines on processors, None where the engine has GPUs.
    """

    name: str
    model: str
    options: BackendOptions
    folder: str
    environment: Mapping[str, str]
    threads: int | None


class Engine:
    """One engine: a backend that is loaded here and answers one request after another."""

    def __init__(self) -> None:
        self._backend: Backend | None = None
        self._waiting: dict[tuple[Sampling, str], list[tuple[Request, asyncio.Future[Completion]]]]
        self._waiting = {}
        self._batching: asyncio.Task[None] | None = None
        self._adapted: dict[str, Backend] = {}

    async def about(self) -> AboutNode:
        return about_here()

    async def open(self, plan: EnginePlan) -> AboutEngine:
        """Load the model; blocks this actor meanwhile.

        Raises:
            UsageError, BackendError: as `open_backend`.
        """
        # Paths mean the same as where the command was given, if that folder is here.
        with suppress(OSError):
            os.chdir(plan.folder)
        for name, value in plan.environment.items():
            os.environ.setdefault(name, value)
        if plan.threads:
            os.environ["OMP_NUM_THREADS"] = str(plan.threads)
        else:
            # Ray sets 1, for actors that ask for no processors.
            os.environ.pop("OMP_NUM_THREADS", None)
        self._backend = open_backend(plan.name, plan.model, plan.options)
        return await self.tell("")

    async def tell(self, adapter: str) -> AboutEngine:
        """The engine with one of its adapters; "" for the one that it was opened with."""
        backend = self._with(adapter)
        return AboutEngine(dict(backend.identity()), backend.model_type, backend.capabilities)

    async def answer(self, request: Request, sampling: Sampling, adapter: str) -> Completion:
        """The completion of one request.

        Raises:
            EngineDied: the engine ended, and another one could answer.
            BackendError: as `Backend.generate`.
        """
        if self._with(adapter).capabilities.overlapping_calls:
            (completion,) = await self._answers([request], sampling, adapter)
            return completion
        answered: asyncio.Future[Completion] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault((sampling, adapter), []).append((request, answered))
        if self._batching is None or self._batching.done():
            self._batching = asyncio.create_task(self._batches())
        return await answered

    async def _answers(
        self, requests: Sequence[Request], sampling: Sampling, adapter: str
    ) -> list[Completion]:
        return [each async for each in self._with(adapter).generate(requests, sampling)]

    async def _batches(self) -> None:
        """Answer what has come in, one call of the backend after another."""
        await asyncio.sleep(0.02)  # let those that were sent together come in
        while self._waiting:
            key = next(iter(self._waiting))
            sampling, adapter = key
            asked = self._waiting.pop(key)
            open_ = {(each.prompt.task_id, each.sample_id): future for each, future in asked}
            try:
                stream = self._with(adapter).generate([each for each, _ in asked], sampling)
                async for completion in stream:
                    future = open_.pop((completion.task_id, completion.sample_id))
                    if not future.done():
                        future.set_result(completion)
            except Exception as error:
                for future in open_.values():
                    if not future.done():
                        future.set_exception(error)

    def _with(self, adapter: str) -> Backend:
        if self._backend is None:
            raise BackendError("the engine is closed: give the same command again")
        if not adapter:
            return self._backend
        if adapter not in self._adapted:
            self._adapted[adapter] = cast(AdaptedBackend, self._backend).with_adapter(adapter)
        return self._adapted[adapter]

    async def close(self) -> None:
        if self._backend is not None:
            await self._backend.close()
