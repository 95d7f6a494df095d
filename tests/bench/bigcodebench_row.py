"""BigCodeBench-Hard: the 148 published samples, here and with bigcodebench's own evaluation.

What counts is the processor time outside the tests: processes, imports, the
harness. A test's own time is that of the tests of its sample, from the first
setUp to the last tearDown, on each side as it was there; here it is measured
by the judge, there by a wrapper around `unittest.TestSuite.run`. What passes
here runs once more with tests that must fail, which the peer has nothing of:
those tests are a column of their own. The start of our slots, with all
imports, is counted as ours. One round, for it takes minutes: one of the
samples waits for its time limit of 241 s.

Needs the folder of data files, a prepared environment (`opencodeeval sandbox
build bigcodebench --local DIR`), and in OPENCODEEVAL_BIGCODEBENCH_PEER a Python
3.10 that has bigcodebench beside the packages of that environment.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opencodeeval.benchmarks.registry import load_benchmark
from opencodeeval.core.errors import SandboxError
from opencodeeval.core.types import Program, Task
from opencodeeval.execution import open_sandbox
from opencodeeval.execution.jails.base import Slot
from opencodeeval.execution.pool import SlotPool
from opencodeeval.runs.formats.reading import read_samples
from tests.bench import usage

PEER = "OPENCODEEVAL_BIGCODEBENCH_PEER"
SAMPLES = "qwen2.5-coder-1.5b-base/bigcodebench/hard/completion-sanitized-calibrated.jsonl.gz"

# Put into the peer's interpreters: writes what each run of tests has used.
_WRAPPER = """
import os, resource, unittest
_run, _log = unittest.TestSuite.run, os.environ["TESTS_CPU_LOG"]
def _used():
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(u.ru_utime + u.ru_stime for u in map(resource.getrusage, kinds))
def _write(text, opened=os.open, write=os.write, close=os.close):
    fd = opened(_log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    write(fd, text.encode())
    close(fd)
def run(self, result, debug=False):
    before = _used()
    try:
        return _run(self, result, debug)
    finally:
        _write(f"{_used() - before}\\n")
unittest.TestSuite.run = run
"""


@dataclass(frozen=True)
class Cost:
    """Seconds of wall time, of processor in all and in the tests; MiB of a slot or process.

    `again` is what the tests used that ran a second time to show that they can fail; `left`
    the processes that were still there at the end.
    """

    wall: float
    cpu: float
    tests: float
    again: float
    peak_mb: float
    passed: Mapping[str, bool]
    left: int = 0

    @property
    def overhead(self) -> float:
        """Processor seconds outside the tests."""
        return self.cpu - self.tests - self.again


def bigcodebench(data: Path | None, workers: int, limit: int | None = None) -> None:
    """Print the row, or why there is none."""
    peer = os.environ.get(PEER)
    if data is None or peer is None:
        what = "there is no folder of data files" if data is None else f"{PEER} names no Python"
        print(f"BigCodeBench-Hard: not measured, for {what}")
        return
    benchmark = load_benchmark("bigcodebench_hard@v0.1.0", None, data, limit)
    completions = read_samples(data / "verdicts" / SAMPLES, benchmark)
    tasks = {task.task_id: task for task in benchmark.tasks}
    programs = [benchmark.program(tasks[c.task_id], c, "base") for c in completions]
    try:
        here = asyncio.run(ours(tasks, programs, workers))
    except SandboxError as error:
        print(f"BigCodeBench-Hard: not measured, for {error}")
        return
    with tempfile.TemporaryDirectory() as folder:
        rows = [dict(task.fields) for task in benchmark.tasks]
        texts = [{"task_id": c.task_id, "solution": c.text} for c in completions]
        there = theirs(Path(folder), peer, rows, texts, workers)
    report({"opencodeeval, local": here, "bigcodebench 0.2.5, local": there}, len(programs))


async def ours(tasks: Mapping[str, Task], programs: list[Program], workers: int) -> Cost:
    """Grade the programs in slots that are started for it."""
    own, began = usage.own_cpu(), time.perf_counter()
    sandbox = open_sandbox("local", workers, environment="bigcodebench")
    assert isinstance(sandbox, SlotPool)
    answers: list[dict[str, Any]] = []
    grade_one = sandbox._grade

    def keep(slot: Slot, job: Any) -> dict[str, Any]:
        answers.append(grade_one(slot, job))
        return answers[-1]

    sandbox._grade = keep  # type: ignore[method-assign]
    grades = await asyncio.gather(*(sandbox.grade(tasks[p.task_id], p) for p in programs))
    wall = time.perf_counter() - began
    jails = usage.of_sandbox(sandbox)
    cpu = jails.cpu + usage.own_cpu() - own
    await sandbox.close()
    found = [suite for answer in answers for suite in answer["suites"].values()]
    tests = sum(suite.get("tests_cpu_s", 0.0) for suite in found)
    again = sum(suite.get("control_cpu_s", 0.0) for suite in found)
    passed = {grade.task_id: grade.suites["base"].verdict == "passed" for grade in grades}
    return Cost(wall, cpu, tests, again, jails.peak_mb, passed)


def theirs(folder: Path, python: str, rows: list[Any], samples: list[Any], workers: int) -> Cost:
    """Run bigcodebench's local evaluation, without its check of the ground truth."""
    (folder / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (folder / "samples.jsonl").write_text("\n".join(map(json.dumps, samples)))
    (folder / "sitecustomize.py").write_text(_WRAPPER)
    command = [python, "-m", "bigcodebench.evaluate", "--split", "complete", "--subset", "hard"]
    command += ["--samples", str(folder / "samples.jsonl"), "--execution", "local"]
    command += ["--parallel", str(workers), "--no_gt", "--save_pass_rate", "False"]
    environment = {
        "BIGCODEBENCH_OVERRIDE_PATH": str(folder / "rows.jsonl"),
        "TESTS_CPU_LOG": str(folder / "tests.log"),
        "PYTHONPATH": str(folder),
    }
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    # Into a file, and a session of its own: what its samples leave running would hold a pipe open.
    with (folder / "log").open("w+b") as log:
        process = subprocess.Popen(
            command,
            env={**os.environ, **environment},
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        process.wait()
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    left = _end_session(process.pid)
    if process.returncode:
        sys.exit(f"bigcodebench.evaluate failed: {(folder / 'log').read_text()[-2000:]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    tests = sum(map(float, (folder / "tests.log").read_text().split()))
    results = json.loads((folder / "samples_eval_results.json").read_text())["eval"]
    passed = {task_id: found[0]["status"] == "pass" for task_id, found in results.items()}
    return Cost(wall, cpu, tests, 0.0, after.ru_maxrss / 1024, passed, left)


def _end_session(leader: int) -> int:
    """Kill what is left of a session; how many processes that were."""
    left = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, _, session = path.read_text().rpartition(")")[2].split()[:4]
            if int(session) == leader and state != "Z":
                os.kill(int(path.parent.name), signal.SIGKILL)
                left += 1
    return left


def report(costs: Mapping[str, Cost], samples: int) -> None:
    """Print what each took, and what that comes to beside the other."""
    here, there = costs.values()
    print(f"\nBigCodeBench-Hard v0.1.0, Qwen2.5-Coder-1.5B ({samples} samples, one round)")
    print(
        f"{'':26} wall s    CPU s  tests s  again s  overhead s  ms a sample  peak MB  passed"
        "  left running"
    )
    for name, cost in costs.items():
        print(
            f"{name:26} {cost.wall:6.1f}  {cost.cpu:7.1f}  {cost.tests:7.1f}  {cost.again:7.1f}"
            f"  {cost.overhead:10.1f}  {1000 * cost.overhead / samples:11.1f}"
            f"  {cost.peak_mb:7.0f}  {sum(cost.passed.values()):6d}  {cost.left:12d}"
        )
    print(f"overhead, ours to theirs: {here.overhead / there.overhead:.3f}")
    more = (here.overhead + here.again) / there.overhead
    print(f"the same with the tests that ran again: {more:.3f}")
    differ = sorted(
        task_id for task_id, passed in here.passed.items() if there.passed.get(task_id) != passed
    )
    print(f"verdicts that differ: {len(differ)} {' '.join(differ)}".rstrip())
