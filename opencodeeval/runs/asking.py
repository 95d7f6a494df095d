"""What a model is asked and how it samples: a protocol with the user's changes to it."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import msgspec

from opencodeeval.backends.base import Backend
from opencodeeval.backends.capabilities import check, lacking
from opencodeeval.benchmarks.base import Benchmark
from opencodeeval.core.errors import UsageError
from opencodeeval.core.types import (
    OVERRIDES,
    Message,
    ModelType,
    Prompt,
    Sampling,
    Task,
    digest,
)
from opencodeeval.records.schema import Record, content_of

# The fields of a sampling that are stored also at their defaults.
_ALWAYS = ("n", "temperature", "top_p", "max_tokens", "seed")
_MARK_LENGTH = 8


def protocol_of(benchmark: Benchmark, sampling: Sampling) -> str:
    """The protocol's name, with a mark if the user changed what it asks.

    The mark says what was changed, and has a digest of the changes, so that scores of
    different changes never count as one protocol: "evalplus+system-prompt-1a2b3c4d".
    """
    changed = sampling.changed(OVERRIDES)
    if not changed:
        return benchmark.protocol
    kinds = [OVERRIDES[name] for name in changed]
    return f"{'+'.join([benchmark.protocol, *kinds])}-{digest(changed)[:_MARK_LENGTH]}"


def prompt_of(
    benchmark: Benchmark, task: Task, sampling: Sampling, model_type: ModelType
) -> Prompt:
    """The task's prompt with the user's system prompt and stop strings (pure).

    The system prompt replaces the protocol's own; the stop strings are added to it.

    Raises:
        UsageError: a base model cannot be asked so.
    """
    if model_type == "base":
        _check_base(sampling)
    prompt = benchmark.prompt(task, model_type)
    if sampling.stop:
        prompt = replace(prompt, stop=tuple(dict.fromkeys((*prompt.stop, *sampling.stop))))
    if sampling.system_prompt:
        rest = [each for each in prompt.messages if each.role != "system"]
        prompt = replace(prompt, messages=(Message("system", sampling.system_prompt), *rest))
    return prompt


def needs_met(
    benchmark: Benchmark, backend: Backend, sampling: Sampling
) -> tuple[list[Prompt], tuple[str, ...]]:
    """All prompts, and what the run has to do without (backends/capabilities.py).

    Raises:
        UsageError: as `prompt_of`.
        BackendError: the backend lacks what the prompts or the sampling need.
    """
    if not hasattr(backend, "capabilities"):
        raise UsageError(
            f"the backend {type(backend).__name__} does not say what it can do: give its class "
            "`capabilities = Capabilities()`, with what it lacks"
        )
    can = backend.capabilities
    prompts = [prompt_of(benchmark, task, sampling, backend.model_type) for task in benchmark.tasks]
    for prompt in prompts:
        check(can, prompt, sampling)
    return prompts, lacking(can, prompts, sampling)


def _check_base(sampling: Sampling) -> None:
    for name in ("system_prompt", "chat_template_args", "reasoning_effort"):
        if sampling.changed([name]):
            raise UsageError(
                f"--{OVERRIDES[name]} is for chat models, and this one is prompted as a base "
                "model: leave it out, or use --model-type chat"
            )


def sampling_fields(backend: Backend, sampling: Sampling) -> dict[str, Any]:
    """The sampling as recorded; for existing samples only their number is known.

    Later fields are left out at their defaults, so that they change no earlier run's id.

    Raises:
        UsageError: the prompts of existing samples are to be changed.
    """
    if backend.identity().get("backend") == "samples":
        if sampling.changed(OVERRIDES):
            raise UsageError("existing samples cannot be asked otherwise: leave the change out")
        return {"n": sampling.n}
    stored = asdict(sampling)
    changed = sampling.changed(stored)
    return {name: stored[name] for name in stored if name in _ALWAYS or name in changed}


def sampling_of(record: Record) -> Sampling:
    """The sampling of a recorded run."""
    return msgspec.convert(content_of(record)["sampling"], Sampling)
