"""Reading records: what is found where, and what is refused with which words."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from opencodeeval.cli import main as cli
from opencodeeval.core.errors import DataError, UsageError
from opencodeeval.records import reading
from opencodeeval.records.naming import name_from_text, name_of_model
from opencodeeval.records.reading import find_records, read_record, read_records
from opencodeeval.stats.pass_at_k import Count
from tests.support.records import greedy, record, sealed, write


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of a real run of the built-in benchmark's own solutions."""
    output = tmp_path_factory.mktemp("real")
    run = ("--backend", "reference", "--bench", "starter", "--sandbox", "local", "--quiet")
    assert cli.main([*run, "--output", str(output)]) == 0
    return output


def test_a_record_of_a_real_run_is_read_from_itself_and_from_its_run_folder(real: Path) -> None:
    (path,) = real.glob("starter/*.json")
    (folder,) = real.glob("runs/*")
    read = read_record(path)
    assert read_record(folder) == read
    assert (read.benchmark, read.protocol, read.model) == (
        "starter",
        "opencodeeval-starter 2",
        "reference",
    )
    assert set(read.counts(read.headline).values()) == {Count(1, 1)}
    assert read_records([real]) == [read]


def test_what_was_read_before_is_not_parsed_again_unless_it_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path, record(greedy("10")))
    copy = tmp_path / "other" / path.name
    copy.parent.mkdir()
    copy.write_bytes(path.read_bytes())
    first = read_record(path)
    again = read_record(copy)
    assert again.record is first.record
    assert (first.path, again.path) == (path, copy)
    text = path.read_text()
    path.write_text(text.replace('"c"', '"n"', 1))
    with pytest.raises(UsageError):
        read_record(path)
    path.write_text(text)
    monkeypatch.setattr(reading, "KEPT", 1)
    other = read_record(write(tmp_path / "more", record(greedy("11"))))
    assert list(reading._parsed.values())[-1] is other.record


def test_a_folder_gives_every_record_below_it_and_nothing_else(tmp_path: Path) -> None:
    first = write(tmp_path, record(greedy("10")))
    second = write(tmp_path, record(greedy("10"), benchmark="mbpp"))
    (tmp_path / "leaderboard.json").write_text("{}")
    (tmp_path / "runs" / "0123456789ab").mkdir(parents=True)
    (tmp_path / "runs" / "0123456789ab" / "x--0123456789ab.json").write_text("{}")
    assert find_records([tmp_path]) == [first, second]
    assert find_records([str(tmp_path / "*" / "*.json"), first, tmp_path / "mbpp"]) == [
        first,
        second,
    ]


@pytest.mark.parametrize(
    "name", ["m--a--b--0123456789ab.json", "m--a--b--0123456789ab.differences.json"]
)
def test_comparisons_of_protocols_are_no_records(tmp_path: Path, name: str) -> None:
    """As earlier versions named them, and as they are named now."""
    first = write(tmp_path, record(greedy("10")))
    compared = tmp_path / "differences" / "humaneval" / name
    compared.parent.mkdir(parents=True)
    compared.write_text(json.dumps({"run_ids": ["0123456789ab"], "differing": []}))
    found = [first]
    assert find_records([tmp_path]) == found
    assert find_records([str(tmp_path / "**" / "*.json")]) == found
    # A benchmark of this name has records all the same.
    found.append(write(tmp_path / "differences", record(greedy("10"), benchmark="humaneval")))
    assert find_records([tmp_path]) == sorted(found)


def test_sources_without_a_record_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not exist"):
        find_records([tmp_path / "nowhere"])
    with pytest.raises(UsageError, match="holds no record"):
        find_records([tmp_path])
    (tmp_path / "notes.json").write_text("{}")
    with pytest.raises(UsageError, match="matches no record"):
        find_records([tmp_path / "*.json"])


def test_a_run_that_never_finished_is_named_as_such(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "0123456789ab"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text("{}")
    with pytest.raises(UsageError, match="give the command of the run again to finish it"):
        find_records([folder])


def hand_edited(content: dict[str, Any]) -> None:
    content["tasks"]["t/0"]["c"]["base"] = 1


def newer(content: dict[str, Any]) -> None:
    content["schema"] = 99


def older(content: dict[str, Any]) -> None:
    content["schema"] = 0


def not_a_number(content: dict[str, Any]) -> None:
    content["pass@k"]["base"]["pass@1"]["value"] = float("nan")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (hand_edited, "was changed after it was written"),
        (newer, "schema 99, and this version reads up to 2: update opencodeeval"),
        (older, "schema 0, which does not exist: give the command of its run again"),
        (not_a_number, "holds NaN"),
    ],
)
def test_a_record_that_proves_nothing_is_refused(
    tmp_path: Path, damage: Callable[[dict[str, Any]], None], words: str
) -> None:
    content = record(greedy("01"))
    damage(content)
    with pytest.raises(DataError, match=words):
        read_record(write(tmp_path, content))


def without_tasks(content: dict[str, Any]) -> None:
    content["tasks"] = {}


