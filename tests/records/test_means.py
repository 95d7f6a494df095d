"""Means over a set: which records are its parts, and what the interval counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from opencodeeval.benchmarks.registry import expanded
from opencodeeval.core.errors import UsageError
from opencodeeval.records.means import set_means
from opencodeeval.records.schema import Record
from opencodeeval.stats.pass_at_k import Count, estimate_mean_of_parts, estimate_pass_at_k
from tests.support.records import record

LANGUAGES = ["cpp", "js", "sh"]


def part(
    language: str, counts: Mapping[str, tuple[int, int]], model: str = "some/model", **drawn: Any
) -> Record:
    described = {"set": LANGUAGES} if language else {}
    named = {"data_version": language or "v1", "description": described}
    changes = {"benchmark": named, "sampling": {"stop": [language], **drawn}}
    return msgspec.convert(record(counts, model, "multi", changes=changes), Record)


HALF = {"HumanEval_1_a": (1, 1), "HumanEval_2_b": (1, 0)}
NONE = {"HumanEval_1_a": (1, 0), "HumanEval_3_c": (1, 0)}


def test_the_mean_is_unweighted_over_the_parts_that_are_there() -> None:
    three = {**HALF, "HumanEval_4_d": (1, 1)}
    [mean] = set_means([part("sh", three), part("cpp", HALF), part("", HALF)])
    assert mean.parts == ("cpp", "sh")
    assert (mean.of, mean.whole) == (3, False)
    assert mean.score.value == pytest.approx((1 / 2 + 2 / 3) / 2)


def test_one_part_alone_has_no_mean() -> None:
    assert set_means([part("js", HALF), part("", HALF)]) == []


def test_other_models_and_other_sampling_are_other_sets() -> None:
    records = [
        part("js", HALF),
        part("cpp", HALF),
        part("js", NONE, model="other/model"),
        part("cpp", NONE, seed=1),
    ]
    [mean] = set_means(records)
    assert (mean.model, mean.score.value) == ("some/model", 0.5)


def test_a_problem_in_several_languages_counts_once_in_the_interval() -> None:
    rows = {f"HumanEval_{number}_x": float(number % 2) for number in range(40)}
    alone = estimate_pass_at_k([Count(1, int(value)) for value in rows.values()], 1)
    assert estimate_mean_of_parts([rows]) == pytest.approx(alone)
    # The same results in another language say nothing new; those of other problems do.
    assert estimate_mean_of_parts([rows, rows]) == pytest.approx(alone)
    others = {f"other {name}": value for name, value in rows.items()}
    both = estimate_mean_of_parts([rows, others])
    assert both.value == alone.value
    assert both.high - both.low < 0.8 * (alone.high - alone.low)


def test_the_mean_of_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="a part has no tasks"):
        estimate_mean_of_parts([{}])


@pytest.mark.parametrize(
    ("specs", "wanted"),
    [
        (["multipl_e_humaneval@js", "cpp"], ["multipl_e_humaneval@js", "multipl_e_humaneval@cpp"]),
        (["multipl_e_mbpp@js", "sh", "mbpp", "js"], None),
        (["humaneval", "humaneval", "tasks.jsonl"], ["humaneval", "tasks.jsonl"]),
    ],
)
def test_a_version_behind_a_spec_is_another_part(
    specs: list[str], wanted: list[str] | None
) -> None:
    if wanted is None:
        with pytest.raises(UsageError, match="there is no benchmark 'js'"):
            expanded(specs)
    else:
        assert expanded(specs) == wanted


def test_a_set_s_name_stands_for_all_its_parts() -> None:
    found = expanded(["multipl_e_humaneval", "multipl_e_humaneval@cpp", "humaneval"])
    assert found[-1] == "humaneval"
    assert len(found) == 8
    assert {each.partition("@")[0] for each in found[:-1]} == {"multipl_e_humaneval"}
