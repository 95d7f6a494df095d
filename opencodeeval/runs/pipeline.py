"""The streaming run: programs are executed while the next ones are being written.

Every sample passes through the run store step by step (completion, program,
verdict), so a run that is killed at any instant continues where it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from opencodeeval.benchmarks.base import Benchmark
from opencodeeval.core.errors import SandboxError
from opencodeeval.core.journal import write_atomically
from opencodeeval.core.together import run_together
from opencodeeval.core.types import (
    Completion,
    Grade,
    Program,
    SampleId,
    SuiteResult,
    Task,
    Verdict,
    digest,
)
from opencodeeval.execution.base import Sandbox
from opencodeeval.execution.identity import first_identity, sandbox_identity
from opencodeeval.records.naming import record_path
from opencodeeval.records.schema import Record, content_of
from opencodeeval.runs.extraction import Extraction
from opencodeeval.runs.generating import Generation
from opencodeeval.runs.kept import kept, stored_before
from opencodeeval.runs.legs import Legs
from opencodeeval.runs.long_prompts import PROMPT_TOO_LONG, LongPrompts
from opencodeeval.runs.observers import GradedSample, Observer, StoredSample, orders
from opencodeeval.runs.recording import (
    Planned,
    build_record,
    head,
    verdicts_of,
)
from opencodeeval.runs.rows import ExecutionKey
from opencodeeval.runs.sharing import Shared
from opencodeeval.runs.store import RunStore, is_fault
from opencodeeval.runs.tallies import finished_by
from opencodeeval.stats.metrics import Metric

# Programs given to the sandbox beyond those that it can run at once, for a slot and at least:
# it orders them so that the judges of their tasks stay warm. With so many a slot, 64 slots prepare
# a fifth of the judges that they prepare where 256 wait in all (tests/simulations/cluster.py).
WAITING_A_SLOT = 32
WAITING_PROGRAMS = 256


@dataclass(frozen=True)
class RunResult:
    """A finished run: its record, the record's path and the run folder.

    `generated` and `executed` say how much was left to do; the record has the whole run's.
    """

    record: Record
    record_path: Path
    run_folder: Path
    generated: int = 0
    executed: int = 0


@dataclass(frozen=True)
class Run:
    """One run to be done or continued.

    `counts` (task id -> samples) is for existing samples whose number differs
    between tasks; otherwise every task has `planned.sampling.n`. `metrics` are
    those to record, `regraded` is for the record (`build_record`). `shared` is what it has
    in common with other runs. Without `allow_long_prompts` a run ends where too many prompts
    do not fit the model's context (`PromptsTooLong`). `handed_over` is called when the backend
    has taken the last request, or needs none.
    """

    planned: Planned
    sandbox: Sandbox
    store: RunStore
    metrics: Sequence[Metric]
    counts: Mapping[str, int] | None = None
    regraded: Mapping[str, Any] | None = None
    shared: Shared = field(default_factory=Shared)
    allow_long_prompts: bool = True
    handed_over: Callable[[], None] = lambda: None


async def run_benchmark(run: Run, observers: Sequence[Observer] = ()) -> RunResult:
    """Generate, execute and record what the run's store does not hold yet.

    Observers are called at every step; the tasks are generated in the order that
    the last observer needs.

    Raises:
        StopRun: an observer needs no more results; there is no record.
        BackendError: the backend failed or left samples out.
        SamplesFailed: some samples could not be had, or too many prompts do not fit; the others
            are graded, without a record.
        SandboxError: samples could not be graded; no record is written.
        StoreError: the output cannot be written.
    """
    planned = head(run.planned)
    observers = [observer.for_run() for observer in observers]
    for observer in observers:
        observer.begin(planned)
    legs = Legs(run.store)
    going = _Going(run, observers)
    order: Sequence[str] = [task.task_id for task in run.planned.benchmark.tasks]
    for observer in observers:
        order = observer.order(order)
    n, counts = run.planned.sampling.n, run.counts
    await going.complete(
        [
            SampleId(task_id, sample_id)
            for task_id in order
            for sample_id in range(n if counts is None else counts[task_id])
        ]
    )
    done = going.generation.drawn, going.executed
    timing = legs.timing(*done)
    record = build_record(run.planned, run.sandbox, run.store, run.metrics, timing, run.regraded)
    path = record_path(run.store.output, record)
    before = None if any(done) else stored_before(path)
    if before is not None:
        record = kept(before, record)
    if record != before:
        write_atomically(path, content_of(record))
    # The record now has everything that was executed again before an interruption.
    run.store.end_again()
    return RunResult(record, path, run.store.folder, *done)


class _Going:
    """The moving parts of a run."""

    def __init__(self, run: Run, observers: Sequence[Observer]) -> None:
        self.observers = observers
        self.benchmark = run.planned.benchmark
        self.sandbox = run.sandbox
        self.store = run.store
        self.tasks = {task.task_id: task for task in self.benchmark.tasks}
        described = run.sandbox.describe()
        self.sandbox_identity = sandbox_identity(described)
        run.store.rename_sandbox(first_identity(described), self.sandbox_identity)
        self.executed = 0
        self.faults: list[Grade] = []
        # Unbounded, so that the engine never waits for a slot; texts wait on the disk.
        self.queue: asyncio.Queue[SampleId | None] = asyncio.Queue()
        self.running: dict[ExecutionKey, list[SampleId]] = {}
        self.extraction = Extraction(self.benchmark, run.planned.backend.model_type)
        self.generation = Generation(
            run.planned, run.store, run.shared, self._enqueue, run.handed_over
        )

        self.long_prompts = None if run.allow_long_prompts else LongPrompts(run.planned)

    async def complete(self, wanted: Sequence[SampleId]) -> None:
        slots = self.sandbox.slots
        workers = slots + max(WAITING_PROGRAMS, WAITING_A_SLOT * slots)
        if self.long_prompts:
            self.long_prompts.samples = len(wanted)
        for observer in self.observers:
            observer.start(self.benchmark.name, len(wanted))
        try:
            await run_together(
                self._generate(wanted, workers), *(self._grade_queued() for _ in range(workers))
            )
        finally:
            await self.extraction.close()
            for observer in self.observers:
                observer.finish()
        if self.generation.unanswered:
            raise self.generation.unanswered
        if self.faults:
            raise self._persistent_fault(len(wanted))

    async def _generate(self, wanted: Sequence[SampleId], workers: int) -> None:
        in_any_order = not any(orders(observer) for observer in self.observers)
        self.generation.take_answers()
        if self.long_prompts:
            self.long_prompts.add(finished_by(self.store.content.index, PROMPT_TOO_LONG))
        left = await self._count_done(wanted)
        self.extraction.expected = len(left)
        await self.generation.run(left, in_any_order)
        for _ in range(workers):
            self.queue.put_nowait(None)

    async def _count_done(self, wanted: Sequence[SampleId]) -> list[SampleId]:
        """Count the samples with nothing left to do, which the index knows; returns the others."""
        left = dict.fromkeys(wanted)
        for task_id in dict.fromkeys(where.task_id for where in wanted):
            key = self._key(Program(task_id, 0, "", ""))
            for where, suites in self.store.done(
                key, self.benchmark.extraction_digest, self.benchmark.suites
            ):
                if where not in left:
                    continue
                del left[where]
                verdicts = {name: suite.verdict for name, suite in suites.items()}
                read = partial(self._stored_grade, where)
                passed = self.benchmark.passes(verdicts)[self.benchmark.headline]
                for observer in self.observers:
                    observer.generated()
                    observer.graded(StoredSample(where, passed, read))
            # The other runs of the command go on meanwhile.
            await asyncio.sleep(0)
        return list(left)

    def _stored_grade(self, where: SampleId) -> Grade:
        return self.store.verdicts[where][1]

    def _enqueue(self, where: SampleId, completion: Completion | None) -> None:
        for observer in self.observers:
            observer.generated()
        self.queue.put_nowait(where)
        if self.long_prompts and completion is not None:
            self.long_prompts.add(completion.finish_reason == PROMPT_TOO_LONG)

    async def _grade_queued(self) -> None:
        while (where := await self.queue.get()) is not None:
            completion = self.store.completion(where)
            program = await self._program(completion)
            key = self._key(program)
            stored = self.store.grade_of(where, key)
            if not program.code.strip():
                # Not shared with other samples: why there is no code may differ.
                self._refuse(key, program, stored)
            elif stored is not None:
                self._count(stored)
            elif key in self.running:
                self.running[key].append(where)
            else:
                await self._execute(key, program)

    async def _program(self, completion: Completion) -> Program:
        extraction = self.benchmark.extraction_digest
        stored = self.store.program_of(completion, extraction)
        if stored is not None:
            return stored
        program = await self.extraction.program(completion)
        self.store.add_program(completion, program, extraction)
        return program

    def _refuse(self, key: ExecutionKey, program: Program, stored: Grade | None) -> None:
        grade = no_code(self.benchmark, program)
        if grade != stored:
            self.store.add_grade(key, grade)
        self._count(grade)

    async def _execute(self, key: ExecutionKey, program: Program) -> None:
        self.running[key] = [SampleId(program.task_id, program.sample_id)]
        grade = self.store.same_execution(key)
        if grade is None:
            grade = await self._run_in_sandbox(self.tasks[program.task_id], program)
        for where in self.running.pop(key):
            own = replace(grade, task_id=where.task_id, sample_id=where.sample_id)
            self.store.add_grade(key, own)
            self._count(own)

    async def _run_in_sandbox(self, task: Task, program: Program) -> Grade:
        grade = await self.sandbox.grade(task, program)
        left_out = [suite for suite in self.benchmark.suites if suite not in grade.suites]
        if left_out:
            raise SandboxError(
                f"the sandbox gave no verdict of {', '.join(left_out)} for {task.task_id}: "
                "the sandbox is of another version, rebuild it with `opencodeeval sandbox build`"
            )
        self.executed += 1
        return grade

    def _key(self, program: Program) -> ExecutionKey:
        return ExecutionKey(
            task_id=program.task_id,
            program=digest(program.code),
            tests=self.tasks[program.task_id].tests_digest,
            protocol_version=self.benchmark.protocol_version,
            sandbox=self.sandbox_identity,
        )

    def _count(self, grade: Grade) -> None:
        if is_fault(grade):
            self.faults.append(grade)
            return
        passed = self.benchmark.passes(verdicts_of(grade))[self.benchmark.headline]
        sample = GradedSample(grade, passed)
        for observer in self.observers:
            observer.graded(sample)

    def _persistent_fault(self, samples: int) -> SandboxError:
        first = self.faults[0]
        details = (
            suite.detail
            for suite in first.suites.values()
            if suite.verdict is Verdict.INFRA_ERROR and suite.detail
        )
        named = list(dict.fromkeys(fault.task_id for fault in self.faults))
        tasks = ", ".join(named[:5]) + (f" and {len(named) - 5} more tasks" if named[5:] else "")
        return SandboxError(
            f"the sandbox failed on {len(self.faults)} of {samples} samples of "
            f"{self.benchmark.name} ({tasks}; {next(details, 'no detail')}), so there is no score: "
            f"the same command runs these again (details: {self.store.folder / 'faults.jsonl'})"
        )


def no_code(benchmark: Benchmark, program: Program) -> Grade:
    """The grade of an answer in which no code was found."""
    why = "no code was found in the answer" if program.found == "none" else program.found
    result = SuiteResult(Verdict.NO_CODE, detail=why)
    return Grade(program.task_id, program.sample_id, dict.fromkeys(benchmark.suites, result))
