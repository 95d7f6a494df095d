"""The benchmarks by name: finds the folder, loads the rows, makes the tasks.

Adding a benchmark is a folder (adapter.py says what is in it); nothing else changes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from opencodeeval.benchmarks.adapter import Adapter, adapter_of
from opencodeeval.benchmarks.card_benchmark import CardBenchmark
from opencodeeval.benchmarks.cards import (
    Card,
    DataVersion,
    ProtocolCard,
    families,
    read_card,
    read_card_in,
)
from opencodeeval.benchmarks.data.parts import read_part
from opencodeeval.benchmarks.data.rows import Row, load_rows, read_jsonl, rows_digest
from opencodeeval.benchmarks.finished import FinishedSample
from opencodeeval.benchmarks.folders import CARD
from opencodeeval.benchmarks.groups import MARK, without_groups
from opencodeeval.benchmarks.windows import Window, within
from opencodeeval.core.errors import DataError, UsageError
from opencodeeval.core.suggest import spelled, unknown
from opencodeeval.core.types import Task
from opencodeeval.execution.specification import specification

NO_WINDOW = Window()


@dataclass(frozen=True)
class Repaired:
    """A finished run whose samples are the tasks of a benchmark that repairs."""

    benchmark: CardBenchmark
    run_id: str
    samples: Sequence[FinishedSample]


def list_benchmarks() -> list[Card]:
    """The cards of all benchmarks, in alphabetical order."""
    return [read_card(family) for family in families()]


def load_benchmark(
    spec: str,
    protocol: str | None = None,
    data_dir: Path | None = None,
    limit: int | None = None,
    window: Window = NO_WINDOW,
) -> CardBenchmark:
    """A benchmark with its tasks, under one of its protocols (the card's first by default).

    `spec` is a name ("humaneval"), a name with a data version
    ("humaneval_plus@v0.1.9"), the path of a benchmark's folder ("./mine",
    "./mine@v2"), or a file of one's own tasks in the starter's format
    ("tasks.jsonl", "file:PATH"). "livecodebench@file:PATH" is a file of
    rows in that publisher's format. `data_dir` is the folder to take the data
    from instead of their publisher. `window` keeps the tasks of some dates, and
    `limit` the first tasks of these.

    Raises:
        UsageError: there is no such benchmark, version, protocol or limit.
        DataError: the data are not available, or damaged; or the benchmark's folder
            is not as it has to be.
    """
    if limit is not None and limit < 1:
        raise UsageError(f"a limit of {limit} leaves no task: use 1 or more")
    own_file = _own_file(spec)
    if own_file is not None:
        within([], window, None, own_file.name)
        return _load_own(own_file, protocol, limit)
    card, version_name = card_of(spec)
    if adapter_of(card).repairs:
        raise UsageError("self-repair needs a run to repair: name its folder with --from-run")
    if card.own_rows and version_name.startswith("file:"):
        rows = _rows_of(card, Path(version_name.removeprefix("file:")))
        return _load(card, "file", protocol, rows, (limit, window))
    version = _version_of(card, version_name)
    rows = load_rows(card, version, data_dir)
    return _load(card, version.name, protocol, rows, (limit, window))


def check_spec(spec: str) -> None:
    """See that a spec names a benchmark and a version of it; no data are read.

    Raises:
        UsageError: there is no such benchmark, version or file.
        DataError: the benchmark's folder is not as it has to be.
    """
    own_file = _own_file(spec)
    if own_file is not None:
        _check_own(own_file)
        return
    card, version_name = card_of(spec)
    if not version_name.startswith("file:"):
        _version_of(card, version_name)


def expanded(specs: Sequence[str]) -> list[str]:
    """The specs, each once, with the parts of a set or a group in place of its name.

    The set's name without a version stands for all its parts, and a version behind a spec
    for another part of the same benchmark: `multipl_e_humaneval@js,cpp` are two. Names
    may be in any case. groups.py says what a group is.

    Raises:
        UsageError, DataError: as `card_of`.
    """
    found: list[str] = []
    parts: dict[str, str] = {}
    for spec in without_groups(specs):
        part = spelled(spec, parts)
        if part and spec not in families():
            found.append(parts[part])
            continue
        parts = {}
        if _own_file(spec) is not None or "@file:" in spec:
            found.append(spec)
            continue
        card, version = card_of(spec)
        typed = spec.removesuffix(f"@{version}")
        name = card.name if spelled(typed, [card.name]) else typed
        if version:
            parts = {each.name: f"{name}@{each.name}" for each in card.versions}
            found.append(f"{name}@{spelled(version, parts) or version}")
            continue
        found += [f"{name}@{each}" for each in card.set] or [name]
    return list(dict.fromkeys(found))


def card_of(spec: str) -> tuple[Card, str]:
    """The card that a spec names, by name or by the path of its folder, and the data version.

    Raises:
        UsageError: there is no such benchmark.
        DataError: the folder's card is not as it has to be.
    """
    if spec.startswith(MARK):
        raise UsageError(f"{spec} is a group of benchmarks: name one benchmark here")
    # A path may have an @ in it; a version has no slash, unless it is a file.
    before, slash, last = spec.rpartition("/") if "@file:" not in spec else ("", "", spec)
    name, at, version = last.partition("@")
    name = f"{before}{slash}{name}"
    if at and not version:
        raise UsageError(f"{spec} names no data version after the @: add one, or leave out the @")
    folder = Path(name).expanduser()
    if name not in families() and (("/" in name) or (folder / CARD).is_file()):
        if not folder.is_dir():
            raise UsageError(f"there is no folder {name}: name one with a {CARD}, or a benchmark")
        return read_card_in(folder.resolve()), version
    return read_card(_one_of("there is no benchmark", name, families())), version


def _version_of(card: Card, name: str) -> DataVersion:
    """The data version of a name; the card's first where none is named."""
    if not card.versions:
        raise DataError(f"{card.folder / CARD}: versions is empty: name at least one")
    named = {each.name: each for each in card.versions}
    return (
        named[_one_of(f"{card.name} has no version", name, list(named))]
        if name
        else card.versions[0]
    )


