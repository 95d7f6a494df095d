"""The backend for servers: agreement with the engine in process, faults, secrets, bad input.

The fault tests stand before a small server of ours that speaks the wire format, because its
faults are exact and it loads no model; the agreement test uses vLLM's own server.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import opencodeeval as oce
from opencodeeval.backends import BackendOptions
from opencodeeval.backends.base import Request, SamplesFailed
from opencodeeval.backends.openai import Patience, open_openai
from opencodeeval.cli.main import main
from opencodeeval.core.types import Completion, Prompt, Sampling
from tests.support.vllm_server import CHECKPOINT, vllm_server

KEY = "sk-the-secret-of-this-test"


class Server:
    """`faults` are used up one a request: a status, "drop", "cut", "slow" or "garbage"."""

    def __init__(self) -> None:
        self.faults: list[int | str] = []
        self.bodies: list[dict[str, Any]] = []
        self.at: list[float] = []
        self.models: Any = {"data": [{"id": "tiny"}]}
        self.url = ""

    def respond(self, to: BaseHTTPRequestHandler) -> None:
        status, content, fault = 200, self.models, None
        if to.command == "POST":
            self.bodies.append(json.loads(to.rfile.read(int(to.headers["Content-Length"]))))
            self.at.append(time.monotonic())
            fault = self.faults.pop(0) if self.faults else None
            choice = {"message": {"content": "one two three"}, "finish_reason": "stop"}
            content = {"choices": [{**choice}], "usage": {"prompt_tokens": 7}}
        if fault == "drop":
            return
        if fault == "slow":
            time.sleep(1.5)
        if isinstance(fault, int):
            status, content = fault, {"error": {"message": f"no {KEY}"}}
        data = b"<html" if fault == "garbage" else json.dumps(content).encode()
        try:
            to.send_response(status)
            to.send_header("Content-Length", str(len(data)))
            to.send_header("Retry-After", "1")
            to.end_headers()
            to.wfile.write(data[:9] if fault == "cut" else data)
        except OSError:
            pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    made = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.respond(self)

        do_POST = do_GET

        def log_message(self, *arguments: Any) -> None:
            pass

    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{http.server_port}/v1"
    thread = threading.Thread(target=http.serve_forever, args=(0.02,))
    thread.start()
    yield made
    http.shutdown()
    thread.join()
    http.server_close()


def draw(server: Server, count: int, tries: int = 4, **prompt: Any) -> tuple[list[Completion], str]:
    """The completions, and what was said at the end."""
    options = BackendOptions(base_urls=(server.url,), request_timeout_s=1.0)
    backend = open_openai("tiny", options, patience=Patience(tries, 0.02, 0.1, give_up=5))
    found: list[Completion] = []

    async def run() -> str:
        try:
            requests = [Request(Prompt(f"t/{n}", text="p", **prompt), 0) for n in range(count)]
            async for each in backend.generate(requests, Sampling()):
                found.append(each)
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
    found, said = draw(server, 6)
    assert not said
    assert sorted(each.task_id for each in found) == [f"t/{n}" for n in range(6)]
    assert len(server.bodies) == 8
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


def command(server: Server, out: Path, *more: str) -> int:
    asked = ["--backend", "openai", "--base-url", server.url, "--model", "tiny", "--bench"]
    asked += ["starter", "--limit", "2", "--sandbox", "local", "--output", str(out)]
    return main([*asked, *more])


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


def test_bad_input(server: Server, tmp_path: Path, capfd: Any) -> None:
    def said(status: int, *more: str) -> str:
        assert command(server, tmp_path, *more) == status
        text = str(capfd.readouterr().err)
        assert KEY not in text
        return text

    assert "give --model one of tiny" in said(4, "--model", "big")
    with_key = server.url.replace("http://", f"http://{KEY}@")
    assert "user name, password or query" in said(2, "--base-url", with_key)
    assert "cannot be reached" in said(4, "--base-url", "http://127.0.0.1:9/v1")
    server.models = {"hello": "world"}
    assert "is not a server with the OpenAI interface" in said(4)


@pytest.mark.vllm
@pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed")
def test_the_texts_are_those_of_the_engine_in_process(tmp_path: Path) -> None:
    options = BackendOptions(dtype="float32", max_model_len=1024, base_urls=(vllm_server(),))
    texts = []
    for backend, model in (("openai", "tiny"), ("vllm", str(CHECKPOINT))):
        (record,) = oce.evaluate(
            model,
            "starter",
            backend=backend,
            backend_options=options,
            sandbox=oce.SandboxOptions("local"),
            output=oce.Output(tmp_path / backend, "none"),
        ).records
        assert record.model.origin == ("server" if backend == "openai" else "engine")
        (file,) = (tmp_path / backend / "runs").glob("*/completions.jsonl")
        rows = [json.loads(line) for line in file.read_text().splitlines()]
        texts.append({row["task_id"]: row["text"] for row in rows})
    assert len(texts[0]) == 24
    assert texts[0] == texts[1]
