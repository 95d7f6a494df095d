"""Prompts as requests of the OpenAI interface, and what each kind of server makes of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from opencodeeval.backends.base import Request
from opencodeeval.backends.capabilities import Capabilities
from opencodeeval.backends.openai_fields import LIMIT
from opencodeeval.backends.streaming import request_seed
from opencodeeval.core.types import ModelType, Prompt, Sampling

# These continue an answer that the request has begun.
ENGINES = frozenset({"vllm", "sglang"})
_NAMES = " and ".join(sorted(ENGINES))
# llama.cpp's own server, and llama-cpp-python's. They have a repetition penalty (of the last
# 64 tokens, so it is another one), top-k and min-p by default.
LLAMA = frozenset({"llamacpp", "me"})
# `transformers serve`, which calls itself by the owner of the model.
TRANSFORMERS = "transformers"
_ITS_PATHS = frozenset({"/v1/chat/completions", "/load_model", "/reset"})
# OpenAI's own, known to add nothing to a request. Proxies call themselves that too.
_NEUTRAL = frozenset({"openai", "openai-internal", "system"})
# It answers one request after another: a second is there when the first is done, and more
# would wait until their time is up.
AT_ONCE = {TRANSFORMERS: 2}
_STANDARD = ("presence_penalty", "frequency_penalty")
# SGLang does not take 0 for this.
ALL_TOKENS = -1
# What OpenAI's own interface allows, and what SGLang does.
MOST_STOPS, SGLANG_STOPS = 4, 32
# It bills a prompt once a request. It would take 128, but what fails is asked for as a whole.
TOGETHER = 20
# The requests that vLLM describes.
_REQUESTS = ("CompletionRequest", "ChatCompletionRequest")


def server_of(owner: str, openapi: bytes | None) -> str:
    """What kind of server it is that lists a model as owned by `owner`, "" where nobody knows.

    It is not at OpenAI's own address.
    """
    try:
        paths = frozenset(json.loads(openapi or b"")["paths"])
    except (ValueError, LookupError, TypeError):
        paths = frozenset()
    if paths >= _ITS_PATHS:
        return TRANSFORMERS
    # LiteLLM's proxy says so of every model.
    return "" if owner in _NEUTRAL else owner


def samples_per_request(server: str) -> int:
    """How many samples a request to a server asks for where the user says nothing.

    1 for vLLM's and SGLang's, which keep what they computed of a prompt, and for those that
    are not known to give several.
    """
    return TOGETHER if server in _NEUTRAL else 1


def capabilities(
    server: str, model_type: ModelType, most_stops: int | None, together: int
) -> Capabilities:
    """What is known of a server, which calls itself `server`.

    It takes so many stop strings, and is asked for at most `together` samples at once.
    """
    engine, llama, transformers = server in ENGINES, server in LLAMA, server == TRANSFORMERS
    settings = frozenset({*_STANDARD, "top_k", "min_p"} if llama else _STANDARD)
    if transformers:
        # It drops a presence penalty, and makes a repetition penalty of a frequency penalty.
        settings = frozenset({"top_k", "min_p", "repetition_penalty", "chat_template_args"})
    return Capabilities(
        # What a server makes of messages is not known here.
        exact_prompts=model_type == "base",
        response_prefix=engine,
        stop_strings=most_stops,
        # Several samples share one seed, so that one of them cannot be had again.
        seeds=server == "vllm" and together == 1,
        samples_per_request=together,
        reasoning_apart=True,
        settings=None if engine else settings,
        reasoning_effort=not transformers,
        neutral_sampling=engine or llama or transformers or server in _NEUTRAL,
        overlapping_calls=True,
        elsewhere=""
        if engine
        else f"only servers of {_NAMES} are known to, and this one is {server or 'another'}",
    )


def most_stops(server: str, openapi: bytes | None) -> int | None:
    """How many stop strings a server takes; None: any number.

    vLLM 0.32 takes four, or as many as its VLLM_MAX_STOP_STRINGS says, and older ones take any
    number. Its description of itself, `openapi`, tells; where it has none, four are safe.
    """
    if server == "sglang":
        return SGLANG_STOPS
    if server == TRANSFORMERS:
        # One that begins in the prompt ends the answer too: "\n```", after a line's end.
        return 0
    if server != "vllm":
        return None if server in LLAMA else MOST_STOPS
    try:
        schemas = json.loads(openapi or b"")["components"]["schemas"]
        kinds = [schemas[name]["properties"]["stop"] for name in _REQUESTS if name in schemas]
        limits = [form.get("maxItems") for kind in kinds for form in kind.get("anyOf", [kind])]
    except (ValueError, LookupError, TypeError, AttributeError):
        return MOST_STOPS
    return min((limit for limit in limits if limit), default=None) if kinds else MOST_STOPS


def body(
    samples: Sequence[Request], sampling: Sampling, server: str, stops: int | None
) -> dict[str, Any]:
    """The JSON of a request for samples of one prompt, but for the model's name.

    `server` is what the server calls itself, `stops` how many stop strings it takes.
    """
    prompt = samples[0].prompt
    fields: dict[str, Any] = {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        LIMIT: sampling.max_tokens,
    }
    if len(samples) > 1:
        # Without a seed: some servers would give the same sample so many times.
        fields["n"] = len(samples)
    elif sampling.temperature > 0:
        fields["seed"] = request_seed(sampling.seed, prompt.task_id, samples[0].sample_id)
    if stop := list(prompt.stop[:stops]):
        fields["stop"] = stop
    fields |= sampling.changed(_STANDARD)
    fields |= _for_engines(sampling, server)
    if not prompt.messages:
        return {**fields, "prompt": prompt.text}
    if sampling.reasoning_effort:
        fields["reasoning_effort"] = sampling.reasoning_effort
    if sampling.chat_template_args:
        fields["chat_template_kwargs"] = dict(sampling.chat_template_args)
    return {**fields, **_turns(prompt)}


def _for_engines(sampling: Sampling, server: str) -> dict[str, Any]:
    """The fields that the OpenAI interface lacks."""
    if server in LLAMA:
        return {"top_k": sampling.top_k, "min_p": sampling.min_p, "repeat_penalty": 1.0}
    if server == TRANSFORMERS:
        return {"generation_config": json.dumps(_generation_config(sampling))}
    if server not in ENGINES:
        return {}
    # A server fills in values of the model's generation_config.json where a request has none.
    fields = {
        "top_k": sampling.top_k or ALL_TOKENS,
        "min_p": sampling.min_p,
        "repetition_penalty": sampling.repetition_penalty,
        **sampling.changed(["ignore_eos"]),
    }
    return fields


def _generation_config(sampling: Sampling) -> dict[str, Any]:
    """That of transformers: without one, a model's own decides, and whether it samples at all."""
    return {
        "do_sample": sampling.temperature > 0,
        "top_k": sampling.top_k,
        "min_p": sampling.min_p,
        "repetition_penalty": sampling.repetition_penalty,
        "typical_p": 1.0,
        "epsilon_cutoff": 0.0,
        "eta_cutoff": 0.0,
        "no_repeat_ngram_size": 0,
        "num_beams": 1,
    }


def _turns(prompt: Prompt) -> dict[str, Any]:
    turns = [{"role": each.role, "content": each.content} for each in prompt.messages]
    if not prompt.response_prefix:
        return {"messages": turns}
    turns.append({"role": "assistant", "content": prompt.response_prefix})
    return {"messages": turns, "add_generation_prompt": False, "continue_final_message": True}
