"""Checks whether a benchmark's own solutions always pass here: the highest possible score."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from opencodeeval.backends.reference import require_references
from opencodeeval.benchmarks.base import Benchmark
from opencodeeval.benchmarks.errata import Erratum, Kind
from opencodeeval.core.types import Grade, Program, Task, Verdict
from opencodeeval.execution.base import Sandbox
from opencodeeval.execution.toolchains import check_languages
from opencodeeval.runs import signals
from opencodeeval.runs.executors.base import Executor
from opencodeeval.runs.observers import GradedSample, Observer
from opencodeeval.runs.options import Output
from opencodeeval.runs.progress import open_progress

SLOW_S = 10.0
ERRATUM_S = 40.0  # solutions that take longer than this are listed

# Error texts that show what is missing, in the order in which they are searched for.
_NO_NETWORK = (
    r"name resolution|Name or service not known|Network is unreachable|URLError|gaierror|"
    r"NewConnectionError|Max retries exceeded"
)
_SIGNS: tuple[tuple[Kind, str], ...] = (
    ("data", r"nltk\.download\("),
    ("package", r"No module named"),
    ("display", r"no display name|\$DISPLAY|X server|TclError"),
    ("network", _NO_NETWORK),
)


@dataclass(frozen=True)
class Finding:
    """A task's reference, graded several times; `known` is the task's errata."""

    task_id: str
    grades: tuple[Grade, ...]
    known: tuple[Erratum, ...] = ()

    @property
    def passed(self) -> int:
        """How many times it passed."""
        return sum(map(_passes, self.grades))

    @property
    def longest_s(self) -> float:
        """The time of the slowest run, in seconds."""
        return max(suite.wall_s for grade in self.grades for suite in grade.suites.values())

    @property
    def expected(self) -> bool:
        """Whether the errata agree with the result."""
        fails = any(row.fails for row in self.known)
        return self.passed == (0 if fails else len(self.grades))

    def line(self) -> str:
        """One line for people."""
        failing = next((grade for grade in self.grades if not _passes(grade)), self.grades[0])
        what = [f"{self.task_id}: passed {self.passed} of {len(self.grades)}"]
        what += [f"{suite.verdict} {suite.detail}".strip() for suite in failing.suites.values()]
        what += [f"{self.longest_s:.1f} s"] if self.longest_s >= SLOW_S else []
        what += [f"errata, {row.kind}: {row.what}" for row in self.known] or ["not in the errata"]
        return "; ".join(what)


def _passes(grade: Grade) -> bool:
    return all(suite.verdict is Verdict.PASSED for suite in grade.suites.values())


def selfcheck(
    benchmark: Benchmark, times: int, executor: Executor, output: Output
) -> list[Finding]:
    """Open a sandbox of an executor, grade every reference `times` times, and close both.

    Raises:
        UsageError: a task has no reference, or the executor has no place for a sandbox.
        SandboxError: no sandbox is available.
        Interrupted: SIGINT or SIGTERM came (main thread only).
    """

    async def work() -> list[Finding]:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(executor.close)
            opened = executor.open_sandbox(benchmark.environment)
            stack.push_async_callback(opened.close)
            check_languages(opened, benchmark)
            progress = open_progress(output.progress)
            stack.callback(progress.finish)
            progress.start(benchmark.name, times * len(benchmark.tasks))
            with signals.cancelling():
                return await check(benchmark, opened, times, progress)

    return signals.run(work())


async def check(
    benchmark: Benchmark, sandbox: Sandbox, times: int, observer: Observer
) -> list[Finding]:
    """Grade every reference `times` times, round after round; `observer` is called for each.

    Raises:
        UsageError: a task has no reference.
    """
    require_references(benchmark.tasks)

    async def graded(task: Task, number: int) -> Grade:
        grade = await sandbox.grade(
            task, Program(task.task_id, number, task.reference, "reference")
        )
        observer.generated()
        observer.graded(GradedSample(grade, _passes(grade)))
        return grade

    rounds = [
        await asyncio.gather(*(graded(task, number) for task in benchmark.tasks))
        for number in range(times)
    ]
    return [
        Finding(
            task.task_id,
            tuple(each[place] for each in rounds),
            tuple(row for row in benchmark.errata if row.task == task.task_id),
        )
        for place, task in enumerate(benchmark.tasks)
    ]


def report(findings: Sequence[Finding]) -> dict[str, Any]:
    """The object that --json prints."""
    times = len(findings[0].grades)
    return {
        "tasks": len(findings),
        "times": times,
        "always": sum(each.passed == times for each in findings),
        "never": sum(each.passed == 0 for each in findings),
        "unexpected": [each.task_id for each in findings if not each.expected],
        "findings": [_row(each) for each in findings if worth_telling(each)],
    }


def worth_telling(finding: Finding) -> bool:
    """Whether a finding is more than a solution that passes at once."""
    unsound = finding.passed < len(finding.grades)
    return unsound or finding.longest_s >= SLOW_S or not finding.expected


def _row(finding: Finding) -> Mapping[str, Any]:
    return {
        "task_id": finding.task_id,
        "passed": finding.passed,
        "longest_s": finding.longest_s,
        "expected": finding.expected,
        "errata": [row.kind for row in finding.known],
        "verdicts": [
            {name: str(suite.verdict) for name, suite in grade.suites.items()}
            for grade in finding.grades
        ],
        "details": sorted({s.detail for grade in finding.grades for s in grade.suites.values()}),
    }


def summary(findings: Sequence[Finding]) -> list[str]:
    """Lines for people: the notable findings, then the counts."""
    counts = report(findings)
    sometimes = counts["tasks"] - counts["always"] - counts["never"]
    lines = [each.line() for each in findings if worth_telling(each)]
    lines.append(
        f"{counts['tasks']} solutions, {counts['times']} times each: {counts['always']} always "
        f"pass, {sometimes} sometimes, {counts['never']} never; "
        f"{len(counts['unexpected'])} differ from the errata table"
    )
    return lines


def errata_of(findings: Sequence[Finding]) -> list[Erratum]:
    """An errata table of the findings: known rows that still hold, and new ones.

    The kind of a new row is a guess from the solution's error output.
    """
    return [row for each in findings for row in (*_holding(each), *_new(each))]


def _holding(finding: Finding) -> list[Erratum]:
    always = finding.passed == len(finding.grades)
    return [row for row in finding.known if not (row.fails and always)]


def _new(finding: Finding) -> list[Erratum]:
    rows = []
    if finding.passed < len(finding.grades) and not any(row.fails for row in finding.known):
        rows.append(Erratum(finding.task_id, *_cause(finding), fails=True))
    if finding.longest_s >= ERRATUM_S and not any(row.kind == "slow" for row in finding.known):
        what = f"The own solution takes {finding.longest_s:.0f} s."
        rows.append(Erratum(finding.task_id, "slow", what))
    return rows


def _cause(finding: Finding) -> tuple[Kind, str]:
    """The likely reason why a solution does not always pass, and a sentence about it."""
    failing = next(grade for grade in finding.grades if not _passes(grade))
    details = "; ".join(
        f"{suite.verdict} {suite.detail}".strip() for suite in failing.suites.values()
    )
    said = [line.strip() for line in failing.stderr.splitlines() if line.strip(" *")]
    what = f"{details}: {said[-1]}"[:200] if said else details
    if finding.passed:
        return "time", f"Passed {finding.passed} of {len(finding.grades)} times; {what}"[:200]
    for kind, sign in _SIGNS:
        if re.search(sign, failing.stderr):
            return kind, what
    slow = any(suite.verdict is Verdict.TIMEOUT for suite in failing.suites.values())
    return "slow" if slow else "tests", what
