"""A run folder as large as a training team's: 1,140 tasks with 200 samples each.

Memory of the process while such a run goes on, how long it takes to open and check the full
folder again, and its size before and after `opencodeeval pack`. The engine and most verdicts
are stand-ins, as a real engine would take days: answers have the length of a chat model's,
each another program, and come as fast as they are taken. One program in `EVERY` is really
executed, in the local jail.
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from opencodeeval.backends.base import Request
from opencodeeval.backends.capabilities import Capabilities
from opencodeeval.core.types import Completion, Grade, Program, Sampling, SuiteResult, Task, Verdict
from opencodeeval.runs.observers import GradedSample, Observer
from tests.bench.measures import ROOT

TASKS = 1140
EVERY = 1000
# Samples at which memory is measured, and at the end.
MARKS = (10_000, 50_000, 100_000, 150_000, 200_000)
_WORDS = ("the", "list", "of", "values", "is", "sorted", "first", "so", "that", "each", "pair")


class Engine:
    """Answers at once: prose, and a program in a fence that no other sample has."""

    model_type = "chat"
    capabilities = Capabilities(overlapping_calls=True)

    def identity(self) -> Mapping[str, Any]:
        return {"backend": "stand-in", "model": "stand-in"}

    async def generate(
        self, requests: Sequence[Request], sampling: Sampling
    ) -> AsyncIterator[Completion]:
        for request in requests:
            task_id, number = request.prompt.task_id, request.sample_id
            words = random.Random(f"{task_id} {number}")
            prose = " ".join(words.choices(_WORDS, k=120))
            lines = "\n".join(
                f"    # {' '.join(words.choices(_WORDS, k=9))}\n    step_{line} = {words.random()}"
                for line in range(8)
            )
            text = f"{prose}\n```python\ndef f(x):\n{lines}\n    return x\n```\n{prose[:200]}"
            seen = f"<|user|>\n{request.prompt.messages[0].content}\n<|assistant|>\n"
            yield Completion(task_id, number, text, seen, prompt_tokens=200, completion_tokens=350)
            await asyncio.sleep(0)

    async def close(self) -> None:
        return None


class Sandbox:
    """Executes one program in `EVERY` in a real jail; the others have a verdict made up.

    Stands for slots on a thousand cores, which no machine of ours has.
    """

    def __init__(self, real: Any) -> None:
        self.real, self.slots, self.jail = real, real.slots, real.jail
        self.asked = 0

    def describe(self) -> Mapping[str, Any]:
        described: Mapping[str, Any] = self.real.describe()
        return described

    async def grade(self, task: Task, program: Program) -> Grade:
        self.asked += 1
        if self.asked % EVERY == 0:
            grade: Grade = await self.real.grade(task, program)
            return grade
        await asyncio.sleep(0)
        if program.sample_id % 3:
            result = SuiteResult(Verdict.PASSED, tests_run=9, tests_total=9, wall_s=0.01)
        else:
            failure = {"index": 1, "input": "[[1, 2, 3]]", "expected": "6", "got": "5" * 40}
            result = SuiteResult(Verdict.WRONG, "wrong answer", 2, 9, failure, 0.011, 0.009)
        return Grade(program.task_id, program.sample_id, {"base": result}, stdout="x" * 80)

    async def close(self) -> None:
        await self.real.close()


class Memory(Observer):
    """Notes the memory of this process as samples are graded."""

    def __init__(self) -> None:
        self.graded_samples = 0
        self.found: dict[int, float] = {}

    def graded(self, sample: GradedSample) -> None:
        self.graded_samples += 1
        if self.graded_samples in MARKS:
            self.found[self.graded_samples] = memory("VmRSS")


def memory(field: str) -> float:
    """MiB of this process: VmRSS now, VmHWM at most so far."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition(f"{field}:")[2].split()[0]) / 1024


