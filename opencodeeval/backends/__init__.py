"""Sources of completions, by name."""

from __future__ import annotations

from collections.abc import Sequence

from opencodeeval.backends.base import BACKENDS, Backend
from opencodeeval.backends.options import (
    BackendOptions,
    parse_chat_template_args,
    parse_engine_args,
)
from opencodeeval.core.errors import UsageError
from opencodeeval.core.types import Task

__all__ = [
    "BACKENDS",
    "SERVERS",
    "BackendOptions",
    "check_adapters",
    "open_backend",
    "parse_chat_template_args",
    "parse_engine_args",
]


# Backends whose models others have loaded, and the options for one that is loaded here.
SERVERS = ("openai", "litellm")
_LOADING = ("revision", "dtype", "tensor_parallel_size", "max_model_len", "trust_remote_code")


def _check_loads_nothing(options: BackendOptions) -> None:
    for field in _LOADING:
        if getattr(options, field) != getattr(BackendOptions, field):
            raise UsageError(
                f"--{field.replace('_', '-')} is for a model that is loaded in this process: give "
                "it to the server, and leave it out here"
            )


def check_adapters(name: str, options: BackendOptions) -> None:
    """See that the backend called `name` takes adapters, if there are any.

    Raises:
        UsageError: it does not, or there is no such backend.
        ExtensionError: another distribution's backend cannot be used.
    """
    if not options.lora or BACKENDS.load(name).takes_adapters:
        return
    if name == "openai":
        raise UsageError(
            "--lora loads adapters in this process: a server has a model id for each adapter it "
            "has loaded, so give that as --model"
        )
    raise UsageError(f"the backend {name} takes no adapters: use --lora with vllm or transformers")


def open_backend(
    name: str, model: str, options: BackendOptions, tasks: Sequence[Task] = ()
) -> Backend:
    """Open the backend called `name` with a model; may take minutes.

    `model` is a folder or a hub id; the reference backend ignores it and
    answers from `tasks`.

    Raises:
        UsageError: there is no such backend, or it takes no adapters or no other tokenizer.
        ExtensionError: another distribution's backend cannot be used.
        BackendError: the model or the engine cannot be used.
    """
    check_adapters(name, options)
    if options.tokenizer and name in (*SERVERS, "reference"):
        raise UsageError(
            f"--tokenizer is for vllm and transformers, and {name} has its own: leave it out"
        )
    if name in SERVERS:
        _check_loads_nothing(options)
    return BACKENDS.load(name).open(model, options, tasks)
