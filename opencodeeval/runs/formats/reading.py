"""Samples that other tools have written, read for grading.

A file is JSON Lines or one JSON list, or for some tools one JSON object, and may be
compressed (.gz); a folder is EvalPlus's, `HumanEval_0/0.py`, or has a file for each problem.
The fields of the first line show the tool (each format's `kinds`), and all lines must have
the same format, unless the tool is named. A task that is repeated has several samples.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

from opencodeeval.benchmarks.base import Benchmark
from opencodeeval.benchmarks.data.rows import Row, parse_jsonl, read_bytes, read_lines
from opencodeeval.core.errors import DataError, UsageError
from opencodeeval.core.types import Completion, Task
from opencodeeval.runs.formats.base import (
    FORMATS,
    PLACE,
    Draft,
    Format,
    Kind,
    by_rank,
    drafts,
    kind_of,
)
from opencodeeval.runs.formats.evalplus import SOLUTIONS
from opencodeeval.runs.formats.opencodeeval import number_in

_SHOWN = 3
_TEXTS = frozenset({"", ".json", ".jsonl", ".gz"})
# A line with one of these is a sample's, and not all of a tool's file.
_IDS = frozenset({"task_id", "question_id", "doc_id", "id", "name"})


@dataclass(frozen=True)
class SampleFormat:
    """The format of a file of samples: a `title` for people, and the kinds of its rows.

    With `alike` every row must be of the first row's kind, which `title` names.
    """

    title: str
    kinds: tuple[Kind, ...]
    alike: bool


class _Located(NamedTuple):
    """A row, and its place, with which an error message begins."""

    where: str
    row: Row


class _Found(NamedTuple):
    """A sample with its task's whole id and its kind."""

    task_id: str
    draft: Draft
    kind: Kind


def sample_format(path: Path, tool: str | None = None) -> SampleFormat:
    """The format of a file or folder of samples; `tool` is the name of a format.

    Raises:
        DataError: it holds no samples, is damaged before the first one, or has no
            known format.
        UsageError: there is no such tool, or it has no folders.
    """
    tools = by_rank() if tool is None else [FORMATS.load(tool)]
    if path.is_dir() and not _files_in(path, tools):
        if tool not in (None, "evalplus"):
            raise UsageError(
                f"{path} is no folder of {FORMATS.load(tool).title}: name a file of samples"
            )
        return SampleFormat("EvalPlus folder", (SOLUTIONS,), alike=False)
    kinds = tuple(chain.from_iterable(each.kinds for each in tools))
    for where, row in _rows_below(path):
        return SampleFormat(_kind(row, kinds, where).title, kinds, alike=tool is None)
    raise _empty(path)


def read_samples(
    path: Path,
    benchmark: Benchmark,
    allow_missing: bool = False,
    expected: SampleFormat | None = None,
    elsewhere: AbstractSet[str] = frozenset(),
) -> list[Completion]:
    """The samples of a file or folder, in its order; `sample_id` counts within the task.

    Samples of tasks that the benchmark's limit left out are left out too, and so are those of
    tasks `elsewhere`, which it has under another protocol only. `expected` is the result of
    `sample_format`, which is called if it is missing.

    Raises:
        DataError: the file is damaged, holds no samples, mixes formats, has a
            sample twice, or one of a task that the benchmark does not have.
        UsageError: a task has no sample, and `allow_missing` is false.
    """
    known = known_tasks(benchmark)
    format_ = expected or sample_format(path)
    found = list(_found(path, known | elsewhere, format_, _order(benchmark, known)))
    if not found:
        raise _empty(path)
    tasks = {task.task_id: task for task in benchmark.tasks}
    _check_known(path, benchmark, known | elsewhere, [each.task_id for each in found])
    samples = [
        _completion(each, place, tasks[each.task_id])
        for each, place in zip(found, _places(found), strict=True)
        if each.task_id in tasks
    ]
    present = {sample.task_id for sample in samples}
    missing = [task_id for task_id in tasks if task_id not in present]
    if missing and (not allow_missing or not present):
        raise UsageError(
            f"{path} has no sample of {len(missing)} of the {len(tasks)} tasks of "
            f"{benchmark.name} ({_some(missing)}): add them, or grade fewer tasks with --limit"
        )
    return samples


