"""The backend for servers: faults, secrets, bad input.

They stand before a small server of ours that speaks the wire format, because its faults are
exact and it loads no model; test_agreement.py uses vLLM's own server.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import opencodeeval as oce
from opencodeeval.backends import BackendOptions, openai, openai_answers
from opencodeeval.backends import openai_wire as wire
from opencodeeval.backends.base import Request, SamplesFailed
from opencodeeval.backends.endpoints import Endpoint, Endpoints
from opencodeeval.backends.openai import Patience, open_openai
from opencodeeval.backends.openai_fields import Fields
from opencodeeval.backends.openai_server import refusal
from opencodeeval.cli.main import main
from opencodeeval.core.errors import BackendError
from opencodeeval.core.types import Completion, Message, Prompt, Sampling
from tests.support.embedded import unpacked
from tests.support.openai_server import KEY, PROMPT_TOKENS, Server

GREEDY = Sampling()


def draw(
    server: Server | list[Server],
    count: int,
    tries: int = 4,
    timeout_s: float = 60.0,
    seen: Callable[[int], None] = lambda _: None,
    sampling: Sampling = GREEDY,
    **prompt: Any,
) -> tuple[list[Completion], str]:
    """The completions, and what was said at the end; `seen` gets the number of those so far."""
    asked = [server] if isinstance(server, Server) else server
    options = BackendOptions(
        base_urls=tuple(each.url for each in asked), request_timeout_s=timeout_s
    )
    backend = open_openai("tiny", options, patience=Patience(tries, 0.02, 0.1, give_up=5))
    found: list[Completion] = []

    async def run() -> str:
        try:
            asked_for = {"text": "p", **prompt}
            requests = [Request(Prompt(f"t/{n}", **asked_for), 0) for n in range(count)]
            async for each in backend.generate(requests, sampling):
                found.append(each)
                seen(len(found))
        except SamplesFailed as error:
            return str(error)
        finally:
            await backend.close()
        return ""

    # The small server answers both kinds of prompts with a message.
    return found, asyncio.run(run())


@pytest.mark.parametrize("fault", [429, 500, 503, "drop", "cut", "slow", "garbage"])
def test_what_fails_in_passing_is_tried_again(server: Server, fault: int | str) -> None:
    server.faults = [fault, fault]
    found, said = draw(server, 6, tries=20, timeout_s=1.0 if fault == "slow" else 60.0)
    assert not said
    assert sorted(each.task_id for each in found) == [f"t/{n}" for n in range(6)]
    # On a busy machine others may be too slow as well.
    assert len(server.bodies) >= 8 if fault == "slow" else len(server.bodies) == 8
    if fault == 429:
        assert server.at[-1] - server.at[0] >= 1.0  # Retry-After


def test_a_sample_that_keeps_failing_fails_alone(server: Server) -> None:
    server.faults = ["garbage"]
    found, said = draw(server, 8, tries=1)
    assert len(found) == 7
    assert "failed on 1 of 8 samples" in said
    assert "the same command asks for these again" in said


def test_stop_strings_beyond_the_fourth_are_applied_here(server: Server) -> None:
    (found,), _ = draw(server, 1, stop=("a1", "a2", "a3", "a4", "two"))
    assert server.bodies[0]["stop"] == ["a1", "a2", "a3", "a4"]
    assert (found.text, found.finish_reason) == ("one ", "stop")


@pytest.mark.parametrize(
    ("described", "sent"), [(4, 4), (5, 5), (None, 6), ("nothing", 4), ("otherwise", 4)]
)
def test_vllm_gets_as_many_stop_strings_as_it_says_that_it_takes(
    server: Server, described: int | str | None, sent: int
) -> None:
    """It refuses a request with more than four of them (0.32), or than it was started with."""
    server.owned_by("vllm")
    if isinstance(described, int) or described is None:
        server.takes_stops(described)
    elif described == "otherwise":
        server.described = {"components": {"schemas": {"Completion": {}}}}
    stops = ("a1", "a2", "a3", "a4", "a5", "two")
    (found,), _ = draw(server, 1, stop=stops)
    assert server.bodies[0]["stop"] == list(stops[:sent])
    assert (found.text, found.finish_reason) == ("one ", "stop")


def test_several_servers_share_the_requests(servers: list[Server]) -> None:
    found, said = draw(servers, 40)
    assert (len(found), said) == (40, "")
    assert min(len(each.bodies) for each in servers) >= 5


def test_a_server_that_dies_leaves_its_requests_to_the_other(servers: list[Server]) -> None:
    def seen(count: int) -> None:
        if count == 5:
            servers[0].stop()

    found, said = draw(servers, 60, tries=8, seen=seen)
    servers[0].start()
    assert said == ""
    assert sorted(each.task_id for each in found) == sorted(f"t/{n}" for n in range(60))


def test_a_request_goes_to_another_server_than_the_one_that_failed() -> None:
    async def run() -> None:
        dead, alive = Endpoint("dead", None, 4), Endpoint("alive", None, 4)
        endpoints = Endpoints([dead, alive])
        alive.in_flight = 3
        async with endpoints.one() as chosen:
            assert chosen is dead
        # Though it has the larger load; and it is waited for where it has no place.
        async with endpoints.one(dead) as chosen:
            assert chosen is alive
            waiting = asyncio.ensure_future(endpoints.one(dead).__aenter__())
            await asyncio.sleep(0.01)
            assert not waiting.done()
        assert await waiting is alive
        alive.rest(60)
        async with endpoints.one(dead) as chosen:
            assert chosen is dead

    asyncio.run(run())


def test_a_server_that_is_restarted_is_asked_again(server: Server) -> None:
    def seen(count: int) -> None:
        if count == 5:
            server.stop()
            threading.Timer(0.5, server.start).start()

    found, said = draw(server, 60, tries=60, seen=seen)
    assert said == ""
    assert sorted(each.task_id for each in found) == sorted(f"t/{n}" for n in range(60))


def test_servers_that_are_gone_end_the_run(server: Server) -> None:
    # Several times: what is cancelled is in another state each time.
    for _ in range(10):
        server.faults = [500] * 1000
        found, said = draw(server, 200, tries=1)
        assert found == []
        assert "failed on 5 of 200 samples" in said


def test_nothing_goes_on_after_the_end(server: Server) -> None:
    server.faults = ["garbage"] * 1000
    options = BackendOptions(base_urls=(server.url,))
    backend = open_openai("tiny", options, patience=Patience(1, 0.02, 0.1, give_up=2))
    requests = [Request(Prompt(f"t/{n}", text="p"), 0) for n in range(500)]

    async def run() -> list[str]:
        with pytest.raises(SamplesFailed):
            async for _ in backend.generate(requests, GREEDY):
                pass
        going = asyncio.all_tasks() - {asyncio.current_task()}
        await backend.close()
        return [name for name in map(repr, going) if "take_turns" in name]

    assert asyncio.run(run()) == []


# --- several samples a request ---

SAMPLED = Sampling(n=5, temperature=0.8)


def numbered(count: int) -> list[dict[str, Any]]:
    """So many choices; the first one's usage counts 10 tokens, and they are unlike in length."""
    made: list[dict[str, Any]] = [{"message": {"content": "x" * (n + 1)}} for n in range(count)]
    made[0]["usage"] = {"completion_tokens": 10}
    return made


