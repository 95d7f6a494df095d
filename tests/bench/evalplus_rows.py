"""HumanEval+ and MBPP+: published samples, here and with EvalPlus's own evaluation.

Warm: both have what they keep of expected outputs. Cold: neither has.
"""

from __future__ import annotations

import gzip
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from opencodeeval.benchmarks.registry import load_benchmark
from opencodeeval.core.types import Program, Task
from opencodeeval.runs.formats.reading import read_samples
from tests.bench.against import checkout, measured_there
from tests.bench.measures import ROOT, WORKERS, Measure, of_command, ours, report

VERDICTS = "verdicts/qwen2.5-coder-1.5b-base/evalplus"


@dataclass(frozen=True)
class Row:
    """One of the two; `dataset` is EvalPlus's word for it."""

    title: str
    spec: str
    dataset: str
    rows: str

    def read(self, data: Path) -> tuple[list[Task], list[Program]]:
        """Its tasks, and the programs of the published samples."""
        benchmark = load_benchmark(self.spec, None, data, None)
        tasks = {task.task_id: task for task in benchmark.tasks}
        completions = read_samples(self.samples(data), benchmark)
        programs = [benchmark.program(tasks[c.task_id], c, "base") for c in completions]
        return list(tasks.values()), programs

    def samples(self, data: Path) -> Path:
        """The published samples."""
        return data / VERDICTS / self.dataset / "generated.jsonl.gz"


ROWS = {
    "humaneval_plus": Row(
        "HumanEval+ v0.1.9",
        "humaneval_plus@v0.1.9",
        "humaneval",
        "humaneval_plus/v0.1.9/HumanEvalPlus.jsonl.gz",
    ),
    "mbpp_plus": Row(
        "MBPP+ v0.1.0", "mbpp_plus@v0.1.0", "mbpp", "mbpp_plus/v0.1.0/MbppPlus.jsonl.gz"
    ),
}


def against(name: str, jails: list[str], rounds: int, data: Path | None, commit: str) -> None:
    """Print the row for this checkout and another commit, the latter last, jail by jail."""
    row = ROWS[name]
    if data is None:
        print(f"{row.title}: not measured, for there is no folder of data files")
        return
    with tempfile.TemporaryDirectory() as folder, checkout(commit, Path(folder)) as place:
        for jail in jails:
            runs: dict[str, Callable[[], Measure]] = {
                title: partial(_there, where, name, jail, data, Path(folder))
                for title, where in {"this checkout": ROOT, commit: place}.items()
            }
            for fill in runs.values():
                fill()
            report(f"{row.title}, Qwen2.5-Coder-1.5B, warm, {jail}", runs, rounds)


def _there(place: Path, name: str, jail: str, data: Path, folder: Path) -> Measure:
    with _cache(folder / f"kept-{place.name}", cold=False):
        return measured_there(place, name, jail, data)


def evalplus(name: str, jails: list[str], rounds: int, data: Path | None, cold: bool) -> None:
    """Print the row, warm or cold."""
    row = ROWS[name]
    if data is None:
        print(f"{row.title}: not measured, for there is no folder of data files")
        return
    tasks, programs = row.read(data)
    with tempfile.TemporaryDirectory() as folder:
        theirs = partial(_theirs, row, data, Path(folder), cold)
        runs: dict[str, Callable[[], Measure]] = {
            f"opencodeeval, {jail}": partial(_ours, jail, tasks, programs, Path(folder), cold)
            for jail in jails
        }
        if not cold:
            for fill in runs.values():
                fill()
            theirs()
        runs["evalplus 0.3.1"] = theirs
        state = "cold" if cold else "warm"
        report(f"{row.title}, Qwen2.5-Coder-1.5B, {state}", runs, rounds)


@contextmanager
def _cache(folder: Path, cold: bool) -> Iterator[None]:
    """A folder for what is kept between runs, empty if this is to be a cold one."""
    if cold:
        shutil.rmtree(folder, ignore_errors=True)
    before = os.environ.get("XDG_CACHE_HOME")
    os.environ["XDG_CACHE_HOME"] = str(folder)
    try:
        yield
    finally:
        del os.environ["XDG_CACHE_HOME"]
        if before is not None:
            os.environ["XDG_CACHE_HOME"] = before


def _ours(
    jail: str, tasks: list[Task], programs: list[Program], folder: Path, cold: bool
) -> Measure:
    with _cache(folder / "ours", cold):
        return ours(jail, tasks, programs)


def _theirs(row: Row, data: Path, folder: Path, cold: bool) -> Measure:
    rows, work = folder / "rows.jsonl", folder / "samples"
    rows.write_bytes(gzip.decompress((data / row.rows).read_bytes()))
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    lines = gzip.decompress(row.samples(data).read_bytes())
    (work / "samples.jsonl").write_bytes(lines)
    command = [sys.executable, "-m", "evalplus.evaluate", "--dataset", row.dataset]
    command += ["--samples", str(work / "samples.jsonl"), "--parallel", str(WORKERS)]
    with _cache(folder / "theirs", cold):
        found = of_command(
            [*command, "--min_time_limit", "4"],
            len(lines.splitlines()),
            **{f"{row.dataset.upper()}_OVERRIDE_PATH": str(rows)},
        )
    return replace(found, samples=len(lines.splitlines()))
