"""What a model is asked and how it samples: a protocol with the user's changes to it."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import msgspec

from opencodeeval.backends.base import Backend
from opencodeeval.backends.capabilities import check, lacking
from opencodeeval.benchmarks.base import Benchmark
from opencodeeval.benchmarks.prompt_templates import fill_in, names_variables, template_variables
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
_OF_THE_TEXT = ("prompt_prefix", "prompt_suffix", "prompt_template")


def protocol_of(benchmark: Benchmark, sampling: Sampling) -> str:
    """The protocol's name, with a mark if the user changed what it asks.

    The mark says what was changed, and has a digest of the changes, so that scores of
    different changes never count as one protocol: "evalplus+system-prompt-1a2b3c4d".
    """
    changed = sampling.changed(OVERRIDES)
    kinds = [OVERRIDES[name] for name in changed]
    if benchmark.time_limit is not None:
        changed["time_limit"] = benchmark.time_limit
        kinds.append("time-limit")
    if not changed:
        return benchmark.protocol
    return f"{'+'.join([benchmark.protocol, *kinds])}-{digest(changed)[:_MARK_LENGTH]}"


def prompt_of(
    benchmark: Benchmark, task: Task, sampling: Sampling, model_type: ModelType
) -> Prompt:
    """The task's prompt with the user's changes (pure).

    The system prompt replaces the protocol's own; the stop strings are added to it. The
    template replaces the text of a base model's prompt or the last user message, and prefix
    and suffix are put around that.

    Raises:
        UsageError: a base model cannot be asked so, or the template cannot be filled in.
    """
    if model_type == "base":
        _check_base(sampling)
    prompt = _reworded(benchmark.prompt(task, model_type), task, sampling)
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


def check_template(benchmark: Benchmark, sampling: Sampling) -> None:
    """See that the user's template can be filled in for every task.

    Raises:
        UsageError: it cannot.
    """
    if sampling.prompt_template:
        for task in benchmark.tasks:
            _filled_in(sampling.prompt_template, task)
        if not names_variables(sampling.prompt_template):
            raise UsageError(
                "the prompt template asks the same for every task: put {{ prompt }} where the "
                "task's prompt belongs"
            )


def _reworded(prompt: Prompt, task: Task, sampling: Sampling) -> Prompt:
    def reworded(text: str) -> str:
        if sampling.prompt_template:
            text = _filled_in(sampling.prompt_template, task)
        return f"{sampling.prompt_prefix}{text}{sampling.prompt_suffix}"

    if not sampling.changed(_OF_THE_TEXT):
        return prompt
    if not prompt.messages:
        return replace(prompt, text=reworded(prompt.text))
    messages = list(prompt.messages)
    last = max(place for place, each in enumerate(messages) if each.role == "user")
    messages[last] = Message("user", reworded(messages[last].content))
    return replace(prompt, messages=tuple(messages))


def _filled_in(template: str, task: Task) -> str:
    variables = template_variables(task)
    try:
        return fill_in(template, variables)
    except Exception as error:  # templates raise what they like
        raise UsageError(
            f"the prompt template cannot be filled in for {task.task_id} "
            f"({next(iter(str(error).splitlines()), type(error).__name__)}): correct it; its "
            f"variables are {', '.join(sorted(variables))}"
        ) from None


def _check_base(sampling: Sampling) -> None:
    for name in ("system_prompt", "chat_template_args", "reasoning_effort", "thinking_budget"):
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
            raise UsageError(
                "the prompts of existing samples cannot be changed: leave the option out"
            )
        return {"n": sampling.n}
    stored = asdict(sampling)
    changed = sampling.changed(stored)
    return {name: stored[name] for name in stored if name in _ALWAYS or name in changed}


def sampling_of(record: Record) -> Sampling:
    """The sampling of a recorded run."""
    return msgspec.convert(content_of(record)["sampling"], Sampling)
