"""EvalPlus: complete programs or continuations, and a status for base and plus tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opencodeeval.core.json_pieces import Keyed, Listed
from opencodeeval.core.types import SuiteResult, Verdict
from opencodeeval.runs.formats.base import Format, Kind
from opencodeeval.runs.formats.human_eval import COMPLETIONS
from opencodeeval.runs.formats.text import json_lines, json_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from opencodeeval.benchmarks.finished import FinishedSample as Sample
    from opencodeeval.runs.finished import FinishedRun

SOLUTIONS = Kind("EvalPlus solutions", ("solution",), "solution", "program")
KINDS = (SOLUTIONS, COMPLETIONS)

KS = (1, 10, 100)

# EvalPlus's alarm ends a call that takes too long; the call then counts as failed.
STATUS = {
    Verdict.PASSED: "pass",
    Verdict.WRONG: "fail",
    Verdict.ERROR: "fail",
    Verdict.TIMEOUT: "fail",
    Verdict.MEMORY: "fail",
    Verdict.NO_CODE: "fail",
    Verdict.FORGED: "fail",
}
# EvalPlus reports "timeout" for a process that ends without reporting a result.
STATUS_OF_DETAIL = {"died": "timeout"}


def files(run: FinishedRun) -> dict[str, Iterable[str]]:
    """The samples, and the results, which the tool then reads instead of grading again."""
    rows = ({"task_id": sample.task.task_id, "solution": sample.solution} for sample in run.samples)
    name = f"{run.model}_{run.backend}{run.temperature('_temp_{}')}"
    results = json_text(Keyed(_results(run)))
    return {f"{name}.jsonl": json_lines(rows), f"{name}_eval_results.json": results}


def _results(run: FinishedRun) -> Iterator[tuple[str, Any]]:
    yield "date", run.finished.strftime("%Y-%m-%d %H:%M")
    yield "hash", run.version.md5
    yield "eval", Keyed((name, Listed(map(_result, run.of_task(name)))) for name in run.places)
    yield "pass_at_k", {suite: run.pass_at(suite, KS) for suite in run.benchmark.suites}


def status(result: SuiteResult) -> str:
    """A verdict in the tool's words."""
    return STATUS_OF_DETAIL.get(result.detail, STATUS[result.verdict])


def _result(sample: Sample) -> dict[str, Any]:
    row: dict[str, Any] = {"task_id": sample.task.task_id, "solution": sample.solution}
    for suite in ("base", "plus"):
        result = sample.suites.get(suite)
        row[f"{suite}_status"] = None if result is None else status(result)
    for suite in ("base", "plus"):
        row[f"{suite}_fail_tests"] = _failing(sample, suite)
    return row


def _failing(sample: Sample, suite: str) -> list[Any]:
    """The first input that failed, as in the data set."""
    result = sample.suites.get(suite)
    if result is None or result.failure is None:
        return []
    inputs = sample.task.fields[f"{suite}_input"]
    return inputs[result.failure["index"] :][:1]  # type: ignore[no-any-return]


FORMAT = Format("EvalPlus", KINDS, files, rank=1)
