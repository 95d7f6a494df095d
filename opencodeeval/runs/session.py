"""One command's runs: opens what they need, lets them overlap, and closes everything."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass, field

from opencodeeval.backends.base import Backend, SamplesFailed
from opencodeeval.core.together import run_together
from opencodeeval.execution.base import Sandbox
from opencodeeval.execution.memory import short_of_memory
from opencodeeval.execution.pool import share_cores
from opencodeeval.execution.toolchains import check_languages
from opencodeeval.runs import signals
from opencodeeval.runs.executors.base import Executor
from opencodeeval.runs.jobs import Evaluation, Finished, Job, Opened, StoppedEarly
from opencodeeval.runs.observers import Observer, StopRun, orders
from opencodeeval.runs.options import Output
from opencodeeval.runs.pipeline import Run, run_benchmark
from opencodeeval.runs.progress import open_progress
from opencodeeval.runs.recording import Planned, configuration
from opencodeeval.runs.sharing import Asked, Shared, StoredAnswers, draw_alike
from opencodeeval.runs.side_by_side import compare_protocols
from opencodeeval.runs.store import RunStore, check_free, check_writable

# How a job gets its backend; may take minutes for the first.
OpenBackend = Callable[[Job], Backend]


def run_jobs(
    model: str,
    jobs: Sequence[Job],
    open_backend_for: OpenBackend,
    executor: Executor,
    output: Output,
    observers: Sequence[Observer] = (),
) -> Evaluation:
    """Open everything, run the jobs, each beside the end of the one before, and close everything.

    Raises:
        As `evaluate`.
    """
    check_writable(output.folder)
    session = _Session(jobs, open_backend_for, executor, output, observers)
    finished, stopped = signals.run(session.run())
    return Evaluation(
        model,
        tuple(result for _, result in finished),
        tuple(compare_protocols(output.folder, finished)),
        tuple(stopped),
    )


@dataclass
class _Session:
    """The moving parts of `run_jobs`: the runs overlap, so that the engine always has requests."""

    jobs: Sequence[Job]
    open_backend_for: OpenBackend
    executor: Executor
    output: Output
    observers: Sequence[Observer]
    asked: Asked = field(default_factory=Asked)
    finished: dict[str, Finished] = field(default_factory=dict)
    stopped: dict[str, StoppedEarly] = field(default_factory=dict)
    unanswered: dict[str, SamplesFailed] = field(default_factory=dict)

    async def run(self) -> tuple[list[Finished], list[StoppedEarly]]:
        """Open, run, close; returns the finished and the stopped runs in the order of the jobs."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self.executor.close)
            sandboxes: dict[str, Sandbox] = {}
            for name in dict.fromkeys(job.benchmark.environment for job in self.jobs):
                sandboxes[name] = self.executor.open_sandbox(name)
                stack.push_async_callback(sandboxes[name].close)
            for job in self.jobs:
                check_languages(sandboxes[job.benchmark.environment], job.benchmark)
            share_cores(list(sandboxes.values()))
            for name, sandbox in sandboxes.items():
                own = (job for job in self.jobs if job.benchmark.environment == name)
                tasks = [task for job in own for task in job.benchmark.tasks]
                if remark := short_of_memory(sandbox.slots, tasks):
                    self.output.log(remark)
            opened = self._open(stack)
            self.observers = [open_progress(self.output.progress), *self.observers]
            with signals.cancelling():
                await self._run_all(opened, sandboxes)
        if self.unanswered:
            raise self._without_score()
        return (
            [self.finished[each.run_id] for each in opened if each.run_id in self.finished],
            [self.stopped[each.run_id] for each in opened if each.run_id in self.stopped],
        )

    def _without_score(self) -> SamplesFailed:
        """The error of runs without a score, which does not repeat what the log has."""
        first = next(iter(self.unanswered.values()))
        runs = {job.title for job in self.jobs}
        if len(runs) == 1:
            return first
        reasons = [f"{title}: {failed}" for title, failed in self.unanswered.items()]
        logged = self.output.progress != "none"
        said = f"{len(reasons)} of {len(runs)} runs have no score, for the reason" + (
            f" above ({'; '.join(self.unanswered)})" if logged else f": {'; '.join(reasons)}"
        )
        error = SamplesFailed(said)
        error.__cause__ = first
        return error

    def _open(self, stack: AsyncExitStack) -> list[Opened]:
        opened: dict[str, Opened] = {}
        for job in self.jobs:
            backend = self.open_backend_for(job)
            stack.push_async_callback(backend.close)
            each = Opened(job, backend, configuration(job.benchmark, backend, job.sampling))
            if each.run_id not in opened:  # named twice: humaneval, humaneval@v1
                check_free(self.output.folder, each.configured)
                opened[each.run_id] = each
        return list(opened.values())

    async def _run_all(self, opened: Sequence[Opened], sandboxes: Mapping[str, Sandbox]) -> None:
        """Let each run begin as soon as the backend has all requests of the one before."""
        in_turn = list(opened)
        if not any(orders(observer) for observer in self.observers):
            # Short answers last: the engine has no long one left to write alone at the end.
            in_turn.sort(key=lambda each: -each.job.sampling.max_tokens)
        turns = [asyncio.Event() for _ in [*in_turn, None]]
        turns[0].set()
        await run_together(
            *(
                self._run_in_turn(
                    each, opened, sandboxes[each.job.benchmark.environment], (mine, next_one)
                )
                for each, mine, next_one in zip(in_turn, turns, turns[1:], strict=False)
            )
        )

    async def _run_in_turn(
        self,
        each: Opened,
        all_opened: Sequence[Opened],
        sandbox: Sandbox,
        turns: tuple[asyncio.Event, asyncio.Event],
    ) -> None:
        mine, next_one = turns
        await mine.wait()
        sources = [
            StoredAnswers(self.output.folder / "runs" / other.run_id)
            for other in all_opened
            if other is not each
            and other.backend is each.backend
            and draw_alike(other.job.sampling, each.job.sampling)
        ]
        shared = Shared(
            self.asked, sources, lambda line: self.output.log(f"{each.job.title}: {line}")
        )
        # Read when its turn comes, and let go of with its record.
        with closing(RunStore(self.output.folder, each.configured)) as store:
            begins = "continues" if store.resumed else "runs"
            self.output.log(f"{each.job.title}: {begins} in {store.folder}")
            job = each.job
            run = Run(
                Planned(
                    job.benchmark,
                    each.backend,
                    job.sampling,
                    provenance=self.executor.provenance,
                ),
                sandbox,
                store,
                job.metrics,
                job.counts,
                shared=shared,
                allow_long_prompts=job.allow_long_prompts,
                handed_over=next_one.set,
            )
            await self._run_one(each, run)
        next_one.set()

    async def _run_one(self, each: Opened, run: Run) -> None:
        job = each.job
        try:
            result = await run_benchmark(run, self.observers)
        except SamplesFailed as failed:
            if failed.hopeless:
                raise
            # The other benchmarks can still have their scores.
            self.unanswered[job.title] = failed
            if any(other.title != job.title for other in self.jobs):
                self.output.log(f"{job.title}: {failed}")
        except StopRun as stop:
            spec = job.benchmark.spec
            stopped = StoppedEarly(
                spec,
                job.protocol,
                str(stop),
                run.store.folder,
                samples=job.samples,
                generated=len(run.store.completions),
                graded=len(run.store.verdicts),
            )
            self.stopped[each.run_id] = stopped
            self.output.log(
                f"{job.title}: {stop}; {stopped.generated} of {stopped.samples} samples were "
                "generated; the same command without early stopping completes it"
            )
        else:
            self.output.log(f"{job.title}: recorded in {result.record_path}")
            self.finished[each.run_id] = Finished(job, result)
