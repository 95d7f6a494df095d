"""The backend for servers: faults, several servers, several samples a request.

They stand before a small server of ours that speaks the wire format, because its faults are
exact and it loads no model; test_agreement.py uses vLLM's own server.
"""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from opencodeeval.backends import BackendOptions, openai
from opencodeeval.backends.base import Request, SamplesFailed
from opencodeeval.backends.endpoints import Endpoint, Endpoints
from opencodeeval.backends.openai import Patience, open_openai
from opencodeeval.core.errors import BackendError
from opencodeeval.core.types import Completion, Prompt, Sampling
from tests.support.openai_asking import GREEDY, command, draw
from tests.support.openai_server import PROMPT_TOKENS, Server


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
