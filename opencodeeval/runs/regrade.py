"""Executes stored samples again after a grader or a data set has changed; finds new verdicts."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from opencodeeval.backends.stored import StoredCompletions
from opencodeeval.benchmarks.card_benchmark import CardBenchmark
from opencodeeval.core.errors import UsageError
from opencodeeval.core.journal import guarded
from opencodeeval.core.types import SampleId
from opencodeeval.execution.base import Sandbox
from opencodeeval.execution.identity import differing, first_identity, sandbox_identity
from opencodeeval.execution.toolchains import check_languages
from opencodeeval.records.reading import StoredRecord
from opencodeeval.runs import signals
from opencodeeval.runs.again import begun_again_after
from opencodeeval.runs.asking import prompt_of, protocol_of, sampling_of
from opencodeeval.runs.executors.base import Executor, Provenance, on_this_machine
from opencodeeval.runs.finished import benchmark_of, find_run
from opencodeeval.runs.lacking import remember
from opencodeeval.runs.observers import Observer
from opencodeeval.runs.options import Output
from opencodeeval.runs.pipeline import Run, RunResult, run_benchmark
from opencodeeval.runs.progress import open_progress
from opencodeeval.runs.recording import Planned, configuration
from opencodeeval.runs.rows import PromptRow, read_prompts, read_verdicts
from opencodeeval.runs.store import RunStore, StoredRun, check_writable, read_run
from opencodeeval.stats.metrics import parse_metrics


@dataclass(frozen=True)
class Stored:
    """A finished run, with the benchmark to grade it by now.

    `left_out` are tasks of the run that the data no longer have; `lacking` are
    tasks of the data for which the run has no samples.
    """

    record: StoredRecord
    folder: Path
    benchmark: CardBenchmark
    run: StoredRun
    judged: Mapping[SampleId, Judged]
    left_out: tuple[str, ...]
    lacking: tuple[str, ...]

    @property
    def results(self) -> Path:
        """The results folder with the run."""
        return self.folder.parent.parent


class Judged(NamedTuple):
    """A sample's verdicts by suite, and the digest of the tests that it had."""

    tests: str
    verdicts: Mapping[str, str]


class Move(NamedTuple):
    """One sample with a new verdict under one suite."""

    task_id: str
    sample_id: int
    suite: str
    before: str
    after: str


@dataclass(frozen=True)
class Regrade:
    """The result of a regrade; `result` is None if nothing had to be executed."""

    stored: Stored
    changed: tuple[str, ...]
    result: RunResult | None = None
    moves: tuple[Move, ...] = ()


def open_stored(
    run: Path,
    bench: str | None = None,
    protocol: str | None = None,
    data_dir: Path | None = None,
    from_run: Path | None = None,
    time_limit: float | None = None,
) -> Stored:
    """A finished run and its benchmark in its current state.

    `bench` names another data version (or the user's own file of tasks), `protocol`
    another protocol with the same prompts; `from_run` the run that a self-repair run
    has repaired, if it is not in the same folder; `time_limit` another limit in seconds.

    Raises:
        UsageError: there is no such run, it never finished, or its samples answer
            other prompts.
        DataError, StoreError: data or run cannot be read.
    """
    record, folder = find_run(run)
    benchmark = benchmark_of((record, folder), bench, protocol, data_dir, from_run, time_limit)
    if benchmark.name != record.benchmark:
        raise UsageError(
            f"{run} has samples of {record.benchmark}, which do not answer {benchmark.name}: "
            f"name a version of {record.benchmark} with --bench"
        )
    counted = record.record.tasks
    tasks = [task for task in benchmark.tasks if task.task_id in counted]
    if not tasks:
        raise UsageError(f"{run} has no sample of any task of {bench}: name the data with --bench")
    known = {task.task_id for task in benchmark.tasks}
    stored = Stored(
        record,
        folder,
        replace(benchmark, tasks=tasks),
        read_run(folder),
        _judged(folder, record),
        tuple(task_id for task_id in counted if task_id not in known),
        tuple(task.task_id for task in benchmark.tasks if task.task_id not in counted),
    )
    _check_prompts(stored)
    return stored


def regrade_runs(
    runs: Sequence[Stored],
    executor: Executor,
    output: Output,
    *,
    again: bool = False,
    folder: Path | None = None,
) -> list[Regrade]:
    """Regrade several runs, each with `regrade`, in the sandboxes of an executor; close it.

    The records go to `folder`; by default to each run's results folder. Only the
    progress setting of `output` is used.

    Raises:
        UsageError, SandboxError: no sandbox is available, or samples could not be graded.
        StoreError: the output cannot be written.
        Interrupted: SIGINT or SIGTERM came (main thread only).
    """

    async def work() -> list[Regrade]:
        progress = open_progress(output.progress)
        done = []
        async with AsyncExitStack() as stack:
            stack.push_async_callback(executor.close)
            sandboxes: dict[str, Sandbox] = {}
            for each in runs:
                name = each.benchmark.environment
                if name not in sandboxes:
                    sandboxes[name] = executor.open_sandbox(name)
                    stack.push_async_callback(sandboxes[name].close)
                check_languages(sandboxes[name], each.benchmark)
                results = folder or each.results
                check_writable(results)
                where = results, again, progress, executor.provenance
                with signals.cancelling():
                    done.append(await regrade(each, sandboxes[name], *where))
        return done

    return signals.run(work())


