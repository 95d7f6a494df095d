"""The backend for servers: which server gets which fields of the sampling."""

from __future__ import annotations

import json
from typing import Any

import pytest

from opencodeeval.backends import openai_wire as wire
from opencodeeval.core.errors import BackendError
from opencodeeval.core.types import Sampling
from tests.support.openai_asking import CHAT, EVERYTHING, draw
from tests.support.openai_server import PROMPT_TOKENS, Server


@pytest.mark.parametrize("owner", ["vllm", "sglang"])
def test_engines_behind_servers_get_all_of_the_sampling(server: Server, owner: str) -> None:
    server.owned_by(owner)
    draw(server, 1, sampling=EVERYTHING, **CHAT)
    (body,) = server.bodies
    sent = {
        "temperature": 0.7,
        "top_k": 20,
        "min_p": 0.05,
        "repetition_penalty": 1.1,
        "presence_penalty": 0.5,
        "frequency_penalty": -0.5,
        "ignore_eos": True,
        "reasoning_effort": "high",
        "chat_template_kwargs": {"enable_thinking": False},
    }
    assert {name: body.get(name) for name in sent} == sent


def test_no_server_is_known_to_take_a_budget_of_thinking_tokens(server: Server) -> None:
    server.owned_by("vllm")
    with pytest.raises(BackendError, match="does not take --thinking-budget: leave it out"):
        draw(server, 1, sampling=Sampling(thinking_budget=5), **CHAT)
    assert not server.bodies


def test_engines_are_told_to_ignore_the_model_s_generation_config(server: Server) -> None:
    server.owned_by("vllm")
    draw(server, 1)
    (body,) = server.bodies
    assert (body["top_k"], body["min_p"], body["repetition_penalty"]) == (-1, 0.0, 1.0)
    more = {"presence_penalty", "frequency_penalty", "ignore_eos", "chat_template_kwargs"}
    assert not (more | {"reasoning_effort"}) & body.keys()


def test_other_servers_get_the_standard_fields(server: Server) -> None:
    standard = Sampling(presence_penalty=0.5, frequency_penalty=-0.5, reasoning_effort="low")
    draw(server, 1, sampling=standard, **CHAT, stop=("a",))
    (body,) = server.bodies
    assert (body["presence_penalty"], body["frequency_penalty"]) == (0.5, -0.5)
    assert (body["reasoning_effort"], body["stop"]) == ("low", ["a"])
    assert not {"top_k", "min_p", "repetition_penalty", "ignore_eos"} & body.keys()


@pytest.mark.parametrize(
    ("name", "option"),
    [
        ("top_k", "--top-k"),
        ("min_p", "--min-p"),
        ("repetition_penalty", "--repetition-penalty"),
        ("ignore_eos", "--ignore-eos"),
        ("chat_template_args", "--chat-template-arg"),
    ],
)
def test_what_other_servers_may_not_know_is_refused(server: Server, name: str, option: str) -> None:
    sampling = Sampling(**{name: getattr(EVERYTHING, name)})
    server.owned_by("other")
    with pytest.raises(BackendError, match=f"does not take {option} .*this one is other"):
        draw(server, 1, sampling=sampling, **CHAT)
    assert server.bodies == []


@pytest.mark.parametrize("owner", ["llamacpp", "me"])
def test_llama_cpp_gets_no_sampling_of_its_own(server: Server, owner: str) -> None:
    """llama-cpp-python's server has a repetition penalty of 1.1 where a request has none."""
    server.owned_by(owner)
    draw(server, 1, sampling=Sampling(temperature=0.5), **CHAT, stop=tuple("abcdef"))
    draw(server, 1, sampling=Sampling(temperature=0.5, top_k=20, min_p=0.1), **CHAT)
    plain, filtered = server.bodies
    assert (plain["top_k"], plain["min_p"], plain["repeat_penalty"]) == (0, 0.0, 1.0)
    assert plain["stop"] == list("abcdef")
    assert (filtered["top_k"], filtered["min_p"], filtered["repeat_penalty"]) == (20, 0.1, 1.0)
    with pytest.raises(BackendError, match="does not take --repetition-penalty"):
        draw(server, 1, sampling=Sampling(repetition_penalty=1.2), **CHAT)


@pytest.mark.parametrize("owner", ["local", "openai", "me"])
def test_transformers_own_server_samples_as_it_is_told(server: Server, owner: str) -> None:
    """Without a generation_config it would be greedy at any temperature for most models."""
    server.owned_by(owner)
    server.is_transformers()
    found, _ = draw(server, 1, **CHAT, stop=("two", "b"))
    chosen: dict[str, Any] = {"top_k": 20, "min_p": 0.1, "repetition_penalty": 1.2}
    sampled = Sampling(temperature=0.5, **chosen, chat_template_args={"a": 1})
    draw(server, 1, sampling=sampled, **CHAT)
    greedy, drawn = server.bodies
    config = json.loads(greedy["generation_config"])
    assert (config["do_sample"], config["top_k"], config["min_p"]) == (False, 0, 0.0)
    assert (config["repetition_penalty"], config["no_repeat_ngram_size"]) == (1.0, 0)
    # One that begins in the prompt would end an answer there.
    assert "stop" not in greedy
    assert (found[0].text, found[0].finish_reason) == ("one ", "stop")
    config = json.loads(drawn["generation_config"])
    assert {**config, "do_sample": True, **chosen} == config
    assert drawn["chat_template_kwargs"] == {"a": 1}
    # It refuses fields that it does not know, and drops some that it does.
    named = {"model", "messages", "temperature", "top_p", "max_tokens", "seed"}
    assert drawn.keys() == named | {"generation_config", "chat_template_kwargs"}
    for name in ("presence_penalty", "frequency_penalty", "ignore_eos", "reasoning_effort"):
        option = f"--{name.replace('_', '-')}"
        with pytest.raises(BackendError, match=f"does not take {option}"):
            draw(server, 1, sampling=Sampling(**{name: getattr(EVERYTHING, name)}), **CHAT)


def test_which_servers_are_known_to_be_which() -> None:
    assert wire.server_of("vllm", b"{}") == "vllm"
    # LiteLLM's proxy says of all models that OpenAI owns them.
    assert {wire.server_of(owner, None) for owner in ("openai", "system")} == {""}
    assert wire.capabilities("openai", "chat", 4, 20).neutral_sampling
    assert not wire.capabilities("", "chat", 4, 1).neutral_sampling
    assert [wire.samples_per_request(name) for name in ("openai", "", "sglang")] == [20, 1, 1]
    # Read from the sources of its version 0.5.23.
    assert wire.most_stops("sglang", None) == 32


def test_an_adapter_has_the_context_of_its_base_model(server: Server) -> None:
    server.context = PROMPT_TOKENS + 5
    base = {"id": "base", "owned_by": "vllm", "max_model_len": server.context}
    server.models = {"data": [base, {**base, "id": "tiny", "parent": "base"}]}
    server.models["data"][1]["max_model_len"] = None
    found, _ = draw(server, 1)
    assert found[0].text
    assert server.bodies[-1]["max_tokens"] == 5
