"""openai/human-eval: continuations of the task's prompt, and the result of each.

The tool executes the prompt and the completion after it. A program that does not
continue its prompt is written after a body for the prompt's function; the program's
own definition then replaces that function.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opencodeeval.core.types import SuiteResult, Verdict
from opencodeeval.runs.formats.base import Format, Kind
from opencodeeval.runs.formats.text import json_lines

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opencodeeval.benchmarks.finished import FinishedSample as Sample
    from opencodeeval.runs.finished import FinishedRun

COMPLETIONS = Kind("human-eval completions", ("completion",), "completion", "completion")
KINDS = (COMPLETIONS,)

# The tool's other results are "passed", and "failed: " with a reason.
TIMED_OUT = "timed out"


def files(run: FinishedRun) -> dict[str, Iterable[str]]:
    """`samples.jsonl`, and the results as the tool writes them beside it."""
    rows = map(_row, run.samples)
    results = (
        {**_row(sample), "result": outcome(sample.suites["base"]), "passed": sample.passes["base"]}
        for sample in run.samples
    )
    name = f"{run.model}.jsonl"
    return {name: json_lines(rows), f"{name}_results.jsonl": json_lines(results)}


def _row(sample: Sample) -> dict[str, str]:
    return {"task_id": sample.task.task_id, "completion": completion(sample)}


def completion(sample: Sample) -> str:
    """The completion that makes the tool execute the sample's program."""
    prompt, program = sample.task.prompt, sample.solution
    if not program or program.startswith(prompt):
        return program.removeprefix(prompt)
    end = "" if prompt.endswith("\n") else "\n"
    return f"{end}    pass\n{program}"


def outcome(result: SuiteResult) -> str:
    """A verdict in the tool's words."""
    if result.verdict is Verdict.PASSED:
        return "passed"
    if result.verdict is Verdict.TIMEOUT:
        return TIMED_OUT
    return f"failed: {result.detail or result.verdict}"


FORMAT = Format("human-eval", KINDS, files, rank=2, prepends=True)
