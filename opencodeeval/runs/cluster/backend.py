"""A backend whose answers come from all engines of a cluster."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from opencodeeval.backends.base import EngineDied, Request
from opencodeeval.core.types import Completion, Sampling
from opencodeeval.runs.cluster import connection
from opencodeeval.runs.cluster.connection import NodeLost, answer_of
from opencodeeval.runs.cluster.engine_actor import AboutEngine
from opencodeeval.runs.cluster.engines import Engines, Running

# Tasks that an engine is taken to have in its prefix cache.
CACHED = 64
CHARACTERS_A_TOKEN = 3.5
# Sharing its prompt is worth a queue that is so many answers longer.
WORTH = 8


class RayBackend:
    """One model in many engines; implements AdaptedBackend.

    A request goes to the engine with the fewest queued tokens, unless one that has the
    task's prompt in its cache is hardly busier. An engine is given about twice what it works
    on at once; the other requests are not taken yet. What a lost engine had is asked again.
    """

    def __init__(self, engines: Engines, about: AboutEngine, adapter: str = "") -> None:
        self._engines, self._about, self._adapter = engines, about, adapter
        self.model_type = about.model_type
        self.capabilities = about.capabilities
        at_once = about.identity.get("max_num_seqs") or engines.plan.options.batch_size
        self._limit = 2 * int(at_once)
        # The length of an answer, as it is learned from those that were written.
        self._mean: float | None = None

    def identity(self) -> Mapping[str, Any]:
        """What the engines say of themselves, which is the same for all."""
        return self._about.identity

    def with_adapter(self, name: str) -> RayBackend:
        """The same engines with the adapter called `name`.

        Raises:
            UsageError: they were opened without this adapter.
        """
        actor = self._engines.running[0].actor
        (about,) = connection.answers_of({0: actor.tell.remote(name)}, 600.0).values()
        if isinstance(about, BaseException):
            raise about
        return RayBackend(self._engines, about, name)

    async def generate(
        self, requests: Sequence[Request], sampling: Sampling
    ) -> AsyncIterator[Completion]:
        """See `Backend.generate`."""
        self._engines.watch()
        finished: asyncio.Queue[Completion | BaseException] = asyncio.Queue()
        drawing: set[asyncio.Task[None]] = set()

        async def draw(request: Request, engine: Running, cost: float) -> None:
            try:
                finished.put_nowait(await self._answer(request, sampling, engine, cost))
            except Exception as error:
                finished.put_nowait(error)

        async def feed() -> None:
            try:
                for request in requests:
                    place = await self._room(request, sampling)
                    task = asyncio.create_task(draw(request, *place))
                    drawing.add(task)
                    task.add_done_callback(drawing.discard)
            except Exception as error:
                finished.put_nowait(error)

        feeding = asyncio.create_task(feed())
        try:
            for _ in requests:
                found = await finished.get()
                if isinstance(found, BaseException):
                    raise found
                yield found
        finally:
            going = [feeding, *drawing]
            for each in going:
                each.cancel()
            await asyncio.gather(*going, return_exceptions=True)

    async def _answer(
        self, request: Request, sampling: Sampling, engine: Running, cost: float
    ) -> Completion:
        """One completion, from whichever engine lives to give it; `engine` has taken it."""
        while True:
            reference = engine.actor.answer.remote(request, sampling, self._adapter)
            lost = None
            try:
                completion: Completion = await answer_of(reference)
            except asyncio.CancelledError:
                _cancel(reference)
                raise
            except (NodeLost, EngineDied) as error:
                lost = str(error)
            finally:
                engine.tokens -= cost
                engine.flying -= 1
                async with self._engines.changed:
                    self._engines.changed.notify_all()
            if lost is None:
                self._engines.answered()
                self._learn(completion)
                return completion
            await self._engines.lose(engine, lost)
            engine, cost = await self._room(request, sampling)

    async def _room(self, request: Request, sampling: Sampling) -> tuple[Running, float]:
        """Wait for an engine with room, and take a place in it, for about so many tokens."""
        engines = self._engines
        while True:
            async with engines.changed:
                cost = self._cost(request, sampling)
                engine = best_engine(engines.running, request.prompt.task_id, cost, self._limit)
                if engine is not None:
                    engine.flying += 1
                    engine.tokens += cost
                    engine.recent.pop(request.prompt.task_id, None)
                    engine.recent[request.prompt.task_id] = None
                    while len(engine.recent) > CACHED:
                        del engine.recent[next(iter(engine.recent))]
                    return engine, cost
                hopeless = engines.hopeless()
                if hopeless:
                    raise hopeless
                try:
                    await asyncio.wait_for(engines.changed.wait(), 1.0)
                except asyncio.TimeoutError:
                    pass

    def _cost(self, request: Request, sampling: Sampling) -> float:
        """About how many tokens an engine reads and writes for a request."""
        prompt = request.prompt
        characters = len(prompt.text) + sum(len(each.content) for each in prompt.messages)
        answer = sampling.max_tokens if self._mean is None else self._mean
        return characters / CHARACTERS_A_TOKEN + answer

    def _learn(self, completion: Completion) -> None:
        written = float(completion.completion_tokens)
        self._mean = written if self._mean is None else 0.95 * self._mean + 0.05 * written

    async def close(self) -> None:
        """End all engines."""
        await self._engines.close()


def best_engine(
    engines: Sequence[Running], task_id: str, cost: float, limit: int
) -> Running | None:
    """The engine for a request of about `cost` tokens; None if all have `limit` requests.

    It is the one with the fewest queued tokens, unless another one that has the task's prompt
    in its cache has at most as many more as WORTH such requests have.
    """
    free = [each for each in engines if each.flying < limit]
    if not free:
        return None
    least = min(free, key=lambda each: each.tokens)
    cached = [each for each in free if task_id in each.recent]
    warm = min(cached, key=lambda each: each.tokens, default=least)
    return warm if warm.tokens <= least.tokens + WORTH * cost else least


def _cancel(reference: Any) -> None:
    import ray

    with contextlib.suppress(Exception):  # its engine may be gone
        ray.cancel(reference)
