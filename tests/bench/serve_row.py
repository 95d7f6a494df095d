"""The grader as a service: verdicts a second and how long each takes, by number of clients.

Against the same programs in the sandbox without a server, and against a server that starts
an interpreter for each test. Each client sends its next program when it has the verdict
of the last.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from opencodeeval.benchmarks.registry import load_benchmark
from opencodeeval.core.types import Program, Style, Task
from opencodeeval.serve.client import AsyncGraderClient
from tests.bench.evalplus_rows import ROWS
from tests.bench.measures import ROOT, WORKERS, ours
from tests.support.serving import Server, free_port

CLIENTS = (1, 8, 64, 512)
COPIES = 60


@dataclass(frozen=True)
class Load:
    """Programs of one kind of task; none is there twice, for a verdict is remembered."""

    title: str
    bench: str
    tasks: list[Task]
    programs: list[Program]


@dataclass(frozen=True)
class Served:
    """Verdicts a second, and the seconds of a verdict."""

    a_second: float
    p50_s: float
    p99_s: float


def serve(jails: Sequence[str], data: Path | None) -> None:
    """Print the row."""
    loads = [_starter(Style.FUNCTION), _starter(Style.STDIO)]
    if data is not None:
        loads.append(_published(data))
    for jail in jails:
        for load in loads:
            _report(jail, load, data)


def _starter(style: Style) -> Load:
    tasks = [task for task in load_benchmark("starter").tasks if task.style is style]
    return Load(f"starter, {style}", "starter", tasks, _copies(tasks, COPIES))


def _copies(tasks: Sequence[Task], copies: int) -> list[Program]:
    return [
        Program(task.task_id, copy, f"{task.reference}\n# {copy}\n", "program")
        for copy in range(copies)
        for task in tasks
    ]


def _published(data: Path) -> Load:
    row = ROWS["humaneval_plus"]
    tasks, programs = row.read(data)
    several = [
        Program(each.task_id, copy, f"{each.code}\n# {copy}\n", "program")
        for copy in range(4)
        for each in programs
        if each.code.strip()
    ]
    return Load(f"{row.title}, published samples", row.spec, tasks, several)


def _report(jail: str, load: Load, data: Path | None) -> None:
    print(f"\nservice: {load.title}, {jail} ({len(load.programs)} programs, {WORKERS} slots)")
    print(f"{'':28} verdicts/s   p50 ms   p99 ms   of the sandbox alone")
    alone = ours(jail, load.tasks, load.programs)
    bare = alone.samples / alone.wall
    print(f"{'sandbox alone':28} {bare:10.1f}", flush=True)
    for clients in CLIENTS:
        # Anew each time: it remembers verdicts.
        found = asyncio.run(_served(jail, load, data, clients))
        _line(f"{clients} clients", found, bare)
    if load.bench == "starter":
        _line("an interpreter a test, 64", asyncio.run(_plain(load, 64)), bare)


def _line(title: str, found: Served, bare: float) -> None:
    print(
        f"{title:28} {found.a_second:10.1f} {1000 * found.p50_s:8.0f} {1000 * found.p99_s:8.0f}"
        f"   {found.a_second / bare:8.2f}",
        flush=True,
    )


async def _served(jail: str, load: Load, data: Path | None, clients: int) -> Served:
    with tempfile.TemporaryDirectory() as folder:
        options = ["--bench", load.bench, "--slots", str(WORKERS)]
        options += ["--data", str(data)] if data else []
        server = Server(Path(folder) / "log", *options, jail=jail)
        try:
            async with AsyncGraderClient(server.url) as client:

                async def one(program: Program) -> bool:
                    found = await client.grade(
                        bench=load.bench, task_id=program.task_id, program=program.code
                    )
                    return found.passed

                return await _loaded(load.programs, clients, one)
        finally:
            server.end()


async def _loaded(
    programs: Sequence[Program], clients: int, one: Callable[[Program], Awaitable[bool]]
) -> Served:
    """All programs by so many clients; the first few, which warm the slots, are not counted."""
    await asyncio.gather(
        *(
            one(Program(each.task_id, -1, f"{each.code}# warm\n", "program"))
            for each in programs[: 2 * WORKERS]
        )
    )
    left, seconds = iter(programs), []

    async def client() -> None:
        for program in left:
            began = time.perf_counter()
            await one(program)
            seconds.append(time.perf_counter() - began)

    began = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    wall = time.perf_counter() - began
    cuts = statistics.quantiles(seconds, n=100)
    return Served(len(programs) / wall, statistics.median(seconds), cuts[98])


async def _plain(load: Load, clients: int) -> Served:
    """The other server, which does without a sandbox."""
    port = free_port()
    command = [sys.executable, "-m", "tests.bench.plain_server", str(WORKERS), str(port)]
    process = subprocess.Popen(command, cwd=ROOT)
    by_id = {task.task_id: task for task in load.tasks}
    url = f"http://127.0.0.1:{port}/"
    limits = httpx.Limits(max_connections=clients)
    try:
        async with httpx.AsyncClient(limits=limits, timeout=300) as http:
            await _until_there(http, url)

            async def one(program: Program) -> bool:
                body = _as_script(by_id[program.task_id], program.code)
                return bool((await http.post(url, json=body)).json()["passed"])

            return await _loaded(load.programs, clients, one)
    finally:
        process.terminate()
        process.wait()


async def _until_there(http: httpx.AsyncClient, url: str) -> None:
    for _ in range(300):
        try:
            await http.get(url)
        except httpx.TransportError:
            await asyncio.sleep(0.1)
        else:
            return
    sys.exit("the other server did not start")


def _as_script(task: Task, code: str) -> dict[str, Any]:
    """A program with its tests as that server takes them: the starter's values are JSON."""
    tests = task.tests
    if tests["kind"] == "stdio":
        return {"program": code, "runs": tests["tests"]}
    (suite,) = tests["suites"]
    pairs = zip(suite["calls"].split("\n"), suite["expected"].split("\n"), strict=True)
    names = "true, false, null = True, False, None\n"
    checks = [f"assert {task.entry_point}(*{call}) == {value}" for call, value in pairs]
    text = "\n".join([code, names, *checks])
    return {"program": text, "runs": [{"input": None, "output": None}]}
