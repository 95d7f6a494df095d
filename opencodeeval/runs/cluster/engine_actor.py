"""The actor that has one engine on a node of a cluster.

The process of the command makes it (cluster/engines.py), asks it and takes its answers.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, cast

from opencodeeval.backends import BackendOptions, open_backend
from opencodeeval.backends.base import AdaptedBackend, Backend, Request
from opencodeeval.backends.capabilities import Capabilities
from opencodeeval.core.errors import BackendError
from opencodeeval.core.types import Completion, ModelType, Sampling
from opencodeeval.runs.cluster.node import AboutNode, about_here


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
