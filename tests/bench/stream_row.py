"""One run of four benchmarks against four runs, and against generation and grading alone.

Twice: with vLLM in process on a tiny model, and with a paced engine, whose answers come at
the speed of a GPU without using the processor that grading needs. The paced engine stands
for a GPU, which this benchmark does not assume; its answers are the reference solutions.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import opencodeeval as oce
from opencodeeval.backends.base import Request
from opencodeeval.backends.capabilities import Capabilities
from opencodeeval.backends.streaming import as_finished
from opencodeeval.core.types import Completion, ModelType, Sampling
from tests.bench.measures import ROOT, WORKERS

BENCHES = ("starter", "humaneval_plus", "mbpp_plus", "cruxeval_input")
# Of each, with vLLM: on a CPU whole benchmarks would take too long. The paced engine answers
# whole ones.
TASKS = 100
MODEL = ROOT / "tests" / "checkpoints" / "starter-tiny-base" / "step-0300"
# Answers that the paced engine writes at once.
BATCH = 64
# What a token of program text is taken to be.
CHARACTERS_A_TOKEN = 4


@dataclass
class Paced:
    """Writes reference solutions, `BATCH` at once, each at `rate` tokens a second."""

    solutions: Mapping[str, str]
    rate: float
    model_type: ModelType = "chat"
    capabilities: Capabilities = Capabilities(overlapping_calls=True)  # noqa: RUF009 - frozen

    def __post_init__(self) -> None:
        self.places = asyncio.Semaphore(BATCH)
        self.writing, self.idle_s, self.idle_since = 0, 0.0, float("nan")

    def identity(self) -> Mapping[str, Any]:
        return {"backend": "paced", "model": "paced"}

    async def generate(
        self, requests: Sequence[Request], sampling: Sampling
    ) -> AsyncIterator[Completion]:
        async def write(request: Request) -> Completion:
            async with self.places:
                self._begin()
                text = self.solutions[request.prompt.task_id]
                await asyncio.sleep(len(text) / CHARACTERS_A_TOKEN / self.rate)
                self._end()
            return Completion(request.prompt.task_id, request.sample_id, text, form="program")

        async for completion in as_finished(requests, write, BATCH):
            yield completion

    def _begin(self) -> None:
        if not self.writing and self.idle_since == self.idle_since:
            self.idle_s += time.perf_counter() - self.idle_since
        self.writing += 1

    def _end(self) -> None:
        self.writing -= 1
        if not self.writing:
            self.idle_since = time.perf_counter()

    async def close(self) -> None:
        return None


def stream(data: Path | None, rounds: int) -> None:
    """Print both comparisons."""
    if data is None:
        print("\none stream: no folder of data files (OPENCODEEVAL_SHARED_DATA)")
        return
    paced(data, rounds)
    engine(data)


def paced(data: Path, rounds: int) -> None:
    """The whole run against the longer of generation alone and grading alone."""
    benchmarks = [oce.load_benchmark(name, data_dir=data) for name in BENCHES]
    solutions = {task.task_id: task.reference for each in benchmarks for task in each.tasks}
    samples = sum(len(each.tasks) for each in benchmarks)
    tokens = sum(len(solutions[t.task_id]) for each in benchmarks for t in each.tasks)
    # Once before: what the tasks' solutions return is computed in the first run, and kept.
    _timed(benchmarks, Paced(solutions, 1e9))
    grading = min(_timed(benchmarks, Paced(solutions, 1e9))[0] for _ in range(rounds))
    print(
        f"\none stream: {samples} samples of {', '.join(BENCHES)}, paced engine, best of {rounds}"
    )
    print("generation  grading alone  whole run  whole/longer  sum of four  whole/sum  idle")
    for share in (0.5, 1.0, 2.0):
        # So that generation alone takes this share of grading alone.
        rate = tokens / CHARACTERS_A_TOKEN / BATCH / (share * grading)
        whole, idle = min(_timed(benchmarks, Paced(solutions, rate)) for _ in range(rounds))
        generation = _generated(benchmarks, Paced(solutions, rate))
        four = sum(
            min(_timed([each], Paced(solutions, rate))[0] for _ in range(rounds))
            for each in benchmarks
        )
        print(
            f"{generation:8.1f} s  {grading:11.1f} s  {whole:7.1f} s"
            f"  {whole / max(generation, grading):12.2f}  {four:9.1f} s  {whole / four:9.2f}"
            f"  {idle:4.2f} s",
            flush=True,
        )


def _timed(benchmarks: Sequence[Any], backend: Paced) -> tuple[float, float]:
    """Seconds of a run, and those in which the engine was writing nothing in between."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        oce.evaluate(
            backend,
            list(benchmarks),
            sampling=oce.SamplingOptions(n=1, temperature=0.0),
            sandbox=oce.SandboxOptions("local", slots=WORKERS),
            output=oce.Output(Path(folder), "none"),
        )
        return time.perf_counter() - began, backend.idle_s