def samples(
    server: Server, tasks: int, sampling: Sampling = SAMPLED, asked: int | None = None
) -> list[Completion]:
    """The completions of `sampling.n` samples of each task, in order."""
    options = BackendOptions(base_urls=(server.url,), samples_per_request=asked)
    backend = open_openai("tiny", options, patience=Patience(4, 0.02, 0.1, give_up=5))
    requests = [
        Request(Prompt(f"t/{task}", text=f"p{task}"), sample)
        for task in range(tasks)
        for sample in range(sampling.n)
    ]

    async def run() -> list[Completion]:
        try:
            return [each async for each in backend.generate(requests, sampling)]
        finally:
            await backend.close()

    found = sorted(asyncio.run(run()), key=lambda each: (each.task_id, each.sample_id))
    wanted = sorted((each.prompt.task_id, each.sample_id) for each in requests)
    assert [(each.task_id, each.sample_id) for each in found] == wanted
    return found


def test_a_request_asks_for_all_samples_of_a_task_where_that_saves_its_prompt(
    server: Server,
) -> None:
    server.choices = numbered(5)
    found = samples(server, 1, asked=20)
    (body,) = server.bodies
    assert (body["n"], body["prompt"]) == (5, "p0")
    assert "seed" not in body
    # Each sample keeps its place, and no token is counted twice or lost.
    assert [each.text for each in found] == ["x" * n for n in range(1, 6)]
    assert sum(each.prompt_tokens for each in found) == PROMPT_TOKENS
    counts = [each.completion_tokens for each in found]
    assert (counts, sum(counts)) == (sorted(counts), 10)
    samples(server, 3, asked=20)
    assert [each["n"] for each in server.bodies[1:]] == [5, 5, 5]
    samples(server, 1, Sampling(n=50, temperature=0.8), asked=20)
    assert sorted(each["n"] for each in server.bodies[4:]) == [10, 20, 20]


