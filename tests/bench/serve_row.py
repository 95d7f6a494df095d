"""The grader as a service: verdicts a second and how long each takes, by number of clients.

Against the same programs in the sandbox without a server and by `opencodeeval grade`, and
against a server that starts an interpreter for each test. Each client sends its next program
when it has the verdict of the last. The clients run on the same machine: what they take of the
processors, the server does not get. So the milliseconds of processor time of a verdict are shown
by who uses them, and the last column compares their sum without the clients to that of the
sandbox alone.
"""

from __future__ import annotations

import asyncio
import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from opencodeeval.benchmarks.registry import load_benchmark
from opencodeeval.core.types import Program, Style, Task
from opencodeeval.serve.client import AsyncGraderClient
from tests.bench import usage
from tests.bench.evalplus_rows import ROWS
from tests.bench.measures import ROOT, WORKERS, Measure, ours
from tests.support.serving import Server, free_port

CLIENTS = (1, 8, 64, 512)
COPIES = 60
# Programs of each client, at least.
EACH = 5


@dataclass(frozen=True)
class Load:
    """Programs of one kind of task; none is there twice, for a verdict is remembered.

    `whole` says that the tasks are the first ones of the benchmark.
    """

    title: str
    bench: str
    tasks: list[Task]
    programs: list[Program]
    whole: bool


@dataclass(frozen=True)
class Served:
    """Verdicts a second, and the seconds of a verdict.

    `server_s`, `jails_s` and `clients_s` are seconds of processor for a verdict, nan where they
    were not measured.
    """

    a_second: float
    p50_s: float = math.nan
    p99_s: float = math.nan
    server_s: float = math.nan
    jails_s: float = math.nan
    clients_s: float = math.nan


def serve(jails: Sequence[str], data: Path | None) -> None:
    """Print the row."""
    loads = [_starter(Style.FUNCTION), _starter(Style.STDIO)]
    if data is not None:
        loads.append(_published(data))
    for jail in jails:
        for load in loads:
            _report(jail, load, data)


def starter_tasks(style: Style) -> list[Task]:
    """The starter's tasks of a style."""
    return [task for task in load_benchmark("starter").tasks if task.style is style]


def _starter(style: Style) -> Load:
    tasks = starter_tasks(style)
    first = style is Style.FUNCTION
    return Load(f"starter, {style}", "starter", tasks, _copies(tasks, COPIES), first)


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
    return Load(f"{row.title}, published samples", row.spec, tasks, several, True)


def _report(jail: str, load: Load, data: Path | None) -> None:
    print(f"\nservice: {load.title}, {jail} ({len(load.programs)} programs, {WORKERS} slots)")
    print(f"{'':26} verdicts/s  p50 ms  p99 ms   of the sandbox   CPU ms of a verdict: of the CPU")
    print(f"{'':26} {'':10}  {'':6}  {'':6}   alone            server  jails clients of it alone")
    runs: list[tuple[str, Callable[[], Coroutine[Any, Any, Served]]]] = [
        # Anew each time: a server remembers verdicts.
        (f"{clients} clients", partial(_served, jail, load, data, clients))
        for clients in CLIENTS
    ]
    if load.bench == "starter":
        runs.append((f"64 clients, {WORKERS} hosts", partial(_behind, jail, load, 64)))
        runs.append(("an interpreter a test, 64", partial(_plain, load, 64)))
    # It can leave out the last tasks only.
    if load.whole:
        runs.insert(0, ("opencodeeval grade", partial(_graded, jail, load, data)))
    for title, run in runs:
        # Before each, because a machine is not always as fast.
        alone = ours(jail, load.tasks, load.programs)
        _line("sandbox alone", Served(alone.samples / alone.wall, jails_s=_each(alone)), alone)
        _line(title, asyncio.run(run()), alone)


def _each(alone: Measure) -> float:
    return alone.cpu / alone.samples