def _generated(benchmarks: Sequence[Any], backend: Paced) -> float:
    """Seconds that the same requests take without grading."""
    # In the order of the run: which answers come last decides how long the last ones are alone.
    in_turn = sorted(benchmarks, key=lambda each: -each.default_sampling().max_tokens)
    requests = [Request(each.prompt(task, "chat"), 0) for each in in_turn for task in each.tasks]

    async def run() -> float:
        began = time.perf_counter()
        async for _ in backend.generate(requests, Sampling()):
            pass
        return time.perf_counter() - began

    return asyncio.run(run())


def engine(data: Path) -> None:
    """Four benchmarks in one command against four commands, with vLLM on a tiny model."""
    one = _command(BENCHES, data)
    four = sum(_command([name], data) for name in BENCHES)
    print("\none stream: the same benchmarks, vLLM with a tiny model, loading included")
    print(f"one command {one:.1f} s, four commands {four:.1f} s, ratio {one / four:.2f}")
    with _watched() as idle:
        _evaluate(data)
    print(f"seconds without a request between the first and the last: {idle():.2f}", flush=True)


def _command(names: Sequence[str], data: Path) -> float:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "opencodeeval", "--model", str(MODEL), "--bench"]
        command += [",".join(names), "--dtype", "float32", "--max-model-len", "1024"]
        command += [
            "--limit",
            str(TASKS),
            "--data",
            str(data),
            "--sandbox",
            "local",
            "--slots",
            str(WORKERS),
        ]
        command += ["--max-tokens", "64", "--output", folder, "--quiet"]
        began = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, env={**os.environ})
        return time.perf_counter() - began


def _evaluate(data: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        oce.evaluate(
            MODEL,
            BENCHES,
            selection=oce.Selection(data_dir=data, limit=TASKS),
            sampling=oce.SamplingOptions(n=1, temperature=0.0, max_tokens=64),
            backend_options=oce.BackendOptions(dtype="float32", max_model_len=1024),
            sandbox=oce.SandboxOptions("local", slots=WORKERS),
            output=oce.Output(Path(folder), "none"),
        )


@contextmanager
def _watched() -> Iterator[Any]:
    """Note when vLLM's engine has no request; yields the sum of the seconds in between."""
    from vllm.v1.engine.async_llm import AsyncLLM

    original, spans = AsyncLLM.generate, list[tuple[float, float]]()

    async def generate(self: Any, *arguments: Any, **options: Any) -> AsyncIterator[Any]:
        began = time.perf_counter()
        async for each in original(self, *arguments, **options):
            yield each
        spans.append((began, time.perf_counter()))

    def idle() -> float:
        total, until = 0.0, min(began for began, _ in spans)
        for began, ended in sorted(spans):
            total += max(0.0, began - until)
            until = max(until, ended)
        return total

    AsyncLLM.generate = generate
    try:
        yield idle
    finally:
        AsyncLLM.generate = original
