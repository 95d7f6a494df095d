"""BigCodeBench: sanitized programs, not yet calibrated, and a status with details for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opencodeeval.core.json_pieces import Keyed, Listed
from opencodeeval.core.types import SuiteResult, Verdict
from opencodeeval.runs.formats.base import Format, Kind
from opencodeeval.runs.formats.text import json_lines, json_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opencodeeval.benchmarks.finished import FinishedSample as Sample
    from opencodeeval.runs.finished import FinishedRun

KINDS = (
    Kind("BigCodeBench solutions", ("solution", "raw_solution"), "solution", "program"),
    Kind("BigCodeBench solutions", ("solution",), "solution", "program"),
    Kind("BigCodeBench completions", ("completion",), "completion", "completion"),
)

KS = (1, 5, 10)

STATUS = {
    Verdict.PASSED: "pass",
    Verdict.WRONG: "fail",
    Verdict.ERROR: "fail",
    Verdict.TIMEOUT: "timeout",
    Verdict.MEMORY: "fail",
    Verdict.NO_CODE: "fail",
    Verdict.FORGED: "fail",
}
# A process that ends without reporting a result counts as one that had to be ended.
STATUS_OF_DETAIL = {"ended before all tests had reported": "timeout"}


def files(run: FinishedRun) -> dict[str, Iterable[str]]:
    """The samples, their results and the scores.

    The pass rate of the tasks' own solutions is unknown, and so null.
    """
    subset = "hard" if run.version.source.dataset.endswith("-hard") else "full"
    split = run.benchmark.protocol_card.options["split"]
    rows = (
        {"task_id": each.task.task_id, "solution": each.solution, "raw_solution": each.answer}
        for each in run.samples
    )
    graded = Keyed((name, Listed(map(_graded, run.of_task(name)))) for name in run.places)
    scores = {
        **run.pass_at("base", KS),
        "model": f"{run.model}--{run.revision}",
        "split": split,
        "subset": subset,
        "calibrated": True,
        "gt_pass_rate": None,
        "failed_tasks": [],
    }
    date = run.finished.strftime("%Y-%m-%d %H:%M")
    data = "bigcodebench" + ("" if subset == "full" else f"-{subset}")
    drawn = f"{run.backend}{run.temperature('-{}')}-{run.n}"
    name = f"{run.model}--{run.revision}--{data}-{split}--{drawn}-sanitized_calibrated"
    return {
        f"{name}.jsonl": json_lines(rows),
        f"{name}_eval_results.json": json_text(Keyed([("date", date), ("eval", graded)])),
        f"{name}_pass_at_k.json": json_text(scores),
    }


def _graded(sample: Sample) -> dict[str, Any]:
    result = sample.suites["base"]
    row = {"task_id": sample.task.task_id, "solution": sample.program}
    return {**row, "status": status(result), "details": _details(result)}


def status(result: SuiteResult) -> str:
    """A verdict in the tool's words."""
    return STATUS_OF_DETAIL.get(result.detail, STATUS[result.verdict])


def _details(result: SuiteResult) -> dict[str, str]:
    """The message of the first failing test, or of all; empty for a pass or a timeout."""
    if status(result) != "fail":
        return {}
    test = (result.failure or {}).get("input", "ALL")
    return {test: result.detail or str(result.verdict)}


FORMAT = Format("BigCodeBench", KINDS, files, rank=3, prepends=True)
