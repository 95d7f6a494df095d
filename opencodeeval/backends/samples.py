"""The backend that asks no model: the answers were written beforehand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any

from opencodeeval.backends.base import Request
from opencodeeval.backends.capabilities import Capabilities
from opencodeeval.core.errors import BackendError
from opencodeeval.core.types import Completion, ModelType, Sampling


class SamplesBackend:
    """Gives each request the completion of the same task id and sample id.

    `identity` is what is known of where the samples come from; it is stored in
    the record beside the backend's name. `model_type` says how answers are to
    be extracted from, where samples are such; it is nothing to ready-made programs.
    """

    capabilities = Capabilities(overlapping_calls=True)
    model_type: ModelType

    def __init__(
        self,
        completions: Iterable[Completion],
        identity: Mapping[str, Any],
        model_type: ModelType = "base",
    ) -> None:
        self.model_type = model_type
        self._completions = {(each.task_id, each.sample_id): each for each in completions}
        self._identity = dict(identity)

    def identity(self) -> Mapping[str, Any]:
        return {**self._identity, "backend": "samples"}

    async def generate(
        self, requests: Sequence[Request], sampling: Sampling
    ) -> AsyncIterator[Completion]:
        for request in requests:
            wanted = (request.prompt.task_id, request.sample_id)
            if wanted not in self._completions:
                raise BackendError(
                    f"the samples hold no sample {wanted[1]} of task {wanted[0]}: "
                    "give every task the same number of samples"
                )
            yield self._completions[wanted]

    async def close(self) -> None:
        return None
