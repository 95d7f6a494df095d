"""The backend for servers, as the command uses it: records, costs, refusals, bad input."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import opencodeeval as oce
from opencodeeval.backends import openai, openai_answers
from opencodeeval.backends.openai import Patience
from opencodeeval.backends.openai_server import refusal
from tests.support.openai_asking import command
from tests.support.openai_server import KEY, PROMPT_TOKENS, Server


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
