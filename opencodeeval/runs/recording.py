"""The record of a run: made from the run folder when every sample has its verdicts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec

import opencodeeval
from opencodeeval.backends.base import Backend
from opencodeeval.benchmarks.base import Benchmark
from opencodeeval.benchmarks.card_benchmark import CardBenchmark
from opencodeeval.core.machine import output_of
from opencodeeval.core.types import Grade, SampleId, Sampling, Task, Verdict, digest
from opencodeeval.execution.base import Sandbox
from opencodeeval.records import schema
from opencodeeval.records.breakdown import breakdown, contamination, scores_of
from opencodeeval.records.naming import name_of_identity
from opencodeeval.records.schema import Record, TaskRow
from opencodeeval.runs import tallies
from opencodeeval.runs.asking import needs_met, protocol_of, sampling_fields
from opencodeeval.runs.executors.base import Provenance, on_this_machine
from opencodeeval.runs.lacking import both, remembered
from opencodeeval.runs.store import RunStore
from opencodeeval.stats.metrics import Metric

# Version of the configuration that names a run folder; raise it when its fields change.
CONFIGURATION_SCHEMA = 1

_SECRET = re.compile(r"(^|[_-])(token|secret|password|api[_-]?key|credentials?)$", re.IGNORECASE)


def configuration(benchmark: Benchmark, backend: Backend, sampling: Sampling) -> dict[str, Any]:
    """Everything that decides a run's completions and verdicts; its digest names the run.

    The limits of the tests and the sandbox are not in it: when these change,
    completions stay valid and programs are executed again.

    Raises:
        UsageError, BackendError: the model cannot be asked so (`asking.needs_met`).
    """
    prompts, _ = needs_met(benchmark, backend, sampling)
    return {
        "schema": CONFIGURATION_SCHEMA,
        "benchmark": benchmark.name,
        "data_version": benchmark.data_version,
        "data_digest": benchmark.data_digest,
        "protocol": protocol_of(benchmark, sampling),
        "protocol_version": benchmark.protocol_version,
        "prompt_digest": benchmark.prompt_digest(backend.model_type),
        "prompts": digest([asdict(each) for each in prompts]),
        "model": without_secrets(backend.identity()),
        "model_type": backend.model_type,
        "sampling": sampling_fields(backend, sampling),
    }


@dataclass(frozen=True)
class Planned:
    """Everything about a run that is known before its first sample.

    `model_name` is the model's name in an earlier record; by default it is found
    from the arguments that opened the backend. `provenance` is asked when the run has ended.
    """

    benchmark: Benchmark
    backend: Backend
    sampling: Sampling
    model_name: str = ""
    provenance: Callable[[], Provenance] = on_this_machine


def build_record(
    planned: Planned,
    sandbox: Sandbox,
    store: RunStore,
    metrics: Sequence[Metric],
    timing: schema.Timing,
    regraded: Mapping[str, Any] | None = None,
) -> Record:
    """The record of a run; every sample must have its verdicts in `store`.

    `regraded` names the record that the samples come from, if they were executed again.

    Only `timing` and `executor` differ between an uninterrupted run and a resumed one; `digest`
    covers everything else.
    """
    benchmark, known, made = planned.benchmark, head(planned), planned.provenance()
    chat = planned.backend.model_type == "chat"
    tasks, worth = {}, []
    for task in benchmark.tasks:
        grades = _grades(benchmark, task, store)
        tasks[task.task_id] = _task_row(benchmark, task, grades, store)
        worth.append(_worth(task, grades))
    record = msgspec.structs.replace(
        known,
        benchmark=msgspec.structs.replace(known.benchmark, integrity=_counted(worth)),
        run_id=store.run_id,
        lacks=both(known.lacks, remembered(store.folder)),
        hardware=made.hardware,
        executor=_sorted(made.executor),
        sandbox=_sorted(sandbox.describe()),
        totals=tallies.totals(store.content.index),
        reasoning=tallies.reasoning(store.content.index) if chat else None,
        scores=_scores(tasks, benchmark, metrics),
        verdicts={suite: _verdicts(tasks, suite) for suite in benchmark.suites},
        tasks=tasks,
        sound=_sound(benchmark, tasks, metrics),
        timing=timing,
        regraded=_sorted(regraded or {}),
        **_views(benchmark, tasks, metrics),
    )
    return schema.sealed(record)


def head(planned: Planned) -> Record:
    """The part of the record that is known before the run; tasks have no samples yet."""
    benchmark, backend = planned.benchmark, planned.backend
    identity = without_secrets(backend.identity())
    protocol = protocol_of(benchmark, planned.sampling)
    return Record(
        schema=schema.SCHEMA,
        run_id="",
        model=schema.Model(
            name=planned.model_name or name_of_identity(identity),
            origin=_origin(identity),
            identity=_sorted(identity),
        ),
        model_type=backend.model_type,
        benchmark=schema.Benchmark(
            name=benchmark.name,
            data_version=benchmark.data_version,
            data_digest=benchmark.data_digest,
            suites=tuple(benchmark.suites),
            headline=benchmark.headline,
            tasks=len(benchmark.tasks),
            tasks_in_version=benchmark.tasks_in_version,
            integrity=_counted(task.integrity for task in benchmark.tasks),
            description=msgspec.convert(_sorted(benchmark.describe()), schema.Description),
        ),
        protocol=schema.Protocol(
            name=protocol,
            base=benchmark.protocol if protocol != benchmark.protocol else "",
            version=benchmark.protocol_version,
            prompt_digest=benchmark.prompt_digest(backend.model_type),
            time_limit=benchmark.time_limit,
        ),
        sampling=schema.Drawn(**sampling_fields(backend, planned.sampling)),
        lacks=needs_met(benchmark, backend, planned.sampling)[1],
        sandbox={},
        harness=harness(),
        totals=schema.Totals(samples=0),
        scores={},
        verdicts={},
        tasks={
            task.task_id: TaskRow(
                n=0, c={}, verdicts={}, cluster=dict(benchmark.about(task)).get("cluster", "")
            )
            for task in benchmark.tasks
        },
        timing=schema.Timing(finished=""),
        errata=tuple(
            schema.Erratum(task=row.task, kind=row.kind, what=row.what, fails=row.fails)
            for row in benchmark.errata
        ),
    )


def _origin(identity: Mapping[str, Any]) -> schema.Origin:
    match identity.get("backend"):
        case "samples":
            return "file"
        case "reference":
            return "reference"
        case "openai" | "litellm":
            return "server"
        case _:
            return "engine"


def without_secrets(value: Any) -> Any:
    """A copy as plain values, with the text of every field named like a secret blanked."""
    if isinstance(value, Mapping):
        return {
            key: "(hidden)" if _is_secret(key, part) else without_secrets(part)
            for key, part in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [without_secrets(part) for part in value]
    # Some libraries (torch) give their versions as subclasses of str.
    return str(value) if isinstance(value, str) else value


def _is_secret(key: str, value: object) -> bool:
    return isinstance(value, str) and _SECRET.search(key) is not None


def harness() -> schema.Harness:
    """This program's version and, in a checkout, its commit and whether files were changed."""
    root = Path(opencodeeval.__file__).resolve().parent.parent
    if not (root / ".git").exists():
        return schema.Harness(version=opencodeeval.__version__)
    git = ["git", "-C", str(root)]
    changed = output_of([*git, "status", "--porcelain", "--untracked-files=no"])
    return schema.Harness(
        version=opencodeeval.__version__,
        commit=output_of([*git, "rev-parse", "HEAD"]),
        modified=bool(changed),
    )


