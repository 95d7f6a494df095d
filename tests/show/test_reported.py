"""Files of published scores: the real ones, ours, and damaged ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from opencodeeval.benchmarks.registry import card_of
from opencodeeval.core.errors import DataError, UsageError
from opencodeeval.show.reported import PublishedScore, read_published
from opencodeeval.show.standings import About

SCORE = {
    "model": "some/model",
    "benchmark": "humaneval",
    "protocol": "plain",
    "suite": "base",
    "metric": "pass@1",
    "score": 43.9,
}


def written(tmp_path: Path, content: Any) -> Path:
    path = tmp_path / "published.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


@pytest.mark.shared
def test_the_evalplus_leaderboard_is_read_as_it_is(shared_data: Path) -> None:
    scores = read_published(shared_data / "scoreboards/evalplus_leaderboard_results.json")
    found = [each for each in scores if each.model == "OpenCoder-8B-Instruct"]
    assert {(each.benchmark, each.suite): each.score for each in found} == {
        ("humaneval_plus", "base"): pytest.approx(0.817),
        ("humaneval_plus", "plus"): pytest.approx(0.774),
        ("mbpp_plus", "base"): pytest.approx(0.82),
        ("mbpp_plus", "plus"): pytest.approx(0.714),
    }
    assert len({each.model for each in scores}) == 125
    assert not [each for each in scores if each.model == "Code-13B" and "mbpp" in each.benchmark]


@pytest.mark.shared
def test_the_bigcodebench_leaderboard_is_read_as_it_is(shared_data: Path) -> None:
    scores = read_published(shared_data / "scoreboards/bigcodebench_leaderboard_2024-06.json")
    found = {each.protocol: each for each in scores if each.model == "Magicoder-S-DS-6.7B"}
    assert found["bigcodebench"].score == pytest.approx(0.476)
    assert found["bigcodebench-instruct"].score == pytest.approx(0.362)
    assert {each.benchmark for each in scores} == {"bigcodebench"}


@pytest.mark.shared
def test_opencoders_tables_are_read_as_they_are(shared_data: Path) -> None:
    scores = read_published(shared_data / "scoreboards/opencoder_paper_tables.json")
    found = {
        (each.benchmark, each.protocol, each.suite): each
        for each in scores
        if each.model == "Qwen2.5-Coder-1.5B"
    }
    assert found["humaneval_plus", "evalplus", "plus"].score == pytest.approx(0.366)
    assert found["bigcodebench_hard", "bigcodebench", "base"].score == pytest.approx(0.095)
    assert {each.about.size for each in found.values()} == {1.5}
    (named,) = {each.dated_source for each in found.values()}
    assert named.endswith("arXiv 2411.04905, table 6, 2024-11")


def test_a_table_of_opencoders_paper(tmp_path: Path) -> None:
    row = {"size": "8B", "HumanEval+": 63.4, "MBPP_3shot": 60.6, "BigCodeBench_hard_instruct": None}
    content = {"paper": "A paper, arXiv 2411.04905", "table7_instruct_models": {"m": row}}
    (score,) = read_published(written(tmp_path, content))
    assert (score.benchmark, score.suite, score.score) == ("humaneval_plus", "plus", 0.634)
    assert (score.dated_source, score.about) == (
        "A paper, arXiv 2411.04905, table 7, 2024-11",
        About(8.0),
    )


def test_the_table_of_other_languages(tmp_path: Path) -> None:
    row = {"size": "8B", "Python": 83.5, "C++": 61.5, "Bash": 44.3, "Average": 71.0}
    content = {"paper": "A paper, arXiv 2411.04905", "table8_multipl_e_instruct": {"m": row}}
    scores = read_published(written(tmp_path, content))
    assert {(each.benchmark, each.data_version, each.protocol) for each in scores} == {
        ("multipl_e_humaneval", "cpp", "qwen-instruct"),
        ("multipl_e_humaneval", "sh", "qwen-instruct"),
    }
    assert sorted(each.score for each in scores) == pytest.approx([0.443, 0.615])


@pytest.mark.shared
@pytest.mark.parametrize("name", ["evalplus_leaderboard_results", "opencoder_paper_tables"])
def test_what_others_call_a_benchmark_is_one_of_ours(shared_data: Path, name: str) -> None:
    for score in read_published(shared_data / f"scoreboards/{name}.json"):
        card, version = card_of(f"{score.benchmark}@{score.data_version}".removesuffix("@"))
        assert version in ("", *(each.name for each in card.versions))
        (protocol,) = (each for each in card.protocols if each.name == score.protocol)
        assert score.suite in protocol.suites


def test_size_link_openness_and_date_are_kept(tmp_path: Path) -> None:
    row = {"pass@1": {"humaneval": 50}, "size": 7, "link": "https://x.org", "open-data": "NONE"}
    path = tmp_path / "evalplus-2025-01-16.json"
    path.write_text(json.dumps({"m": row}))
    (score,) = read_published(path)
    assert score.about == About(7.0, "https://x.org", "none")
    assert score.dated_source == "EvalPlus leaderboard, 2025-01-16"
    about = {"size": 1.5, "link": "https://y.org", "open_data": "full"}
    rows = [{**SCORE, **about}, {**SCORE, "suite": "plus", "date": "2024"}]
    ours = {"source": "a paper", "date": "2024-11", "scores": rows[:1]}
    (score,) = read_published(written(tmp_path, ours))
    assert score.about == About(1.5, "https://y.org", "full")
    assert score.dated_source == "a paper, 2024-11"
    with pytest.raises(DataError, match="'2024' is not a date"):
        read_published(written(tmp_path, {**ours, "scores": rows}))


def test_a_file_of_ours(tmp_path: Path) -> None:
    rows = [SCORE, {**SCORE, "suite": "plus", "data_version": "v1", "source": "its card"}]
    assert read_published(written(tmp_path, {"source": "a paper", "scores": rows})) == [
        PublishedScore("some/model", "humaneval", "", "plain", "base", "pass@1", 0.439, "a paper"),
        PublishedScore(
            "some/model", "humaneval", "v1", "plain", "plus", "pass@1", 0.439, "its card"
        ),
    ]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ([], "holds no object"),
        ({}, "holds no object"),
        ({"scores": [SCORE]}, "source"),
        ({"source": "x", "scores": [{**SCORE, "score": 143.9}]}, "143.9 is not a score"),
        ({"source": "x", "scores": [{**SCORE, "score": True}]}, "True is not a score"),
        ({"source": "x", "scores": [{**SCORE, "score": float("nan")}]}, "nan is not a score"),
        ({"source": "x", "scores": [{**SCORE, "model": ""}]}, "'' is not a name"),
        ({"source": "x", "scores": [SCORE, SCORE]}, "has two scores of some/model"),
        ({"source": "x", "scores": [{**SCORE, "link": "javascript:alert(1)"}]}, "is not a link"),
        ({"source": "x", "scores": [{**SCORE, "size": -1}]}, "-1 is not a size"),
        ({"source": "x", "scores": [{**SCORE, "open_data": "?"}]}, "does not say how open"),
        ({"m": {"pass@1": {"swe-bench": 3}}}, "there is no leaderboard with swe-bench"),
        ({"m": {"score": 3}}, "pass@1"),
    ],
)
def test_what_is_no_file_of_scores_is_refused(tmp_path: Path, content: Any, complaint: str) -> None:
    with pytest.raises(DataError, match=complaint) as refused:
        read_published(written(tmp_path, content))
    assert "published.json" in str(refused.value)


def test_a_file_that_is_not_there_or_no_json_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_published(tmp_path / "nowhere.json")
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(DataError, match="is not JSON"):
        read_published(tmp_path / "x.json")