def known_tasks(benchmark: Benchmark) -> AbstractSet[str]:
    """The ids of all tasks of a benchmark, including those that a limit left out."""
    ids: AbstractSet[str] = getattr(benchmark, "known_ids", frozenset())
    return ids or {task.task_id for task in benchmark.tasks}


def _found(
    path: Path, known: AbstractSet[str], expected: SampleFormat, order: Sequence[str]
) -> Iterator[_Found]:
    by_number: dict[int | None, list[str]] = {}
    for task_id in sorted(known):
        by_number.setdefault(number_in(task_id), []).append(task_id)
    seen: set[tuple[str, int]] = set()
    programs = path.is_dir() and expected.kinds == (SOLUTIONS,)
    for where, row in _folder_rows(path, known) if programs else _rows_below(path):
        kind = _kind(row, expected.kinds, where)
        if expected.alike and kind.title != expected.title:
            raise DataError(
                f"{where} is of {kind.title}, and what precedes it of {expected.title}: keep one "
                "format to a file, or say with --format whose file this is"
            )
        for draft in drafts(row, kind, where):
            if kind.task == PLACE:
                task_id = _at_place(int(draft.task_id), order, where)
            else:
                task_id = _whole_id(draft.task_id, known, by_number, where)
            if draft.number is not None and (task_id, draft.number) in seen:
                which = "the task" if kind.many else f"sample {draft.number} of task"
                raise DataError(f"{where} has {which} {task_id} a second time: keep one of the two")
            if draft.number is not None:
                seen.add((task_id, draft.number))
            yield _Found(task_id, draft, kind)


def _order(benchmark: Benchmark, known: AbstractSet[str]) -> list[str]:
    """The ids of all tasks in the order of the data, by their numbers where a limit cut it."""
    tasks = [task.task_id for task in benchmark.tasks]
    if len(tasks) == len(known):
        return tasks
    return sorted(known, key=lambda task_id: (number_in(task_id) or 0, task_id))


def _at_place(place: int, order: Sequence[str], where: str) -> str:
    if place >= len(order):
        raise DataError(f"{where} is one more than the benchmark's {len(order)} tasks")
    return order[place]


def _files_in(folder: Path, tools: Sequence[Format]) -> list[Path]:
    """The files of the first of the tools that has some in this folder."""
    found = (sorted(folder.glob(pattern)) for each in tools for pattern in each.folder)
    return next(filter(None, found), [])


def _rows_below(path: Path) -> Iterator[_Located]:
    """The rows of a file, or of all files of a folder."""
    for each in _files_in(path, by_rank()) if path.is_dir() else [path]:
        yield from _rows(each)


def _rows(path: Path) -> Iterator[_Located]:
    """The objects of JSON Lines, of a JSON list or of one JSON object, with their places."""
    if path.suffix not in _TEXTS:
        for each in by_rank():
            if read := each.archives.get(path.suffix):
                yield from _located(path, read(path))
                return
    start = b""
    for line in read_lines(path):
        start = line.removeprefix(b"\xef\xbb\xbf").strip()
        if start:
            break
    if start.startswith(b"["):
        yield from _list_rows(path)
        return
    if start == b"{":
        yield from _object_rows(path)
        return
    first = True
    for number, row in parse_jsonl(read_lines(path), path):
        # One object of all samples may stand in one line, too.
        rows = _rows_in(row) if first and not row.keys() & _IDS else None
        first = False
        if rows is None:
            yield _Located(f"{path}, line {number}", row)
        else:
            yield from _located(path, rows)


def _list_rows(path: Path) -> Iterator[_Located]:
    try:
        values = json.loads(read_bytes(path).decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 ({error.reason})") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not a valid JSON list ({error})") from error
    for number, value in enumerate(values, 1):
        if isinstance(value, list):
            value = {PLACE: number - 1, "generations": value}
        if not isinstance(value, dict):
            raise DataError(
                f"{path}, entry {number} is not a JSON object: name each problem, as in "
                '{"question_id": ..., "code_list": [...]}'
            )
        yield _Located(f"{path}, entry {number}", value)


