"""LiveCodeBench: one JSON list of problems, each with its list of programs.

The lists that its custom_evaluator takes, the output of its scenarios and their
`_eval_all.json` have the programs in the same place. A problem is a task, and
`question_id` its id.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from opencodeeval.interchange.kinds import Kind
from opencodeeval.interchange.text import json_text
from opencodeeval.types import SuiteResult, Verdict

if TYPE_CHECKING:
    from opencodeeval.interchange.finished import FinishedRun, Sample

KINDS = (
    Kind(
        "LiveCodeBench code lists",
        ("question_id", "code_list"),
        "code_list",
        "program",
        task="question_id",
        many=True,
        bare_ids=True,
    ),
)

KS = (1, 5, 10, 20, 40, 50, 75, 100, 125, 150, 200, 500, 1000)

PROBLEM = (
    "question_title",
    "question_content",
    "platform",
    "question_id",
    "contest_id",
    "contest_date",
    "starter_code",
    "difficulty",
)

# The code and message of the first test that failed.
STATUS = {
    Verdict.WRONG: (-2, "Wrong Answer"),
    Verdict.ERROR: (-4, "Runtime Error"),
    Verdict.TIMEOUT: (-3, "Time Limit Exceeded"),
    Verdict.MEMORY: (-4, "Runtime Error"),
    Verdict.NO_CODE: (-4, "Runtime Error"),
    Verdict.FORGED: (-4, "Runtime Error"),
}


def files(run: FinishedRun) -> dict[str, str]:
    """The output of the code generation scenario with its two evaluation files.

    The sampling of samples that another tool drew is not known; they get the
    names that custom_evaluator gives.
    """
    suite = run.benchmark.headline
    problems: dict[str, list[Sample]] = {}
    for sample in run.samples:
        problems.setdefault(sample.task.task_id, []).append(sample)
    ordered = [problems[task_id] for task_id in sorted(problems)]
    outputs = [_output(samples) for samples in ordered]
    metadata = [[_metadata(each.suites[suite]) for each in samples] for samples in ordered]
    evaluated = [
        {**output, **_graded(samples, suite), "metadata": told}
        for output, samples, told in zip(outputs, ordered, metadata, strict=True)
    ]
    results = {
        str(place): [_codes(each.suites[suite]) for each in samples]
        for place, samples in enumerate(ordered)
    }
    scores = run.pass_at(suite, KS)
    each = [run.pass_at(suite, KS, samples) for samples in ordered]
    detail = {
        name: {str(place): score[name] for place, score in enumerate(each)} for name in scores
    }
    metrics = {**scores, "detail": detail}
    sampled = run.temperature(f"Scenario.codegeneration_{run.n}_{{}}")
    name = f"{run.model}/{sampled}" if sampled else f"{run.model}_codegeneration_output"
    return {
        f"{name}.json": json_text(outputs),
        f"{name}_eval.json": json_text([metrics, results, metadata]),
        f"{name}_eval_all.json": json_text(evaluated),
    }


def _output(samples: list[Sample]) -> dict[str, Any]:
    task = samples[0].task
    fields = {**task.fields, "question_id": task.task_id}
    return {
        **{name: fields[name] for name in PROBLEM if name in fields},
        "output_list": [sample.answer for sample in samples],
        "code_list": [sample.solution for sample in samples],
    }


def _graded(samples: list[Sample], suite: str) -> dict[str, Any]:
    passed = [sample.passes[suite] for sample in samples]
    return {"graded_list": passed, "pass@1": sum(passed) / len(passed)}


def _codes(result: SuiteResult) -> list[bool | int]:
    """True for each test that passed, then the code of the one that did not."""
    if result.verdict is Verdict.PASSED:
        return [True] * result.tests_run
    right = (result.failure or {}).get("index", 0)
    return [*[True] * right, STATUS[result.verdict][0]]


def _metadata(result: SuiteResult) -> str:
    if result.verdict is Verdict.PASSED:
        return json.dumps({"execution time": result.cpu_s})
    code, message = STATUS[result.verdict]
    failure = result.failure or {}
    return json.dumps(
        {
            "error": result.detail,
            "error_code": code,
            "error_message": message,
            "inputs": failure.get("input", ""),
            "expected": failure.get("expected", ""),
            "output": failure.get("got", ""),
        }
    )
