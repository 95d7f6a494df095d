"""Reads the second round of hostile samples: programs written with this sandbox's source at hand.

`second_round.jsonl` names for each program the verdicts that are right for it, and
`second_round_tasks.jsonl` has tasks of the starter's format; the others are tasks of
published benchmarks. Some programs come in sequences: what the first leaves is what
the next one looks for, in one slot.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from opencodeeval.benchmarks.card_benchmark import CardBenchmark
from opencodeeval.benchmarks.registry import load_benchmark
from opencodeeval.core.types import Program, Task

# The styles whose task ids are those of a published benchmark.
BENCHMARKS = {
    "humaneval": "humaneval",
    "evalplus": "humaneval_plus@v0.1.9",
    "cruxeval": "cruxeval_input",
    "livecodebench": "livecodebench@file:{data}/livecodebench/lcb_full_tests_11.jsonl.gz",
}
# These take gigabytes: only where a container has a limit for all of its memory.
CONTAINED_ONLY = re.compile("oom-score|dos-u-|dirs-600k")


# Limits of function calls of the starter's tasks: several programs only wait for them.
SHORT_S = {"min_call_s": 2.0, "total_s": 6.0}


@dataclass(frozen=True)
class Sample:
    """One program, and the verdicts that are right for it."""

    id: str
    task: Task
    program: Program
    accept: frozenset[str]


def read(folder: Path, data: Path, jail: str) -> list[Sample]:
    """The samples that may run in a jail, in their order."""
    own = load_benchmark(str(folder / "second_round_tasks.jsonl"))
    tasks = {("rt", task.task_id): _hurried(task) for task in own.tasks}
    loaded: dict[str, CardBenchmark] = {}
    found = []
    for index, line in enumerate((folder / "second_round.jsonl").read_text().splitlines()):
        row: dict[str, Any] = json.loads(line)
        if jail not in ("docker", "gvisor") and CONTAINED_ONLY.search(row["id"]):
            continue
        style, task_id = row["style"], row["task_id"]
        if style in BENCHMARKS:
            if style not in loaded:
                loaded[style] = load_benchmark(BENCHMARKS[style].format(data=data), None, data)
                tasks.update({(style, task.task_id): task for task in loaded[style].tasks})
            task = tasks[style, task_id]
        else:
            task = tasks["rt", task_id]
        program = Program(task.task_id, index, row["solution"], "program")
        found.append(Sample(row["id"], task, program, frozenset(row["accept"])))
    return found


def _hurried(task: Task) -> Task:
    if task.tests["kind"] != "calls":
        return task
    limits = {
        name: min(value, SHORT_S.get(name, value)) for name, value in task.tests["limits"].items()
    }
    return replace(task, tests={**task.tests, "limits": limits})
