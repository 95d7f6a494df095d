"""What a backend can do, and what a request needs of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from opencodeeval.core.errors import BackendError
from opencodeeval.core.types import OVERRIDES, SETTINGS, Prompt, Sampling


@dataclass(frozen=True)
class Capabilities:
    """What a backend can do; the defaults are those of an engine in this process.

    exact_prompts: a completion's `prompt` is the text that the model saw.
    response_prefix: it continues an answer that a chat prompt begins.
    stop_strings: how many of a prompt's stop strings end an answer; None: all. The
        text is cut at the others afterwards.
    neutral_sampling: it adds no penalty and no filter of tokens that were not asked for.
    seeds: the same request has the same answer, at any temperature.
    token_counts: it counts the tokens of prompts and answers.
    reasoning_apart: it may give the reasoning apart from the answer.
    settings: the fields of a sampling beyond temperature, top_p, max_tokens and seed that
        it takes; None: all, or it refuses some by itself.
    reasoning_effort: it takes one, or refuses it by itself.
    thinking_budget: it cuts reasoning at a number of tokens.
    samples_per_request: how many samples of a prompt it asks a server for at once, at most,
        where the temperature is above 0. Such samples have no seed of their own. An engine in
        this process needs none of it: it keeps what it computed of the prompt.
    overlapping_calls: `generate` may be called again while an earlier call goes on, whose
        requests go first; it takes its requests one after another, as it has room.
    elsewhere: where to find what is missing here, for messages.
    """

    exact_prompts: bool = True
    response_prefix: bool = True
    stop_strings: int | None = None
    neutral_sampling: bool = True
    seeds: bool = True
    token_counts: bool = True
    reasoning_apart: bool = False
    settings: frozenset[str] | None = None
    reasoning_effort: bool = True
    thinking_budget: bool = False
    samples_per_request: int = 1
    overlapping_calls: bool = False
    elsewhere: str = ""


LACKS = {
    "exact-prompts": "the texts that the model saw are not known",
    "neutral-sampling": "the server may sample with penalties or filters of its own",
    "sample-tokens": "of samples that were drawn together only the sum of the tokens is known",
    "seeds": "the same command may draw other samples",
    "stop-strings": "some stop strings do not end answers, whose text is cut at them afterwards",
    "token-counts": "tokens are not counted",
}


def check(can: Capabilities, prompt: Prompt, sampling: Sampling) -> None:
    """Refuse what would give other samples than those that were asked for.

    Raises:
        BackendError: the backend cannot continue an answer, or lacks a setting.
    """
    hint = f" ({can.elsewhere})" if can.elsewhere else ""
    words = {**SETTINGS, **OVERRIDES}
    names = {*SETTINGS, "chat_template_args"}
    missing = [] if can.settings is None else [*sampling.changed(names - can.settings)]
    if sampling.reasoning_effort and not can.reasoning_effort:
        missing.append("reasoning_effort")
    if missing:
        options = ", ".join(f"--{words[name].replace(' ', '-')}" for name in sorted(missing))
        raise BackendError(f"this backend does not take {options}{hint}: leave it out")
    if sampling.thinking_budget and not can.thinking_budget:
        raise BackendError(
            "this backend does not take --thinking-budget: leave it out, or load the model with "
            "--backend vllm or transformers"
        )
    if prompt.response_prefix and not can.response_prefix:
        raise BackendError(
            f"this protocol begins the model's answer ({prompt.task_id}), which this backend "
            f"does not continue{hint}: choose a protocol that does not, or --model-type base"
        )


def lacking(can: Capabilities, prompts: Iterable[Prompt], sampling: Sampling) -> tuple[str, ...]:
    """What a run does without, as keys of LACKS: it is in the record."""
    most = can.stop_strings
    sampled = sampling.temperature > 0
    without = {
        "exact-prompts": not can.exact_prompts,
        "neutral-sampling": not can.neutral_sampling,
        "sample-tokens": can.samples_per_request > 1 and sampled and sampling.n > 1,
        "seeds": not can.seeds and sampled,
        "stop-strings": most is not None and any(len(each.stop) > most for each in prompts),
        "token-counts": not can.token_counts,
    }
    return tuple(name for name, lacks in without.items() if lacks)
