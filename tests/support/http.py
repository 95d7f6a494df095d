"""A real local server that fails as often as it is told to, and then answers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest


class FlakyServer:
    """What the next answers are, and the bodies of the POSTs so far."""

    CONTENT = b"the file\n" * 1000

    def __init__(self, url: str) -> None:
        self.url = url
        self.failures = 0
        self.cut_short = 0
        self.bodies: list[bytes] = []

    def answer(self) -> tuple[int, bytes]:
        """The status, and what there is of CONTENT."""
        if self.failures:
            self.failures -= 1
            return 503, b""
        if self.cut_short:
            self.cut_short -= 1
            return 200, self.CONTENT[:-100]
        return 200, self.CONTENT


@pytest.fixture
def flaky_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FlakyServer]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            flaky.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.do_GET()

        def do_GET(self) -> None:
            status, content = flaky.answer()
            self.send_response(status)
            length = len(flaky.CONTENT) if status == 200 else 0
            self.send_header("Content-Length", str(length))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    flaky = FlakyServer(f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield flaky
    server.shutdown()
    thread.join()
    server.server_close()
