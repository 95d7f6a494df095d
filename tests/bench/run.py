"""`make bench`: what grading costs here and with the published tools, in one run.

Each row is the same samples on the same machine with the same number of
workers, several rounds taken in turn; figures are medians. `floor` is what the
samples' own processes used, as the guest measured it; `overhead` is all else,
per sample. Needs the folder of data files (OPENCODEEVAL_SHARED_DATA) for
published samples; without it the rows that need it say so.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from opencodeeval.execution import open_sandbox
from opencodeeval.execution.pool import SlotPool
from opencodeeval.types import Program, Style, Task
from tests.bench import usage
from tests.bench.bigcodebench_row import bigcodebench

WORKERS = 2
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Measure:
    """Seconds of wall time, of processor (all processes), and of the samples' own."""

    wall: float
    cpu: float
    floor: float
    peak_mb: float
    samples: int


def shared_data() -> Path | None:
    """The folder of data files, if there is one."""
    folder = Path(os.environ.get("OPENCODEEVAL_SHARED_DATA", ROOT.parent / "shared" / "data"))
    return folder if folder.is_dir() else None


def ours(jail: str, tasks: list[Task], programs: list[Program]) -> Measure:
    """Grade programs in a warm sandbox of this harness."""

    async def run() -> Measure:
        sandbox = open_sandbox(jail, WORKERS)
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
        return Measure(wall, cpu, floor, after.peak_mb, len(programs))

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


def humaneval_plus(jails: list[str], rounds: int) -> None:
    """164 published samples on HumanEval+ v0.1.9, against evalplus.evaluate."""
    from opencodeeval.adapters import load_benchmark
    from opencodeeval.samples import read_samples

    data = shared_data()
    if data is None:
        print("HumanEval+: not measured, for there is no folder of data files")
        return
    benchmark = load_benchmark("humaneval_plus@v0.1.9", None, data, None)
    path = data / "verdicts/qwen2.5-coder-1.5b-base/evalplus/humaneval/generated.jsonl.gz"
    completions = read_samples(path, benchmark)
    tasks = {task.task_id: task for task in benchmark.tasks}
    programs = [benchmark.program(tasks[c.task_id], c, "base") for c in completions]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = folder / "HumanEvalPlus.jsonl"
        source = data / "humaneval_plus/v0.1.9/HumanEvalPlus.jsonl.gz"
        rows.write_bytes(gzip.decompress(source.read_bytes()))
        runs: dict[str, Callable[[], Measure]] = {
            f"opencodeeval, {jail}": partial(ours, jail, list(tasks.values()), programs)
            for jail in jails
        }
        runs["evalplus 0.3.1"] = partial(_evalplus, folder, rows, path)
        _evalplus(folder, rows, path)  # fills its cache of expected outputs
        report("HumanEval+ v0.1.9, Qwen2.5-Coder-1.5B, warm", runs, rounds)


def _evalplus(folder: Path, rows: Path, samples: Path) -> Measure:
    work = folder / "samples"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    lines = gzip.decompress(samples.read_bytes())
    (work / "samples.jsonl").write_bytes(lines)
    command = [sys.executable, "-m", "evalplus.evaluate", "--dataset", "humaneval"]
    command += ["--samples", str(work / "samples.jsonl"), "--parallel", str(WORKERS)]
    return of_command(
        [*command, "--min_time_limit", "4"],
        len(lines.splitlines()),
        HUMANEVAL_OVERRIDE_PATH=str(rows),
        XDG_CACHE_HOME=str(folder / "cache"),
    )


def trivial(jails: list[str], rounds: int) -> None:
    """What a sample costs that does nothing, against a bare fork of a warm interpreter."""
    for kind, tests, program in (
        ("function call", usage.TRIVIAL_CALL, "def f(x):\n    return x\n"),
        ("stdin/stdout", usage.TRIVIAL_STDIO, "print(input())\n"),
    ):
        task = Task(kind, Style.FUNCTION, "", "f", "", tests)
        programs = [Program(kind, i, f"{program}#{i}\n", "program") for i in range(400)]
        runs: dict[str, Callable[[], Measure]] = {
            f"opencodeeval, {jail}": partial(ours, jail, [task], programs) for jail in jails
        }
        runs["bare fork"] = partial(usage_of_forks, len(programs))
        report(f"trivial sample, {kind}", runs, rounds)


def usage_of_forks(count: int) -> Measure:
    """Forking an interpreter that has NumPy, and waiting."""
    code = (
        "import numpy, os, gc; gc.freeze()\n"
        f"for _ in range({count}):\n"
        "    pid = os.fork()\n"
        "    if not pid: os._exit(0)\n"
        "    os.waitpid(pid, 0)\n"
    )
    start = of_command([sys.executable, "-c", "import numpy, os, gc"], count)
    whole = of_command([sys.executable, "-c", code], count)
    cpu = whole.cpu - start.cpu
    return Measure(whole.wall - start.wall, cpu, cpu, whole.peak_mb, count)


def report(title: str, runs: dict[str, Callable[[], Measure]], rounds: int) -> None:
    """Take the runs in turn and print their medians, and ratios to the last one."""
    taken: dict[str, list[Measure]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            taken[name].append(run())
    print(f"\n{title} ({next(iter(taken.values()))[0].samples} samples, median of {rounds})")
    print(f"{'':24} wall s   CPU s  floor s  overhead ms  peak MB  wall ratio  CPU ratio")
    peer = taken[list(runs)[-1]]
    for name, measures in taken.items():
        middle = {
            field: statistics.median(getattr(m, field) for m in measures)
            for field in ("wall", "cpu", "floor", "peak_mb")
        }
        overhead = 1000 * (middle["cpu"] - middle["floor"]) / measures[0].samples
        ratios = [
            statistics.median(getattr(m, field) for m in peer) / middle[field]
            for field in ("wall", "cpu")
        ]
        print(
            f"{name:24} {middle['wall']:6.2f}  {middle['cpu']:6.2f}  {middle['floor']:7.2f}"
            f"  {overhead:11.1f}  {middle['peak_mb']:7.0f}  {ratios[0]:10.2f}  {ratios[1]:9.2f}"
        )


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jails", default="local,docker")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=("trivial", "humaneval_plus", "bigcodebench"))
    options = parser.parse_args()
    jails = options.jails.split(",")
    for name, measure in (("trivial", trivial), ("humaneval_plus", humaneval_plus)):
        if options.only in (None, name):
            measure(jails, options.rounds)
    if options.only in (None, "bigcodebench"):
        bigcodebench(shared_data(), WORKERS)


if __name__ == "__main__":
    main()
