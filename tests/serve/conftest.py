"""A real server of the starter benchmark, in a process of its own, in the local jail."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from opencodeeval.execution.jails import local
from tests.support.serving import Server

TOKEN = "0123456789abcdef-ours"
OTHER = "0123456789abcdef-theirs"


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
