"""Finished runs: their folders, their benchmarks, and all of their samples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import overload

from opencodeeval.benchmarks import registry
from opencodeeval.benchmarks.card_benchmark import CardBenchmark
from opencodeeval.benchmarks.cards import DataVersion
from opencodeeval.benchmarks.finished import FinishedSample
from opencodeeval.benchmarks.registry import NO_WINDOW
from opencodeeval.benchmarks.windows import Window
from opencodeeval.core.errors import DataError, StoreError, UsageError
from opencodeeval.core.reasoning import answer_of
from opencodeeval.core.types import SampleId, Task
from opencodeeval.records.naming import slug
from opencodeeval.records.reading import RUNS, StoredRecord, read_record
from opencodeeval.records.schema import Record
from opencodeeval.runs.recording import verdicts_of
from opencodeeval.runs.store import read_run
from opencodeeval.stats.pass_at_k import pass_at_k


@dataclass(frozen=True)
class FinishedRun:
    """A run with its record.

    `samples` come task by task, in the order of the data; each is read when it is asked for.
    """

    folder: Path
    record: Record
    benchmark: CardBenchmark
    samples: Sequence[FinishedSample]

    @property
    def tasks(self) -> list[Task]:
        """The tasks that have samples."""
        return [task for task in self.benchmark.tasks if _samples(self.record, task)]

    @property
    def model(self) -> str:
        """The model's name as part of a file name."""
        return slug(self.record.model.name)

    @property
    def revision(self) -> str:
        """The model's revision, if one was given."""
        return slug(self.record.model.revision or "main")

    @property
    def backend(self) -> str:
        """The sampling settings."""
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
        """`template` with the temperature in it; empty for samples from another tool."""
        found = self.record.sampling.temperature
        return "" if found is None else template.format(found)

    @cached_property
    def places(self) -> Mapping[str, Sequence[int]]:
        """Task id -> where in `samples` its samples are; no sample is read for it."""
        found: dict[str, list[int]] = {}
        for place, task in enumerate(_tasks_of(self.samples)):
            found.setdefault(task.task_id, []).append(place)
        return found

    def of_task(self, task_id: str) -> list[FinishedSample]:
        """All samples of a task."""
        return [self.samples[place] for place in self.places[task_id]]

    @cached_property
    def passes(self) -> Mapping[str, Mapping[str, Sequence[bool]]]:
        """Suite -> task id -> whether each of its samples passes."""
        found: dict[str, dict[str, list[bool]]] = {}
        for sample in self.samples:
            for suite, right in sample.passes.items():
                of_suite = found.setdefault(suite, {})
                of_suite.setdefault(sample.task.task_id, []).append(right)
        return found

    def pass_at(self, suite: str, ks: Sequence[int]) -> dict[str, float]:
        """Mean pass@k over the tasks of all samples, for every k up to n."""
        counts = [(len(each), sum(each)) for each in self.passes[suite].values()]
        enough = [k for k in ks if k <= min(n for n, _ in counts)]
        return {f"pass@{k}": fmean(pass_at_k(n, c, k) for n, c in counts) for k in enough}


def open_run(run: Path, bench: str | None = None, data_dir: Path | None = None) -> FinishedRun:
    """The finished run of a run folder or a record.

    `bench` names the benchmark if the record cannot: a user's own file of tasks.

    Raises:
        UsageError: there is no such run, it has no record yet, or `bench` is needed.
        DataError: the benchmark's data are not available, or are not the run's.
        StoreError: the stored run is damaged.
    """
    found, folder = find_run(run)
    record = found.record
    benchmark = benchmark_of((found, folder), bench, data_dir=data_dir)
    if benchmark.data_digest != record.benchmark.data_digest:
        raise DataError(
            f"the data of {bench or benchmark.name} are not those that {run} was graded with: "
            "name the same data with --bench or --data"
        )
    return FinishedRun(folder, record, benchmark, _Samples(folder, record, benchmark))


def _tasks_of(samples: Sequence[FinishedSample]) -> Iterator[Task]:
    if isinstance(samples, _Samples):
        return samples.tasks()
    return (each.task for each in samples)