@pytest.mark.parametrize(
    ("owner", "asked", "temperature", "numbers"),
    [
        ("other", 5, 0.0, [None] * 5),  # vLLM refuses several at temperature 0
        ("openai", None, 0.8, [None] * 5),  # as LiteLLM's proxy calls itself
        ("other", None, 0.8, [None] * 5),
        ("vllm", None, 0.8, [None] * 5),
        ("other", 3, 0.8, [3, 2]),
        ("vllm", 4, 0.8, [4, None]),
    ],
)
def test_how_many_samples_a_request_asks_for(
    server: Server, owner: str, asked: int | None, temperature: float, numbers: list[int | None]
) -> None:
    server.owned_by(owner)
    samples(server, 1, Sampling(n=5, temperature=temperature), asked)
    sent = sorted(server.bodies, key=lambda body: -body.get("n", 0))
    assert [body.get("n") for body in sent] == numbers
    # What is asked for alone has its own seed.
    alone = [body["seed"] for body in sent if "n" not in body and temperature]
    assert len(set(alone)) == len(alone)


@pytest.mark.parametrize("at_once", [0, 1, 2])
def test_a_server_that_gives_fewer_samples_is_asked_for_the_rest(
    server: Server, at_once: int
) -> None:
    server.at_once = at_once
    samples(server, 4, asked=5)
    numbers = [body.get("n", 1) for body in server.bodies]
    assert max(numbers) == 5
    assert numbers[-1] <= max(at_once, 1)
    given = sum(min(number, at_once or number == 1) for number in numbers)
    assert given == 4 * SAMPLED.n
    # It is known from then on.
    del server.bodies[:]
    samples(server, 60, asked=5)
    assert [body.get("n", 1) for body in server.bodies].count(5) <= 8


def test_samples_that_are_asked_for_together_fail_together(server: Server) -> None:
    server.faults = [400, 400]
    with pytest.raises(BackendError, match="refuses the request"):
        samples(server, 1, asked=5)
    # Once together, then one by one, which shows that it is not their number.
    assert [body.get("n") for body in server.bodies][:2] == [5, None]
    server.faults = ["garbage"] * 4
    with pytest.raises(SamplesFailed, match="failed on 5 of 5 samples"):
        samples(server, 1, asked=5)


def test_a_prompt_that_does_not_fit_has_none_of_its_samples(server: Server) -> None:
    server.context = PROMPT_TOKENS
    server.owned_by("vllm", max_model_len=PROMPT_TOKENS)
    found = samples(server, 2, asked=5)
    assert {each.finish_reason for each in found} == {"prompt_too_long"}


