"""Which samples get different verdicts under several protocols, and why: pure, from their runs."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from opencodeeval.benchmarks.card_benchmark import CardBenchmark
from opencodeeval.core.syntax import parse
from opencodeeval.core.types import SampleId, SuiteResult, Task, Verdict
from opencodeeval.runs.recording import verdicts_of
from opencodeeval.runs.store import StoredRun

SHOWN = 20


@dataclass(frozen=True)
class Side:
    """The samples and verdicts of one protocol."""

    benchmark: CardBenchmark
    run: StoredRun

    @cached_property
    def tasks(self) -> dict[str, Task]:
        """The tasks by their ids."""
        return {task.task_id: task for task in self.benchmark.tasks}

    def judged(self, where: SampleId) -> Judged:
        """One sample's part."""
        task = self.tasks[where.task_id]
        grade = self.run.grades[where]
        passes = self.benchmark.passes(verdicts_of(grade))[self.benchmark.headline]
        results = [grade.suites[name] for name in self.benchmark.suites]
        failed = [each for each in results if each.verdict is not Verdict.PASSED]
        shown = grade.suites[self.benchmark.headline] if passes else failed[0]
        solution = self.benchmark.solution(task, self.run.programs[where].code)
        return Judged(passes, shown, solution, self.run.completions[where].text)


@dataclass(frozen=True)
class Judged:
    """One sample under one protocol.

    `result` is the headline suite's, or that of the first suite that failed the
    sample; `solution` is the sample's part of the program.
    """

    passes: bool
    result: SuiteResult
    solution: str
    answer: str


def compare(sides: Sequence[Side]) -> dict[str, Any]:
    """The JSON object that compares several protocols on the same samples.

    `passes` counts the samples by the protocols under which they pass, joined
    with "+" and empty for none; `same_answers` counts the samples with the same
    answer under all. `differing` has every sample with different verdicts, those
    with a different pass/fail first; `why` has the cause for each protocol that
    differs from the first.
    """
    names = [side.benchmark.protocol for side in sides]
    common = [
        where
        for where in sides[0].run.grades
        if all(where in side.run.grades for side in sides[1:])
    ]
    passes: Counter[str] = Counter()
    same_answers = 0
    rows = []
    for where in sorted(common, key=_order(sides[0].benchmark)):
        judged = dict(zip(names, (side.judged(where) for side in sides), strict=True))
        passes["+".join(name for name, each in judged.items() if each.passes)] += 1
        same_answers += len({each.answer for each in judged.values()}) == 1
        if len({(each.passes, each.result.verdict) for each in judged.values()}) > 1:
            rows.append(_row(where, judged))
    first = sides[0].benchmark
    return {
        "benchmark": first.name,
        "data_version": first.data_version,
        "protocols": names,
        "samples": len(common),
        "same_answers": same_answers,
        "passes": dict(passes),
        "differing": sorted(rows, key=lambda row: not row["moves_score"]),
    }


def _order(benchmark: CardBenchmark) -> Any:
    places = {task.task_id: place for place, task in enumerate(benchmark.tasks)}
    return lambda where: (places[where.task_id], where.sample_id)


def _row(where: SampleId, judged: Mapping[str, Judged]) -> dict[str, Any]:
    first, *others = judged.items()
    return {
        "task_id": where.task_id,
        "sample_id": where.sample_id,
        "moves_score": len({each.passes for each in judged.values()}) > 1,
        "verdicts": {name: each.result.verdict.value for name, each in judged.items()},
        "details": {name: _detail(each.result) for name, each in judged.items()},
        "why": {
            name: cause(first[1], each)
            for name, each in others
            if (each.passes, each.result.verdict) != (first[1].passes, first[1].result.verdict)
        },
    }


def _detail(result: SuiteResult) -> str:
    """The first detail of the failure, with the failed test."""
    failure = result.failure or {}
    parts = [result.detail]
    if "input" in failure:
        parts.append(f"test {failure.get('index', 0)} ({_short(failure['input'])})")
        parts += [
            f"{name} {_short(failure[name])}" for name in ("got", "expected") if name in failure
        ]
    return ", ".join(part for part in parts if part)


def _short(value: Any) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= 60 else text[:57] + "..."


def cause(one: Judged, other: Judged) -> str:
    """Why two protocols give a sample different verdicts: the first step that differs."""
    verdicts = {one.result.verdict, other.result.verdict}
    if one.answer != other.answer:
        return "different answers"
    if not _same_code(one.solution, other.solution):
        return "extraction"
    if Verdict.TIMEOUT in verdicts:
        return "time limit"
    if Verdict.MEMORY in verdicts:
        return "memory limit"
    if Verdict.ERROR in verdicts:
        return "code added around the answer"
    return "tests and their comparison"


def _same_code(one: str, other: str) -> bool:
    """Whether both have the same statements, ignoring order and formatting."""
    trees = [parse(one), parse(other)]
    if trees[0] is None or trees[1] is None:
        return one.strip() == other.strip()
    dumps = [Counter(map(ast.dump, _statements(tree))) for tree in trees if tree is not None]
    return dumps[0] == dumps[1]


def _statements(tree: ast.Module) -> list[ast.stmt]:
    """All statements except bare strings, such as a prompt in quotes."""
    return [
        each
        for each in tree.body
        if not (isinstance(each, ast.Expr) and isinstance(each.value, ast.Constant))
    ]


def lines(compared: Mapping[str, Any]) -> Iterator[str]:
    """The comparison for people: counts, and the first samples that differ."""
    names = compared["protocols"]
    differing = compared["differing"]
    moving = sum(row["moves_score"] for row in differing)
    yield (
        f"{compared['benchmark']}, {' and '.join(names)}: verdicts differ for "
        f"{len(differing)} of {compared['samples']} samples; for {moving} of them pass/fail differs"
    )
    if compared["same_answers"] < compared["samples"]:
        yield f"  the protocols share the answer of {compared['same_answers']} of them"
    labels = {"+".join(names): "pass under every protocol", "": "pass under no protocol"}
    for key, count in sorted(compared["passes"].items(), key=lambda item: -item[1]):
        yield f"  {count} {labels.get(key, 'pass under ' + key.replace('+', ', ') + ' only')}"
    for row in differing[:SHOWN]:
        sides = "; ".join(
            f"{name} {row['verdicts'][name]}"
            + (f" ({row['details'][name]})" if row["details"][name] else "")
            for name in names
        )
        why = ", ".join(dict.fromkeys(row["why"].values()))
        yield f"  {row['task_id']} {row['sample_id']}: {sides}; cause: {why}"
    if len(differing) > SHOWN:
        yield f"  and {len(differing) - SHOWN} more"
    if "file" in compared:
        yield f"  all  {compared['file']}"
