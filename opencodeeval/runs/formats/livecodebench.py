"""LiveCodeBench: one JSON list of problems, each with its list of programs.

The lists that its custom_evaluator reads, the output of its scenarios and their
`_eval_all.json` have the programs in the same field. A problem is a task, and
`question_id` its id.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from statistics import fmean
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, cast

from opencodeeval.benchmarks.livecodebench import RUNNER_ERROR, STATUS, metadata, status_of
from opencodeeval.core.json_pieces import Keyed, Listed
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


def files(run: FinishedRun) -> dict[str, Iterable[str]]:
    """The output of the run's scenario with its two evaluation files.

    The sampling of samples that another tool drew is not known; they get the
    names that custom_evaluator gives.
    """
    scenario = SCENARIOS.get(run.benchmark.card.name, GENERATION)
    sampled = run.temperature(f"Scenario.{scenario.name}_{run.n}_{{}}")
    name = f"{run.model}/{sampled}" if sampled else f"{run.model}_{scenario.name}_output"
    outputs = (_output(part, scenario, run.benchmark) for part in _problems(run))
    return {
        f"{name}.json": json_text(Listed(outputs)),
        f"{name}_eval.json": json_text(Listed(_whole(run, scenario))),
        f"{name}_eval_all.json": json_text(Listed(_evaluated(run, scenario))),
    }


def _whole(run: FinishedRun, scenario: Scenario) -> Iterator[Any]:
    """The scores; each problem's results; except for predictions, notes on each sample."""
    suite = run.benchmark.headline
    counts = []
    for part in _problems(run):
        passed = [each.passes[suite] for each in _counted(run, part)]
        counts.append((len(passed), sum(passed)))
    yield _metrics(scenario, counts)
    yield Keyed(
        (str(place), _results(_counted(run, part), scenario, suite))
        for place, part in enumerate(_problems(run))
    )
    if not scenario.predicts:
        yield Listed(_notes(part, suite) for part in _problems(run))


def _evaluated(run: FinishedRun, scenario: Scenario) -> Iterator[dict[str, Any]]:
    """The output for each problem, with the verdicts of the samples that are counted."""
    suite = run.benchmark.headline
    for part in _problems(run):
        row = _output(part, scenario, run.benchmark) | _graded(_counted(run, part), suite)
        if not scenario.predicts:
            row["metadata"] = _notes(part, suite)
        if run.benchmark.card.name == "livecodebench_repair":
            row["original_code_list"] = [each.task.fields["program"] for each in part]
        yield row


def _problems(run: FinishedRun) -> Iterator[list[Sample]]:
    """The samples of each problem, in the publisher's order; read anew at each call."""
    problems: dict[str, list[str]] = {}
    for task in run.tasks:
        problems.setdefault(str(task.fields.get("cluster", task.task_id)), []).append(task.task_id)
    names = list(problems)  # tasks are in the order of numbers in their ids
    if run.benchmark.card.name not in ("livecodebench_execution", "livecodebench_testoutput"):
        names.sort()
    for name in names:
        yield [sample for task_id in problems[name] for sample in run.of_task(task_id)]


def _counted(run: FinishedRun, samples: list[Sample]) -> list[Sample]:
    """The samples that the publisher counts."""
    grades = [Grade(each.task.task_id, each.sample_id, each.suites) for each in samples]
    kept = {id(grade) for grade in run.benchmark.counted(grades)}
    return [each for each, grade in zip(samples, grades, strict=True) if id(grade) in kept]


def _metrics(scenario: Scenario, counts: Sequence[tuple[int, int]]) -> dict[str, Any]:
    """Mean pass@k over problems, and each problem's; times a hundred for code execution.

    `counts` has the number of samples of each problem, and how many of them pass.
    """
    from opencodeeval.stats.pass_at_k import pass_at_k

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


def _results(samples: list[Sample], scenario: Scenario, suite: str) -> list[Any]:
    if scenario.predicts:
        return [[each.passes[suite]] for each in samples]
    return [_codes(each, suite) for each in samples]


def _notes(samples: list[Sample], suite: str) -> list[str]:
    return [json.dumps(metadata(each.suites[suite])) for each in samples]


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
