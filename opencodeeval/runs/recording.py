"""Records: the JSON from which every table is made again."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import opencodeeval
from opencodeeval.backends.base import Backend
from opencodeeval.benchmarks.base import Benchmark
from opencodeeval.core.machine import hardware, output_of
from opencodeeval.core.types import Grade, Sampling, Task, Verdict, digest
from opencodeeval.execution.base import Sandbox
from opencodeeval.records.breakdown import breakdown, contamination, scores_of
from opencodeeval.runs.store import RunStore

SCHEMA = 1

_SECRET = re.compile(r"(^|[_-])(token|secret|password|api[_-]?key|credentials?)$", re.IGNORECASE)


def configuration(benchmark: Benchmark, backend: Backend, sampling: Sampling) -> dict[str, Any]:
    """Everything that decides a run's completions and verdicts; its digest names the run.

    The limits of the tests and the sandbox are not in it: when these change,
    completions stay good and programs are executed again.
    """
    prompts = [asdict(benchmark.prompt(task, backend.model_type)) for task in benchmark.tasks]
    return {
        "schema": SCHEMA,
        "benchmark": benchmark.name,
        "data_version": benchmark.data_version,
        "data_digest": benchmark.data_digest,
        "protocol": benchmark.protocol,
        "protocol_version": benchmark.protocol_version,
        "prompt_digest": benchmark.prompt_digest(backend.model_type),
        "prompts": digest(prompts),
        "model": without_secrets(backend.identity()),
        "model_type": backend.model_type,
        "sampling": sampling_fields(backend, sampling),
    }


def build_record(
    benchmark: Benchmark,
    backend: Backend,
    sandbox: Sandbox,
    sampling: Sampling,
    store: RunStore,
    ks: Sequence[int],
    timing: Mapping[str, Any],
    regraded: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The record of a run whose every sample has its verdicts in `store`.

    `regraded` says of which record the samples are, where they were executed again.

    `timing` is the only part that differs between an undisturbed run and one
    that was resumed; `digest` is over all the rest.
    """
    tasks = {
        task.task_id: _task_row(benchmark, task, grades)
        for task, grades in _by_task(benchmark, store)
    }
    record: dict[str, Any] = {
        "schema": SCHEMA,
        "run_id": store.run_id,
        "model": without_secrets(backend.identity()),
        "model_type": backend.model_type,
        "benchmark": {
            "name": benchmark.name,
            "data_version": benchmark.data_version,
            "data_digest": benchmark.data_digest,
            "suites": list(benchmark.suites),
            "headline": benchmark.headline,
            "tasks": len(benchmark.tasks),
            "integrity": dict(Counter(task.integrity for task in benchmark.tasks)),
            "description": dict(benchmark.describe()),
        },
        "protocol": {
            "name": benchmark.protocol,
            "version": benchmark.protocol_version,
            "prompt_digest": benchmark.prompt_digest(backend.model_type),
        },
        "sampling": sampling_fields(backend, sampling),
        "hardware": hardware(),
        "sandbox": dict(sandbox.describe()),
        "harness": {"version": opencodeeval.__version__, "commit": commit()},
        "totals": _totals(store),
        "pass@k": {suite: scores_of(tasks, suite, ks) for suite in benchmark.suites},
        "verdicts": {suite: _verdicts(tasks, suite) for suite in benchmark.suites},
    }
    sound = _sound(benchmark, tasks)
    if len(sound) < len(tasks):
        record["sound"] = {
            "tasks": len(sound),
            "without": sorted(tasks.keys() - sound.keys()),
            "pass@k": {suite: scores_of(sound, suite, ks) for suite in benchmark.suites},
        }
    record |= _views(benchmark, tasks, ks)
    if regraded is not None:
        record["regraded"] = dict(regraded)
    record = _sorted(record)
    record["tasks"] = {task_id: _sorted(row) for task_id, row in tasks.items()}
    record["timing"] = _sorted(dict(timing))
    record["digest"] = record_digest(record)
    return record


def record_digest(record: Mapping[str, Any]) -> str:
    """Digest of a record's content: all but `timing` and `digest` itself."""
    return digest({name: part for name, part in record.items() if name not in ("timing", "digest")})


def record_path(output: Path, record: Mapping[str, Any]) -> Path:
    """Where a record belongs: <benchmark>/<model>--<protocol>--<run_id>.json."""
    model = slug(model_name(str(record["model"]["model"])))
    protocol = slug(record["protocol"]["name"])
    name = f"{model}--{protocol}--{record['run_id']}.json"
    return output / slug(record["benchmark"]["name"]) / name


