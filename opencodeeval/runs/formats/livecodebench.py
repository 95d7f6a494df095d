"""LiveCodeBench: one JSON list of problems, each with its list of programs.

The lists that its custom_evaluator reads, the output of its scenarios and their
`_eval_all.json` have the programs in the same field. A problem is a task, and
`question_id` its id.
"""

from __future__ import annotations

import json
from statistics import fmean
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast

from opencodeeval.benchmarks.livecodebench import RUNNER_ERROR, STATUS, metadata, status_of
from opencodeeval.core.types import Grade, Task, Verdict
from opencodeeval.runs.formats.base import Format, Kind
from opencodeeval.runs.formats.text import json_text

if TYPE_CHECKING:
    from opencodeeval.benchmarks.card_benchmark import CardBenchmark
    from opencodeeval.benchmarks.finished import FinishedSample as Sample
    from opencodeeval.runs.finished import FinishedRun

KINDS = (
    Kind(
        "LiveCodeBench code lists",
        ("question_id", "code_list"),
        "code_list",
        "program",
        task="question_id",
        many=True,
    ),
    Kind(
        "LiveCodeBench predicted outputs",
        ("question_id", "test_id", "pred_list"),
        "pred_list",
        "program",
        task="question_id",
        also="test_id",
        many=True,
    ),
    Kind("LiveCodeBench executions", ("id", "pred_list"), "pred_list", "program", "id", many=True),
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

_DATED = ("question_id", "contest_id", "contest_date", "difficulty")


class Scenario(NamedTuple):
    """The names of a scenario's files, and the fields of their rows.

    `texts` is the field of the extracted texts: with `predicts` these are predicted
    values, else programs, judged test by test.
    """

    name: str
    fields: tuple[str, ...]
    texts: str = "code_list"
    predicts: bool = False
    ks: tuple[int, ...] = KS


class Predicting(Protocol):
    """A benchmark whose answers predict a value."""

    def prediction(self, task: Task, answer: str) -> str:
        """The value that an answer predicts, as the publisher extracts it."""
        ...


GENERATION = Scenario("codegeneration", PROBLEM)
# By benchmark; all others are code generation.
SCENARIOS = {
    "livecodebench_execution": Scenario(
        "codeexecution",
        (*_DATED, "function_name", "code", "input", "output", "id", "problem_id", "numsteps"),
        "pred_list",
        True,
        (1,),
    ),
    "livecodebench_repair": Scenario("selfrepair", PROBLEM),
    "livecodebench_testoutput": Scenario(
        "testoutputprediction",
        ("question_title", "question_content", *_DATED, "test_id", "function_name", "starter_code"),
        "pred_list",
        True,
        (1, 5),
    ),
}


def files(run: FinishedRun) -> dict[str, str]:
    """The output of the run's scenario with its two evaluation files.

    The sampling of samples that another tool drew is not known; they get the
    names that custom_evaluator gives.
    """
    suite, card = run.benchmark.headline, run.benchmark.card
    scenario = SCENARIOS.get(card.name, GENERATION)
    problems = _problems(run)
    outputs = [_output(samples, scenario, run.benchmark) for samples in problems]
    graded = [_counted(run, samples) for samples in problems]
    evaluated = [
        {**output, **_graded(samples, suite)}
        for output, samples in zip(outputs, graded, strict=True)
    ]
    results: dict[str, Any] = {
        str(place): [
            [each.passes[suite]] if scenario.predicts else _codes(each, suite) for each in samples
        ]
        for place, samples in enumerate(graded)
    }
    whole = [_metrics(run, scenario, graded), results]
    if not scenario.predicts:
        notes = [[json.dumps(metadata(each.suites[suite])) for each in part] for part in problems]
        whole.append(notes)  # type: ignore[arg-type]
        evaluated = [{**row, "metadata": each} for row, each in zip(evaluated, notes, strict=True)]
    if card.name == "livecodebench_repair":
        originals = [[each.task.fields["program"] for each in part] for part in problems]
        evaluated = [
            {**row, "original_code_list": each}
            for row, each in zip(evaluated, originals, strict=True)
        ]
    sampled = run.temperature(f"Scenario.{scenario.name}_{run.n}_{{}}")
    name = f"{run.model}/{sampled}" if sampled else f"{run.model}_{scenario.name}_output"
    return {
        f"{name}.json": json_text(outputs),
        f"{name}_eval.json": json_text(whole),
        f"{name}_eval_all.json": json_text(evaluated),
    }


def _problems(run: FinishedRun) -> list[list[Sample]]:
    """The samples of each problem, in the publisher's order."""
    problems: dict[str, list[Sample]] = {}
    for sample in run.samples:
        name = sample.task.fields.get("cluster", sample.task.task_id)
        problems.setdefault(str(name), []).append(sample)
    if run.benchmark.card.name in ("livecodebench_execution", "livecodebench_testoutput"):
        return list(problems.values())  # tasks are in the order of numbers in their ids
    return [problems[name] for name in sorted(problems)]


def _counted(run: FinishedRun, samples: list[Sample]) -> list[Sample]:
    """The samples that the publisher counts."""
    grades = [Grade(each.task.task_id, each.sample_id, each.suites) for each in samples]
    kept = {id(grade) for grade in run.benchmark.counted(grades)}
    return [each for each, grade in zip(samples, grades, strict=True) if id(grade) in kept]


def _metrics(run: FinishedRun, scenario: Scenario, graded: list[list[Sample]]) -> dict[str, Any]:
    """Mean pass@k over problems, and each problem's; times a hundred for code execution."""
    from opencodeeval.stats.pass_at_k import pass_at_k

    suite = run.benchmark.headline
    counts = [(len(part), sum(each.passes[suite] for each in part)) for part in graded]
    ks = [k for k in scenario.ks if k <= min(n for n, _ in counts)]
    each = {f"pass@{k}": [pass_at_k(n, c, k) for n, c in counts] for k in ks}
    scores = {name: fmean(values) for name, values in each.items()}
    if scenario.name == "codeexecution":
        return {name: 100 * score for name, score in scores.items()}
    detail = {
        name: {str(place): value for place, value in enumerate(values)}
        for name, values in each.items()
    }
    return {**scores, "detail": detail}


def _output(samples: list[Sample], scenario: Scenario, benchmark: CardBenchmark) -> dict[str, Any]:
    task = samples[0].task
    fields = {"question_id": task.fields.get("cluster", task.task_id), **task.fields}

    def extract(sample: Sample) -> str:
        if not scenario.predicts:
            return sample.solution
        return cast("Predicting", benchmark).prediction(sample.task, sample.bare)

    return {
        **{name: fields[name] for name in scenario.fields if name in fields},
        "output_list": [sample.answer for sample in samples],
        scenario.texts: [extract(sample) for sample in samples],
    }


def _graded(samples: list[Sample], suite: str) -> dict[str, Any]:
    passed = [sample.passes[suite] for sample in samples]
    return {"graded_list": passed, "pass@1": sum(passed) / len(passed)}


def _codes(sample: Sample, suite: str) -> list[bool | int]:
    """True for each test that passed, then the error code of the first that failed."""
    result = sample.suites[suite]
    if result.verdict is Verdict.PASSED:
        return [True] * result.tests_run
    code, _ = status_of(result)
    if code == RUNNER_ERROR[0]:
        return [STATUS[Verdict.WRONG][0]]
    right = (result.failure or {}).get("index", 0)
    method = sample.task.tests.get("function") and result.verdict is Verdict.WRONG
    return [*[True] * right, False if method else code]


FORMAT = Format("LiveCodeBench", KINDS, files, rank=4)