def _object_rows(path: Path) -> Iterator[_Located]:
    try:
        value = json.loads(read_bytes(path).decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not a valid JSON object ({error})") from error
    rows = _rows_in(value)
    if rows is None:
        raise DataError(
            f"{path} is one JSON object over several lines: give one object a line, or a JSON list"
        )
    yield from _located(path, rows)


def _rows_in(value: Row) -> Sequence[Mapping[str, Any]] | None:
    """The rows of an object that is a tool's whole file; None if it is none."""
    found = (each.objects(value) for each in by_rank() if each.objects)
    return next(filter(None, found), None)


def _located(path: Path, rows: Sequence[Mapping[str, Any]]) -> Iterator[_Located]:
    for number, row in enumerate(rows, 1):
        yield _Located(f"{path}, entry {number}", dict(row))


def _folder_rows(path: Path, known: AbstractSet[str]) -> Iterator[_Located]:
    ids = {task_id.replace("/", "_"): task_id for task_id in known}
    for folder in sorted(each for each in path.iterdir() if each.is_dir()):
        # Ignore folders without samples (a cache, a log).
        for file in sorted(folder.glob("*.py"), key=lambda file: (len(file.stem), file.stem)):
            try:
                text = file.read_text("utf-8")
            except UnicodeDecodeError as error:
                raise DataError(f"{file} is not UTF-8 ({error.reason})") from error
            except OSError as error:
                raise DataError(f"{file} cannot be read ({error.strerror})") from error
            task_id = ids.get(folder.name, folder.name)
            yield _Located(str(file), {"task_id": task_id, "solution": text})


def _kind(row: Row, kinds: Sequence[Kind], where: str) -> Kind:
    kind = kind_of(row, kinds)
    if kind is None:
        wanted = dict.fromkeys(field for each in kinds for field in each.fields[-1:])
        raise DataError(
            f"{where} has neither {' nor '.join(map(json.dumps, wanted))}, so it is not a sample"
        )
    return kind


def _whole_id(
    found: str | int, known: AbstractSet[str], by_number: dict[int | None, list[str]], where: str
) -> str:
    if str(found) in known or not str(found).isdecimal():
        return str(found)
    matching = by_number.get(int(found), [])
    if len(matching) > 1:
        raise DataError(
            f"{where}: task {found} may be any of {_some(matching)}: write whole task ids"
        )
    return matching[0] if matching else str(found)


def _places(found: Sequence[_Found]) -> list[int]:
    """The index of each sample within its task, by its number if it has one."""
    of_task: dict[str, list[int]] = {}
    for index, each in enumerate(found):
        of_task.setdefault(each.task_id, []).append(index)
    places = [0] * len(found)
    for indexes in of_task.values():
        indexes.sort(key=lambda index: found[index].draft.number or 0)
        for place, index in enumerate(indexes):
            places[index] = place
    return places


def _completion(found: _Found, place: int, task: Task) -> Completion:
    kind, text = found.kind, found.draft.text
    if kind.cut:
        text = kind.cut(text, task)
    return Completion(found.task_id, place, text, finish_reason="sample", form=kind.form)


def _check_known(
    path: Path, benchmark: Benchmark, known: AbstractSet[str], task_ids: Sequence[str]
) -> None:
    unknown = list(dict.fromkeys(each for each in task_ids if each not in known))
    if unknown:
        raise DataError(
            f"{path} has samples of {len(unknown)} tasks that {benchmark.name} "
            f"{benchmark.data_version} does not have ({_some(unknown)}): is --bench right?"
        )


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(islice(names, _SHOWN))
    return f"{shown}, …" if len(names) > _SHOWN else shown


def _empty(path: Path) -> DataError:
    return DataError(
        f'{path} holds no samples: give JSON Lines of "task_id" with "answer", "solution" or '
        '"completion", '
        'a JSON list of "question_id" with "code_list", or a folder of HumanEval_0/0.py files'
    )