def _check_own(path: Path) -> None:
    if not path.is_file():
        raise UsageError(f"there is no file {path}: name a file of tasks, or a benchmark")


def _load(
    card: Card,
    version: str,
    protocol: str | None,
    loaded: tuple[Sequence[Row], Mapping[str, Any]],
    kept: tuple[int | None, Window],
) -> CardBenchmark:
    rows, provenance = loaded
    limit, window = kept
    protocol_card = _protocol(card, protocol)
    adapter = adapter_of(card).under(protocol_card)
    tasks = _tasks(rows, adapter, protocol_card, f"{card.title} {version}")
    return adapter.benchmark(
        name=card.name,
        card=card,
        protocol_card=protocol_card,
        data_version=version,
        data_digest=provenance["rows_sha256"],
        **_limited(
            within(tasks, window, adapter.about, f"{card.name} {version}"), limit, provenance
        ),
        known_ids=frozenset(task.task_id for task in tasks),
        window=window,
    )


def load_repair(
    name: str,
    repaired: Repaired,
    protocol: str | None = None,
    limit: int | None = None,
    window: Window = NO_WINDOW,
) -> CardBenchmark:
    """The samples of a finished run as tasks of a benchmark that repairs them.

    Raises:
        UsageError: the benchmark repairs nothing, or runs of another benchmark.
    """
    card, _ = card_of(name)
    adapter, run = adapter_of(card), repaired.benchmark
    if adapter.repairs is None:
        raise UsageError(f"--from-run goes with livecodebench_repair, not with {card.name}")
    if run.card.name != card.like:
        raise UsageError(
            f"run {repaired.run_id} is of {run.name}, and {card.name} repairs runs of {card.like}: "
            "name one of those"
        )
    tasks = adapter.repairs(repaired.samples, run.headline)
    return adapter.benchmark(
        name=card.name,
        card=card,
        protocol_card=_protocol(card, protocol or run.protocol),
        data_version=run.data_version,
        data_digest=run.data_digest,
        **_limited(
            within(tasks, window, adapter.about, f"run {repaired.run_id}"),
            limit,
            {**run.provenance, "from_run": repaired.run_id},
        ),
        known_ids=frozenset(task.task_id for task in tasks),
        window=window,
    )


