"""Qwen's evaluation of MultiPL-E: generations as JSON Lines, and details with whole programs.

`pred_LANGUAGE_output.jsonl` has the programs before the lines that the evaluation adds,
`humaneval-LANGUAGE-details.json` those that it has run, tests included.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opencodeeval.core.json_pieces import Keyed, Listed
from opencodeeval.core.types import Verdict
from opencodeeval.runs.formats.base import Format, Kind
from opencodeeval.runs.formats.multipl_e import without_tests
from opencodeeval.runs.formats.text import json_lines, json_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from opencodeeval.benchmarks.finished import FinishedSample as Sample
    from opencodeeval.runs.finished import FinishedRun

KINDS = (
    Kind(
        "Qwen MultiPL-E generations",
        ("task_id", "generation", "prompt", "wholecode"),
        "generation",
        "program",
    ),
    Kind(
        "Qwen MultiPL-E details",
        ("task_id", "completion_id", "passed", "code"),
        "code",
        "program",
        number="completion_id",
        cut=without_tests,
    ),
)


def objects(value: Mapping[str, Any]) -> list[Mapping[str, Any]] | None:
    """The details of all samples, each in a pair with its number; None if there are none."""
    pairs = [pair for each in value.values() if isinstance(each, list) for pair in each]
    rows = [pair[1] for pair in pairs if isinstance(pair, list) and len(pair) == 2]
    fits = all(isinstance(row, dict) and {"task_id", "code"} <= row.keys() for row in rows)
    return rows if rows and fits and len(rows) == len(pairs) else None


def files(run: FinishedRun) -> dict[str, Iterable[str]]:
    """The generations, the details and the score in percent."""
    language = str(run.tasks[0].fields.get("language", run.benchmark.data_version))
    generations = (
        {
            "task_id": sample.task.task_id,
            "generation": sample.solution,
            "prompt": sample.task.prompt,
            "wholecode": _whole(run, sample),
        }
        for sample in run.samples
    )
    details = Keyed(
        (name, Listed([each.sample_id, _detail(run, each)] for each in run.of_task(name)))
        for name in run.places
    )
    return {
        f"pred_{language}_output.jsonl": json_lines(generations),
        f"humaneval-{language}-details.json": json_text(details),
        "results.json": json_text(Keyed(_score(run, language))),
    }


def _score(run: FinishedRun, language: str) -> Iterator[tuple[str, float]]:
    yield language, round(100 * run.pass_at(run.benchmark.headline, [1])["pass@1"], 2)


def _whole(run: FinishedRun, sample: Sample) -> str:
    """What a base model was asked, and its answer; of samples from a file the program."""
    if run.record.model.origin == "file":
        return sample.answer
    return run.benchmark.prompt(sample.task, run.record.model_type).text + sample.answer


def _detail(run: FinishedRun, sample: Sample) -> dict[str, Any]:
    result = sample.suites[run.benchmark.headline]
    passed = sample.passes[run.benchmark.headline]
    why = "timed out" if result.verdict is Verdict.TIMEOUT else f"failed: {result.detail}"
    return {
        "task_id": sample.task.task_id,
        "completion_id": sample.sample_id,
        "result": "passed" if passed else why,
        "passed": passed,
        "finish": -1,
        "code": f"{sample.program}\n{sample.task.fields.get('tests', '')}",
    }


FORMAT = Format("Qwen", KINDS, files, rank=7, objects=objects)
