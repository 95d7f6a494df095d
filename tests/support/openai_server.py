"""A small server with the OpenAI interface: its faults are exact, and it loads no model."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

# Secret; a refusal quotes it.
KEY = "sk-the-secret-of-this-test"
PROMPT_TOKENS = 7


class Server:
    """`faults` are used up one a request: a status, "drop", "cut", "slow" or "garbage".

    So are `choices`, with what is added to the usage under "usage"; the last one stays.
    A request gets as many as it asks for, but at most `at_once`; one that asks for several is
    refused where `at_once` is 0. So is one with a field of `only` and another value than there.

    Prompt and answer together have at most `context` tokens. It is a proxy where
    `upstream` is another server's URL, and can be stopped and started again.
    """

    def __init__(self) -> None:
        self.faults: list[int | str] = []
        self.choices: list[dict[str, Any]] = [
            {"message": {"content": "one two three"}, "finish_reason": "stop"}
        ]
        self.bodies: list[dict[str, Any]] = []
        self.at: list[float] = []
        self.models: Any = {"data": [{"id": "tiny"}]}
        self.described: Any = None
        self.context = 4096
        self.at_once = 128
        self.newer = False
        self.only: dict[str, Any] = {}
        self.upstream = ""
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.respond(self)

            do_POST = do_GET

            def log_message(self, *arguments: Any) -> None:
                pass

        self._handler = Handler
        self._port = 0
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}/v1"

    def start(self) -> None:
        self._http = ThreadingHTTPServer(("127.0.0.1", self._port), self._handler)
        self._port = self._http.server_port
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))
        self._thread.start()

    def stop(self) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def _choices(self, count: int) -> Any:
        chosen, usage = [], {"prompt_tokens": PROMPT_TOKENS}
        for _ in range(count):
            choice = {**(self.choices.pop(0) if len(self.choices) > 1 else self.choices[0])}
            usage |= choice.pop("usage", {})
            chosen.append(choice)
        return {"choices": chosen, "usage": usage}

    def _forward(self, path: str, body: Any) -> Any:
        url = self.upstream + path.removeprefix("/v1")
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(url, json.dumps(body).encode(), headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def owned_by(self, owner: str, **entry: Any) -> None:
        self.models = {"data": [{"id": "tiny", "owned_by": owner, **entry}]}

    def takes_stops(self, most: int | None) -> None:
        """Describe requests as vLLM does, with at most so many stop strings; None: any number."""
        texts = {"type": "array", "items": {"type": "string"}}
        limited = texts if most is None else {**texts, "maxItems": most}
        request = {"properties": {"stop": {"anyOf": [{"type": "string"}, limited]}}}
        self.described = {"components": {"schemas": {"CompletionRequest": request}}}

    def is_transformers(self) -> None:
        """Describe itself as `transformers serve` does."""
        names = ("chat/completions", "completions", "models")
        paths = ["/load_model", "/reset", *(f"/v1/{name}" for name in names)]
        self.described = {"paths": {path: {} for path in paths}}

    def respond(self, to: BaseHTTPRequestHandler) -> None:
        status, content, fault = 200, self.models, None
        if to.path == "/openapi.json":
            status, content = (200, self.described) if self.described else (404, {})
        if to.command == "POST":
            body = json.loads(to.rfile.read(int(to.headers["Content-Length"])))
            self.bodies.append(body)
            self.at.append(time.monotonic())
            fault = self.faults.pop(0) if self.faults else None
            wanted = body.get("n", 1)
            content = self._choices(min(wanted, self.at_once or 1))
            if self.upstream:
                content = self._forward(to.path, body)
            elif wanted > 1 and not self.at_once:
                status, content = 400, {"error": {"message": "n has to be 1"}}
            elif self.newer and "max_tokens" in body:
                status = 400
                said = "'max_tokens' is not supported: use 'max_completion_tokens' instead."
                content = {"error": {"message": said}}
            elif unlike := [name for name in self.only if body.get(name) != self.only[name]]:
                status, content = 400, _unsupported(unlike[0])
            elif PROMPT_TOKENS + body.get("max_tokens", 0) > self.context:
                status = 400
                said = f"This model's maximum context length is {self.context} tokens."
                content = {"error": {"message": said}}
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


def _unsupported(name: str) -> Any:
    """As OpenAI's own service words it."""
    said = f"Unsupported parameter: '{name}' is not supported with this model."
    error = {"message": said, "type": "invalid_request_error", "param": name}
    return {"error": {**error, "code": "unsupported_parameter"}}


@pytest.fixture
def servers(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Server]]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    made = [Server(), Server()]
    yield made
    for each in made:
        each.stop()


@pytest.fixture
def server(servers: list[Server]) -> Server:
    return servers[0]
