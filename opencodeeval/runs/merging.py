"""Makes one run of its shards: the record that the undivided run would have given."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from opencodeeval.backends.stored import StoredCompletions
from opencodeeval.benchmarks.card_benchmark import CardBenchmark
from opencodeeval.core.errors import SandboxError, UsageError
from opencodeeval.core.journal import write_atomically
from opencodeeval.core.types import Completion, Grade, Program, SampleId, Task
from opencodeeval.execution.identity import differing
from opencodeeval.records.naming import record_path
from opencodeeval.records.reading import StoredRecord, read_records
from opencodeeval.records.schema import Record, Timing, content_of
from opencodeeval.runs.asking import prompt_of, sampling_of
from opencodeeval.runs.finished import benchmark_of, find_run
from opencodeeval.runs.lacking import remember
from opencodeeval.runs.pipeline import RunResult
from opencodeeval.runs.recording import Planned, build_record, configuration
from opencodeeval.runs.rows import VerdictRow
from opencodeeval.runs.shards import FIELD, Shard, shard_in
from opencodeeval.runs.store import RunStore, StoredRun, check_writable, read_run
from opencodeeval.stats.metrics import parse_metrics


@dataclass(frozen=True)
class _Part:
    """One shard's record and its run folder."""

    shard: Shard
    stored: StoredRecord
    folder: Path

    @property
    def record(self) -> Record:
        return self.stored.record


def merge(
    sources: Sequence[str | Path],
    output: Path,
    *,
    bench: str | None = None,
    data_dir: Path | None = None,
) -> list[RunResult]:
    """Merge all shards among the records of `sources`; other records are left alone.

    The runs and their records are written below `output`; repeating it changes nothing.
    `bench` names the user's own file of tasks, which no record can.

    Raises:
        UsageError: there is no shard, one is missing or twice, or they are not of one run.
        DataError: the data set is not there, or not that of the shards.
        StoreError: a run folder is damaged, or `output` cannot be written.
    """
    groups: dict[str, list[_Part]] = {}
    for stored in read_records(list(sources)):
        shard = shard_in(stored.record)
        if shard:
            part = _Part(shard, stored, find_run(stored.path)[1])
            groups.setdefault(_run_of(part.record), []).append(part)
    if not groups:
        raise UsageError(
            "there is no record of a shard: name the folder of results of runs with --shard"
        )
    for parts in groups.values():
        _check_complete(parts, list(groups.values()))
    check_writable(output)
    return [_merged(parts, output, bench, data_dir) for parts in groups.values()]


def _run_of(record: Record) -> str:
    """What all shards of one run have alike, as a text."""
    return msgspec.json.encode(_settings(record), order="sorted").decode()


def _settings(record: Record) -> dict[str, Any]:
    described = record.benchmark.description
    shard = shard_in(record)
    return {
        "model": record.model.identity,
        "model_type": record.model_type,
        "benchmark": [record.benchmark.name, record.benchmark.data_version],
        "data": record.benchmark.data_digest,
        "limit": described.data.get("limit"),
        "window": described.window,
        "protocol": [record.protocol.name, record.protocol.version, record.protocol.time_limit],
        "sampling": msgspec.to_builtins(record.sampling),
        "shards": shard.of if shard else 0,
    }


def _named(record: Record) -> str:
    return f"{record.model.name} on {record.benchmark.name}, {record.protocol.name}"


def _check_complete(parts: Sequence[_Part], groups: Sequence[Sequence[_Part]]) -> None:
    """Refuse a run of which a shard is missing, is there twice, or ran in another sandbox."""
    first = parts[0]
    found: dict[int, _Part] = {}
    for part in parts:
        if part.shard.number in found:
            raise UsageError(
                f"shard {part.shard} of {_named(part.record)} is there twice: "
                f"{found[part.shard.number].stored.path} and {part.stored.path}: remove one"
            )
        found[part.shard.number] = part
    missing = [number for number in range(1, first.shard.of + 1) if number not in found]
    if missing:
        names = ", ".join(str(Shard(number, first.shard.of)) for number in missing)
        raise UsageError(
            f"of {_named(first.record)} shard {names} is missing: run it, then merge again"
            + _nearly(first, groups)
        )
    for part in parts:
        unlike = differing(first.record.sandbox, part.record.sandbox)
        if unlike:
            raise UsageError(
                f"shards {first.shard} and {part.shard} of {_named(first.record)} were graded in "
                f"different sandboxes ({', '.join(unlike)}): grade one of them again in the "
                f"other's with `opencodeeval regrade {part.folder}`"
            )


