"""Which records share a row and a column, and what is said of published scores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from opencodeeval.core.errors import DataError, UsageError
from opencodeeval.records.reading import StoredRecord, read_records
from opencodeeval.show.ranking import make_board, shown_name
from opencodeeval.show.ranking_with_reported import bars, with_published
from opencodeeval.show.reported import PublishedScore, same_model
from opencodeeval.show.standings import About, Board, Rank
from opencodeeval.stats.metrics import estimate, parse_metrics
from opencodeeval.stats.pass_at_k import Count, Estimate, estimate_pass_at_k
from tests.support.records import greedy, record, sealed, write


def board(tmp_path: Path, *contents: dict[str, Any]) -> Board:
    for content in contents:
        write(tmp_path, content)
    return make_board(read_records([tmp_path]))


def altered(content: dict[str, Any], part: str, **fields: Any) -> dict[str, Any]:
    return sealed({**content, part: {**content[part], **fields}})


def published(**changes: Any) -> PublishedScore:
    fields: dict[str, Any] = {
        "model": "some/model",
        "benchmark": "humaneval",
        "data_version": "v1",
        "protocol": "plain",
        "suite": "base",
        "metric": "pass@1",
        "score": 0.5,
        "source": "a paper",
    }
    return PublishedScore(**{**fields, **changes})


@pytest.mark.parametrize(
    ("part", "field", "value"),
    [
        ("protocol", "name", "another"),
        ("protocol", "version", "2"),
        ("benchmark", "data_version", "v2"),
        ("benchmark", "data_digest", "0" * 64),
        ("benchmark", "name", "mbpp"),
    ],
)
def test_scores_measured_in_different_ways_never_share_a_column(
    tmp_path: Path, part: str, field: str, value: str
) -> None:
    other = record(greedy("1100"), model="other/model")
    found = board(tmp_path, record(greedy("1100")), altered(other, part, **{field: value}))
    assert len(found.groups) == 2
    assert [list(row.cells) for row in found.rows] in ([[0], [1]], [[1], [0]])


def test_a_run_of_a_part_of_the_tasks_has_a_column_of_its_own(tmp_path: Path) -> None:
    found = board(tmp_path, record(greedy("1100")), record(greedy("11"), model="other/model"))
    assert sorted(group.tasks for group in found.groups) == [2, 4]


def test_one_models_benchmarks_stand_in_one_row(tmp_path: Path) -> None:
    found = board(tmp_path, record(greedy("10")), record(greedy("110"), benchmark="mbpp"))
    (row,) = found.rows
    assert [group.benchmark for group in found.groups] == ["humaneval", "mbpp"]
    assert [cell.scores["base", "pass@1"].value for _, cell in sorted(row.cells.items())] == [
        0.5,
        pytest.approx(2 / 3),
    ]


def test_no_record_hides_another_and_the_cell_shows_the_greedy_one(tmp_path: Path) -> None:
    counts = greedy("10")
    seeds = [record(counts, changes={"sampling": {"seed": seed}}) for seed in (0, 1)]
    best = record({"t/0": (4, 4), "t/1": (4, 4)})
    found = board(tmp_path, best, *seeds)
    (row,) = found.rows
    assert [cell.decoding for _, cell in row.measured] == ["greedy", "greedy", "T 0.8"]
    # Not the best one: that would reward whoever measures often.
    assert row.cells[0].scores["base", "pass@1"].value == 0.5
    assert len(row.cells[0].also) == 2


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"top_k": 20, "min_p": 0.05}, "greedy, top-k 20, min-p 0.05"),
        (
            {"repetition_penalty": 1.1, "presence_penalty": 0.5, "frequency_penalty": -0.5},
            "greedy, repetition penalty 1.1, presence penalty 0.5, frequency penalty -0.5",
        ),
        ({"temperature": 0.7, "top_p": 0.8, "top_k": 20}, "T 0.7, top-p 0.8, top-k 20"),
        ({"ignore_eos": True}, "greedy, ignore-eos"),
        (
            {"chat_template_args": {"enable_thinking": False}, "reasoning_effort": "high"},
            "greedy, enable_thinking=false, reasoning effort high",
        ),
    ],
)
def test_the_sampling_stands_beside_the_score(
    tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    other = record(greedy("10"), changes={"sampling": changes})
    found = board(tmp_path, record(greedy("10")), other)
    assert len(found.groups) == 1
    (row,) = found.rows
    assert [cell.decoding for _, cell in row.measured] == ["greedy", words]


def test_a_changed_prompt_is_in_another_column_and_beside_no_published_score(
    tmp_path: Path,
) -> None:
    changes = {"protocol": {"name": "plain+system-prompt-11111111", "base": "plain"}}
    found = board(tmp_path, record(greedy("10"), changes=changes))
    assert [group.protocol for group in found.groups] == ["plain+system-prompt-11111111"]
    assert with_published(found, [published()]).unplaced == 1


def test_the_same_name_with_other_weights_is_another_row(tmp_path: Path) -> None:
    identity = {"backend": "vllm", "model": "some/model", "weights_digest": "1" * 64}
    other = altered(record(greedy("10"), benchmark="mbpp"), "model", identity=identity)
    assert len(board(tmp_path, record(greedy("10")), other).rows) == 2


def test_rows_are_in_order_of_the_benchmark_that_most_were_measured_on(tmp_path: Path) -> None:
    found = board(
        tmp_path,
        record(greedy("1111"), model="a", benchmark="abc"),
        record(greedy("1000"), model="b"),
        record(greedy("1110"), model="c"),
    )
    assert [row.model for row in found.rows] == ["c", "b", "a"]


def test_models_measured_most_stand_before_better_ones(tmp_path: Path) -> None:
    found = board(
        tmp_path,
        record(greedy("1000"), model="a"),
        record(greedy("1000"), model="a", benchmark="mbpp"),
        record(greedy("1111"), model="b"),
    )
    assert [row.model for row in found.rows] == ["a", "b"]
    assert found.ranks == {(0, 0): Rank(2, 2), (0, 1): Rank(1, 1), (1, 0): Rank(1, 2)}


def test_a_measured_model_has_a_rank_among_published_ones(tmp_path: Path) -> None:
    scores = {"better": 0.9, "even": 0.5, "worse": 0.2}
    others = [published(model=name, score=score) for name, score in scores.items()]
    found = with_published(board(tmp_path, record(greedy("1100"))), others)
    ranks = {row.model: found.ranks[number, 0] for number, row in enumerate(found.rows)}
    assert ranks == {
        "some/model": Rank(2, 4),
        "better": Rank(1, 4),
        "even": Rank(2, 4),
        "worse": Rank(4, 4),
    }
    # Measured ones come first, however good the others are.
    assert found.rows[0].model == "some/model"


def test_one_model_is_one_row_whatever_was_published_of_it(tmp_path: Path) -> None:
    mbpp = record(greedy("1100"), model="other/model", benchmark="mbpp")
    about = {"about": About(1.5, "https://x.org", "full")}
    found = with_published(
        board(tmp_path, record(greedy("1100")), mbpp),
        [
            published(model="Model-2", source="a site", about=About(7.0)),
            published(model="owner/model-2", benchmark="mbpp", about=About(None, "https://y.org")),
            published(model="Some/Model", benchmark="mbpp", **about),
        ],
    )
    rows = {row.model: row for row in found.rows}
    assert set(rows) == {"some/model", "other/model", "owner/model-2"}
    assert rows["owner/model-2"].about == About(7.0, "https://y.org")
    assert sorted(rows["owner/model-2"].cells) == [0, 1]
    # What was not measured stands in the measured model's row, without error bars.
    assert rows["some/model"].about == about["about"]
    (beside,) = rows["some/model"].cells[1].published["base", "pass@1"]
    assert (beside.score, beside.bars) == (0.5, None)
    assert rows["some/model"].cells[1].record is None


def test_a_score_of_an_unknown_version_stands_where_its_model_was_measured(tmp_path: Path) -> None:
    later = altered(record(greedy("1100"), model="other/model"), "benchmark", data_version="v2")
    unknown = {"data_version": "", "score": 0.4}
    found = with_published(
        board(tmp_path, record(greedy("1100")), later),
        [published(**unknown), published(**unknown, model="third/model")],
    )
    rows = {row.model: row for row in found.rows}
    assert list(rows["some/model"].cells) == [0]
    assert rows["some/model"].cells[0].published
    # Of a model that was not measured nothing says which version it was.
    assert sorted(rows["third/model"].cells) == [0, 1]


def test_a_name_without_an_owner_joins_none_of_several(tmp_path: Path) -> None:
    names = ["a/x", "b/x", "x"]
    found = with_published(
        board(tmp_path, record(greedy("10"))),
        [published(model=name, score=0.1 * place) for place, name in enumerate(names)],
    )
    assert {row.model for row in found.rows} == {"some/model", *names}


def test_a_curve_follows_from_the_counts_for_every_k_that_the_samples_allow(
    tmp_path: Path,
) -> None:
    counts = {"t/0": (12, 3), "t/1": (12, 12), "t/2": (15, 0)}
    (row,) = board(tmp_path, record(counts, ks=(1, 10))).rows
    curve = row.cells[0].curve
    assert list(curve) == [1, 2, 3, 5, 10, 12]
    tasks = [Count(*each) for each in counts.values()]
    assert all(score == estimate_pass_at_k(tasks, k) for k, score in curve.items())
    assert row.cells[0].samples == "12 to 15"


def test_greedy_runs_have_no_curve(tmp_path: Path) -> None:
    (row,) = board(tmp_path, record(greedy("10"))).rows
    assert row.cells[0].curve == {}


def test_scores_that_do_not_follow_from_the_counts_are_refused(tmp_path: Path) -> None:
    content = record(greedy("1100"))
    content["pass@k"]["base"]["pass@1"] = {"value": 0.9, "low": 0.8, "high": 0.95}
    write(tmp_path, sealed(content))
    with pytest.raises(DataError, match=r"says pass@1 is 0\.9 .* its counts say 0\.5"):
        make_board(read_records([tmp_path]))


def test_tasks_whose_own_solution_fails_are_also_left_out(tmp_path: Path) -> None:
    content = record(greedy("1100"))
    content["sound"] = {"tasks": 3, "without": ["t/3"], "pass@k": {}}
    (row,) = board(tmp_path, sealed(content)).rows
    assert row.cells[0].sound["base", "pass@1"].value == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Qwen/Qwen2.5-Coder-1.5B", "Qwen/Qwen2.5-Coder-1.5B"),
        ("gpt-4", "gpt-4"),
        ("/data/models/run-7/step-0300/", "run-7/step-0300"),
        ("../models/step-0300", "models/step-0300"),
        ("/", "/"),
    ],
)
def test_a_name_is_shown_without_the_machine(name: str, shown: str) -> None:
    assert shown_name(name) == shown


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Qwen/Qwen2.5-Coder-1.5B", "qwen2.5-coder-1.5b", True),
        ("Qwen/Qwen2.5", "qwen/qwen2.5", True),
        ("Qwen/Qwen2.5", "someone/qwen2.5", False),
        ("Qwen2.5-Coder-1.5B", "Qwen2.5-Coder-1.5B-Instruct", False),
    ],
)
def test_when_two_names_mean_one_model(one: str, other: str, same: bool) -> None:
    assert same_model(one, other) is same


def test_a_published_score_stands_beside_the_measured_one_in_units_of_its_error_bar(
    tmp_path: Path,
) -> None:
    found = with_published(board(tmp_path, record(greedy("1100"))), [published(score=0.8)])
    (row,) = found.rows
    score = row.cells[0].scores["base", "pass@1"]
    (beside,) = row.cells[0].published["base", "pass@1"]
    assert beside.bars == pytest.approx((0.5 - 0.8) / (score.high - 0.5))
    assert found.unplaced == 0


@pytest.mark.parametrize(
    ("measured", "theirs", "expected"),
    [
        (Estimate(0.5, 0.4, 0.7), 0.3, 2.0),
        (Estimate(0.5, 0.4, 0.7), 0.7, -1.0),
        (Estimate(0.5, 0.4, 0.7), 0.5, 0.0),
        (Estimate(0.0, 0.0, 0.1), 0.2, -2.0),
        (Estimate(1.0, 0.9, 1.0), 0.8, 2.0),
    ],
)
def test_a_difference_counts_in_the_half_that_points_to_the_published_score(
    measured: Estimate, theirs: float, expected: float
) -> None:
    assert bars(measured, theirs) == pytest.approx(expected)


@pytest.mark.parametrize(
    "changes",
    [
        {"protocol": "another"},
        {"data_version": "v2"},
        {"benchmark": "mbpp"},
        {"suite": "plus"},
        {"metric": "pass@10"},
    ],
)
def test_a_score_published_of_something_else_stands_nowhere(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    found = with_published(board(tmp_path, record(greedy("10"))), [published(**changes)])
    assert found.unplaced == 1
    assert not found.rows[0].cells[0].published


def test_a_part_of_the_tasks_is_not_compared_with_a_published_score(tmp_path: Path) -> None:
    whole = record(greedy("1100"))
    part = record(greedy("11"), model="some/model")
    found = with_published(board(tmp_path, whole, part), [published()])
    told = {
        found.groups[place].tasks: bool(cell.published)
        for row in found.rows
        for place, cell in row.cells.items()
    }
    assert told == {4: True, 2: False}


def test_a_published_model_that_was_not_measured_has_a_row_of_its_own(tmp_path: Path) -> None:
    found = with_published(
        board(tmp_path, record(greedy("10"))), [published(model="other/model", data_version="")]
    )
    measured, alone = sorted(found.rows, key=lambda row: row.origin)
    assert (measured.origin, alone.origin, alone.model) == ("generated", "published", "other/model")
    (beside,) = alone.cells[0].published["base", "pass@1"]
    assert beside.bars is None
    assert alone.cells[0].record is None


def test_samples_drawn_elsewhere_are_told_apart(tmp_path: Path) -> None:
    content = record(greedy("10"))
    identity = {"backend": "samples", "model": "some/model", "samples_sha256": "0" * 64}
    content["model"] = {"name": "some/model", "origin": "file", "identity": identity}
    content |= {"sampling": {"n": 1}, "run_id": "0" * 12}
    found = board(tmp_path, record(greedy("10")), sealed(content))
    (row,) = found.rows
    assert row.origin == "generated"
    assert [(cell.origin, cell.decoding) for _, cell in row.measured] == [
        ("generated", "greedy"),
        ("samples", "settings unknown"),
    ]
    assert all(isinstance(cell.record, StoredRecord) for _, cell in row.measured)


def test_samples_drawn_elsewhere_join_no_weights_where_there_are_several(tmp_path: Path) -> None:
    identity = {"backend": "vllm", "model": "some/model", "weights_digest": "1" * 64}
    other = altered(record(greedy("10"), benchmark="mbpp"), "model", identity=identity)
    content = record(greedy("10"))
    content["model"] = {"name": "some/model", "origin": "file", "identity": {"model": "some/model"}}
    content |= {"run_id": "0" * 12}
    found = board(tmp_path, record(greedy("10")), other, sealed(content))
    assert sorted(row.origin for row in found.rows) == ["generated", "generated", "samples"]


def test_metrics_are_columns_where_the_counts_allow_them(tmp_path: Path) -> None:
    write(tmp_path, record({"t/0": (8, 8), "t/1": (8, 4)}, model="a/sampled"))
    write(tmp_path, record(greedy("10"), model="a/greedy"))
    wanted = parse_metrics(["pass^8", "solved"])
    found = make_board(read_records([tmp_path]), wanted)
    assert found.groups[0].metrics == ("pass@1", "pass^8", "solved")
    cells = {row.model: row.cells[0].scores for row in found.rows}
    assert list(cells["a/greedy"]) == [("base", "pass@1"), ("base", "solved")]
    score = cells["a/sampled"]["base", "pass^8"]
    assert score == estimate([Count(8, 8), Count(8, 4)], wanted[0])
    assert score.value == 0.5
    with pytest.raises(UsageError, match=r"no record has the samples that pass\^9 needs"):
        make_board(read_records([tmp_path]), parse_metrics(["pass^9"]))
    with pytest.raises(UsageError, match="with answers to agree on"):
        make_board(read_records([tmp_path]), parse_metrics(["consistency"]))


def test_metrics_of_records_are_columns_and_are_checked_too(tmp_path: Path) -> None:
    content = record({"t/0": (4, 4), "t/1": (4, 2)}, ks=(4, 1))
    counts = [Count(4, 4), Count(4, 2)]
    own = {
        name: estimate(counts, parse_metrics([name])[0])._asdict() for name in ("solved", "pass^2")
    }
    content["pass@k"]["base"] |= own
    found = board(tmp_path, sealed(content))
    assert found.groups[0].metrics == ("pass@1", "pass@4", "pass^2", "solved")
    content["pass@k"]["base"]["pass^2"]["value"] -= 0.01
    with pytest.raises(DataError, match=r"says pass\^2 is"):
        board(tmp_path, sealed(content))


def test_consistency_is_a_column(tmp_path: Path) -> None:
    content = record({"t/0": (4, 4), "t/1": (4, 2)})
    for task, sizes in {"t/0": [4], "t/1": [2, 1, 1]}.items():
        content["tasks"][task]["answers"] = sizes
    write(tmp_path, sealed(content))
    (row,) = make_board(read_records([tmp_path]), parse_metrics(["consistency"])).rows
    assert row.cells[0].scores["base", "consistency"].value == pytest.approx((1 + 1 / 6) / 2)
