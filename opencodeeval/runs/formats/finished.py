"""A finished run, with all that other tools' files tell of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import fmean

from opencodeeval.benchmarks.card_benchmark import CardBenchmark
from opencodeeval.benchmarks.cards import DataVersion
from opencodeeval.core.errors import DataError, StoreError
from opencodeeval.core.types import SampleId, SuiteResult, Task
from opencodeeval.records.naming import slug
from opencodeeval.records.schema import Record
from opencodeeval.runs.finding import benchmark_of, find_run
from opencodeeval.runs.recording import verdicts_of
from opencodeeval.runs.store import read_run
from opencodeeval.stats.pass_at_k import pass_at_k


@dataclass(frozen=True)
class Sample:
    """One sample of a finished run.

    `answer` is the model's text; `program` the code that was executed, and
    `solution` what of it is the sample's. `passes` says per suite whether the
    sample counts as correct.
    """

    task: Task
    sample_id: int
    answer: str
    program: str
    solution: str
    suites: Mapping[str, SuiteResult]
    passes: Mapping[str, bool]


@dataclass(frozen=True)
class FinishedRun:
    """A run with its record: `samples` task by task, in the order of the data."""

    folder: Path
    record: Record
    benchmark: CardBenchmark
    samples: tuple[Sample, ...]

    @property
    def tasks(self) -> list[Task]:
        """The tasks that have samples."""
        return list({sample.task.task_id: sample.task for sample in self.samples}.values())

    @property
    def model(self) -> str:
        """The model's name as part of a file name."""
        return slug(self.record.model.name)

    @property
    def revision(self) -> str:
        """The model's revision, as far as it was named."""
        return slug(self.record.model.revision or "main")

    @property
    def backend(self) -> str:
        """What drew the samples."""
        return slug(self.record.model.backend)

    @property
    def n(self) -> int:
        """The most samples that a task has."""
        return self.record.sampling.n

    @property
    def finished(self) -> datetime:
        """When the record was made."""
        return datetime.fromisoformat(self.record.timing.finished)

    @property
    def version(self) -> DataVersion:
        """The card's row of the data version."""
        versions = {version.name: version for version in self.benchmark.card.versions}
        own_file = self.benchmark.card.versions[0]
        return versions.get(self.benchmark.data_version, own_file)

    def temperature(self, template: str) -> str:
        """`template` with the temperature in it; empty where another tool has sampled."""
        found = self.record.sampling.temperature
        return "" if found is None else template.format(found)

    def pass_at(
        self, suite: str, ks: Sequence[int], samples: Sequence[Sample] | None = None
    ) -> dict[str, float]:
        """Mean pass@k over the tasks of all samples, or of these, for every k up to n."""
        right: dict[str, list[bool]] = {}
        for sample in self.samples if samples is None else samples:
            right.setdefault(sample.task.task_id, []).append(sample.passes[suite])
        counts = [(len(each), sum(each)) for each in right.values()]
        enough = [k for k in ks if k <= min(n for n, _ in counts)]
        return {f"pass@{k}": fmean(pass_at_k(n, c, k) for n, c in counts) for k in enough}


def open_run(run: Path, bench: str | None = None, data_dir: Path | None = None) -> FinishedRun:
    """The finished run of a run folder or a record.

    `bench` names the benchmark where the record cannot: a file of one's own tasks.

    Raises:
        UsageError: there is no such run, it has no record yet, or `bench` is needed.
        DataError: the benchmark's data are not to be had, or are not the run's.
        StoreError: what is stored is damaged.
    """
    found, folder = find_run(run)
    record = found.record
    benchmark = benchmark_of((found, folder), bench, data_dir=data_dir)
    if benchmark.data_digest != record.benchmark.data_digest:
        raise DataError(
            f"the data of {bench or benchmark.name} are not those that {run} was graded with: "
            "name the same data with --bench or --data"
        )
    stored = read_run(folder)
    samples = []
    for task in benchmark.tasks:
        for sample_id in range(_samples(record, task)):
            where = SampleId(task.task_id, sample_id)
            try:
                answer, program = stored.completions[where].text, stored.programs[where].code
                grade = stored.grades[where]
            except KeyError:
                raise StoreError(
                    f"{folder} lacks sample {sample_id} of {task.task_id}, which its record "
                    "counts: give the command of the run again"
                ) from None
            solution = benchmark.solution(task, program)
            passes = benchmark.passes(verdicts_of(grade))
            samples.append(Sample(task, sample_id, answer, program, solution, grade.suites, passes))
    return FinishedRun(folder, record, benchmark, tuple(samples))


def _samples(record: Record, task: Task) -> int:
    row = record.tasks.get(task.task_id)
    return row.all_samples if row else 0
