"""Services behind LiteLLM: a small server with Anthropic's interface, whose faults are exact."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from opencodeeval.backends import BackendOptions, open_backend
from opencodeeval.backends.base import Request, SamplesFailed
from opencodeeval.backends.litellm import open_litellm
from opencodeeval.backends.openai import Patience
from opencodeeval.cli.main import main
from opencodeeval.core.errors import BackendError, UsageError
from opencodeeval.core.types import Completion, Message, Prompt, Sampling
from tests.support.openai_server import Server

pytestmark = [
    pytest.mark.skipif(find_spec("litellm") is None, reason="LiteLLM is not installed"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
MODEL = "anthropic/claude-sonnet-4-5"
KEY = "sk-ant-the-secret-of-this-test"
BLOCKS = [{"type": "text", "text": "```python\nx = 1\n```"}]
HURRIED = Patience(tries=3, first_pause_s=0.01, longest_pause_s=0.02, give_up=4)


class Anthropic:
    """Answers with `blocks`; `faults` are statuses, used up one a request."""

    def __init__(self) -> None:
        self.faults: list[int] = []
        self.blocks: list[dict[str, Any]] = BLOCKS
        self.bodies: list[dict[str, Any]] = []
        self.keys: set[str] = set()
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                service.respond(self)

            def log_message(self, *arguments: Any) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, args=(0.02,)).start()

    def respond(self, to: BaseHTTPRequestHandler) -> None:
        self.bodies.append(json.loads(to.rfile.read(int(to.headers["content-length"]))))
        self.keys.add(str(to.headers["x-api-key"]))
        status = self.faults.pop(0) if self.faults else 200
        answer: dict[str, Any] = {
            "id": "m",
            "type": "message",
            "role": "assistant",
            "model": "claude",
            "content": self.blocks,
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": 5, "output_tokens": 9},
        }
        if status != 200:
            said = f"no, not with {to.headers['x-api-key']}"
            answer = {"type": "error", "error": {"type": "e", "message": said}}
        to.send_response(status)
        to.send_header("content-type", "application/json")
        to.end_headers()
        to.wfile.write(json.dumps(answer).encode())


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Anthropic]:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    found = Anthropic()
    yield found
    found.http.shutdown()
    found.http.server_close()


def draw(service: Anthropic, count: int, sampling: Sampling, **prompt: Any) -> list[Completion]:
    backend = open_litellm(MODEL, BackendOptions(base_urls=(service.url,)), patience=HURRIED)
    messages = (Message("system", "Be brief."), Message("user", "Write x."))
    asked = [Request(Prompt(f"t/{n}", messages=messages, **prompt), 0) for n in range(count)]

    async def run() -> list[Completion]:
        try:
            return [each async for each in backend.generate(asked, sampling)]
        finally:
            await backend.close()

    return asyncio.run(run())


def test_a_prompt_reaches_a_service_in_its_own_form(service: Anthropic) -> None:
    service.blocks = [{"type": "thinking", "thinking": "Hm.", "signature": "s"}, *BLOCKS]
    (found,) = draw(service, 1, Sampling(temperature=0.5, max_tokens=99), stop=("\nclass",))
    (body,) = service.bodies
    assert body["system"][0]["text"] == "Be brief."
    assert (body["max_tokens"], body["temperature"]) == (99, 0.5)
    assert body["stop_sequences"] == ["\nclass"]
    # Anthropic takes no seed, and one of temperature and top-p only.
    assert not {"seed", "top_p"} & body.keys()
    assert (found.text, found.reasoning) == ("```python\nx = 1\n```", "Hm.")
    assert (found.prompt_tokens, found.completion_tokens, found.finish_reason) == (5, 9, "stop")
    assert service.keys == {KEY}


def test_passing_faults_are_tried_again_and_lasting_ones_fail_the_sample_alone(
    service: Anthropic,
) -> None:
    service.faults = [429, 500]
    assert len(draw(service, 3, Sampling())) == 3
    service.faults = [529, 529, 529]
    with pytest.raises(SamplesFailed, match="failed on 1 of 1 samples") as failed:
        draw(service, 1, Sampling())
    assert KEY not in str(failed.value)


@pytest.mark.parametrize(
    ("status", "advice"), [(401, "a valid key"), (404, "the model's name"), (400, "the request")]
)
def test_refusals_say_what_to_do_without_the_key(
    service: Anthropic, status: int, advice: str
) -> None:
    service.faults = [status] * 9
    with pytest.raises(BackendError, match=rf"anthropic refuses .*{status}.*{advice}") as refused:
        draw(service, 1, Sampling())
    assert KEY not in str(refused.value)
    assert len(service.bodies) == 1


def test_a_temperature_that_a_model_does_not_take_is_refused_with_the_option(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """LiteLLM knows that of OpenAI's models that reason, and asks nobody."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    backend = open_litellm("openai/gpt-5", BackendOptions(), patience=Patience(1))

    async def run() -> None:
        async for _ in backend.generate(
            [Request(Prompt("t/0", messages=(Message("user", "Write x."),)), 0)], Sampling()
        ):
            raise AssertionError("there is no such service here")

    with pytest.raises(BackendError, match=r"temperature=0.*: change --temperature$"):
        asyncio.run(run())


