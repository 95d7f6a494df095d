"""The backend of a regrade: the answers of an earlier run, under that run's name."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from opencodeeval.backends.base import Request
from opencodeeval.backends.capabilities import Capabilities
from opencodeeval.core.types import Completion, ModelType, SampleId, Sampling


class StoredCompletions:
    """Gives each request the stored completion of the same task id and sample id.

    `identity` is the earlier run's, so that the run has the same id where
    nothing but the grader has changed.
    """

    capabilities = Capabilities(thinking_budget=True, overlapping_calls=True)
    model_type: ModelType

    def __init__(
        self,
        completions: Mapping[SampleId, Completion],
        identity: Mapping[str, Any],
        model_type: ModelType,
    ) -> None:
        self.model_type = model_type
        self._completions = completions
        self._identity = dict(identity)

    def identity(self) -> Mapping[str, Any]:
        return self._identity

    async def generate(
        self, requests: Sequence[Request], sampling: Sampling
    ) -> AsyncIterator[Completion]:
        for request in requests:
            yield self._completions[SampleId(request.prompt.task_id, request.sample_id)]

    async def close(self) -> None:
        return None
