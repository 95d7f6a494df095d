"""Finished runs: where they are, and the benchmark that they are of as it is now."""

from __future__ import annotations

from pathlib import Path

from opencodeeval.benchmarks.card_benchmark import CardBenchmark
from opencodeeval.benchmarks.registry import load_benchmark
from opencodeeval.benchmarks.windows import Window
from opencodeeval.core.errors import UsageError
from opencodeeval.records.reading import RUNS, StoredRecord, read_record


def find_run(run: Path) -> tuple[StoredRecord, Path]:
    """The record and the folder of a run, from the path of either.

    Raises:
        UsageError: it is not there, is no record or run, never finished, or is a
            record without its run folder.
        DataError, StoreError: the record is not to be trusted, or cannot be read.
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
) -> CardBenchmark:
    """The benchmark of a finished run, with the run's window of dates.

    `bench` names another version of the data, or the file of one's own tasks;
    `protocol` another protocol; `from_run` the folder of the run that a run of
    self-repair has repaired, where that is not beside it.

    Raises:
        UsageError: `bench` or `from_run` is needed and not given, or there is no such
            benchmark, version or protocol.
        DataError: the data are not to be had, or damaged.
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
        spec = stored.name  # the run that was repaired knows its data
    return load_benchmark(
        spec,
        protocol or record.record.protocol.name,
        data_dir,
        window=Window.of(described.window),
        from_run=from_run,
    )
