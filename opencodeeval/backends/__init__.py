"""Sources of completions, by name."""

from __future__ import annotations

from collections.abc import Sequence

from opencodeeval.backends.base import Backend
from opencodeeval.backends.options import BackendOptions, parse_engine_args
from opencodeeval.core.errors import UsageError
from opencodeeval.core.types import Task

__all__ = ["BACKENDS", "BackendOptions", "open_backend", "parse_engine_args"]

BACKENDS = ("vllm", "reference")


def open_backend(
    name: str, model: str, options: BackendOptions, tasks: Sequence[Task] = ()
) -> Backend:
    """Open the backend called `name` with a model; may take minutes.

    `model` is a folder or a hub id; the reference backend ignores it and
    answers from `tasks`.

    Raises:
        UsageError: there is no such backend.
        BackendError: the model or the engine cannot be used.
    """
    if name == "vllm":
        from opencodeeval.backends.vllm import open_vllm

        return open_vllm(model, options)
    if name == "reference":
        from opencodeeval.backends.reference import ReferenceBackend

        return ReferenceBackend(tasks)
    raise UsageError(f"there is no backend {name!r}: choose one of {', '.join(BACKENDS)}")
