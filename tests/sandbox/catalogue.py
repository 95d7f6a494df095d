"""Reads a catalogue of hostile samples into tasks and programs of the harness.

A catalogue is a folder with tasks.jsonl and one file of samples; each sample
says which verdicts are right for it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opencodeeval.core.types import Program, Style, Task, Verdict

# How the catalogue's words map onto the closed set of verdicts.
MEANING = {
    "pass": {Verdict.PASSED},
    "fail": {Verdict.WRONG, Verdict.NO_CODE},
    "error": {Verdict.ERROR, Verdict.MEMORY, Verdict.FORGED},
    "timeout": {Verdict.TIMEOUT},
}
MEMORY_MB = 1024


@dataclass(frozen=True)
class Sample:
    """One catalogue entry, ready to be graded."""

    id: str
    style: str
    kind: str
    task: Task
    program: Program
    accept: frozenset[Verdict]
    must_pass: bool
    wall_below: float
    checks: tuple[str, ...]


def _calls(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "kind": "check",
        "entry_point": row["entry_point"],
        "test": row["test"],
        "helpers": row["prompt"] + row["canonical_solution"],
        "limits": {"total_s": 3.0, "memory_mb": MEMORY_MB},
    }


def _stdio(row: dict[str, Any]) -> dict[str, Any]:
    tests = row["tests"]
    return {
        "kind": "stdio",
        "tests": json.loads(tests.replace("'", '"')) if isinstance(tests, str) else tests,
        "compare": {"rule": "lines", "tol": row["tol"]},
        "limits": {"test_s": 4.0, "total_s": 20.0, "memory_mb": MEMORY_MB},
    }


UNIT_REFERENCES = {
    "Unit/uniq": (
        "def task_func(xs):\n"
        "    if not isinstance(xs, list):\n"
        "        raise TypeError\n"
        "    return sorted(set(xs))\n"
    ),
    "Unit/wc": (
        "def task_func(path):\n    with open(path) as file:\n        return len(file.readlines())\n"
    ),
}


def _unittest(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "kind": "unittest",
        "entry_point": row["entry_point"],
        "test": row["unittest"],
        "reference": UNIT_REFERENCES[row["task_id"]],
        "limits": {"total_s": 5.0, "memory_mb": MEMORY_MB},
    }


_SPECS = {
    "humaneval": (Style.FUNCTION, _calls),
    "stdio": (Style.STDIO, _stdio),
    "unittest": (Style.UNITTEST, _unittest),
}


def read(folder: Path, name: str = "open.jsonl") -> list[Sample]:
    """All samples of a catalogue."""
    rows = {}
    for line in (folder / "tasks.jsonl").read_text().splitlines():
        row = json.loads(line)
        rows[row["task_id"]] = row
    return [
        _sample(json.loads(line), rows, index)
        for index, line in enumerate((folder / name).read_text().splitlines())
    ]


def _sample(entry: dict[str, Any], rows: dict[str, Any], index: int) -> Sample:
    row = rows[entry["task_id"]]
    style, spec = _SPECS[entry["style"]]
    task = Task(entry["task_id"], style, row["prompt"], row.get("entry_point", ""), "", spec(row))
    accept = frozenset().union(*(MEANING[word] for word in entry["accept"]))
    limits = [float(c.split(":")[1]) for c in entry["checks"] if c.startswith("wall_below:")]
    return Sample(
        id=entry["id"],
        style=entry["style"],
        kind=f"{entry['category']}/{entry['kind']}",
        task=task,
        program=Program(entry["task_id"], index, entry["solution"], "program"),
        accept=accept,
        must_pass=accept == {Verdict.PASSED},
        wall_below=min(limits, default=30.0),
        checks=tuple(entry["checks"]),
    )