async def regrade(
    stored: Stored,
    sandbox: Sandbox,
    output: Path,
    again: bool,
    observer: Observer,
    provenance: Callable[[], Provenance] = on_this_machine,
) -> Regrade:
    """Execute affected samples, or all (`again`), and compare with the old verdicts.

    The record is written below `output`. It replaces the old one if that is the run's
    results folder and only the grader has changed. An interrupted regrade continues
    when it is called again. `provenance` says in the record where it was executed.

    Raises:
        SandboxError: samples could not be graded; the old record stays.
        StoreError: the output cannot be written.
    """
    record, benchmark = stored.record.record, stored.benchmark
    changed = _changed(stored, sandbox)
    if not (changed or again):
        return Regrade(stored, changed)
    backend = StoredCompletions(stored.run.completions, record.model.identity, record.model_type)
    sampling = sampling_of(record)
    store = RunStore(output, configuration(benchmark, backend, sampling))
    try:
        remember(store.folder, record.lacks)
        described = record.sandbox
        store.rename_sandbox(first_identity(described), sandbox_identity(described))
        if again:
            store.begin_again()
        run = Run(
            Planned(benchmark, backend, sampling, record.model.name, provenance=provenance),
            sandbox,
            store,
            metrics=parse_metrics(list(record.scores[benchmark.headline])),
            counts={
                task.task_id: record.tasks[task.task_id].all_samples for task in benchmark.tasks
            },
            regraded={"record": record.digest, "harness": stored.record.content["harness"]},
        )
        result = await run_benchmark(run, [observer])
        _remove_superseded(stored, result)
        after = {
            SampleId(task.task_id, grade.sample_id): {
                name: suite.verdict.value for name, suite in grade.suites.items()
            }
            for task in benchmark.tasks
            for grade in store.graded(task.task_id)
        }
    finally:
        store.close()
    return Regrade(stored, changed, result, tuple(_moves(stored.judged, after)))


def _remove_superseded(stored: Stored, result: RunResult) -> None:
    """Keep one record per run: an older one may have another file name."""
    old = stored.record.path
    if result.run_folder.resolve() == stored.folder and not old.samefile(result.record_path):
        guarded(old, old.unlink)


def _moves(
    before: Mapping[SampleId, Judged], after: Mapping[SampleId, Mapping[str, str]]
) -> Iterator[Move]:
    for where, verdicts in after.items():
        for suite, verdict in verdicts.items():
            was = before[where].verdicts.get(suite, "no verdict")
            if was != verdict:
                yield Move(*where, suite, was, verdict)


def _judged(folder: Path, record: StoredRecord) -> dict[SampleId, Judged]:
    """The verdicts that the record counts, without those of an interrupted regrade."""
    described = record.record.sandbox
    own = (sandbox_identity(described), first_identity(described))
    judged: dict[SampleId, Judged] = {}
    in_own: set[SampleId] = set()
    # The record does not include what an interrupted --again has executed.
    for row in read_verdicts(folder, begun_again_after(folder)):
        if row.sandbox in own:
            in_own.add(row.where)
        elif row.where in in_own:
            continue
        verdicts = _shared(tuple((name, each.value) for name, each in row.verdicts.items()))
        judged[row.where] = Judged(sys.intern(row.tests), verdicts)
    return judged


@cache
def _shared(verdicts: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
    """The same mapping for the same verdicts: there are few."""
    return dict(verdicts)


def _check_prompts(stored: Stored) -> None:
    """Refuse samples whose prompts have changed."""
    record, benchmark = stored.record.record, stored.benchmark
    if record.model.origin == "file":
        return  # the old prompts are unknown
    answered, sampling = read_prompts(stored.folder), sampling_of(record)
    other = []
    for task in benchmark.tasks:
        stored_prompt = answered.get(task.task_id)
        now = PromptRow.of(prompt_of(benchmark, task, sampling, record.model_type))
        if stored_prompt is None or stored_prompt.digest != now.digest:
            other.append(task.task_id)
    if other:
        raise UsageError(
            f"the samples of {stored.folder} answer other prompts than {benchmark.protocol} "
            f"{benchmark.protocol_version} asks now ({len(other)} tasks, first {other[0]}): "
            "draw new ones with `opencodeeval run`"
        )


def _changed(stored: Stored, sandbox: Sandbox) -> tuple[str, ...]:
    """The changed things that affect a verdict, for people."""
    record, benchmark = stored.record.record, stored.benchmark
    pairs: list[tuple[str, Any, Any]] = [
        ("data", record.benchmark.data_digest, benchmark.data_digest),
        ("protocol", record.protocol.name, protocol_of(benchmark, sampling_of(record))),
        ("version of the protocol", record.protocol.version, benchmark.protocol_version),
    ]
    changed = [name for name, before, after in pairs if before != after]
    changed += [f"sandbox {name}" for name in differing(record.sandbox, sandbox.describe())]
    if _extracts_otherwise(stored):
        changed.append("extraction")
    tests = {task.task_id: task.tests_digest for task in benchmark.tasks}
    if any(
        row.tests != tests[where.task_id]
        for where, row in stored.judged.items()
        if where.task_id in tests
    ):
        changed.append("tests")
    return tuple(changed)


def _extracts_otherwise(stored: Stored) -> bool:
    """Whether extraction now gives a different program for any sample."""
    benchmark, run = stored.benchmark, stored.run
    model_type = stored.record.record.model_type
    tasks = {task.task_id: task for task in benchmark.tasks}
    return any(
        benchmark.program(tasks[where.task_id], run.completions[where], model_type)
        != run.programs[where]
        for where, extraction in run.extractions.items()
        if where.task_id in tasks and extraction != benchmark.extraction_digest
    )