def _line(title: str, found: Served, alone: Measure) -> None:
    spent = [each for each in (found.server_s, found.jails_s) if not math.isnan(each)]
    of_cpu = _each(alone) / sum(spent) if spent else math.nan
    figures = [
        f"{found.a_second:10.1f}",
        f"{1000 * found.p50_s:7.0f}",
        f"{1000 * found.p99_s:7.0f}",
        f"{found.a_second * alone.wall / alone.samples:8.2f}",
        f"{1000 * found.server_s:16.2f}",
        f"{1000 * found.jails_s:6.2f}",
        f"{1000 * found.clients_s:7.2f}",
        f"{of_cpu:8.2f}",
    ]
    print(f"{title:26} {' '.join(figures)}".replace("nan", "  -"), flush=True)


async def _graded(jail: str, load: Load, data: Path | None) -> Served:
    """The same programs by the command, without its start."""
    with tempfile.TemporaryDirectory() as folder:
        samples = Path(folder) / "samples.jsonl"
        rows = ({"task_id": each.task_id, "solution": each.code} for each in load.programs)
        samples.write_text("".join(json.dumps(row) + "\n" for row in rows))
        command = [sys.executable, "-m", "opencodeeval", "grade", str(samples)]
        command += ["--bench", load.bench, "--limit", str(len(load.tasks)), "--sandbox", jail]
        command += ["--slots", str(WORKERS), "--output", f"{folder}/results", "--json", "--quiet"]
        command += ["--data", str(data)] if data else []
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"grade failed: {done.stderr}")
        record = json.loads(Path(json.loads(done.stdout)["benchmarks"][0]["record"]).read_text())
    return Served(len(load.programs) / record["timing"]["wall_s"])


async def _served(jail: str, load: Load, data: Path | None, clients: int) -> Served:
    with tempfile.TemporaryDirectory() as folder:
        options = ["--bench", load.bench, "--slots", str(WORKERS)]
        options += ["--data", str(data)] if data else []
        server = Server(Path(folder) / "log", *options, jail=jail)
        try:
            return await _asked(load, server, clients, [server])
        finally:
            server.end()


async def _behind(jail: str, load: Load, clients: int) -> Served:
    """As many hosts as there are slots, with one each, behind one address."""
    servers: list[Server] = []
    with tempfile.TemporaryDirectory() as folder:
        try:
            for number in range(WORKERS):
                servers.append(Server(Path(folder) / str(number), "--slots", "1", jail=jail))
            urls = ",".join(each.url for each in servers)
            options = ["--bench", load.bench, "--behind", urls]
            servers.append(Server(Path(folder) / "front", *options, jail=""))
            return await _asked(load, servers[-1], clients, servers)
        finally:
            for each in reversed(servers):
                each.end()


async def _asked(load: Load, server: Server, clients: int, all_servers: list[Server]) -> Served:
    async with AsyncGraderClient(server.url) as client:

        async def one(program: Program) -> bool:
            found = await client.grade(
                bench=load.bench, task_id=program.task_id, program=program.code
            )
            return found.passed

        pids = [each.process.pid for each in all_servers]
        return await _loaded(_enough(load.programs, clients), clients, one, pids)


def _enough(programs: Sequence[Program], clients: int) -> list[Program]:
    """The programs, and copies of them where clients would have few: beginning costs time too."""
    rounds = -(-EACH * clients // len(programs))
    return [
        Program(each.task_id, each.sample_id, f"{each.code}# {number}\n", "program")
        for number in range(rounds)
        for each in programs
    ]


async def _loaded(
    programs: Sequence[Program],
    clients: int,
    one: Callable[[Program], Awaitable[bool]],
    pids: Sequence[int] = (),
) -> Served:
    """All programs by so many clients; the first few, which warm the slots, are not counted.

    `pids` are the processes of the servers.
    """
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

    spent, began = _spent(pids), time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    wall = time.perf_counter() - began
    each = [(b - a) / len(programs) for a, b in zip(spent, _spent(pids), strict=True)]
    cuts = statistics.quantiles(seconds, n=100)
    return Served(len(programs) / wall, statistics.median(seconds), cuts[98], *each)


def _spent(pids: Sequence[int]) -> tuple[float, float, float]:
    """Seconds of processor so far: of servers, of their jails, of this process."""
    if not pids:
        return math.nan, math.nan, usage.own_cpu()
    # Of the servers themselves, without the children that they have waited for.
    servers = sum(usage.cpu(pid, ended=False) for pid in pids)
    below = [each for pid in pids for each in usage.descendants(pid)]
    return servers, sum(map(usage.cpu, below)), usage.own_cpu()


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