def model_name(model: str) -> str:
    """A hub id as it is; of a folder the last two parts of its path."""
    if os.path.isdir(model):
        return "/".join(Path(model).resolve().parts[-2:])
    return model


def slug(name: str) -> str:
    """A name as one path component, at most 100 characters; `/` becomes `--`."""
    parts = [re.sub(r"[^A-Za-z0-9._-]+", "-", part) for part in name.split("/")]
    joined = "--".join(part for part in parts if part.strip("."))
    return joined[-100:].lstrip("-.") or "unnamed"


def sampling_fields(backend: Backend, sampling: Sampling) -> dict[str, Any]:
    """The sampling as recorded; of ready-made samples only their number is known."""
    if backend.identity().get("backend") == "samples":
        return {"n": sampling.n}
    return asdict(sampling)


def without_secrets(value: Any) -> Any:
    """A copy in which the text of everything named like a secret is blanked."""
    if isinstance(value, Mapping):
        return {
            key: "(hidden)" if _is_secret(key, part) else without_secrets(part)
            for key, part in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [without_secrets(part) for part in value]
    return value


def _is_secret(key: str, value: object) -> bool:
    return isinstance(value, str) and _SECRET.search(key) is not None


def commit() -> str | None:
    """The commit of the checkout this package is run from, if it is one."""
    root = Path(opencodeeval.__file__).resolve().parent.parent
    if not (root / ".git").exists():
        return None
    return output_of(["git", "-C", str(root), "rev-parse", "HEAD"])


def _by_task(benchmark: Benchmark, store: RunStore) -> list[tuple[Task, list[Grade]]]:
    graded: dict[str, dict[int, Grade]] = {}
    for where, (_, grade) in store.verdicts.items():
        graded.setdefault(where.task_id, {})[where.sample_id] = grade
    return [
        (task, [grade for _, grade in sorted(graded[task.task_id].items())])
        for task in benchmark.tasks
    ]


def _views(benchmark: Benchmark, tasks: Mapping[str, Any], ks: Sequence[int]) -> dict[str, Any]:
    """Scores by kind and by month, and at the cut-off date, where tasks have such."""
    cutoff = benchmark.describe().get("window", {}).get("cutoff")
    told = {"benchmark": {"headline": benchmark.headline}, "tasks": tasks}
    views = {
        "breakdown": breakdown(tasks, benchmark.suites, ks),
        "contamination": contamination(told, cutoff),
    }
    return {name: view for name, view in views.items() if view}


def _task_row(benchmark: Benchmark, task: Task, grades: Sequence[Grade]) -> dict[str, Any]:
    correct: Counter[str] = Counter()
    seen: dict[str, Counter[str]] = {suite: Counter() for suite in benchmark.suites}
    counted, about = benchmark.counted(grades), dict(benchmark.about(task))
    for grade in counted:
        verdicts = verdicts_of(grade)
        passes = benchmark.passes(verdicts)
        for suite in benchmark.suites:
            correct[suite] += int(passes[suite])
            seen[suite][verdicts[suite].value] += 1
    return {
        "n": len(counted),
        "c": {suite: correct[suite] for suite in benchmark.suites},
        "verdicts": {suite: dict(counts) for suite, counts in seen.items()},
        **({"samples": len(grades)} if len(counted) < len(grades) else {}),
        **({"about": about} if about else {}),
    }


def verdicts_of(grade: Grade) -> dict[str, Verdict]:
    """Suite -> verdict."""
    return {name: suite.verdict for name, suite in grade.suites.items()}


def _sound(benchmark: Benchmark, tasks: Mapping[str, Any]) -> dict[str, Any]:
    """The tasks whose own solution passes in a jail; all of them, where none does."""
    failing = {row.task for row in benchmark.errata if row.fails}
    return {task_id: row for task_id, row in tasks.items() if task_id not in failing} or dict(tasks)


def _verdicts(tasks: Mapping[str, Any], suite: str) -> dict[str, int]:
    total: Counter[str] = Counter()
    for row in tasks.values():
        total.update(row["verdicts"][suite])
    return dict(total)


def _totals(store: RunStore) -> dict[str, Any]:
    completions = [store.completions[where] for where in sorted(store.completions)]
    return {
        "samples": len(completions),
        "prompt_tokens": sum(completion.prompt_tokens for completion in completions),
        "completion_tokens": sum(completion.completion_tokens for completion in completions),
        "finish_reasons": dict(Counter(completion.finish_reason for completion in completions)),
    }


def _sorted(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _sorted(value[key]) for key in sorted(value)}
    if isinstance(value, (list, tuple)):
        return [_sorted(part) for part in value]
    return value
