"""The backend that has some of the answers already, and asks another for the rest."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

from opencodeeval.backends.base import Backend, Request
from opencodeeval.core.types import Completion, Sampling


class CarriedBackend:
    """Gives the completions that it has, and draws the others; it is the other by name."""

    def __init__(self, backend: Backend, carried: Iterable[Completion]) -> None:
        self.model_type = backend.model_type
        self.capabilities = backend.capabilities
        self._backend = backend
        self._carried = {(each.task_id, each.sample_id): each for each in carried}

    def identity(self) -> Mapping[str, Any]:
        return self._backend.identity()

    async def generate(
        self, requests: Sequence[Request], sampling: Sampling
    ) -> AsyncIterator[Completion]:
        asked = []
        for request in requests:
            found = self._carried.get((request.prompt.task_id, request.sample_id))
            if found is None:
                asked.append(request)
            else:
                yield found
        if asked:
            async for completion in self._backend.generate(asked, sampling):
                yield completion

    async def close(self) -> None:
        await self._backend.close()
