"""Rows are exactly the named version's, or there is one sentence that says why not."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from opencodeeval.benchmarks.cards import Card, DataVersion, families, read_card
from opencodeeval.benchmarks.data.rows import load_rows, read_bytes, read_jsonl, rows_digest
from opencodeeval.core.errors import DataError
from opencodeeval.core.paths import benchmarks_dir

VERSIONS = [(card, version) for card in map(read_card, families()) for version in card.versions]
OUTSIDE = [
    (card, version)
    for card, version in VERSIONS
    if version.source.kind != "shipped" and (version.sha256 or version.rows_sha256)
]
PATCHED = [(card, version) for card, version in OUTSIDE if version.patch]
OUTSIDE = [pair for pair in OUTSIDE if pair not in PATCHED]
each_outside = pytest.mark.parametrize(
    ("card", "version"), OUTSIDE, ids=[f"{card.name}-{version.name}" for card, version in OUTSIDE]
)
FIRST = list({card.name: (card, version) for card, version in reversed(OUTSIDE)}.values())
HUMANEVAL = read_card("humaneval")
PLUS = read_card("humaneval_plus")


@pytest.mark.shared
@each_outside
def test_the_files_have_the_checksums_of_the_card(
    card: Card, version: DataVersion, shared_data: Path
) -> None:
    rows, provenance = load_rows(card, version, shared_data)
    assert len(rows) == version.tasks
    assert rows_digest(rows, card.fields) == version.rows_sha256 == provenance["rows_sha256"]
    assert len(read_bytes(shared_data / version.files[0])) == version.bytes


@pytest.mark.shared
@each_outside
def test_every_place_that_the_card_names_is_searched(
    card: Card, version: DataVersion, shared_data: Path, tmp_path: Path
) -> None:
    packed = (shared_data / version.files[0]).read_bytes()
    plain = gzip.decompress(packed)
    for number, name in enumerate(version.files):
        path = tmp_path / str(number) / name
        path.parent.mkdir(parents=True)
        path.write_bytes(packed if name.endswith(".gz") else plain)
        rows, provenance = load_rows(card, version, tmp_path / str(number))
        assert len(rows) == version.tasks
        assert provenance["origin"] == f"file {name}"


@pytest.mark.shared
@pytest.mark.parametrize(("card", "version"), PATCHED, ids=[card.name for card, _ in PATCHED])
def test_a_version_that_is_a_change_of_another_is_made_from_its_file(
    card: Card, version: DataVersion, shared_data: Path, tmp_path: Path
) -> None:
    rows, provenance = load_rows(card, version, shared_data)
    assert rows_digest(rows, card.fields) == version.rows_sha256
    assert provenance["origin"].endswith(f"with the change of {version.name}")
    assert version.patch
    others = {each.name: each for each in card.versions}
    before, _ = load_rows(card, others[version.patch.version], shared_data)
    assert [new["task_id"] for old, new in zip(before, rows, strict=True) if old != new] == [
        version.patch.task_id
    ]
    # The version's own file goes before the one that it can be made from.
    (tmp_path / version.files[1]).parent.mkdir(parents=True)
    (tmp_path / version.files[1]).write_text("\n".join(map(json.dumps, rows)))
    assert load_rows(card, version, tmp_path)[1]["origin"] == f"file {version.files[1]}"


@pytest.mark.shared
def test_a_file_of_another_version_is_named_as_such(shared_data: Path, tmp_path: Path) -> None:
    newest, older = PLUS.versions
    packed = (shared_data / older.files[0]).read_bytes()
    (tmp_path / "HumanEvalPlus.jsonl.gz").write_bytes(packed)
    assert len(load_rows(PLUS, older, tmp_path)[0]) == 164
    with pytest.raises(DataError, match=r"HumanEvalPlus\.jsonl\.gz is v0\.1\.9"):
        load_rows(PLUS, newest, tmp_path)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("HumanEval.jsonl.gz", lambda packed: packed[:-100], "truncated"),
        ("HumanEval.jsonl.gz", lambda packed: packed[:500] + packed[600:], "damaged"),
        ("HumanEval.jsonl.gz", gzip.decompress, "damaged"),
        ("HumanEval.jsonl", lambda packed: gzip.decompress(packed)[:-1000], "line 163 is not val"),
        (
            "HumanEval.jsonl",
            lambda packed: b"\n".join(gzip.decompress(packed).split(b"\n")[:100]),
            "holds 100 tasks, but HumanEval v1 has 164",
        ),
        (
            "HumanEval.jsonl",
            lambda packed: gzip.decompress(packed).replace(b"assert candidate", b"assert 1 or", 1),
            "its SHA-256 is [0-9a-f]{64}, not 1d49078ba3e2b196[0-9a-f]{48}",
        ),
        ("HumanEval.jsonl", lambda packed: b"\xff" + gzip.decompress(packed), "line 1 is not UTF"),
        ("HumanEval.jsonl", lambda packed: b"[1]\n" + gzip.decompress(packed), "not a JSON object"),
    ],
    ids=["cut", "hole", "not-gzip", "cut-line", "cut-rows", "changed", "not-utf8", "not-object"],
)
def test_damaged_files_are_refused_by_name(
    name: str, damage: Callable[[bytes], bytes], message: str, shared_data: Path, tmp_path: Path
) -> None:
    version = HUMANEVAL.versions[0]
    (tmp_path / name).write_bytes(damage((shared_data / version.files[0]).read_bytes()))
    with pytest.raises(DataError, match=message) as raised:
        load_rows(HUMANEVAL, version, tmp_path)
    assert str(tmp_path / name) in str(raised.value)
    assert "\n" not in str(raised.value)


@each_outside
def test_an_empty_folder_is_told_what_to_hold(
    card: Card, version: DataVersion, tmp_path: Path
) -> None:
    with pytest.raises(DataError) as raised:
        load_rows(card, version, tmp_path)
    for part in (card.title, version.name, str(tmp_path), *version.files):
        assert part in str(raised.value)


def test_a_folder_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="absent is not a folder"):
        load_rows(HUMANEVAL, HUMANEVAL.versions[0], tmp_path / "absent")


# The first of each card: another takes two seconds, most of them between tries.
@pytest.mark.parametrize(
    ("card", "version"), FIRST, ids=[f"{card.name}-{version.name}" for card, version in FIRST]
)
def test_without_network_and_data_the_way_out_is_said(
    card: Card, version: DataVersion, tmp_path: Path
) -> None:
    """In a process of its own, because the libraries read their settings when imported."""
    refused = "http://127.0.0.1:9"
    env = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    env |= {"XDG_CACHE_HOME": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    env |= {"http_proxy": refused, "https_proxy": refused, "no_proxy": ""}
    code = (
        "import sys\n"
        "from opencodeeval.benchmarks.cards import read_card\n"
        "from opencodeeval.benchmarks.data.rows import load_rows\n"
        "card = read_card(sys.argv[1])\n"
        "version = next(each for each in card.versions if each.name == sys.argv[2])\n"
        "load_rows(card, version, None)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, card.name, version.name],
        env=env,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=200,
    )
    message = done.stderr.strip().splitlines()[-1]
    assert f"DataError: {card.title} {version.name} is not on this machine" in message
    assert f"pass --data DIR with {version.files[0]} in it" in message


@pytest.fixture
def evalplus_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    from evalplus.data import utils

    monkeypatch.setattr(utils, "CACHE_DIR", str(tmp_path))
    return tmp_path


@pytest.mark.shared
@pytest.mark.parametrize("version", PLUS.versions, ids=[each.name for each in PLUS.versions])
def test_evalplus_gives_the_version_that_is_asked_for(
    version: DataVersion, evalplus_cache: Path, shared_data: Path
) -> None:
    for each in PLUS.versions:
        cached = evalplus_cache / f"HumanEvalPlus-{each.name}.jsonl"
        cached.write_bytes(read_bytes(shared_data / each.files[0]))
    rows, _ = load_rows(PLUS, version, None)
    assert rows_digest(rows, PLUS.fields) == version.rows_sha256


@pytest.mark.parametrize("content", ["", '{"task_id": "HumanEval/0"}\n', '{"task_id": "Hum'])
def test_a_broken_cache_of_evalplus_is_to_be_deleted(content: str, evalplus_cache: Path) -> None:
    cached = evalplus_cache / "HumanEvalPlus-v0.1.10.jsonl"
    cached.write_text(content)
    with pytest.raises(DataError, match=r"delete .* and run again") as raised:
        load_rows(PLUS, PLUS.versions[0], None)
    assert f"delete {cached}" in str(raised.value)


@pytest.fixture
def hub_copy(tmp_path: Path, shared_data: Path, monkeypatch: pytest.MonkeyPatch) -> DataVersion:
    """HumanEval in a local folder that the datasets library takes for a repository."""
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    version = HUMANEVAL.versions[0]
    (tmp_path / "hub").mkdir()
    content = read_bytes(shared_data / version.files[0])
    (tmp_path / "hub" / "test.jsonl").write_bytes(content)
    source = replace(version.source, dataset=str(tmp_path / "hub"))
    return replace(version, source=source)


@pytest.mark.shared
def test_rows_that_come_through_datasets_are_checked_too(hub_copy: DataVersion) -> None:
    rows, provenance = load_rows(HUMANEVAL, hub_copy, None)
    assert len(rows) == 164
    assert provenance["rows_sha256"] == HUMANEVAL.versions[0].rows_sha256


@pytest.mark.shared
def test_changed_rows_that_come_through_datasets_are_refused(hub_copy: DataVersion) -> None:
    file = Path(hub_copy.source.dataset) / "test.jsonl"
    file.write_bytes(file.read_bytes().replace(b"assert candidate", b"assert 1 or", 1))
    with pytest.raises(DataError, match=r"the digest of its rows is [0-9a-f]{64}, not 693d217f"):
        load_rows(HUMANEVAL, hub_copy, None)


@pytest.mark.shared
def test_rows_do_not_depend_on_their_order(shared_data: Path) -> None:
    version = HUMANEVAL.versions[0]
    rows, _ = load_rows(HUMANEVAL, version, shared_data)
    assert rows_digest(rows[::-1], HUMANEVAL.fields) == version.rows_sha256


def test_what_ships_is_what_is_loaded() -> None:
    card = read_card("starter")
    rows, provenance = load_rows(card, card.versions[0], None)
    lines = (benchmarks_dir() / "starter" / "tasks.jsonl").read_text("utf-8").splitlines()
    assert rows == [json.loads(line) for line in lines]
    assert len(rows) == card.versions[0].tasks
    assert provenance["rows_sha256"] == rows_digest(rows)


def test_blank_lines_and_a_byte_order_mark_are_no_rows(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"a": 1}\r\n\r\n{"a": 2}\r\n')
    assert read_jsonl(path) == [{"a": 1}, {"a": 2}]
