"""The benchmarks by name: finds the card, loads the rows, makes the tasks.

Adding a family is a folder below benchmarks/, a module here and a row in
FAMILIES.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

from opencodeeval.benchmarks.adapters import (
    bigcodebench,
    cruxeval,
    evalplus,
    humaneval,
    leetcode,
    livecodebench,
    livecodebench_execution,
    livecodebench_repair,
    livecodebench_testoutput,
    mbpp,
    opencodeeval,
    starter,
)
from opencodeeval.benchmarks.card_benchmark import CardBenchmark
from opencodeeval.benchmarks.cards import Card, ProtocolCard, families, read_card
from opencodeeval.benchmarks.data.parts import read_part
from opencodeeval.benchmarks.data.rows import Row, load_rows, read_jsonl, rows_digest
from opencodeeval.benchmarks.windows import About, Window, within
from opencodeeval.core.errors import DataError, UsageError
from opencodeeval.core.types import Task

NO_WINDOW = Window()


def _all(rows: Sequence[Row], protocol: ProtocolCard) -> Sequence[Row]:
    return rows


class Family(NamedTuple):
    """The code of one family: a row as a task, and the benchmark of its tasks.

    `select` gives the rows that are tasks, where not all of them are; `about`
    has the release date of a task, where tasks have one.
    """

    to_task: Callable[[Row, ProtocolCard], Task]
    benchmark: type[CardBenchmark]
    select: Callable[[Sequence[Row], ProtocolCard], Sequence[Row]] = _all
    about: About | None = None


FAMILIES = {
    "bigcodebench": Family(bigcodebench.to_task, bigcodebench.BigCodeBench),
    "bigcodebench_hard": Family(bigcodebench.to_task, bigcodebench.BigCodeBench),
    "cruxeval_input": Family(cruxeval.input_task, cruxeval.CruxEval),
    "cruxeval_output": Family(cruxeval.output_task, cruxeval.CruxEval),
    "humaneval": Family(humaneval.to_task, humaneval.HumanEval),
    "humaneval_plus": Family(evalplus.humaneval_task, evalplus.EvalPlus),
    "leetcode": Family(leetcode.to_task, leetcode.LeetCode),
    "livecodebench": Family(
        livecodebench.to_task,
        livecodebench.LiveCodeBench,
        livecodebench.select,
        livecodebench.about,
    ),
    "livecodebench_execution": Family(
        livecodebench_execution.to_task,
        livecodebench_execution.Execution,
        livecodebench_execution.select,
        livecodebench.about,
    ),
    "livecodebench_repair": Family(
        livecodebench.to_task, livecodebench_repair.Repair, about=livecodebench.about
    ),
    "livecodebench_testoutput": Family(
        livecodebench_testoutput.to_task,
        livecodebench_testoutput.TestOutput,
        livecodebench_testoutput.select,
        livecodebench.about,
    ),
    "mbpp": Family(mbpp.to_task, mbpp.Mbpp, mbpp.select),
    "mbpp_plus": Family(evalplus.mbpp_task, evalplus.EvalPlus),
    "starter": Family(starter.to_task, starter.Starter),
}
# The families for which the rules of a protocol are code of their own.
BY_RULES = {
    ("opencodeeval", "humaneval"): Family(opencodeeval.humaneval_task, opencodeeval.Completing),
    ("opencodeeval", "humaneval_plus"): Family(
        opencodeeval.humaneval_plus_task, opencodeeval.Completing
    ),
    ("opencodeeval", "mbpp"): Family(
        opencodeeval.mbpp_task, opencodeeval.Instructed, opencodeeval.select_mbpp
    ),
    ("opencodeeval", "mbpp_plus"): Family(opencodeeval.mbpp_plus_task, opencodeeval.Instructed),
}


def list_benchmarks() -> list[Card]:
    """The cards of all benchmarks, in alphabetical order."""
    return [read_card(family) for family in families()]


def load_benchmark(
    spec: str,
    protocol: str | None = None,
    data_dir: Path | None = None,
    limit: int | None = None,
    window: Window = NO_WINDOW,
    from_run: Path | None = None,
) -> CardBenchmark:
    """A benchmark with its tasks, under one of its protocols (the card's first by default).

    `spec` is a name ("humaneval"), a name with a data version
    ("humaneval_plus@v0.1.9"), or a file of one's own tasks in the starter's
    format ("tasks.jsonl", "file:PATH"). "livecodebench@file:PATH" is a file of
    rows in that publisher's format. `data_dir` is the folder to take the data
    from instead of their publisher. `window` keeps the tasks of some dates, and
    `limit` the first tasks of these. `from_run` is the run that livecodebench_repair
    repairs.

    Raises:
        UsageError: there is no such benchmark, version, protocol or limit.
        DataError: the data are not to be had, or damaged.
    """
    if limit is not None and limit < 1:
        raise UsageError(f"a limit of {limit} leaves no task: use 1 or more")
    own_file = _own_file(spec)
    if own_file is not None:
        within([], window, None, own_file.name)
        return _load_own(own_file, protocol, limit)
    name, at, version_name = spec.partition("@")
    card = read_card(_one_of("benchmark", name, families()))
    if from_run is not None or card.name == "livecodebench_repair":
        return _load_repair(card, version_name, protocol, data_dir, from_run, limit, window)
    if card.own_rows and version_name.startswith("file:"):
        path = Path(version_name.removeprefix("file:"))
        return _load(card, "file", protocol, _rows_of(card, path), limit, window)
    version = card.versions[0]
    if at:
        named = {each.name: each for each in card.versions}
        version = named[_one_of(f"version of {name}", version_name, list(named))]
    return _load(card, version.name, protocol, load_rows(card, version, data_dir), limit, window)


def _load(
    card: Card,
    version: str,
    protocol: str | None,
    loaded: tuple[Sequence[Row], Mapping[str, Any]],
    limit: int | None,
    window: Window,
) -> CardBenchmark:
    rows, provenance = loaded
    protocol_card = _protocol(card, protocol)
    tasks = _tasks(rows, card, protocol_card, f"{card.title} {version}")
    family = _family(card, protocol_card)
    return family.benchmark(
        name=card.name,
        card=card,
        protocol_card=protocol_card,
        data_version=version,
        data_digest=provenance["rows_sha256"],
        provenance=provenance,
        tasks=within(tasks, window, family.about, f"{card.name} {version}")[:limit],
        known_ids=frozenset(task.task_id for task in tasks),
        window=window,
    )


def _load_repair(
    card: Card,
    version: str,
    protocol: str | None,
    data_dir: Path | None,
    from_run: Path | None,
    limit: int | None,
    window: Window,
) -> CardBenchmark:
    """The failed samples of a run as tasks; `version` names its data where the run cannot."""
    from opencodeeval.runs.formats.finished import open_run

    if card.name != "livecodebench_repair":
        raise UsageError(f"--from-run goes with livecodebench_repair, not with {card.name}")
    if from_run is None:
        raise UsageError("self-repair needs a run to repair: name its folder with --from-run")
    run = open_run(from_run, f"livecodebench@{version}" if version else None, data_dir)
    if run.benchmark.card.name != card.like:
        raise UsageError(f"{from_run} is a run of {run.benchmark.name}: name one of {card.like}")
    family, tasks = FAMILIES[card.name], livecodebench_repair.tasks_of(run)
    return family.benchmark(
        name=card.name,
        card=card,
        protocol_card=_protocol(card, protocol or run.benchmark.protocol),
        data_version=run.benchmark.data_version,
        data_digest=run.benchmark.data_digest,
        provenance={**run.benchmark.provenance, "from_run": run.record.run_id},
        tasks=within(tasks, window, family.about, f"{from_run}")[:limit],
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
    if not path.is_file():
        raise UsageError(f"there is no file {path}: name a file of tasks, or a benchmark")
    card = read_card("starter")
    protocol_card = _protocol(card, protocol)
    rows = read_jsonl(path)
    if not rows:
        raise DataError(f"{path} holds no tasks: write one JSON object a line")
    tasks = _tasks(rows, card, protocol_card, str(path))
    rows_sha256 = rows_digest(rows)
    stem = path.name.removesuffix(".gz").removesuffix(".jsonl")
    return FAMILIES["starter"].benchmark(
        # Not the bare stem: a file humaneval.jsonl is not HumanEval.
        name="file-" + re.sub(r"[^\w.-]", "_", stem),
        card=replace(card, title=path.name, licence="", homepage=""),
        protocol_card=protocol_card,
        data_version="file",
        data_digest=rows_sha256,
        provenance={"origin": f"file {path.name}", "rows_sha256": rows_sha256},
        tasks=tasks[:limit],
        known_ids=frozenset(task.task_id for task in tasks),
    )


def _family(card: Card, protocol: ProtocolCard) -> Family:
    return BY_RULES.get((protocol.options.get("rules", ""), card.name)) or FAMILIES[card.name]


def _tasks(rows: Sequence[Row], card: Card, protocol: ProtocolCard, where: str) -> list[Task]:
    family = _family(card, protocol)
    tasks: dict[str, Task] = {}
    for number, row in enumerate(family.select(rows, protocol), 1):
        try:
            task = family.to_task(row, protocol)
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
    return named[_one_of(f"protocol of {card.name}", wanted, list(named))]


def _one_of(what: str, wanted: str, names: Sequence[str]) -> str:
    if wanted in names:
        return wanted
    near = get_close_matches(wanted.lower().replace("-", "_"), names, n=1) or get_close_matches(
        wanted, names, n=1
    )
    hint = f"did you mean {near[0]}? There is" if near else "there is"
    raise UsageError(f"there is no {what} {wanted!r}: {hint} {', '.join(names)}")