def _rows_of(card: Card, path: Path) -> tuple[Sequence[Row], Mapping[str, Any]]:
    """The rows of a file of one's own in the publisher's format."""
    if not path.is_file():
        raise UsageError(f"there is no file {path}: name a file of {card.title}'s rows")
    rows, content = read_part(path, card.heavy)
    if not rows:
        raise DataError(f"{path} holds no tasks: write one JSON object a line")
    return rows, {"origin": f"file {path.name}", "rows_sha256": content}


def _own_file(spec: str) -> Path | None:
    if spec.startswith("file:"):
        return Path(spec.removeprefix("file:"))
    if "@file:" in spec:
        return None
    return Path(spec) if spec.endswith((".jsonl", ".jsonl.gz")) else None


def _load_own(path: Path, protocol: str | None, limit: int | None) -> CardBenchmark:
    _check_own(path)
    card = read_card("starter")
    protocol_card = _protocol(card, protocol)
    rows = read_jsonl(path)
    if not rows:
        raise DataError(f"{path} holds no tasks: write one JSON object a line")
    adapter = adapter_of(card)
    tasks = _tasks(rows, adapter, protocol_card, str(path))
    rows_sha256 = rows_digest(rows)
    stem = path.name.removesuffix(".gz").removesuffix(".jsonl")
    return adapter.benchmark(
        # Not the bare stem: a file humaneval.jsonl is not HumanEval.
        name="file-" + re.sub(r"[^\w.-]", "_", stem),
        card=replace(card, title=path.name, licence="", homepage=""),
        protocol_card=protocol_card,
        data_version="file",
        data_digest=rows_sha256,
        **_limited(tasks, limit, {"origin": f"file {path.name}", "rows_sha256": rows_sha256}),
        known_ids=frozenset(task.task_id for task in tasks),
    )


def _limited(
    tasks: Sequence[Task], limit: int | None, provenance: Mapping[str, Any]
) -> dict[str, Any]:
    """The first tasks, and where they came from; "limit" is there only if it left some out."""
    cut = {"limit": limit} if limit is not None and limit < len(tasks) else {}
    return {"tasks": tasks[:limit], "provenance": {**provenance, **cut}}


def _tasks(rows: Sequence[Row], adapter: Adapter, protocol: ProtocolCard, where: str) -> list[Task]:
    tasks: dict[str, Task] = {}
    for number, row in enumerate(adapter.select(rows, protocol), 1):
        try:
            task = adapter.to_task(row, protocol)
            specification(task.tests)
        except DataError as error:
            raise DataError(f"{where}, task {number} ({row.get('task_id')!r}): {error}") from error
        if task.task_id in tasks:
            raise DataError(f"{where}, task {number}: {task.task_id!r} is there twice: rename one")
        tasks[task.task_id] = task
    return list(tasks.values())


def _protocol(card: Card, wanted: str | None) -> ProtocolCard:
    if wanted is None:
        return card.protocols[0]
    named = {each.name: each for each in card.protocols}
    return named[_one_of(f"{card.name} has no protocol", wanted, list(named))]


def _one_of(missing: str, wanted: str, names: Sequence[str]) -> str:
    """The one of the names that is meant, in any case; `missing` begins the error if none is."""
    found = spelled(wanted, names)
    if found is None:
        raise UsageError(unknown(missing, wanted, names))
    return found