class _Samples(Sequence[FinishedSample]):
    """The samples that a record counts, read one by one."""

    def __init__(self, folder: Path, record: Record, benchmark: CardBenchmark) -> None:
        """Look at which are there.

        Raises:
            StoreError: one is missing, or what is stored is damaged.
        """
        self._stored = read_run(folder)
        self._record, self._benchmark = record, benchmark
        self._places = [
            (task, sample_id)
            for task in benchmark.tasks
            for sample_id in range(_samples(record, task))
        ]
        parts = (self._stored.completions, self._stored.programs, self._stored.grades)
        for task, sample_id in self._places:
            where = SampleId(task.task_id, sample_id)
            if not all(where in part for part in parts):
                raise StoreError(
                    f"{folder} lacks sample {sample_id} of {task.task_id}, which its record "
                    "counts: repeat the command of the run"
                )

    def tasks(self) -> Iterator[Task]:
        """The task of each sample."""
        return (task for task, _ in self._places)

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, place: int) -> FinishedSample: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[FinishedSample]: ...

    def __getitem__(self, place: int | slice) -> FinishedSample | Sequence[FinishedSample]:
        if isinstance(place, slice):
            return [self._sample(*each) for each in self._places[place]]
        return self._sample(*self._places[place])

    def _sample(self, task: Task, sample_id: int) -> FinishedSample:
        where, benchmark = SampleId(task.task_id, sample_id), self._benchmark
        completion, program = self._stored.completions[where], self._stored.programs[where].code
        grade = self._stored.grades[where]
        solution = benchmark.solution(task, program)
        passes = benchmark.passes(verdicts_of(grade))
        bare = answer_of(completion, self._record.model_type)
        parts = (completion.text, program, solution, grade.suites, passes, bare)
        return FinishedSample(task, sample_id, *parts)


def _samples(record: Record, task: Task) -> int:
    row = record.tasks.get(task.task_id)
    return row.all_samples if row else 0


def find_run(run: Path) -> tuple[StoredRecord, Path]:
    """The record and the folder of a run, from the path of either.

    Raises:
        UsageError: it does not exist, is not a record or run, never finished, or is a
            record without its run folder.
        DataError, StoreError: the record is damaged, or cannot be read.
    """
    record = read_record(run)
    folder = record.path.resolve().parent.parent / RUNS / record.record.run_id
    if not folder.is_dir():
        raise UsageError(
            f"the run folder {folder} of {record.path} is not there: samples and verdicts are in "
            "that folder, so bring it here"
        )
    return record, folder


def benchmark_of(
    found: tuple[StoredRecord, Path],
    bench: str | None = None,
    protocol: str | None = None,
    data_dir: Path | None = None,
    from_run: Path | None = None,
    time_limit: float | None = None,
) -> CardBenchmark:
    """The benchmark of a finished run, with the run's window of dates and time limit.

    `bench` names another data version, or the user's own file of tasks; `protocol`
    another protocol; `from_run` the folder of the run that a self-repair run has
    repaired, if it is not in the same folder; `time_limit` another limit in seconds.

    Raises:
        UsageError: `bench` or `from_run` is needed and not given, or there is no such
            benchmark, version or protocol.
        DataError: the data are not available, or damaged.
    """
    record, folder = found
    stored = record.record.benchmark
    described = stored.description
    repaired = described.data.get("from_run")
    if repaired and from_run is None:
        from_run = folder.parent / repaired
        if not from_run.is_dir():
            raise UsageError(
                f"{folder} repairs the run {repaired}, which is not beside it: name its folder "
                "with --from-run"
            )
    if bench is None and stored.data_version == "file" and not repaired:
        raise UsageError(
            f"{folder} is of a file of tasks ({described.title}): name it with --bench file:PATH"
        )
    spec = bench or f"{stored.name}@{stored.data_version}"
    if repaired and bench is None:
        spec = stored.name  # the repaired run's record names its data
    window = Window.of(described.window)
    asked = record.record.protocol
    protocol = protocol or asked.base or asked.name
    loaded = load_benchmark(spec, protocol, data_dir, window=window, from_run=from_run)
    seconds = asked.time_limit if time_limit is None else time_limit
    return loaded if seconds is None else loaded.with_time_limit(seconds)


def load_benchmark(
    spec: str,
    protocol: str | None = None,
    data_dir: Path | None = None,
    limit: int | None = None,
    window: Window = NO_WINDOW,
    from_run: Path | None = None,
) -> CardBenchmark:
    """A benchmark with its tasks: `registry.load_benchmark`, and the repair of a finished run.

    `from_run` is the run that livecodebench_repair repairs; the spec's data version
    (`livecodebench_repair@file:PATH`) names that run's data if the run cannot.

    Raises:
        UsageError, DataError: as `registry.load_benchmark`; or `from_run` cannot be repaired.
    """
    if from_run is None:
        return registry.load_benchmark(spec, protocol, data_dir, limit, window)
    name, _, version = spec.partition("@")
    card, _ = registry.card_of(name)
    if not card.like:
        raise UsageError(f"--from-run is for livecodebench_repair, not for {card.name}")
    run = open_run(from_run, f"{card.like}@{version}" if version else None, data_dir)
    repaired = registry.Repaired(run.benchmark, run.record.run_id, run.samples)
    loaded = registry.load_repair(name, repaired, protocol, limit, window)
    # The tests are the repaired run's, with its limit.
    seconds = run.benchmark.time_limit
    return loaded if seconds is None else loaded.with_time_limit(seconds)
