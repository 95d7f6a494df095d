"""A finished run as a log of Inspect (the package inspect-ai), which its viewer opens.

The format is version 2 of Inspect's `EvalLog` as JSON. It is written from the record and the
run folder alone, without Inspect.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from opencodeeval.core.json_pieces import Keyed, Listed, json_pieces
from opencodeeval.core.types import Completion, Grade, Program, SampleId, Verdict
from opencodeeval.records.answered import cautions
from opencodeeval.records.reading import StoredRecord
from opencodeeval.runs.rows import PromptRow, read_prompts
from opencodeeval.runs.store import read_run
from opencodeeval.show.ranking import shown_name

VERSION = 2
NAME = "inspect"
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_STOP_REASONS = {"stop": "stop", "length": "max_tokens", "prompt_too_long": "model_length"}


def file_name(record: StoredRecord) -> str:
    """The name of a run's log, in the form of Inspect's own: time, task and id."""
    time = record.record.timing.finished.replace(":", "-")
    return f"{time}_{record.benchmark.replace('_', '-')}_{record.record.run_id}.json"


def as_inspect_log(record: StoredRecord, folder: Path) -> Iterator[str]:
    """The log, in pieces: each sample's prompt, answer, program, and the score of each suite.

    Raises:
        StoreError: what is stored of the run is damaged.
    """
    stored, prompts = read_run(folder), read_prompts(folder)
    there = [
        SampleId(task_id, number)
        for task_id, row in record.record.tasks.items()
        for number in range(row.all_samples)
    ]
    there = [each for each in there if each in stored.grades and each in stored.programs]
    samples = (
        _sample(
            record,
            prompts.get(where.task_id),
            stored.completions[where],
            stored.programs[where],
            stored.grades[where],
        )
        for where in there
    )
    value = {**_about(record, len(there)), "samples": Listed(samples)}
    for piece in json_pieces(Keyed(value.items()), ensure_ascii=False, allow_nan=False):
        # Programs may hold lone surrogates, which Inspect's reader of JSON refuses.
        yield _LONE_SURROGATE.sub("\ufffd", piece)
    yield "\n"


def _about(record: StoredRecord, samples: int) -> dict[str, Any]:
    """The log but for its samples."""
    content = record.record
    started = content.timing.started or content.timing.finished
    return {
        "version": VERSION,
        "status": "success",
        "eval": _spec(record, started),
        "plan": {"name": record.protocol, "steps": [], "config": _settings(record)},
        "results": _results(record, samples),
        "stats": {
            "started_at": started,
            "completed_at": content.timing.finished,
            "model_usage": {
                shown_name(record.model): _usage(
                    content.totals.prompt_tokens, content.totals.completion_tokens
                )
            },
        },
    }


def _spec(record: StoredRecord, started: str) -> dict[str, Any]:
    content = record.record
    benchmark = content.benchmark
    return {
        "eval_id": content.run_id,
        "run_id": content.run_id,
        "created": started,
        "task": record.benchmark,
        "task_id": content.run_id,
        "task_version": record.data_version,
        "task_args": {"protocol": content.protocol.name, "version": content.protocol.version},
        "dataset": {
            "name": benchmark.description.title or record.benchmark,
            "location": str(benchmark.description.data.get("dataset") or ""),
            "samples": benchmark.tasks,
            "sample_ids": list(content.tasks),
        },
        "model": shown_name(record.model),
        "model_generate_config": _settings(record),
        "config": {"epochs": record.n},
        "packages": {"opencodeeval": content.harness.version},
        "metadata": {
            "record_digest": content.digest,
            "data_digest": benchmark.data_digest,
            "headline": record.headline,
            "weights_digest": content.model.identity.get("weights_digest"),
            "jail": content.sandbox.get("jail"),
            "cautions": cautions(content),
        },
    }


def _settings(record: StoredRecord) -> dict[str, Any]:
    sampling = record.record.sampling
    if sampling.temperature is None:
        return {}
    named = {
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "max_tokens": sampling.max_tokens,
        "seed": sampling.seed,
    }
    for name in ("top_k", "presence_penalty", "frequency_penalty"):
        if value := sampling.setting(name):
            named[name] = value
    return {name: value for name, value in named.items() if value is not None}


def _results(record: StoredRecord, samples: int) -> dict[str, Any]:
    return {
        "total_samples": samples,
        "completed_samples": samples,
        "scores": [
            {
                "name": suite,
                "scorer": suite,
                "params": {},
                "metrics": {
                    metric: {
                        "name": metric,
                        "value": score.value,
                        "params": {},
                        "metadata": {"low": score.low, "high": score.high, "confidence": 0.95},
                    }
                    for metric, score in record.record.scores[suite].items()
                },
            }
            # The viewer shows the first: the headline's.
            for suite in sorted(record.suites, key=lambda suite: suite != record.headline)
        ],
    }


def _sample(
    record: StoredRecord,
    prompt: PromptRow | None,
    completion: Completion,
    program: Program,
    grade: Grade,
) -> dict[str, Any]:
    message = {"role": "assistant", "content": _answer(completion), "source": "generate"}
    asked = _messages(prompt, completion)
    return {
        "id": completion.task_id,
        "epoch": completion.sample_id + 1,
        "input": asked,
        # The tests stay with the judge: a record of a run does not hold what was expected.
        "target": "",
        "messages": [*asked, message],
        "output": {
            "model": shown_name(record.model),
            "choices": [
                {
                    "message": message,
                    "stop_reason": _STOP_REASONS.get(completion.finish_reason, "unknown"),
                }
            ],
            "usage": _usage(completion.prompt_tokens, completion.completion_tokens),
        },
        "scores": {
            name: {
                "value": "C" if suite.verdict is Verdict.PASSED else "I",
                "answer": program.code,
                "explanation": _explanation(suite.verdict.value, suite.detail, suite.failure),
                "metadata": {
                    "verdict": suite.verdict.value,
                    "tests_run": suite.tests_run,
                    "tests_total": suite.tests_total,
                },
            }
            for name, suite in grade.suites.items()
        },
        "metadata": {
            "finish_reason": completion.finish_reason,
            "found": program.found,
            "stdout": grade.stdout,
            "stderr": grade.stderr,
        },
    }


def _messages(prompt: PromptRow | None, completion: Completion) -> list[dict[str, str]]:
    if prompt is None or not prompt.messages:
        text = completion.prompt or (prompt.text if prompt else "")
        return [{"role": "user", "content": text, "source": "input"}]
    turns = [
        {"role": turn.role, "content": turn.content, "source": "input"} for turn in prompt.messages
    ]
    if prompt.response_prefix:
        turns.append({"role": "assistant", "content": prompt.response_prefix, "source": "input"})
    return turns


def _answer(completion: Completion) -> str | list[dict[str, str]]:
    """The answer; what a server sent apart as reasoning is a part of its own."""
    if not completion.reasoning:
        return completion.text
    return [
        {"type": "reasoning", "reasoning": completion.reasoning},
        {"type": "text", "text": completion.text},
    ]


def _explanation(verdict: str, detail: str, failure: Mapping[str, Any] | None) -> str:
    lines = [f"{verdict}: {detail}" if detail else verdict]
    for name, value in (failure or {}).items():
        if value is not None:
            lines.append(f"{name}: {value if isinstance(value, str) else json.dumps(value)}")
    return "\n".join(lines)


def _usage(read: int, written: int) -> dict[str, int]:
    return {"input_tokens": read, "output_tokens": written, "total_tokens": read + written}
