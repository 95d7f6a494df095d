"""Reading records: from a file, a run folder, a folder of results or a pattern, and checked.

Everything that compares, ranks or publishes scores starts here, from records alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from glob import glob
from pathlib import Path
from typing import Any, NoReturn

from opencodeeval.core.errors import DataError, StoreError, UsageError
from opencodeeval.runs.recording import SCHEMA, model_name, record_digest
from opencodeeval.stats.pass_at_k import Count

RECORD_NAME = re.compile(r"--[0-9a-f]{12}\.json$")
RUNS = "runs"

_TEXTS = (
    ("run_id",),
    ("digest",),
    ("model", "model"),
    ("benchmark", "name"),
    ("benchmark", "data_version"),
    ("benchmark", "data_digest"),
    ("benchmark", "headline"),
    ("protocol", "name"),
    ("protocol", "version"),
    ("protocol", "prompt_digest"),
    ("timing", "finished"),
)


@dataclass(frozen=True)
class StoredRecord:
    """A record as it was read, and where from; `content` is the JSON object."""

    path: Path
    content: Mapping[str, Any]

    @property
    def model(self) -> str:
        """The model's name: a hub id, or the last two parts of its folder's path."""
        return model_name(str(self.content["model"]["model"]))

    @property
    def benchmark(self) -> str:
        """The benchmark's name without its data version."""
        return str(self.content["benchmark"]["name"])

    @property
    def protocol(self) -> str:
        """Name and version of the protocol, as in "evalplus 1"."""
        return f"{self.content['protocol']['name']} {self.content['protocol']['version']}"

    @property
    def suites(self) -> tuple[str, ...]:
        """The benchmark's test suites, in order."""
        return tuple(self.content["benchmark"]["suites"])

    @property
    def headline(self) -> str:
        """The suite whose score is the benchmark's."""
        return str(self.content["benchmark"]["headline"])

    @property
    def n(self) -> int:
        """The most samples that a task has."""
        return int(self.content["sampling"]["n"])

    @property
    def unsound(self) -> frozenset[str]:
        """The tasks whose own solution fails in a jail (the benchmark's errata)."""
        return frozenset(self.content.get("sound", {}).get("without", ()))

    def counts(self, suite: str) -> dict[str, Count]:
        """Task id -> samples and correct samples under one suite, in the record's order.

        A task whose every sample its protocol leaves out of account is not among them.
        """
        rows = self.content["tasks"].items()
        return {task_id: Count(row["n"], row["c"][suite]) for task_id, row in rows if row["n"]}


def read_records(sources: Iterable[str | Path]) -> list[StoredRecord]:
    """The records of all sources (see `find_records`), each once.

    Raises:
        UsageError: a source is not there or has no record.
        DataError, StoreError: a record is not to be trusted or cannot be read.
    """
    return [read_record(path) for path in find_records(sources)]


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
        DataError: it is of another schema, damaged, or was changed by hand.
        StoreError: it cannot be read.
    """
    if path.is_dir():
        path = _record_of_run(path)
    if not path.is_file():
        raise UsageError(f"{path} does not exist: name a record or a run folder")
    try:
        content = json.loads(path.read_bytes(), parse_constant=_not_a_number)
    except OSError as error:
        raise StoreError(f"{path} cannot be read ({error.strerror})") from error
    except RecursionError as error:
        raise _no_record(path, "it is nested too deeply") from error
    except _NotANumberError as error:
        raise DataError(
            f"{path} holds {error}, which no count or score can be: "
            "give the command of its run again, which writes the record anew"
        ) from error
    except ValueError as error:
        raise _no_record(path, f"it is not JSON: {error}") from error
    _check_schema(path, content)
    try:
        _check_form(content)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise _no_record(path, f"{type(error).__name__}: {error}") from error
    if content["digest"] != record_digest(content):
        raise DataError(
            f"{path} was changed after it was written (its digest is not that of its content), so "
            "it proves nothing: give the command of its run again, which writes the record anew"
        )
    return StoredRecord(path, content)


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
    named = [
        each
        for each in matching
        if each.is_dir() or (RECORD_NAME.search(each.name) and each.is_file())
    ]
    if not named:
        raise UsageError(f"{source} matches no record: records are named ...--<run id>.json")
    return [each for match in named for each in _records_at(str(match))]


def _is_record(path: Path, folder: Path) -> bool:
    inside = path.relative_to(folder).parts[:-1]
    return RUNS not in inside and RECORD_NAME.search(path.name) is not None and path.is_file()


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


def _check_schema(path: Path, content: Any) -> None:
    schema = content.get("schema") if isinstance(content, dict) else None
    if not isinstance(schema, int) or isinstance(schema, bool):
        raise _no_record(path, "it names no schema")
    if schema != SCHEMA:
        way_out = (
            "update opencodeeval to read it"
            if schema > SCHEMA
            else "give the command of its run again, which writes the record anew"
        )
        raise DataError(f"{path} is a record of schema {schema}, this is {SCHEMA}: {way_out}")


def _check_form(content: Mapping[str, Any]) -> None:
    """Raise whatever fits where a field that readers rely on is not there or not of its kind."""
    for keys in _TEXTS:
        value: Any = content
        for key in keys:
            value = value[key]
        if not isinstance(value, str) or not value:
            raise ValueError(f"{'.'.join(keys)} is {value!r}")
    benchmark, tasks = content["benchmark"], content["tasks"]
    suites = benchmark["suites"]
    if benchmark["headline"] not in suites:
        raise ValueError(f"the headline {benchmark['headline']!r} is not among the suites {suites}")
    if not tasks or len(tasks) != benchmark["tasks"]:
        raise ValueError(f"it has {len(tasks)} tasks and says {benchmark['tasks']}")
    _positive(content["sampling"]["n"], "sampling.n")
    for task_id, row in tasks.items():
        n = _positive(row["n"], f"n of {task_id}")
        for suite in suites:
            c = row["c"][suite]
            if type(c) is not int or not 0 <= c <= n:
                raise ValueError(f"{c!r} of {n} samples of {task_id} are correct")
    for suite in suites:
        for metric, score in content["pass@k"][suite].items():
            if not 0 <= score["low"] <= score["value"] <= score["high"] <= 1:
                raise ValueError(f"{metric} of {suite} is {score}")


def _positive(value: Any, what: str) -> int:
    if type(value) is not int or value < 1:
        raise ValueError(f"{what} is {value!r}")
    return value
