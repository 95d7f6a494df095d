"""Scores as the Hub's evaluation results: `.eval_results/*.yaml` of a model's repository.

The Hub shows them on the model's page and on the leaderboard of the data set. The format is
https://huggingface.co/docs/hub/eval-results.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from opencodeeval.core.errors import UsageError
from opencodeeval.core.own_files import mark_of
from opencodeeval.records.answered import cautions
from opencodeeval.records.reading import StoredRecord
from opencodeeval.show.ranking import decoding

FOLDER = ".eval_results"
# Benchmark -> its data set on the Hub, also where we read the data from elsewhere.
ON_THE_HUB = {
    "bigcodebench": "bigcode/bigcodebench",
    "bigcodebench_hard": "bigcode/bigcodebench-hard",
    "cruxeval_input": "cruxeval-org/cruxeval",
    "cruxeval_output": "cruxeval-org/cruxeval",
    "humaneval": "openai/openai_humaneval",
    "humaneval_plus": "evalplus/humanevalplus",
    "humanevalpack_fix": "bigcode/humanevalpack",
    "humanevalpack_synthesize": "bigcode/humanevalpack",
    "livecodebench": "livecodebench/code_generation_lite",
    "mbpp": "google-research-datasets/mbpp",
    "mbpp_plus": "evalplus/mbppplus",
    "multipl_e_humaneval": "nuprl/MultiPL-E",
    "multipl_e_mbpp": "nuprl/MultiPL-E",
}
_COMMIT = re.compile(r"[0-9a-f]{40}")


def as_eval_results(records: Sequence[StoredRecord]) -> str:
    """One entry for each record's headline score, in percent, as YAML.

    Raises:
        UsageError: a benchmark has no data set on the Hub.
    """
    from huggingface_hub.utils import yaml_dump  # type: ignore[attr-defined]

    entries = [_entry(record) for record in records]
    text = yaml_dump(entries, line_break="\n")
    return f"# {mark_of('publish')}\n{text}"


def _entry(record: StoredRecord) -> dict[str, Any]:
    dataset = ON_THE_HUB.get(record.benchmark)
    if dataset is None:
        raise UsageError(
            f"{record.path} is of {record.benchmark}, which has no data set on the Hub that a "
            "result could be of: name records of other benchmarks"
        )
    value = next(iter(record.record.scores[record.headline].values())).value
    data = record.record.benchmark.description.data
    named: dict[str, Any] = {"id": dataset, "task_id": _task(record)}
    if data.get("dataset") == dataset and _COMMIT.fullmatch(str(data.get("revision"))):
        named["revision"] = data["revision"]
    return {
        "dataset": named,
        "value": round(100 * value, 4),
        "date": record.record.timing.finished,
        "notes": _notes(record),
    }


def _task(record: StoredRecord) -> str:
    """The benchmark, with the data version if that is one of a set (a language)."""
    whole_set = record.record.benchmark.description.set
    return f"{record.benchmark}@{record.data_version}" if whole_set else record.benchmark


def _notes(record: StoredRecord) -> str:
    """What a reader has to know to compare the number with another."""
    metric, score = next(iter(record.record.scores[record.headline].items()))
    benchmark = record.record.benchmark
    return ", ".join(
        [
            f"{record.headline} {metric}" if len(record.suites) > 1 else metric,
            f"95 % interval {100 * score.low:.1f} to {100 * score.high:.1f}",
            f"data {record.data_version}",
            f"protocol {record.protocol}",
            f"{benchmark.shown_tasks} tasks",
            f"{decoding(record)}, n {record.n}",
            *cautions(record.record),
            f"opencodeeval {record.record.harness.version}",
            f"record {record.record.digest[:12]}",
        ]
    )