def _grades(benchmark: Benchmark, task: Task, store: RunStore) -> list[Grade]:
    """A task's grades by sample; with their details only where the benchmark reads them."""
    light = store.graded(task.task_id)
    if not light:
        raise KeyError(task.task_id)
    if type(benchmark).counted is CardBenchmark.counted:
        return light
    return [store.verdicts[SampleId(each.task_id, each.sample_id)][1] for each in light]


def _worth(task: Task, grades: Sequence[Grade]) -> str:
    """What a pass is worth: forge-proof too where the tests of a unittest task ran apart."""
    apart = any(suite.apart for grade in grades for suite in grade.suites.values())
    return "forge-proof" if apart else task.integrity


def _counted(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))


def _views(
    benchmark: Benchmark, tasks: Mapping[str, TaskRow], metrics: Sequence[Metric]
) -> dict[str, Any]:
    """Scores by kind, by month and around the cut-off date, if tasks have these fields."""
    cutoff = benchmark.describe().get("window", {}).get("cutoff")
    return {
        "breakdown": breakdown(tasks, benchmark.suites, metrics),
        "contamination": contamination(tasks, benchmark.headline, cutoff),
    }


def _task_row(
    benchmark: Benchmark, task: Task, grades: Sequence[Grade], store: RunStore
) -> TaskRow:
    correct: Counter[str] = Counter()
    seen: dict[str, Counter[str]] = {suite: Counter() for suite in benchmark.suites}
    counted, about = benchmark.counted(grades), dict(benchmark.about(task))
    for grade in counted:
        verdicts = verdicts_of(grade)
        passes = benchmark.passes(verdicts)
        for suite in benchmark.suites:
            correct[suite] += int(passes[suite])
            seen[suite][verdicts[suite].value] += 1
    return TaskRow(
        n=len(counted),
        c={suite: correct[suite] for suite in benchmark.suites},
        verdicts={suite: dict(sorted(counts.items())) for suite, counts in seen.items()},
        samples=len(grades) if len(counted) < len(grades) else 0,
        cluster=about.pop("cluster", ""),
        about=_sorted(about),
        answers=_answers(benchmark, counted, store),
    )


