"""Which samples of a task give the same answer: in a record, and as counts of pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from opencodeeval.core.errors import UsageError
from opencodeeval.records.breakdown import scores_of
from opencodeeval.records.counts import agreement_counts
from opencodeeval.records.reading import read_record
from opencodeeval.records.schema import content_of
from opencodeeval.stats.metrics import CONSISTENCY, parse_metrics
from tests.support.records import record, sealed, stored, write


def with_answers(answers: Mapping[str, Sequence[int]], **fields: Any) -> dict[str, Any]:
    """A record whose tasks have answers of these numbers of samples; half of each are right."""
    content = record({task: (sum(sizes), sum(sizes) // 2) for task, sizes in answers.items()})
    rows = {
        task: {**row, "answers": list(answers[task]), **fields}
        for task, row in content["tasks"].items()
    }
    return sealed({**content, "tasks": rows})


def test_pairs_of_samples_are_counted_by_task() -> None:
    rows = stored(with_answers({"a": (3, 1), "b": (1, 1, 1, 1), "c": (4,)})).record.tasks
    assert agreement_counts(rows) == {"a": (6, 3), "b": (6, 0), "c": (6, 6)}
    assert agreement_counts(rows, without={"a", "b"}) == {"c": (6, 6)}
    found = scores_of(rows, "base", parse_metrics(["consistency", "pass@1"]))
    assert found["consistency"]["value"] == pytest.approx(0.5)
    assert list(found) == ["pass@1", "consistency"]


def test_samples_of_different_tasks_of_a_cluster_are_no_pairs() -> None:
    rows = stored(with_answers({"a": (2,), "b": (2, 1)}, cluster="one")).record.tasks
    assert agreement_counts(rows) == {"one": (4, 2)}


def test_consistency_of_a_record_without_answers_is_refused() -> None:
    with pytest.raises(UsageError, match=r"consistency needs the answers .* t/0 has none"):
        stored(record({"t/0": (4, 2)})).counts("base", (), CONSISTENCY)


def test_a_task_of_which_one_sample_counts_leaves_consistency_out_and_keeps_the_rest() -> None:
    content = with_answers({"a": (3, 1), "b": (1,)})
    del content["tasks"]["b"]["answers"]
    rows = stored(sealed(content)).record.tasks
    assert agreement_counts(rows) == {"a": (6, 3), "b": (0, 0)}
    assert list(scores_of(rows, "base", parse_metrics(["consistency", "pass@1"]))) == ["pass@1"]


def test_a_metric_that_a_task_has_too_few_samples_for_is_left_out() -> None:
    rows = stored(record({"a": (4, 2), "b": (3, 3)})).record.tasks
    found = scores_of(rows, "base", parse_metrics(["pass@1", "pass^3", "pass^4", "solved"]))
    assert {name: score["value"] for name, score in found.items()} == pytest.approx(
        {"pass@1": 0.75, "pass^3": 0.5, "solved": 1.0}
    )


def test_records_without_answers_are_written_as_before() -> None:
    content = content_of(stored(record({"a": (4, 2)})).record)
    assert content["tasks"]["a"].keys() == {"n", "c", "verdicts"}
    content = content_of(stored(with_answers({"a": (3, 1)})).record)
    assert content["tasks"]["a"]["answers"] == [3, 1]


@pytest.mark.parametrize("sizes", [[3, 2], [4, 0], [5, -1]])
def test_answers_that_contradict_the_samples_are_refused(tmp_path: Path, sizes: list[int]) -> None:
    content = record({"a": (4, 2)})
    content["tasks"]["a"]["answers"] = sizes
    with pytest.raises(UsageError, match="answers of a are"):
        read_record(write(tmp_path, sealed(content)))
