"""A client that sends a request and never reads the answer."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from tests.serve.test_service import RIGHT, grade, of
from tests.support.serving import Server

# Beyond what the kernel takes for a reader that is not there.
REQUESTS = 4000
PRINTS = f"print('x' * 4000)\n{RIGHT}"


def test_a_client_that_never_reads_is_disconnected(start: Callable[..., Server]) -> None:
    server = start("--bench", "starter", "--slots", "1", "--patience", "2")
    body = json.dumps({"requests": [of(PRINTS, tell=["output"])] * REQUESTS}).encode()
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", server.port))
        head = f"POST /grade/batch HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        client.sendall(head.encode() + body)
        own = client.getsockname()[1]
        began = time.monotonic()
        while connected(server.port, own) and time.monotonic() < began + 60:
            time.sleep(0.1)
        assert not connected(server.port, own)
        assert time.monotonic() - began > 1
    assert grade(server, of("# after\n" + RIGHT)).json()["passed"] is True


def connected(port: int, other: int) -> bool:
    """Whether the kernel has a connection from one port of this machine to another."""
    rows = Path("/proc/net/tcp").read_text().splitlines()[1:]
    ends = [[int(end.rpartition(":")[2], 16) for end in row.split()[1:3]] for row in rows]
    return [port, other] in ends


def test_a_slow_reader_gets_everything(start: Callable[..., Server]) -> None:
    server = start("--bench", "starter", "--slots", "1", "--patience", "2")
    asked = {"requests": [of(PRINTS, tell=["output"])] * 1000}
    lines = 0
    with httpx.stream("POST", f"{server.url}/grade/batch", json=asked, timeout=120) as answer:
        for _ in answer.iter_lines():
            lines += 1
            # Twice the patience in all, and never so long without reading.
            time.sleep(0.5 if lines % 125 == 0 else 0)
    assert lines == 1000
