"""What `run` and `grade` have in common: open everything, run, close everything."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from opencodeeval.adapters.card_benchmark import CardBenchmark
from opencodeeval.backends.base import Backend
from opencodeeval.cli import signals
from opencodeeval.cli.options import logger
from opencodeeval.cli.progress import open_progress
from opencodeeval.differences import Side, compare, lines
from opencodeeval.execution import Sandbox, open_sandbox
from opencodeeval.journal import write_atomically
from opencodeeval.pipeline import RunResult, run_benchmark
from opencodeeval.record import configuration, model_name, slug
from opencodeeval.sharing import draw_alike, take_answers
from opencodeeval.store import RUN_ID_LENGTH, RunStore, check_writable, read_run
from opencodeeval.summary import summarise, table
from opencodeeval.types import Sampling, digest


@dataclass(frozen=True)
class Job:
    """One benchmark to be run; `counts` as in `run_benchmark`."""

    benchmark: CardBenchmark
    sampling: Sampling
    ks: Sequence[int]
    counts: Mapping[str, int] | None = None

    @property
    def title(self) -> str:
        """The benchmark and the protocol, for people."""
        return f"{self.benchmark.name}, {self.benchmark.protocol}"


class Opened(NamedTuple):
    """A job with the backend that answers it and the run that it fills."""

    job: Job
    backend: Backend
    store: RunStore


class Finished(NamedTuple):
    """A job and what came of it."""

    job: Job
    result: RunResult


def evaluate(
    model: str,
    jobs: Sequence[Job],
    open_backend_for: Callable[[Job], Backend],
    options: argparse.Namespace,
) -> int:
    """Run the jobs and print their summary; returns the exit status."""
    check_writable(options.output)
    finished = signals.run(_evaluate(jobs, open_backend_for, options))
    summary = summarise(model, [result for _, result in finished])
    compared = compare_protocols(options.output, finished)
    if compared:
        summary["differences"] = compared
    print(json.dumps(summary) if options.json else table(summary))
    if options.json:
        for each in compared:
            logger(options)("\n".join(lines(each)))
    return 0


def compare_protocols(output: Path, finished: Sequence[Finished]) -> list[dict[str, Any]]:
    """Where the protocols of each benchmark differ, each also written to a file that it names.

    Raises:
        StoreError: the file cannot be written.
    """
    by_benchmark: dict[tuple[str, str], list[Finished]] = {}
    for each in finished:
        benchmark = each.job.benchmark
        by_benchmark.setdefault((benchmark.name, benchmark.data_version), []).append(each)
    compared = []
    for group in by_benchmark.values():
        if len(group) < 2:
            continue
        records = [each.result.record for each in group]
        names = [slug(model_name(str(records[0]["model"]["model"])))]
        names += [slug(record["protocol"]["name"]) for record in records]
        run_ids = [record["run_id"] for record in records]
        names.append(digest(run_ids)[:RUN_ID_LENGTH])
        path = output / "differences" / slug(group[0].job.benchmark.name)
        path /= f"{'--'.join(names)}.json"
        sides = [Side(job.benchmark, read_run(result.run_folder)) for job, result in group]
        found = {"run_ids": run_ids, **compare(sides)}
        write_atomically(path, found)
        compared.append({**found, "file": str(path)})
    return compared


async def _evaluate(
    jobs: Sequence[Job], open_backend_for: Callable[[Job], Backend], options: argparse.Namespace
) -> list[Finished]:
    log = logger(options)
    progress = open_progress(options.progress, options.quiet)
    async with AsyncExitStack() as stack:
        sandboxes: dict[str, Sandbox] = {}
        for name in dict.fromkeys(job.benchmark.environment for job in jobs):
            sandboxes[name] = open_sandbox(
                options.sandbox, options.slots, log, options.image, options.runtime, name
            )
            stack.push_async_callback(sandboxes[name].close)
        opened: dict[str, Opened] = {}
        for job in jobs:
            backend = open_backend_for(job)
            stack.push_async_callback(backend.close)
            store = RunStore(options.output, configuration(job.benchmark, backend, job.sampling))
            stack.callback(store.close)
            opened.setdefault(store.run_id, Opened(job, backend, store))
            begins = "continues" if store.resumed else "runs"
            log(f"{job.title}: {begins} in {store.folder}")
        finished = []
        with signals.cancelling():
            for each in opened.values():
                _share(each, [other for other in opened.values() if other is not each], log)
                job, backend, store = each
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
                log(f"{job.title}: recorded in {result.record_path}")
                finished.append(Finished(job, result))
        return finished


def _share(each: Opened, others: Sequence[Opened], log: Callable[[str], None]) -> None:
    """Take answers from other runs of the same model, and say which job has its own."""
    job, backend, store = each
    asked_too = [other for other in others if other.backend is backend]
    if not asked_too:
        return
    sources = [other.store for other in asked_too if draw_alike(other.job.sampling, job.sampling)]
    taken = take_answers(job.benchmark, backend.model_type, job.sampling, store, sources)
    lacking = job.sampling.n * len(job.benchmark.tasks) - len(store.completions)
    if taken:
        log(
            f"{job.title}: takes {taken} answers that this command's other runs have to its prompts"
        )
    if lacking:
        log(f"{job.title}: draws {lacking} answers")