def test_a_continued_run_asks_for_the_samples_that_it_lacks(
    server: Server, tmp_path: Path, capfd: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openai, "Patience", lambda: Patience(1, 0.02, 0.1, 5))
    server.at_once = 7
    server.choices = [{"message": {"content": f"x = {n}"}} for n in range(13)]
    server.faults = ["none", "garbage"]
    asked = ("--limit", "1", "--n", "10", "--temperature", "0.8", "--samples-per-request", "10")
    assert command(server, tmp_path, *asked) == 4
    assert "failed on 3 of 10 samples" in capfd.readouterr().err
    server.at_once = 10
    assert command(server, tmp_path, *asked) == 0
    assert "only the sum of the tokens is known" in " ".join(capfd.readouterr().out.split())
    assert [body["n"] for body in server.bodies] == [10, 3, 3]
    (path,) = tmp_path.glob("runs/*/completions.jsonl")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert sorted(each["sample_id"] for each in lines) == [*range(10)]
    assert len({each["text"] for each in lines}) == 10
    (path,) = tmp_path.glob("starter/*.json")
    record = json.loads(path.read_text())
    assert {"sample-tokens", "seeds"} <= set(record["lacks"])
    assert record["totals"]["prompt_tokens"] == 2 * PROMPT_TOKENS
    # With other requests it is another run: samples of the two are not mixed.
    assert record["model"]["identity"]["samples_per_request"] == 10


def test_an_answer_is_shortened_to_what_fits(server: Server) -> None:
    server.owned_by("vllm", max_model_len=64)
    server.context = 64
    (found,), said = draw(server, 1, sampling=Sampling(max_tokens=1024))
    assert (found.finish_reason, said) == ("stop", "")
    assert [each["max_tokens"] for each in server.bodies] == [1024, 1, 64 - PROMPT_TOKENS]


def test_the_longest_answer_has_another_name_on_newer_services(server: Server) -> None:
    server.newer = True
    found, said = draw(server, 20, tries=1, sampling=Sampling(max_tokens=99))
    assert (len(found), said) == (20, "")
    assert "max_tokens" not in server.bodies[-1]
    assert server.bodies[-1]["max_completion_tokens"] == 99


def test_fields_that_a_model_does_not_take_are_left_out_where_that_changes_nothing(
    server: Server, tmp_path: Path
) -> None:
    """OpenAI's models that reason take neither stop strings nor any of these."""
    server.newer = True
    server.only = dict.fromkeys(("stop", "temperature", "top_p", "seed"))
    sampling = Sampling(temperature=1.0)
    found, said = draw(server, 20, tries=1, sampling=sampling, stop=("two",))
    assert (len(found), said) == (20, "")
    assert {each.text for each in found} == {"one "}
    assert not server.bodies[-1].keys() & {"max_tokens", *server.only}
    command_line = ("--temperature", "1", "--stop", "two")
    assert command(server, tmp_path, *command_line) == 0
    (path,) = tmp_path.glob("starter/*.json")
    assert "stop-strings" in json.loads(path.read_text())["lacks"]


@pytest.mark.parametrize(
    ("only", "sampling", "advice"),
    [
        ({"temperature": 1.0}, {"temperature": 0.0}, "change --temperature"),
        ({"top_p": None}, {"temperature": 1.0, "top_p": 0.9}, "leave out --top-p"),
        ({"presence_penalty": None}, {"presence_penalty": 0.5}, "leave out --presence-penalty"),
        ({"reasoning_effort": None}, {"reasoning_effort": "low"}, "or leave out --reasoning-effo"),
        ({"max_tokens": 5}, {"max_tokens": 6}, "lower --max-tokens"),
        ({"added": 1}, {}, "change the request"),
    ],
)
def test_a_refusal_about_a_field_names_the_option(
    server: Server, only: dict[str, Any], sampling: dict[str, Any], advice: str
) -> None:
    server.only = only
    with pytest.raises(BackendError, match=f"not supported with this model.*{advice}"):
        draw(server, 1, sampling=Sampling(**sampling), **CHAT)
    assert len(server.bodies) == 1


def test_a_field_that_is_refused_without_being_there_is_not_left_out_afterwards() -> None:
    error = {"message": "no", "param": "stop", "code": "unsupported_parameter"}
    refused, fields = json.dumps({"error": error}).encode(), Fields()
    assert not fields.learn(400, refused, {"temperature": 0.0})
    body = {"stop": ["a"], "max_tokens": 9}
    assert fields.of(body, 9) == body
    assert fields.learn(400, refused, body)
    assert fields.of(body, 9) == {"max_tokens": 9}


