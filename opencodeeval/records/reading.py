"""Reading records: from a file, a run folder, a folder of results or a pattern, and checked.

Everything that compares, ranks or publishes scores starts here, from records alone.
"""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from glob import glob
from hashlib import sha256
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from opencodeeval.core.errors import DataError, StoreError, UsageError
from opencodeeval.core.text import validation_words
from opencodeeval.records.counts import counts_for
from opencodeeval.records.migration import from_schema_1
from opencodeeval.records.schema import SCHEMA, Record, content_digest, content_of
from opencodeeval.stats.metrics import PASS_AT_1, Metric
from opencodeeval.stats.pass_at_k import Count

RECORD_NAME = re.compile(r"--[0-9a-f]{12}\.json$")
RUNS = "runs"
# Records that are kept as they were parsed, by the digest of their files: `watch` reads those of
# all checkpoints again for each new one.
KEPT = 1024
_parsed: OrderedDict[bytes, Record] = OrderedDict()
# Where the verdicts of several protocols are compared; earlier versions named these like records.
DIFFERENCES = "differences"


@dataclass(frozen=True)
class StoredRecord:
    """A record as it was read, and where from."""

    path: Path
    record: Record

    @cached_property
    def content(self) -> Mapping[str, Any]:
        """The record as the JSON of today's schema."""
        return content_of(self.record)

    @property
    def model(self) -> str:
        """The model's name: a hub id, or the last parts of its folder's path."""
        return self.record.model.name

    @property
    def benchmark(self) -> str:
        """The benchmark's name without its data version."""
        return self.record.benchmark.name

    @property
    def data_version(self) -> str:
        """The version of its data."""
        return self.record.benchmark.data_version

    @property
    def spec(self) -> str:
        """Name and data version, as in "humaneval_plus@v0.1.10"."""
        return f"{self.benchmark}@{self.data_version}"

    @property
    def protocol(self) -> str:
        """Name and version of the protocol, as in "evalplus 1"."""
        return f"{self.record.protocol.name} {self.record.protocol.version}"

    @property
    def suites(self) -> tuple[str, ...]:
        """The benchmark's test suites, in order."""
        return self.record.benchmark.suites

    @property
    def headline(self) -> str:
        """The suite whose score is the benchmark's."""
        return self.record.benchmark.headline

    @property
    def n(self) -> int:
        """The most samples that a task has."""
        return self.record.sampling.n

    def counts(
        self, suite: str, without: Container[str] = (), metric: Metric = PASS_AT_1
    ) -> dict[str, Count]:
        """Cluster -> samples and correct samples under one suite (`counts_for`).

        Raises:
            UsageError: the record lacks what the metric needs.
        """
        return counts_for(self.record.tasks, suite, without, metric)


def run_folder_of(stored: StoredRecord) -> Path | None:
    """The run folder of a record, with its samples; None if it is not there."""
    folder = stored.path.parent.parent / RUNS / stored.record.run_id
    return folder if folder.is_dir() else None


def read_records(sources: str | Path | Iterable[str | Path]) -> list[StoredRecord]:
    """The records of one source or several (see `find_records`), each once.

    Raises:
        UsageError: a source is not there or has no record.
        DataError, StoreError: a record is not to be trusted or cannot be read.
    """
    named = [sources] if isinstance(sources, (str, Path)) else sources
    return [read_record(path) for path in find_records(named)]


def find_records(sources: Iterable[str | Path]) -> list[Path]:
    """The paths of the records that the sources name, each once, in the order given.

    A source is a record, a run folder, a folder with records below it (those
    named `...--<run id>.json`; run folders are not searched), or a pattern
    such as `results/*/mine--*.json`.

    Raises:
        UsageError: a source is not there or has no record.
    """
    found = [path for source in sources for path in _records_at(str(source))]
    return list({path.resolve(): path for path in found}.values())


def read_record(path: Path) -> StoredRecord:
    """One record, or the one of a run folder, checked against its own digest.

    Raises:
        UsageError: it is not there or is no record, or the run never finished.
        DataError: it is of a later schema, damaged, or was changed by hand.
        StoreError: it cannot be read.
    """
    if path.is_dir():
        path = _record_of_run(path)
    if not path.is_file():
        raise UsageError(f"{path} does not exist: name a record or a run folder")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise StoreError(f"{path} cannot be read ({error.strerror})") from error
    digest = sha256(data).digest()
    if digest in _parsed:
        _parsed.move_to_end(digest)
    else:
        _parsed[digest] = _parse(path, data)
        if len(_parsed) > KEPT:
            _parsed.popitem(last=False)
    return StoredRecord(path, _parsed[digest])