def more_correct_than_drawn(content: dict[str, Any]) -> None:
    content["tasks"]["t/0"]["c"]["base"] = 2


def correct_as_text(content: dict[str, Any]) -> None:
    content["tasks"]["t/0"]["c"]["base"] = "1"


def unknown_headline(content: dict[str, Any]) -> None:
    content["benchmark"]["headline"] = "plus"


def no_protocol(content: dict[str, Any]) -> None:
    del content["protocol"]


def impossible_score(content: dict[str, Any]) -> None:
    content["pass@k"]["base"]["pass@1"]["value"] = 1.5


@pytest.mark.parametrize(
    "damage",
    [
        without_tasks,
        more_correct_than_drawn,
        correct_as_text,
        unknown_headline,
        no_protocol,
        impossible_score,
    ],
)
def test_json_that_is_no_record_is_refused_even_with_a_fitting_digest(
    tmp_path: Path, damage: Callable[[dict[str, Any]], None]
) -> None:
    path = write(tmp_path, record(greedy("01")))
    content = record(greedy("01"))
    damage(content)
    path.write_text(json.dumps(sealed(content)))
    with pytest.raises(UsageError, match="is not a record"):
        read_record(path)


@pytest.mark.parametrize("text", ["", "[1]", "{", "{}", "\xff", "[" * 100_000])
def test_other_files_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(UsageError, match="is not a record"):
        read_record(path)


# --- what is said of fields ---


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (correct_as_text, r"tasks\[...\]\.c\[...\]: must be a whole number, not text"),
        (no_protocol, "the field protocol is missing"),
        (more_correct_than_drawn, "2 of 1 samples of t/0 are correct"),
    ],
)
def test_the_field_that_is_wrong_is_named(
    tmp_path: Path, damage: Callable[[dict[str, Any]], None], words: str
) -> None:
    content = record(greedy("01"))
    path = write(tmp_path, content)
    damage(content)
    path.write_text(json.dumps(sealed(content)))
    with pytest.raises(UsageError, match=words):
        read_record(path)


def test_a_record_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, record(greedy("01")))
    whole = path.read_text()
    for end in (1, len(whole) // 2, len(whole) - 1):
        path.write_text(whole[:end])
        with pytest.raises(UsageError, match="it is not JSON"):
            read_record(path)


# --- earlier schemas ---

FIRST = next((Path(__file__).parent / "schema_1").glob("*.json"))


def test_a_record_of_the_first_schema_is_read() -> None:
    content = json.loads(FIRST.read_text())
    assert content["schema"] == 1
    found = read_record(FIRST)
    assert found.model == "starter-tiny-chat/step-0300"
    assert found.record.schema == 2
    assert found.record.digest == content["digest"]
    assert found.record.model.identity == content["model"]
    assert found.record.model.origin == "engine"
    assert found.record.errata is None
    assert {name: row.n for name, row in found.record.tasks.items()} == {
        name: row["n"] for name, row in content["tasks"].items()
    }
    score = content["pass@k"]["base"]["pass@1"]
    assert found.record.scores["base"]["pass@1"].estimate == tuple(
        score[name] for name in ("value", "low", "high")
    )


def test_a_record_of_the_first_schema_that_was_changed_is_refused(tmp_path: Path) -> None:
    content = json.loads(FIRST.read_text())
    content["tasks"]["starter/0"]["c"]["base"] = 0
    path = tmp_path / FIRST.name
    path.write_text(json.dumps(content))
    with pytest.raises(DataError, match="was changed after it was written"):
        read_record(path)


def test_clusters_of_the_first_schema_are_those_of_today(tmp_path: Path) -> None:
    content = json.loads(FIRST.read_text())
    for row in content["tasks"].values():
        row["about"] = {"cluster": "one", "difficulty": "easy"}
    path = tmp_path / FIRST.name
    path.write_text(json.dumps(sealed(content)))
    found = read_record(path)
    assert {row.cluster for row in found.record.tasks.values()} == {"one"}
    assert {tuple(row.about) for row in found.record.tasks.values()} == {("difficulty",)}
    assert list(found.counts("base")) == ["one"]


# --- names ---


def test_a_folder_has_one_name_however_it_is_spelt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run" / "step-10"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder.parent)
    spelt = ["step-10", "step-10/", "./step-10", str(folder), f"{folder}/"]
    assert {name_of_model(each) for each in spelt} == {"run/step-10"}
    monkeypatch.chdir(folder)
    assert name_of_model(".") == "run/step-10"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("infly/OpenCoder-8B-Instruct", "infly/OpenCoder-8B-Instruct"),
        ("gpt2", "gpt2"),
        ("/mnt/ckpts/run/step-10", "run/step-10"),
        ("./ckpts/step-10", "ckpts/step-10"),
        ("a/b/c", "b/c"),
        ("/ckpts/run/global_step_20/actor/huggingface", "run/global_step_20"),
        ("hub/model", "hub/model"),
    ],
)
def test_what_is_not_here_is_named_by_its_text(text: str, name: str) -> None:
    assert name_of_model(text) == name_from_text(text) == name
