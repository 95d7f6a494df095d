"""What `run` and `grade` have in common: open everything, run, close everything."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field

from opencodeeval.backends.base import Backend
from opencodeeval.cli import signals
from opencodeeval.cli.jobs import Finished, Job, Opened
from opencodeeval.cli.options import logger
from opencodeeval.cli.progress import open_progress
from opencodeeval.cli.run_gate import RunGate
from opencodeeval.cli.side_by_side import compare_protocols, share
from opencodeeval.decide.early_stop import Stop, Stopped, conclude
from opencodeeval.decide.gate import EXIT_STATUS, Answer
from opencodeeval.execution import Sandbox, open_sandbox
from opencodeeval.runs.pipeline import Run, run_benchmark
from opencodeeval.runs.protocol_differences import lines
from opencodeeval.runs.recording import Planned, configuration, head
from opencodeeval.runs.store import RunStore, check_writable, run_id
from opencodeeval.runs.summary import summarise, table


@dataclass
class Outcome:
    """The jobs that came to their end, and the answers of those with an early stop."""

    finished: list[Finished] = field(default_factory=list)
    stops: dict[str, Stop] = field(default_factory=dict)


def evaluate(
    model: str,
    jobs: Sequence[Job],
    open_backend_for: Callable[[Job], Backend],
    options: argparse.Namespace,
    gate: RunGate | None = None,
) -> int:
    """Run the jobs and print their summary; returns the exit status, a gate's if there is one."""
    check_writable(options.output)
    outcome = signals.run(_evaluate(jobs, open_backend_for, options))
    results = [result for _, result in outcome.finished]
    summary = summarise(model, results)
    compared = compare_protocols(options.output, outcome.finished)
    if compared:
        summary["differences"] = compared
    if outcome.stops:
        told = {name: {**asdict(stop), "saved": stop.saved} for name, stop in outcome.stops.items()}
        summary = {**summary, "early_stop": told}
    print(json.dumps(summary) if options.json else table(summary))
    if options.json:
        for each in compared:
            logger(options)("\n".join(lines(each)))
    if gate and not gate.early:
        return gate.decided(results, model, options.json)
    if not outcome.stops:
        return 0
    answer = conclude(list(outcome.stops.values()))
    if not options.json:
        print(f"\n{answer}: {'; '.join(map(_told, outcome.stops.items()))}")
    return EXIT_STATUS[answer]


def _label(job: Job, jobs: Sequence[Job]) -> str:
    """The benchmark's name, with its data version where several are run."""
    benchmark = job.benchmark
    specs = {each.benchmark.spec for each in jobs if each.benchmark.name == benchmark.name}
    return benchmark.name if len(specs) == 1 else benchmark.spec


def _told(named: tuple[str, Stop]) -> str:
    name, stop = named
    saved = f", {100 * stop.saved:.0f} % saved" if stop.saved else ""
    return f"{name} {stop.answer} after {stop.tasks} of {stop.of} tasks{saved}"


async def _evaluate(
    jobs: Sequence[Job], open_backend_for: Callable[[Job], Backend], options: argparse.Namespace
) -> Outcome:
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
            configured = configuration(job.benchmark, backend, job.sampling)
            if run_id(configured) in opened:  # named twice, as humaneval and humaneval@v1 are
                continue
            store = RunStore(options.output, configured)
            stack.callback(store.close)
            opened[store.run_id] = Opened(job, backend, store)
            begins = "continues" if store.resumed else "runs"
            log(f"{job.title}: {begins} in {store.folder}")
        outcome = Outcome()
        with signals.cancelling():
            for each in opened.values():
                share(each, [other for other in opened.values() if other is not each], log)
                job, backend, store = each
                planned = Planned(job.benchmark, backend, job.sampling)
                early = job.early_stop(head(planned)) if job.early_stop else None
                sandbox = sandboxes[job.benchmark.environment]
                try:
                    result = await run_benchmark(
                        Run(planned, sandbox, store, job.ks, job.counts),
                        [progress, *([early] if early else [])],
                    )
                    log(f"{job.title}: recorded in {result.record_path}")
                    outcome.finished.append(Finished(job, result))
                except Stopped as stopped:
                    log(f"{job.title}: {stopped}; without --early-stop it continues to a record")
                if early is not None and early.stop is not None:
                    outcome.stops[_label(job, jobs)] = early.stop
                    if early.stop.answer is Answer.REGRESSION:
                        break
        return outcome