def test_what_a_service_lacks_is_refused_before_it_is_asked(service: Anthropic) -> None:
    for sampling, said in (
        (Sampling(top_k=20), "--top-k .anthropic is not known to take it"),
        (Sampling(presence_penalty=0.5), "--presence-penalty"),
    ):
        with pytest.raises(BackendError, match=said):
            draw(service, 1, sampling)
    with pytest.raises(BackendError, match="begins the model's answer"):
        draw(service, 1, Sampling(), response_prefix="Here:")
    assert service.bodies == []


@pytest.mark.parametrize(("at_once", "numbers"), [(9, [3]), (0, [3, 1, 1, 1])])
def test_several_samples_are_one_request_where_the_service_takes_that(
    server: Server, at_once: int, numbers: list[int]
) -> None:
    server.at_once = at_once
    options = BackendOptions(base_urls=(server.url,), samples_per_request=5)
    backend = open_backend("litellm", "hosted_vllm/tiny", options)
    prompt = Prompt("t", messages=(Message("user", "hello"),))

    async def run() -> list[int]:
        sampling = Sampling(n=3, temperature=0.8)
        asked = [Request(prompt, number) for number in range(3)]
        return [each.sample_id async for each in backend.generate(asked, sampling)]

    assert sorted(asyncio.run(run())) == [0, 1, 2]
    assert [body.get("n", 1) for body in server.bodies] == numbers
    assert ("seed" in server.bodies[0]) == (numbers[0] == 1)


def test_wrong_input_is_told_before_anything_is_asked(
    service: Anthropic, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="knows no service of nonsense: write SERVICE/NAME"):
        open_backend("litellm", "nonsense", BackendOptions())
    for options, said in (
        (BackendOptions(model_type="base"), "are chat models"),
        (BackendOptions(engine_args={"a": 1}), "leave it out"),
        (BackendOptions(api_key_env="MY_KEY"), "LiteLLM reads the service's own"),
        (BackendOptions(base_urls=("http://a:secret@b",)), "has a user name, password or query"),
        (BackendOptions(base_urls=("http://a", "http://b")), "one address"),
        (BackendOptions(samples_per_request=2), "anthropic takes one sample a request"),
        (BackendOptions(dtype="float32"), "is for a model that is loaded in this process"),
    ):
        with pytest.raises(UsageError, match=said):
            open_backend("litellm", MODEL, options)
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    with pytest.raises(UsageError, match="environment variable ANTHROPIC_API_KEY"):
        open_backend("litellm", MODEL, BackendOptions())


def test_the_command_scores_a_service_and_stores_no_key(
    service: Anthropic, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    asked = ["--backend", "litellm", "--model", MODEL, "--base-url", service.url]
    asked += ["--bench", "starter", "--limit", "2", "--sandbox", "local", "--temperature", "0.5"]
    assert main([*asked, "--output", str(tmp_path)]) == 0
    (path,) = tmp_path.glob("starter/*.json")
    record = json.loads(path.read_text())
    assert (record["model"]["name"], record["model"]["origin"]) == (MODEL, "server")
    assert record["lacks"] == ["exact-prompts", "seeds"]
    assert record["totals"]["completion_tokens"] == 18
    printed = capfd.readouterr()
    assert KEY not in printed.out + printed.err
    files = [each for each in tmp_path.rglob("*") if each.is_file()]
    assert not [each for each in files if KEY.encode() in each.read_bytes()]
