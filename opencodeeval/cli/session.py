"""What `run` and `grade` have in common: open everything, run, close everything."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from opencodeeval.adapters.card_benchmark import CardBenchmark
from opencodeeval.backends.base import Backend
from opencodeeval.cli import signals
from opencodeeval.cli.options import logger
from opencodeeval.cli.progress import open_progress
from opencodeeval.execution import Sandbox, open_sandbox
from opencodeeval.pipeline import RunResult, run_benchmark
from opencodeeval.record import configuration
from opencodeeval.store import RunStore, check_writable
from opencodeeval.summary import summarise, table
from opencodeeval.types import Sampling


@dataclass(frozen=True)
class Job:
    """One benchmark to be run; `counts` as in `run_benchmark`."""

    benchmark: CardBenchmark
    sampling: Sampling
    ks: Sequence[int]
    counts: Mapping[str, int] | None = None


def evaluate(
    model: str,
    jobs: Sequence[Job],
    open_backend_for: Callable[[Job], Backend],
    options: argparse.Namespace,
) -> int:
    """Run the jobs and print their summary; returns the exit status."""
    check_writable(options.output)
    results = signals.run(_evaluate(jobs, open_backend_for, options))
    summary = summarise(model, results)
    print(json.dumps(summary) if options.json else table(summary))
    return 0


async def _evaluate(
    jobs: Sequence[Job], open_backend_for: Callable[[Job], Backend], options: argparse.Namespace
) -> list[RunResult]:
    log = logger(options)
    progress = open_progress(options.progress, options.quiet)
    async with AsyncExitStack() as stack:
        sandboxes: dict[str, Sandbox] = {}
        for name in dict.fromkeys(job.benchmark.environment for job in jobs):
            sandboxes[name] = open_sandbox(
                options.sandbox, options.slots, log, options.image, options.runtime, name
            )
            stack.push_async_callback(sandboxes[name].close)
        opened: dict[str, tuple[Job, Backend, RunStore]] = {}
        for job in jobs:
            backend = open_backend_for(job)
            stack.push_async_callback(backend.close)
            store = RunStore(options.output, configuration(job.benchmark, backend, job.sampling))
            stack.callback(store.close)
            opened.setdefault(store.run_id, (job, backend, store))
            begins = "continues" if store.resumed else "runs"
            log(f"{job.benchmark.name}: {begins} in {store.folder}")
        results = []
        with signals.cancelling():
            for job, backend, store in opened.values():
                result = await run_benchmark(
                    job.benchmark,
                    backend,
                    sandboxes[job.benchmark.environment],
                    job.sampling,
                    store,
                    job.ks,
                    progress,
                    counts=job.counts,
                )
                log(f"{job.benchmark.name}: recorded in {result.record_path}")
                results.append(result)
        return results
