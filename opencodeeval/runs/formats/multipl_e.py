"""MultiPL-E: a file for each problem, with its completions, or with a result for each program.

The tool reads NAME.json (prompt, tests and completions) and writes NAME.results.json, which
has the whole program of each completion, tests included, in place of the completions. Both
may be compressed, and have one JSON object. A folder has the files of all problems.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opencodeeval.core.types import SuiteResult, Task, Verdict
from opencodeeval.runs.formats.base import Format, Kind
from opencodeeval.runs.formats.text import json_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from opencodeeval.benchmarks.finished import FinishedSample as Sample
    from opencodeeval.runs.finished import FinishedRun


def without_tests(program: str, task: Task) -> str:
    """A program without the published tests behind it."""
    tests = str(task.fields.get("tests", "")).rstrip()
    before, found, _ = program.rpartition(tests) if tests else ("", "", "")
    return before.removesuffix("\n") if found else program


KINDS = (
    Kind(
        "MultiPL-E completions",
        ("name", "language", "completions"),
        "completions",
        "completion",
        task="name",
        many=True,
    ),
    Kind(
        "MultiPL-E results",
        ("name", "language", "results"),
        "results",
        "program",
        task="name",
        many=True,
        inner="program",
        cut=without_tests,
    ),
)


def objects(value: Mapping[str, Any]) -> list[Mapping[str, Any]] | None:
    """A whole file as rows; None if it is not of this tool."""
    fits = any(all(field in value for field in kind.fields) for kind in KINDS)
    return [value] if fits else None


def files(run: FinishedRun) -> dict[str, Iterable[str]]:
    """The results of each problem, in the folder of the experiment."""
    language = str(run.tasks[0].fields.get("language", run.benchmark.data_version))
    experiment = f"{run.benchmark.name}-{language}-{run.model}{run.temperature('-{}')}"
    return {
        f"{experiment}/{task.task_id}.results.json.gz": _problem(run, task, language)
        for task in run.tasks
    }


def _problem(run: FinishedRun, task: Task, language: str) -> Iterator[str]:
    tests = str(task.fields.get("tests", ""))
    problem = {
        "name": task.task_id,
        "language": language,
        "prompt": task.prompt,
        "tests": tests,
        "stop_tokens": task.fields.get("stop_tokens", []),
        "results": [_result(run, sample, tests) for sample in run.of_task(task.task_id)],
    }
    yield from json_text(problem)


def _result(run: FinishedRun, sample: Sample, tests: str) -> dict[str, Any]:
    found = sample.suites[run.benchmark.headline]
    status = _status(found)
    return {
        "program": f"{sample.program}\n{tests}",
        "timestamp": int(run.finished.timestamp()),
        "stdout": "",
        "stderr": "" if status == "OK" else found.detail,
        "exit_code": {"OK": 0, "Timeout": -1}.get(status, 1),
        "status": status,
    }


def _status(result: SuiteResult) -> str:
    """A verdict in the tool's words."""
    words = {Verdict.PASSED: "OK", Verdict.TIMEOUT: "Timeout"}
    return words.get(result.verdict, "Exception")


FORMAT = Format(
    "MultiPL-E",
    KINDS,
    files,
    rank=6,
    objects=objects,
    folder=("*.results.json*", "*.json.gz"),
)
