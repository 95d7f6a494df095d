"""What is measured of a harness, how ours and a published tool's are, and the table of it."""

from __future__ import annotations

import asyncio
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from opencodeeval.core.types import Program, Style, Task
from opencodeeval.execution import open_sandbox
from opencodeeval.execution.pool import SlotPool
from tests.bench import usage

WORKERS = 2
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Measure:
    """Seconds of wall time, of processor (all processes), and of the samples' own.

    `peak_mb` is the largest slot (ours) or process (theirs), `host_mb` this process.
    """

    wall: float
    cpu: float
    floor: float
    peak_mb: float
    samples: int
    host_mb: float = float("nan")


def shared_data() -> Path | None:
    """The folder of data files, if there is one."""
    folder = Path(os.environ.get("OPENCODEEVAL_SHARED_DATA", ROOT.parent / "shared" / "data"))
    return folder if folder.is_dir() else None


def ours(jail: str, tasks: list[Task], programs: list[Program], environment: str = "") -> Measure:
    """Grade programs in a warm sandbox of this harness."""

    async def run() -> Measure:
        sandbox = open_sandbox(jail, WORKERS, environment=environment)
        assert isinstance(sandbox, SlotPool)
        by_id = {task.task_id: task for task in tasks}
        warm = Task("warm", Style.FUNCTION, "", "f", "", usage.TRIVIAL_CALL)
        await asyncio.gather(
            *(
                sandbox.grade(warm, Program("warm", i, f"def f(x): return x #{i}", "program"))
                for i in range(2 * WORKERS)
            )
        )
        before, began = usage.of_sandbox(sandbox), time.perf_counter()
        own = usage.own_cpu()
        grades = await asyncio.gather(*(sandbox.grade(by_id[p.task_id], p) for p in programs))
        wall = time.perf_counter() - began
        after = usage.of_sandbox(sandbox)
        cpu = after.cpu - before.cpu + usage.own_cpu() - own
        floor = sum(suite.cpu_s for grade in grades for suite in grade.suites.values())
        await sandbox.close()
        return Measure(wall, cpu, floor, after.peak_mb, len(programs), usage.own_mb())

    return asyncio.run(run())


def of_command(command: list[str], samples: int, **environment: str) -> Measure:
    """Run a published tool to its end."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        command,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    wall = time.perf_counter() - began
    if done.returncode:
        sys.exit(f"{command[2]} failed: {done.stderr[-2000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Measure(wall, cpu, float("nan"), after.ru_maxrss / 1024, samples)


def report(title: str, runs: dict[str, Callable[[], Measure]], rounds: int) -> None:
    """Take the runs in turn and print their medians, and ratios to the last one."""
    taken: dict[str, list[Measure]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            taken[name].append(run())
    samples = next(iter(taken.values()))[0].samples
    print(f"\n{title} ({samples} samples, median of {rounds})")
    print(
        f"{'':24} wall s   CPU s  floor s  overhead ms  wall/floor  peak MB  host MB"
        "  wall ratio  CPU ratio"
    )
    peer = _middle(taken[list(runs)[-1]])
    for name, measures in taken.items():
        middle = _middle(measures)
        overhead = 1000 * (middle.cpu - middle.floor) / samples
        print(
            f"{name:24} {middle.wall:6.2f}  {middle.cpu:6.2f}  {middle.floor:7.2f}"
            f"  {overhead:11.1f}  {middle.wall * WORKERS / middle.floor:10.2f}"
            f"  {middle.peak_mb:7.0f}  {middle.host_mb:7.0f}"
            f"  {peer.wall / middle.wall:10.2f}  {peer.cpu / middle.cpu:9.2f}",
            flush=True,
        )


def _middle(measures: list[Measure]) -> Measure:
    fields = ("wall", "cpu", "floor", "peak_mb", "samples", "host_mb")
    return Measure(*(statistics.median(getattr(m, field) for m in measures) for field in fields))
