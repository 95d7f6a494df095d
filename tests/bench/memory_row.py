"""Whether a server's memory stays the same over many requests.

Each program is another one. One request in twenty brings tests of its own, each time others.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from opencodeeval.core.types import Style
from opencodeeval.serve.client import AsyncGraderClient
from tests.bench import usage
from tests.bench.measures import WORKERS
from tests.bench.serve_row import starter_tasks
from tests.support.serving import Server

CLIENTS = 64
STEPS = 20
OF_OWN_TESTS = 20


def memory(jails: list[str], requests: int) -> None:
    """Print the memory of a server and of its jails after each twentieth part of the requests."""
    for jail in jails:
        asyncio.run(_run(jail, requests))


async def _run(jail: str, requests: int) -> None:
    print(f"\nmemory of a server: {requests} requests, {CLIENTS} clients, {jail}, {WORKERS} slots")
    print(f"{'requests':>9} {'server MB':>10} {'jails MB':>9} {'verdicts/s':>11}")
    with tempfile.TemporaryDirectory() as folder:
        options = ["--bench", "starter", "--slots", str(WORKERS)]
        server = Server(Path(folder) / "log", *options, jail=jail)
        try:
            async with AsyncGraderClient(server.url) as client:
                asked, done, began = _requests(requests), 0, time.perf_counter()

                async def ask() -> None:
                    nonlocal done
                    for fields in asked:
                        found = await client.grade(**fields)
                        assert found.passed, found
                        done += 1
                        if done % (requests // STEPS) == 0:
                            _line(server.process.pid, done, done / (time.perf_counter() - began))

                await asyncio.gather(*(ask() for _ in range(CLIENTS)))
        finally:
            server.end()


def _requests(count: int) -> Iterator[dict[str, Any]]:
    tasks = starter_tasks(Style.FUNCTION)
    for number in range(count):
        if number % OF_OWN_TESTS:
            task = tasks[number % len(tasks)]
            program = f"{task.reference}\n# {number}\n"
            yield {"bench": "starter", "task_id": task.task_id, "program": program}
        else:
            tests = [{"input": f"{number}\n", "output": f"{number}\n"}]
            yield {"spec": {**usage.TRIVIAL_STDIO, "tests": tests}, "program": "print(input())\n"}


def _line(pid: int, done: int, a_second: float) -> None:
    server = usage.resident_mb(pid)
    jails = sum(map(usage.resident_mb, usage.descendants(pid)))
    print(f"{done:9} {server:10.1f} {jails:9.1f} {a_second:11.1f}", flush=True)