def _parse(path: Path, data: bytes) -> Record:
    try:
        content = json.loads(data, parse_constant=_not_a_number)
    except RecursionError as error:
        raise _no_record(path, "it is nested too deeply") from error
    except _NotANumberError as error:
        raise DataError(
            f"{path} holds {error}, which no count or score can be: "
            "give the command of its run again, which writes the record anew"
        ) from error
    except ValueError as error:
        raise _no_record(path, f"it is not JSON: {error}") from error
    schema = _schema_of(path, content)
    try:
        record = msgspec.convert(from_schema_1(content) if schema == 1 else content, Record)
        _check(record)
    except msgspec.ValidationError as error:
        raise _no_record(path, validation_words(error)) from error
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise _no_record(path, f"{type(error).__name__}: {error}") from error
    if record.digest != content_digest(content):
        raise DataError(
            f"{path} was changed after it was written (its digest is not that of its content), so "
            "it cannot be trusted: give the command of its run again, which writes the record anew"
        )
    return record


def _records_at(source: str) -> list[Path]:
    path = Path(source).expanduser()
    if path.is_file():
        return [path]
    if path.is_dir():
        if (path / "run.json").exists():
            return [_record_of_run(path)]
        found = [each for each in sorted(path.rglob("*.json")) if _is_record(each, path)]
        if not found:
            raise UsageError(
                f"{path} holds no record: name a record, the folder of a finished run, or a "
                "folder of results"
            )
        return found
    matching = [Path(each) for each in sorted(glob(str(path), recursive=True))]
    if not matching:
        raise UsageError(f"{source} does not exist: name a record, a run folder or a pattern")
    named = [each for each in matching if each.is_dir() or _named_as_record(each)]
    if not named:
        raise UsageError(f"{source} matches no record: records are named ...--<run id>.json")
    return [each for match in named for each in _records_at(str(match))]


def _is_record(path: Path, folder: Path) -> bool:
    inside = path.relative_to(folder).parts[:-1]
    return RUNS not in inside and _named_as_record(path)


def _named_as_record(path: Path) -> bool:
    if RECORD_NAME.search(path.name) is None or not path.is_file():
        return False
    return DIFFERENCES not in path.parts[-3:-1] or not _is_comparison(path)


def _is_comparison(path: Path) -> bool:
    """Whether a file is what `compare_protocols` writes; a benchmark may be named so too."""
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(content, dict) and {"run_ids", "differing"} <= content.keys()


def _record_of_run(folder: Path) -> Path:
    where = folder.resolve()
    records = sorted(where.parent.parent.glob(f"*/*--{where.name}.json"))
    if not records:
        raise UsageError(
            f"{folder} has no record beside it: name the folder of a run that is finished, "
            "or give the command of the run again to finish it"
        )
    return records[0]


class _NotANumberError(Exception):
    """NaN or an infinity stands where JSON has a number."""


def _not_a_number(text: str) -> NoReturn:
    raise _NotANumberError(text)


def _no_record(path: Path, reason: str) -> UsageError:
    return UsageError(f"{path} is not a record ({reason}): name a run folder or the record of one")


def _schema_of(path: Path, content: Any) -> int:
    schema = content.get("schema") if isinstance(content, dict) else None
    if not isinstance(schema, int) or isinstance(schema, bool):
        raise _no_record(path, "it names no schema")
    if schema > SCHEMA:
        raise DataError(
            f"{path} is a record of schema {schema}, and this version reads up to {SCHEMA}: "
            "update opencodeeval to read it"
        )
    if schema < 1:
        raise DataError(
            f"{path} is a record of schema {schema}, which does not exist: give the command of its "
            "run again, which writes the record anew"
        )
    return schema


def _check(record: Record) -> None:
    """Raise ValueError where parts that have the right types contradict each other."""
    benchmark, tasks = record.benchmark, record.tasks
    for name, text in (
        ("run_id", record.run_id),
        ("model.name", record.model.name),
        ("benchmark.name", benchmark.name),
        ("benchmark.data_version", benchmark.data_version),
        ("protocol.name", record.protocol.name),
        ("timing.finished", record.timing.finished),
    ):
        if not text:
            raise ValueError(f"{name} is empty")
    if benchmark.headline not in benchmark.suites:
        raise ValueError(
            f"the headline {benchmark.headline!r} is not among the suites "
            f"{', '.join(benchmark.suites)}"
        )
    if not tasks or len(tasks) != benchmark.tasks:
        raise ValueError(f"it lists {len(tasks)} tasks, and benchmark.tasks is {benchmark.tasks}")
    if record.sampling.n < 1:
        raise ValueError(f"sampling.n is {record.sampling.n}")
    for task_id, row in tasks.items():
        if row.n < 1:
            raise ValueError(f"n of {task_id} is {row.n}")
        if row.answers and (sum(row.answers) != row.n or min(row.answers) < 1):
            raise ValueError(f"the answers of {task_id} are {sum(row.answers)} of {row.n} samples")
        for suite in benchmark.suites:
            if not 0 <= row.c[suite] <= row.n:
                raise ValueError(f"{row.c[suite]} of {row.n} samples of {task_id} are correct")
    for suite in benchmark.suites:
        for metric, score in record.scores[suite].items():
            if not 0 <= score.low <= score.value <= score.high <= 1:
                raise ValueError(f"{metric} of {suite} is {score.value}")
