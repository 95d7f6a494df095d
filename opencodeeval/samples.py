"""Samples that other tools have written, read for grading.

Three formats, told apart by what is in them:

- "evalplus": JSON Lines of {"task_id", "solution"} (a complete program),
- "human-eval": JSON Lines of {"task_id", "completion"} (the continuation of
  the task's prompt); EvalPlus writes and reads this form too,
- "evalplus-folder": `HumanEval_0/0.py`, complete programs.

JSON Lines may be compressed (.gz). A task that is repeated has several samples.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from opencodeeval.adapters.base import Benchmark
from opencodeeval.data import Row, parse_jsonl, read_bytes
from opencodeeval.errors import DataError, UsageError
from opencodeeval.types import Completion

SampleFormat = Literal["evalplus", "human-eval", "evalplus-folder"]
_SHOWN = 3


def sample_format(path: Path) -> SampleFormat:
    """The format of a file or folder of samples.

    Raises:
        DataError: it holds no samples, or is damaged before the first.
    """
    if path.is_dir():
        return "evalplus-folder"
    for number, row in parse_jsonl(read_bytes(path), path):
        return "evalplus" if _form(row, f"{path}, line {number}") == "program" else "human-eval"
    raise _empty(path)


def read_samples(path: Path, benchmark: Benchmark, allow_missing: bool = False) -> list[Completion]:
    """The samples of a file or folder, in its order; `sample_id` counts within the task.

    Samples of tasks that the benchmark's limit left out are left out too.

    Raises:
        DataError: the file is damaged, holds no samples, or a sample of a task
            that the benchmark does not have.
        UsageError: a task has no sample, and `allow_missing` is false.
    """
    found = list(_from_folder(path, benchmark) if path.is_dir() else _from_lines(path))
    if not found:
        raise _empty(path)
    wanted = [task.task_id for task in benchmark.tasks]
    known = getattr(benchmark, "known_ids", frozenset(wanted))
    _check_known(path, benchmark, [sample.task_id for sample in found], known)
    samples = [sample for sample in found if sample.task_id in set(wanted)]
    present = {sample.task_id for sample in samples}
    missing = [task_id for task_id in wanted if task_id not in present]
    if missing and (not allow_missing or not present):
        raise UsageError(
            f"{path} has no sample of {len(missing)} of the {len(wanted)} tasks of "
            f"{benchmark.name} ({_some(missing)}): add them, or grade fewer tasks with --limit"
        )
    return samples


def _from_lines(path: Path) -> Iterator[Completion]:
    counts: Counter[str] = Counter()
    for number, row in parse_jsonl(read_bytes(path), path):
        where = f"{path}, line {number}"
        form = _form(row, where)
        task_id = row.get("task_id")
        if not isinstance(task_id, str):
            raise DataError(f'{where} has no "task_id" that is a string')
        text: Any = row["solution" if form == "program" else "completion"]
        if not isinstance(text, str):
            raise DataError(f"{where}: the sample is not a string: write one line per sample")
        yield _sample(task_id, counts[task_id], text, form)
        counts[task_id] += 1


def _form(row: Row, where: str) -> Literal["program", "completion"]:
    if "solution" in row:
        return "program"
    if "completion" in row:
        return "completion"
    raise DataError(
        f'{where} has neither "solution" (a complete program) nor "completion" '
        "(the continuation of the task's prompt)"
    )


def _from_folder(path: Path, benchmark: Benchmark) -> Iterator[Completion]:
    known = getattr(benchmark, "known_ids", [task.task_id for task in benchmark.tasks])
    ids = {task_id.replace("/", "_"): task_id for task_id in known}
    for folder in sorted(each for each in path.iterdir() if each.is_dir()):
        # A folder without samples (a cache, a log) is none of ours.
        files = sorted(folder.glob("*.py"), key=lambda file: (len(file.stem), file.stem))
        for sample_id, file in enumerate(files):
            try:
                text = file.read_text("utf-8")
            except UnicodeDecodeError as error:
                raise DataError(f"{file} is not UTF-8 ({error.reason})") from error
            except OSError as error:
                raise DataError(f"{file} cannot be read ({error.strerror})") from error
            yield _sample(ids.get(folder.name, folder.name), sample_id, text, "program")


def _sample(
    task_id: str, sample_id: int, text: str, form: Literal["program", "completion"]
) -> Completion:
    return Completion(task_id, sample_id, text, finish_reason="sample", form=form)


def _check_known(
    path: Path, benchmark: Benchmark, task_ids: list[str], known: frozenset[str]
) -> None:
    unknown = list(dict.fromkeys(each for each in task_ids if each not in known))
    if unknown:
        raise DataError(
            f"{path} has samples of {len(unknown)} tasks that {benchmark.name} "
            f"{benchmark.data_version} does not have ({_some(unknown)}): is --bench right?"
        )


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return f"{shown}, …" if len(names) > _SHOWN else shown


def _empty(path: Path) -> DataError:
    return DataError(
        f'{path} holds no samples: give JSON Lines of "task_id" with "solution" or "completion", '
        "or a folder of HumanEval_0/0.py files"
    )