def run_folder(count: int) -> None:
    """Print the figures of a run with `count` samples a task."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_tasks(folder / "tasks.jsonl")
        print(f"\nrun folder: {TASKS} tasks, {count} samples each, stand-in engine")
        run = _child("run", folder, count)
        marks = ", ".join(f"{each}: {mib:.0f}" for each, mib in run["memory"].items())
        print(
            f"run      {run['seconds']:6.1f} s ({run['cpu']:.0f} s of processor time, "
            f"{1000 * run['cpu'] / TASKS / count:.2f} ms a sample); MiB at samples graded: "
            f"{marks}; at most {run['peak']:.0f}"
        )
        again = _child("run", folder, count)
        assert again["digest"] == run["digest"]
        print(
            f"resume   {again['seconds']:6.1f} s ({again['cpu']:.0f} s of processor time), at most "
            f"{again['peak']:.0f} MiB"
        )
        (index,) = folder.glob("results/runs/*/index.sqlite")
        print(f"index    {index.stat().st_size / 2**20:6.1f} MiB of the folder")
        index.unlink()
        anew = _child("run", folder, count)
        assert anew["digest"] == run["digest"]
        print(f"resume   {anew['seconds']:6.1f} s without its index, {anew['peak']:.0f} MiB")
        began = time.perf_counter()
        packed = _child("pack", folder, count)
        print(
            f"pack     {time.perf_counter() - began:6.1f} s, {packed['before'] / 2**20:.0f} MiB to "
            f"{packed['after'] / 2**20:.0f} MiB, at most {packed['peak']:.0f} MiB of memory"
        )
        read = _child("read", folder, count)
        print(f"read     {read['seconds']:6.1f} s, all samples of the packed folder", flush=True)
        again = _child("run", folder, count)
        assert again["digest"] == run["digest"]
        print(f"unpack   {again['seconds']:6.1f} s, with the resume, {again['peak']:.0f} MiB")


def write_tasks(path: Path) -> None:
    """A user's own file of tasks, each a function that returns its argument."""
    rows = [
        {
            "task_id": f"own/{number}",
            "style": "function",
            "prompt": f'def f(x):\n    """Return x. {"It is what it is. " * 40}({number})"""\n',
            "entry_point": "f",
            "canonical_solution": "    return x\n",
            "inputs": [[value] for value in range(9)],
            "expected": list(range(9)),
        }
        for number in range(TASKS)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def _child(step: str, folder: Path, count: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.bench.folder_row", step, str(folder), str(count)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{step} failed: {done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


async def _run(folder: Path, count: int) -> dict[str, Any]:
    from opencodeeval.benchmarks.registry import load_benchmark
    from opencodeeval.execution import open_sandbox
    from opencodeeval.runs.pipeline import Run, run_benchmark
    from opencodeeval.runs.recording import Planned, configuration
    from opencodeeval.runs.store import RunStore
    from opencodeeval.stats.metrics import pass_at

    benchmark = load_benchmark(f"file:{folder / 'tasks.jsonl'}")
    sampling, engine, watched = Sampling(n=count, temperature=0.8), Engine(), Memory()
    sandbox = Sandbox(open_sandbox("local", 2, lambda _: None))
    began = time.perf_counter()
    try:
        configured = configuration(benchmark, engine, sampling)  # type: ignore[arg-type]
        with closing(RunStore(folder / "results", configured)) as store:
            planned = Planned(benchmark, engine, sampling)  # type: ignore[arg-type]
            run = Run(planned, sandbox, store, pass_at(1))
            result = await run_benchmark(run, [watched])
    finally:
        await sandbox.close()
    return {
        "seconds": time.perf_counter() - began,
        "cpu": time.process_time(),
        "memory": watched.found,
        "peak": memory("VmHWM"),
        "digest": result.record.digest,
    }


def _pack(folder: Path) -> dict[str, Any]:
    from opencodeeval.runs.packing import pack

    (run,) = (folder / "results" / "runs").iterdir()
    done = pack(run)
    return {"before": done.before, "after": done.after, "peak": memory("VmHWM")}


def _read(folder: Path) -> dict[str, Any]:
    from opencodeeval.runs.finished import open_run

    (run,) = (folder / "results" / "runs").iterdir()
    began = time.perf_counter()
    found = open_run(run, f"file:{folder / 'tasks.jsonl'}")
    assert sum(len(sample.program) > 0 for sample in found.samples) == len(found.samples)
    return {"seconds": time.perf_counter() - began, "peak": memory("VmHWM")}


if __name__ == "__main__":
    step, where, number = sys.argv[1:]
    match step:
        case "run":
            print(json.dumps(asyncio.run(_run(Path(where), int(number)))))
        case "pack":
            print(json.dumps(_pack(Path(where))))
        case _:
            print(json.dumps(_read(Path(where))))
