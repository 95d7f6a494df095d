"""Sources of completions, by name."""

from __future__ import annotations

from collections.abc import Sequence

from opencodeeval.backends.base import BACKENDS, Backend
from opencodeeval.backends.options import (
    BackendOptions,
    parse_chat_template_args,
    parse_engine_args,
)
from opencodeeval.core.types import Task

__all__ = [
    "BACKENDS",
    "BackendOptions",
    "open_backend",
    "parse_chat_template_args",
    "parse_engine_args",
]


def open_backend(
    name: str, model: str, options: BackendOptions, tasks: Sequence[Task] = ()
) -> Backend:
    """Open the backend called `name` with a model; may take minutes.

    `model` is a folder or a hub id; the reference backend ignores it and
    answers from `tasks`.

    Raises:
        UsageError: there is no such backend.
        ExtensionError: another distribution's backend cannot be used.
        BackendError: the model or the engine cannot be used.
    """
    return BACKENDS.load(name).open(model, options, tasks)
