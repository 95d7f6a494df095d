"""What a backend offers to the pipeline, and how one is opened by its name.

A backend with a name is a module beside this one that ends with `BACKEND = Opener(...)`, or
that of another distribution with an entry point of the group `opencodeeval.backends`.
The other modules here are parts of such backends, or backends that are made of values.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from opencodeeval.backends.capabilities import Capabilities
from opencodeeval.backends.options import BackendOptions
from opencodeeval.core.errors import BackendError
from opencodeeval.core.extensions import Seam
from opencodeeval.core.types import Completion, ModelType, Prompt, Sampling, Task


@dataclass(frozen=True)
class Request:
    """One completion to be drawn: sample `sample_id` of the prompt's task."""

    prompt: Prompt
    sample_id: int


class SamplesFailed(BackendError):
    """Some samples could not be had, after all others were given; a repeated run asks again.

    `hopeless`: the backend has given up, so that other benchmarks need not be tried.
    """

    def __init__(self, message: str, hopeless: bool = False) -> None:
        super().__init__(message)
        self.hopeless = hopeless


class EngineDied(BackendError):
    """The engine ended while it answered; another one could answer the same requests."""


class Backend(Protocol):
    """A source of completions.

    `model_type` says how to prompt: "base" or "chat". `capabilities` says what it can do:
    what is missing there is refused before the first request, or stands in the record.
    """

    model_type: ModelType
    capabilities: Capabilities

    def identity(self) -> Mapping[str, Any]:
        """What names the weights in the record, as JSON values, without secrets.

        "backend" and "model" (as the user named it) are there; "revision" or
        "weights_digest", "versions", dtype and engine arguments where there are such.
        All of it is part of the run's id.
        """
        ...

    def generate(
        self, requests: Sequence[Request], sampling: Sampling
    ) -> AsyncIterator[Completion]:
        """Yield each completion the moment it is finished, in any order.

        Every request draws with a seed of its own, derived from
        `sampling.seed`, the task id and the sample id (streaming.request_seed), so that a
        resumed run draws what an undisturbed one draws. A field of `sampling` that has not
        its default is used or refused. The prompts have its changes to their text and stop strings
        already; chat-template arguments and reasoning effort are the backend's to apply.

        Raises:
            BackendError: the engine failed, or cannot use the sampling; nothing more will come.
            EngineDied: the engine failed by itself, where a backend can tell.
            SamplesFailed: the same, and what came before is to be graded first.
        """
        ...

    async def close(self) -> None:
        """Free what the backend holds; may be called twice."""
        ...


class AdaptedBackend(Backend, Protocol):
    """A backend that was opened with LoRA adapters and answers with one of them."""

    def with_adapter(self, name: str) -> AdaptedBackend:
        """The same loaded model with the adapter called `name`; closing one closes all.

        Raises:
            UsageError: it was opened without this adapter.
        """
        ...


@dataclass(frozen=True)
class Opener:
    """A backend that is chosen by its name.

    `open(model, options, tasks)` may take minutes. It raises BackendError if the model
    or the engine cannot be used, and UsageError if the tasks cannot be answered. With
    `asks_model` one backend serves all benchmarks of a command; otherwise no model
    has to be named, and a backend answers just the tasks that it was opened with.
    `takes_adapters`: it opens a model with the LoRA adapters that its options name, as
    the first of them, and its backend is an AdaptedBackend.
    """

    open: Callable[[str, BackendOptions, Sequence[Task]], Backend]
    asks_model: bool = True
    takes_adapters: bool = False


BACKENDS = Seam("backend", "opencodeeval.backends", "BACKEND", Opener)
