"""A real server of the starter benchmark, in a process of its own, in the local jail."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from opencodeeval.execution.jails import local

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "0123456789abcdef-ours"
OTHER = "0123456789abcdef-theirs"


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class Server:
    """`opencodeeval serve`; `url` stays the same when it is started again."""

    def __init__(self, log: Path, *arguments: str, **environment: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = log
        self._arguments = arguments
        self._environment = environment
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "opencodeeval", "serve", "--port", str(self.port)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--sandbox", "local", *self._arguments],
                env={**os.environ, "PYTHONPATH": str(ROOT), **self._environment},
                stdout=log,
                stderr=log,
            )
        end = time.monotonic() + 120
        while time.monotonic() < end and self.process.poll() is None:
            try:
                if httpx.get(f"{self.url}/ready", timeout=5).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.1)
        raise AssertionError(self.log.read_text())

    def end(self, number: int = signal.SIGTERM) -> int:
        """Signal it, and wait until it has ended; its exit status."""
        self.process.send_signal(number)
        return self.process.wait(timeout=100)


@pytest.fixture(scope="session")
def needs_local() -> None:
    why = local.available()
    if why:
        pytest.skip(why)


@pytest.fixture
def start(tmp_path: Path, needs_local: None) -> Iterator[Callable[..., Server]]:
    started: list[Server] = []

    def one(*arguments: str, **environment: str) -> Server:
        log = tmp_path / f"{len(started)}.log"
        started.append(Server(log, *arguments, **environment))
        return started[-1]

    yield one
    for server in started:
        if server.process.poll() is None:
            server.end(signal.SIGKILL)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, needs_local: None) -> Iterator[Server]:
    found = Server(tmp_path_factory.mktemp("serve") / "log", "--bench", "starter", "--slots", "2")
    yield found
    found.end()