def test_a_prompt_that_does_not_fit_has_no_answer(server: Server) -> None:
    server.owned_by("vllm", max_model_len=PROMPT_TOKENS)
    server.context = PROMPT_TOKENS
    (found,), said = draw(server, 1)
    assert (found.text, found.finish_reason, said) == ("", "prompt_too_long", "")


def test_the_beginning_of_an_answer_is_continued_where_the_server_can(server: Server) -> None:
    begun: dict[str, Any] = {
        "messages": (Message("user", "hello"),),
        "response_prefix": "Here it is:",
    }
    with pytest.raises(BackendError, match="begins the model's answer"):
        draw(server, 1, text="", **begun)
    server.owned_by("vllm")
    draw(server, 1, text="", **begun)
    (body,) = server.bodies
    assert body["messages"][-1] == {"role": "assistant", "content": "Here it is:"}
    assert (body["add_generation_prompt"], body["continue_final_message"]) == (False, True)


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content"])
def test_reasoning_that_a_server_sends_apart_is_kept(server: Server, name: str) -> None:
    usage = {"completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 7}}
    message = {"content": "three", name: "one two"}
    server.choices = [{"message": message, "finish_reason": "stop", "usage": usage}]
    (found,), _ = draw(server, 1)
    assert (found.text, found.reasoning) == ("three", "one two")
    assert (found.completion_tokens, found.thinking_tokens) == (9, 7)
    server.choices = [{"message": {"content": None, name: "one two"}, "finish_reason": "length"}]
    (found,), _ = draw(server, 1)
    assert (found.text, found.reasoning, found.thinking_tokens) == ("", "one two", 0)


THOUGHT = {"type": "thinking", "thinking": [{"type": "text", "text": "one "}, {"text": "two"}]}


@pytest.mark.parametrize(
    ("message", "text", "reasoning"),
    [
        ({"content": [THOUGHT, {"type": "text", "text": "three"}]}, "three", "one two"),
        ({"content": [{"type": "thinking", "thinking": "one two"}]}, "", "one two"),
        ({"content": [{"type": "text", "text": x} for x in ("th", "ree")]}, "three", ""),
        (
            {
                "content": "three",
                "reasoning_details": [{"type": "reasoning.text", "text": "one two"}],
            },
            "three",
            "one two",
        ),
    ],
    ids=["mistral", "mistral, cut off", "parts", "minimax"],
)
def test_reasoning_and_answer_in_parts(
    server: Server, message: dict[str, Any], text: str, reasoning: str
) -> None:
    server.choices = [{"message": message, "finish_reason": "stop"}]
    (found,), _ = draw(server, 1)
    assert (found.text, found.reasoning) == (text, reasoning)


def test_a_run_with_reasoning_ends_in_a_summary_and_a_page_that_count_it(
    server: Server, tmp_path: Path, repo_root: Path, capfd: Any
) -> None:
    (row, *_) = (repo_root / "benchmarks" / "starter" / "tasks.jsonl").read_text().splitlines()
    task = json.loads(row)
    right = f"```python\n{task['prompt']}{task['canonical_solution']}\n```"
    usage = {"completion_tokens": 100, "completion_tokens_details": {"reasoning_tokens": 80}}
    server.choices = [
        {"message": {"content": right, "reasoning_content": "Hm."}, "usage": usage},
        {"message": {"content": f"<think>\n{right}\n</think>\n{right}"}},
        {"message": {"content": None, "reasoning": right}, "finish_reason": "length"},
        {"message": {"content": f"<think>\n{right}"}, "finish_reason": "length"},
        {"message": {"content": f"<think>\n{right}"}, "finish_reason": "stop"},
        {"message": {"content": right}, "finish_reason": "stop"},
    ]
    asked = ("--limit", "1", "--n", "6", "--temperature", "1", "--max-concurrency", "1")
    assert command(server, tmp_path / "out", *asked, "--max-tokens", "100", "--quiet") == 0
    said = " ".join(capfd.readouterr().out.split())  # lines fold at 80 columns
    for line in (
        "3 no_code, 3 passed",
        "answers: 33.3 % cut off at 100 tokens, 50.0 % without code",
        "reasoning: in 5 answers, 80 tokens on average; 3 ended inside it (2 of them cut off)",
        "33.3 % of the answers were cut off at 100 tokens: raise --max-tokens",
        "16.7 % of the answers ended inside their reasoning without being cut off",
    ):
        assert line in said
    (record,) = (tmp_path / "out").glob("*/*--*.json")
    assert json.loads(record.read_text())["reasoning"] == {
        "answers": 5,
        "unfinished": 3,
        "cut_off": 2,
        "tokens": 80,
        "counted": 1,
    }
    (verdicts,) = (tmp_path / "out" / "runs").glob("*/verdicts.jsonl")
    rows = [json.loads(line) for line in verdicts.read_text().splitlines()]
    details = {each["sample_id"]: each["suites"]["base"]["detail"] for each in rows}
    assert [details[place] for place in (2, 3, 4)] == [
        "the answer was cut off inside its reasoning",
        "the answer was cut off inside its reasoning",
        "the answer ended inside its reasoning",
    ]
    completions = (verdicts.parent / "completions.jsonl").read_text().splitlines()
    stored = [json.loads(line) for line in completions]
    assert stored[1]["text"].startswith("<think>")
    assert [each.get("reasoning") for each in stored] == ["Hm.", None, right, None, None, None]
    # The same command draws nothing and extracts nothing anew.
    sent, programs = len(server.bodies), (verdicts.parent / "programs.jsonl").read_bytes()
    assert command(server, tmp_path / "out", *asked, "--max-tokens", "100", "--quiet") == 0
    assert len(server.bodies) == sent
    assert (verdicts.parent / "programs.jsonl").read_bytes() == programs
    assert main(["report", str(record)]) == 0
    page = (verdicts.parent / "report.html").read_text("utf-8")
    assert "answers: 33.3 % cut off at 100 tokens, 50.0 % without code" in page
    texts = json.dumps(unpacked(page), separators=(",", ":"))
    assert '"tokens":100,"thinking":80,"reasoning":"Hm."' in texts
    assert "the answer was cut off inside its reasoning" in texts


EVERYTHING = Sampling(
    temperature=0.7,
    top_k=20,
    min_p=0.05,
    repetition_penalty=1.1,
    presence_penalty=0.5,
    frequency_penalty=-0.5,
    ignore_eos=True,
    chat_template_args={"enable_thinking": False},
    reasoning_effort="high",
)
CHAT: dict[str, Any] = {"text": "", "messages": (Message("user", "hello"),)}


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


def test_the_command_refuses_what_a_server_lacks_before_anything_is_asked(
    server: Server, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    server.owned_by("other")
    assert command(server, tmp_path, "--top-k", "20") != 0
    assert "does not take --top-k (only servers of sglang and vllm" in capfd.readouterr().err
    assert server.bodies == []


def test_a_record_says_what_its_backend_lacked(
    server: Server, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    stops = [part for number in range(5) for part in ("--stop", f"stop{number}")]
    sampled = ["--temperature", "0.5", *stops]
    for name, model_type, lacks in (
        ("other", "chat", ["exact-prompts", "neutral-sampling", "seeds", "stop-strings"]),
        ("other", "base", ["neutral-sampling", "seeds", "stop-strings"]),
        ("llamacpp", "base", ["seeds"]),
        ("vllm", "base", None),
    ):
        server.owned_by(name)
        server.takes_stops(None)
        output = tmp_path / f"{name}-{model_type}"
        assert command(server, output, *sampled, "--model-type", model_type) == 0
        (path,) = output.glob("starter/*.json")
        assert json.loads(path.read_text()).get("lacks") == lacks
        said = " ".join(capfd.readouterr().out.split())
        noted = "the same command may draw other samples" in said
        assert noted == (lacks is not None)
    assert command(server, tmp_path / "greedy", "--model-type", "base") == 0
    (path,) = (tmp_path / "greedy").glob("starter/*.json")
    assert "lacks" not in json.loads(path.read_text())


def test_the_command_says_what_the_samples_cost(
    server: Server, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    prices = tmp_path / "prices.toml"
    prices.write_text("[models.tiny]\ninput = 1000000\noutput = 2000000\n")
    assert command(server, tmp_path / "out", "--prices", str(prices), "--json") == 0
    (path,) = (tmp_path / "out").glob("starter/*.json")
    totals = json.loads(path.read_text())["totals"]
    cost = totals["prompt_tokens"] + 2 * totals["completion_tokens"]
    assert cost > 0
    (part,) = json.loads(capfd.readouterr().out)["benchmarks"]
    assert part["cost"] == {"value": cost, "currency": "USD"}
    assert command(server, tmp_path / "out", "--prices", str(prices)) == 0
    assert f"  cost: {cost}.0000 USD for all samples\n" in capfd.readouterr().out
    prices.write_text("models = {}")
    assert command(server, tmp_path / "out", "--prices", str(prices)) == 2
    assert "lacks tiny: add a table" in capfd.readouterr().err


def test_the_command_asks_and_records_what_was_typed(server: Server, tmp_path: Path) -> None:
    server.owned_by("vllm")
    typed = ["--system-prompt", "Be brief.", "--stop", r"\n\n", "--reasoning-effort", "low"]
    typed += ["--chat-template-arg", "enable_thinking=false", "--top-k", "20", "--min-p", "0.1"]
    assert command(server, tmp_path, *typed, "--temperature", "0.5", "--n", "1") == 0
    body = server.bodies[0]
    assert body["messages"][0] == {"role": "system", "content": "Be brief."}
    assert body["stop"][-1] == "\n\n"
    assert (body["top_k"], body["chat_template_kwargs"]) == (20, {"enable_thinking": False})
    (path,) = tmp_path.glob("starter/*.json")
    record = oce.read_records(path)[0].record
    assert record.protocol.base == "opencodeeval-starter"
    assert record.protocol.name.startswith("opencodeeval-starter+chat-template-arg+reasoning-")
    assert (record.sampling.system_prompt, record.sampling.stop) == ("Be brief.", ("\n\n",))
    assert (record.sampling.top_k, record.sampling.min_p) == (20, 0.1)
    # Repeated, it is the same run.
    sent = len(server.bodies)
    assert command(server, tmp_path, *typed, "--temperature", "0.5", "--n", "1") == 0
    assert len(server.bodies) == sent


def command(server: Server, out: Path, *more: str) -> int:
    asked = ["--backend", "openai", "--base-url", server.url, "--model", "tiny", "--bench"]
    asked += ["starter", "--limit", "2", "--sandbox", "local", "--output", str(out)]
    return main([*asked, *more])


def test_a_web_page_is_told_by_its_title() -> None:
    page = b"<!DOCTYPE HTML>\n<html><head><title>Bad\ngateway</title></head><h1>Nothing</h1></html>"
    assert openai_answers.message_of(page, "") == "a web page, Bad gateway"
    assert openai_answers.message_of(b"<html>hello</html>", "") == "a web page"
    assert openai_answers.message_of(b'{"detail": "Unexpected fields"}', "") == "Unexpected fields"


@pytest.mark.parametrize(
    "said",
    [
        "This model's maximum context length is 300 tokens. However, you requested 400.",
        # vLLM 0.32, where --max-tokens alone is too large.
        "max_tokens=512 cannot be greater than max_model_len=300. Please request fewer.",
        "The input (301 tokens) is longer than the model's context length (300 tokens).",  # SGLang
    ],
)
def test_what_servers_say_of_what_does_not_fit_is_known(said: str) -> None:
    assert openai_answers.is_too_long(400, said)


@pytest.mark.parametrize(
    ("status", "said", "advice"),
    [
        (400, "System role not supported", "leave out --system-prompt, choose a protocol"),
        (400, "Only user and assistant roles are supported!", "leave out --system-prompt"),
        (400, "Boom", "change the request, or the server's chat template"),
        (500, "Internal Server Error", "see the server's log, and start it again"),
    ],
)
def test_a_refusal_says_what_to_change(status: int, said: str, advice: str) -> None:
    content = json.dumps({"error": {"message": said}}).encode()
    assert f"(HTTP {status}: {said}): {advice}" in str(refusal("http://x/v1", status, content, KEY))


@pytest.mark.parametrize("status", [400, 401, 404])
def test_refusals_are_told_without_the_key(
    server: Server, tmp_path: Path, capfd: Any, status: int
) -> None:
    server.faults = [status] * 9
    assert command(server, tmp_path) == 4
    said = capfd.readouterr().err
    assert f"(HTTP {status}" in said
    assert KEY not in said
    files = [each for each in tmp_path.rglob("*") if each.is_file()]
    assert not [each for each in files if KEY.encode() in each.read_bytes()]


def test_samples_that_failed_are_asked_for_again(
    server: Server,
    repo_root: Path,
    tmp_path: Path,
    capfd: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(openai, "Patience", lambda: Patience(1, 0.02, 0.1, 5))
    server.faults = ["garbage"]
    tasks = tmp_path / "tasks.jsonl"
    rows = (repo_root / "benchmarks" / "starter" / "tasks.jsonl").read_text().splitlines()
    tasks.write_text("\n".join(rows[2:4]))
    also = ("--bench", f"file:{tasks}")
    assert command(server, tmp_path / "out", *also) == 4
    said = capfd.readouterr().err
    assert said.count("failed on 1 of 2 samples") == 1
    assert "error: 1 of 2 runs have no score, for the reason above (starter, " in said
    # The second benchmark has its record.
    assert len(list((tmp_path / "out").glob("*/*--*.json"))) == 1
    sent = len(server.bodies)
    assert command(server, tmp_path / "out", *also) == 0
    assert len(server.bodies) == sent + 1
    assert len(list((tmp_path / "out").glob("*/*--*.json"))) == 2


@pytest.mark.parametrize("quiet", [(), ("--quiet",)])
@pytest.mark.parametrize("runs", [1, 2])
def test_why_a_run_has_no_score_is_told_once(
    server: Server,
    repo_root: Path,
    tmp_path: Path,
    capfd: Any,
    runs: int,
    quiet: tuple[str, ...],
) -> None:
    server.context = PROMPT_TOKENS
    tasks = tmp_path / "tasks.jsonl"
    tasks.write_bytes((repo_root / "benchmarks" / "starter" / "tasks.jsonl").read_bytes())
    also = ("--bench", f"file:{tasks}") if runs == 2 else ()
    assert command(server, tmp_path / "out", *also, *quiet) == 4
    said = capfd.readouterr().err
    assert said.count("do not fit the model's context") == runs
    (error,) = (line for line in said.splitlines() if line.startswith("opencodeeval: error: "))
    assert ("2 of 2 runs have no score, for the reason" in error) == (runs == 2)
    assert len(said.splitlines()) == 1 or not quiet


def test_servers_that_are_gone_are_told_once(
    server: Server, tmp_path: Path, capfd: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openai, "Patience", lambda: Patience(1, 0.02, 0.1, give_up=2))
    server.faults = ["garbage"] * 9
    assert command(server, tmp_path) == 4
    assert capfd.readouterr().err.count("the server failed on") == 1


def test_bad_input(server: Server, tmp_path: Path, capfd: Any) -> None:
    def said(status: int, *more: str) -> str:
        assert command(server, tmp_path, *more) == status
        text = str(capfd.readouterr().err)
        assert KEY not in text
        return text

    assert "give --model one of tiny" in said(4, "--model", "big")
    assert "must be at least 1" in said(2, "--samples-per-request", "0")
    for option in (("--max-model-len", "99"), ("--dtype", "float32"), ("--trust-remote-code",)):
        assert f"{option[0]} is for a model that is loaded in this process" in said(2, *option)
    alone = ("--backend", "transformers", "--samples-per-request", "2")
    assert "is for servers: leave it out" in said(2, *alone)
    with_key = server.url.replace("http://", f"http://{KEY}@")
    assert "user name, password or query" in said(2, "--base-url", with_key)
    assert "cannot be reached" in said(4, "--base-url", "http://127.0.0.1:9/v1")
    server.context = PROMPT_TOKENS
    assert "model's context, and would count as failures: start the server with" in said(4)
    server.models = {"hello": "world"}
    assert "is not a server with the OpenAI interface" in said(4)
