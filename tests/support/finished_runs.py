"""Finished runs made of programs and results, with nothing executed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from opencodeeval.benchmarks.card_benchmark import CardBenchmark
from opencodeeval.benchmarks.finished import FinishedSample as Sample
from opencodeeval.core.types import Completion, SuiteResult
from opencodeeval.runs.finished import FinishedRun
from opencodeeval.runs.formats.export import content
from tests.support import records

TIMES = {"finished": "2026-03-04T05:06:07+00:00"}


def finished(
    benchmark: CardBenchmark,
    answers: Mapping[str, list[tuple[str, SuiteResult]]],
    sampling: Mapping[str, Any] | None = None,
) -> FinishedRun:
    """A finished run of complete programs with these results in every suite."""
    samples = []
    for task in benchmark.tasks:
        for number, (text, result) in enumerate(answers.get(task.task_id, [])):
            completion = Completion(task.task_id, number, text, form="program")
            code = benchmark.program(task, completion, "base").code
            suites = dict.fromkeys(benchmark.suites, result)
            passes = benchmark.passes({name: each.verdict for name, each in suites.items()})
            solution = benchmark.solution(task, code)
            parts = (text, code, solution, suites, passes, text)
            samples.append(Sample(task, number, *parts))
    n = max(map(len, answers.values()))
    content = {
        **records.record(dict.fromkeys(answers, (1, 1)), model="org/model"),
        "run_id": "abc",
        "sampling": sampling or {"n": n},
        "timing": TIMES,
    }
    record = records.stored(content).record
    return FinishedRun(Path("runs/abc"), record, benchmark, tuple(samples))


def write(files: Mapping[str, Iterable[str]], folder: Path) -> dict[str, Path]:
    """The files below a folder, by their name's end."""
    paths = {}
    for name, text in files.items():
        paths[name] = folder / name
        paths[name].parent.mkdir(parents=True, exist_ok=True)
        paths[name].write_bytes(b"".join(content(name, text)))
    return paths