def _nearly(first: _Part, groups: Sequence[Sequence[_Part]]) -> str:
    """A remark on shards of the same model and benchmark that were run with other settings."""
    for other in (group[0] for group in groups):
        if other is not first and _named(other.record) == _named(first.record):
            ours, theirs = _settings(first.record), _settings(other.record)
            unlike = [name for name in ours if ours[name] != theirs[name]]
            return f" (shard {other.shard} is there with another {' and '.join(unlike)})"
    return ""


def _merged(
    parts: Sequence[_Part], output: Path, bench: str | None, data_dir: Path | None
) -> RunResult:
    first = parts[0].record
    benchmark = _whole(parts, bench, data_dir)
    runs = [read_run(part.folder) for part in parts]
    completions: Mapping[SampleId, Completion] = ChainMap(
        *(run.completions for run in runs)  # type: ignore[arg-type]
    )
    backend = StoredCompletions(completions, first.model.identity, first.model_type)
    planned = Planned(benchmark, backend, sampling_of(first), first.model.name)
    sandbox = _NotOpened(first.sandbox)
    with closing(RunStore(output, configuration(benchmark, backend, planned.sampling))) as store:
        for part, run in zip(parts, runs, strict=True):
            _add(store, planned, part, run)
            remember(store.folder, part.record.lacks)
        metrics = parse_metrics(list(first.scores[benchmark.headline]))
        timing = _timing([part.record.timing for part in parts])
        record = build_record(planned, sandbox, store, metrics, timing)
        path = record_path(output, record)
        write_atomically(path, content_of(record))
        return RunResult(record, path, store.folder)


def _whole(parts: Sequence[_Part], bench: str | None, data_dir: Path | None) -> CardBenchmark:
    """The undivided benchmark, of the same tasks in the same order."""
    first = parts[0]
    loaded = benchmark_of((first.stored, first.folder), bench, data_dir=data_dir)
    if loaded.data_digest != first.record.benchmark.data_digest:
        raise UsageError(
            f"the data of {loaded.name} are not those of {first.stored.path}: name the same data "
            "with --bench or --data"
        )
    ran = {task_id for part in parts for task_id in part.record.tasks}
    tasks = [task for task in loaded.tasks if task.task_id in ran]
    said = first.record.benchmark.description.data
    provenance = {name: each for name, each in said.items() if name != FIELD}
    return replace(loaded, tasks=tasks, provenance=provenance)


def _add(store: RunStore, planned: Planned, part: _Part, run: StoredRun) -> None:
    """Store what a shard's folder has and the merged one has not."""
    benchmark = planned.benchmark
    tasks = {task.task_id: task for task in benchmark.tasks}
    for task_id in part.record.tasks:
        if task_id not in store.prompts:
            backend = planned.backend
            store.add_prompt(
                prompt_of(benchmark, tasks[task_id], planned.sampling, backend.model_type)
            )
    for where in _samples(part.record):
        completion, program, row = _stored(part, run, where)
        if where not in store.completions:
            store.add_completion(completion)
        if where not in store.programs:
            store.add_program(completion, program, run.extractions[where])
        if where not in store.verdicts:
            store.add_grade(row.key, row.grade)


def _stored(part: _Part, run: StoredRun, where: SampleId) -> tuple[Any, Program, VerdictRow]:
    try:
        return run.completions[where], run.programs[where], run.rows[where]
    except KeyError:
        raise UsageError(
            f"{part.folder} lacks sample {where.sample_id} of {where.task_id}, which its record "
            f"counts: repeat the command of shard {part.shard}"
        ) from None


def _samples(record: Record) -> list[SampleId]:
    return [
        SampleId(task_id, number)
        for task_id, row in record.tasks.items()
        for number in range(row.all_samples)
    ]


def _timing(each: Sequence[Timing]) -> Timing:
    """From the first beginning to the last end; seconds and samples are sums."""
    return Timing(
        started=min(timing.started for timing in each),
        finished=max(timing.finished for timing in each),
        wall_s=round(sum(timing.wall_s for timing in each), 3),
        generated=sum(timing.generated for timing in each),
        executed=sum(timing.executed for timing in each),
        resumed=any(timing.resumed for timing in each),
    )


class _NotOpened:
    """The sandbox that the shards were graded in: it has its description, and runs nothing."""

    slots = 0

    def __init__(self, described: Mapping[str, Any]) -> None:
        self._described = described
        self.jail = str(described.get("jail", ""))

    def describe(self) -> Mapping[str, Any]:
        return self._described

    async def grade(self, task: Task, program: Program) -> Grade:
        raise SandboxError(f"{task.task_id} has no verdict, and a merge executes nothing")

    async def close(self) -> None:
        return None