def _answers(benchmark: Benchmark, grades: Sequence[Grade], store: RunStore) -> tuple[int, ...]:
    """How many of several samples give each answer; those without one agree with none."""
    if not benchmark.has_answers or len(grades) < 2:
        return ()
    programs = [store.programs[SampleId(each.task_id, each.sample_id)][1] for each in grades]
    given = Counter(benchmark.answer(program) for program in programs if program.code.strip())
    silent = len(programs) - sum(given.values())
    return tuple(sorted([*given.values(), *[1] * silent], reverse=True))


def verdicts_of(grade: Grade) -> dict[str, Verdict]:
    """Suite -> verdict."""
    return {name: suite.verdict for name, suite in grade.suites.items()}


def _scores(
    tasks: Mapping[str, TaskRow], benchmark: Benchmark, metrics: Sequence[Metric]
) -> dict[str, dict[str, schema.Score]]:
    return {
        suite: {
            metric: schema.Score(**score)
            for metric, score in scores_of(tasks, suite, metrics).items()
        }
        for suite in benchmark.suites
    }


def _sound(
    benchmark: Benchmark, tasks: Mapping[str, TaskRow], metrics: Sequence[Metric]
) -> schema.Sound | None:
    """Scores over the tasks whose own solution passes in a jail, if that is not all of them."""
    failing = {row.task for row in benchmark.errata if row.fails}
    rest = {task_id: row for task_id, row in tasks.items() if task_id not in failing}
    if not rest or len(rest) == len(tasks):
        return None
    return schema.Sound(
        tasks=len(rest),
        without=tuple(sorted(tasks.keys() - rest.keys())),
        scores=_scores(rest, benchmark, metrics),
    )


def _verdicts(tasks: Mapping[str, TaskRow], suite: str) -> dict[str, int]:
    total: Counter[str] = Counter()
    for row in tasks.values():
        total.update(row.verdicts[suite])
    return dict(sorted(total.items()))


def _sorted(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _sorted(value[key]) for key in sorted(value)}
    if isinstance(value, (list, tuple)):
        return [_sorted(part) for part in value]
    return value
