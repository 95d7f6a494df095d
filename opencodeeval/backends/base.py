"""What a backend offers to the pipeline."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from opencodeeval.core.types import Completion, ModelType, Prompt, Sampling


@dataclass(frozen=True)
class Request:
    """One completion to be drawn: sample `sample_id` of the prompt's task."""

    prompt: Prompt
    sample_id: int


class Backend(Protocol):
    """A source of completions.

    `identity` names the weights for the record: model id, revision or weight
    digest, backend and library versions, dtype, engine arguments.
    """

    model_type: ModelType

    def identity(self) -> Mapping[str, Any]: ...

    def generate(
        self, requests: Sequence[Request], sampling: Sampling
    ) -> AsyncIterator[Completion]:
        """Yield each completion the moment it is finished, in any order.

        Every request draws with a seed of its own, derived from
        `sampling.seed`, the task id and the sample id, so that a resumed run
        draws what an undisturbed one draws.

        Raises:
            BackendError: the engine failed; nothing more will come.
        """
        ...

    async def close(self) -> None: ...
