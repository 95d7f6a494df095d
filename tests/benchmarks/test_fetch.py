"""Data sets are listed, fetched into a folder that --data takes, and verified there.

No test reaches a publisher. Where one would, EvalPlus's cache is filled
beforehand, a local folder stands in for the repository on Hugging Face, or a
local server for GitHub; all else is the real code: the publishers' libraries,
the checks, the files written.
"""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from opencodeeval.benchmarks.cards import Card, DataVersion, read_card
from opencodeeval.benchmarks.data import github
from opencodeeval.benchmarks.data.fetch import fetch, inventory, named
from opencodeeval.benchmarks.data.rows import load_rows, read_bytes, rows_digest
from opencodeeval.cli.main import main
from opencodeeval.core import http
from opencodeeval.core.errors import DataError, StoreError, UsageError
from tests.support.http import FlakyServer

PLUS = read_card("humaneval_plus")
HUMANEVAL = read_card("humaneval")
HARD = read_card("bigcodebench_hard")
LEETCODE = read_card("leetcode")
CRUXEVAL = read_card("cruxeval_output")
MCEVAL = read_card("mceval")


@pytest.fixture
def evalplus_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared_data: Path) -> Path:
    """EvalPlus's cache as its own download leaves it: both versions, uncompressed."""
    from evalplus.data import utils

    cache = tmp_path / "cache" / "evalplus"
    cache.mkdir(parents=True)
    for version in PLUS.versions:
        content = read_bytes(shared_data / version.files[0])
        (cache / f"HumanEvalPlus-{version.name}.jsonl").write_bytes(content)
    monkeypatch.setattr(utils, "CACHE_DIR", str(cache))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return cache


def on_hub(
    card: Card, version: DataVersion, shared_data: Path, folder: Path, patch: pytest.MonkeyPatch
) -> DataVersion:
    """The version with a local folder of its rows for a repository."""
    import datasets

    patch.setattr(datasets.config, "HF_DATASETS_CACHE", folder / "cache")
    hub = folder / "hub"
    hub.mkdir()
    rows, _ = load_rows(card, version, shared_data)
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (hub / "train.jsonl").write_text(lines)
    return replace(version, source=replace(version.source, dataset=str(hub), split="train"))


@pytest.mark.shared
def test_what_evalplus_gives_is_written_to_the_byte(
    evalplus_cache: Path, shared_data: Path, tmp_path: Path
) -> None:
    folder, version = tmp_path / "data", PLUS.versions[1]
    path = folder / version.files[0]
    assert fetch(PLUS, version, folder) == f"fetched, {path}"
    assert read_bytes(path) == read_bytes(shared_data / version.files[0])
    packed = path.read_bytes()
    assert fetch(PLUS, version, folder) == f"is already there, {path}"
    path.write_bytes(packed[:-100])
    assert fetch(PLUS, version, folder) == f"fetched, {path}"
    assert path.read_bytes() == packed
    assert [each for each in folder.rglob("*") if each.is_file()] == [path]


@pytest.mark.shared
@pytest.mark.parametrize(
    ("card", "version"),
    [
        (HUMANEVAL, HUMANEVAL.versions[0]),
        *((HARD, version) for version in HARD.versions),
    ],
    ids=lambda each: each.name,
)
def test_a_table_is_written_as_rows_that_are_taken(
    card: Card,
    version: DataVersion,
    shared_data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "data"
    at_hub = on_hub(card, version, shared_data, tmp_path, monkeypatch)
    assert fetch(card, at_hub, folder) == f"fetched, {folder / version.files[0]}"
    rows, provenance = load_rows(card, version, folder)
    assert rows_digest(rows, card.fields) == version.rows_sha256 == provenance["rows_sha256"]
    assert provenance["origin"] == f"file {version.files[0]}"


@pytest.mark.shared
def test_a_table_with_a_changed_row_is_not_written(
    shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = on_hub(HUMANEVAL, HUMANEVAL.versions[0], shared_data, tmp_path, monkeypatch)
    file = Path(version.source.dataset) / "train.jsonl"
    file.write_text(file.read_text().replace("assert candidate", "assert 1 or", 1))
    with pytest.raises(DataError, match="the digest of its rows is"):
        fetch(HUMANEVAL, version, tmp_path / "data")
    assert not [path for path in (tmp_path / "data").rglob("*") if path.is_file()]


@pytest.mark.shared
def test_a_file_of_other_rows_is_refused_where_a_table_is_published(
    shared_data: Path, tmp_path: Path
) -> None:
    version = HUMANEVAL.versions[0]
    path = tmp_path / version.files[0]
    path.parent.mkdir()
    content = read_bytes(shared_data / version.files[0])
    path.write_bytes(gzip.compress(content.replace(b"assert candidate", b"assert 1 or", 1)))
    with pytest.raises(DataError, match="its SHA-256 is"):
        load_rows(HUMANEVAL, version, tmp_path)


@pytest.fixture
def github_copy(
    tmp_path: Path, shared_data: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """A server with the files of GitHub's repositories, in a folder laid out as its addresses."""
    folder = tmp_path / "github"
    for card in (LEETCODE, CRUXEVAL, MCEVAL):
        for version in card.versions:
            owner, repository, name = version.source.dataset.split("/", 2)
            path = folder / owner / repository / version.source.revision / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(read_bytes(shared_data / version.files[0]))
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setattr(github, "RAW", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    yield folder
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.shared
@pytest.mark.parametrize(
    ("card", "version"),
    [
        *((LEETCODE, version) for version in LEETCODE.versions),
        (CRUXEVAL, CRUXEVAL.versions[0]),
        # Names that an address cannot have as they are: C#.jsonl and Common Lisp.jsonl.
        *((MCEVAL, version) for version in MCEVAL.versions if version.name in ("cs", "lisp")),
    ],
    ids=lambda each: each.name,
)
def test_what_is_on_github_is_written_to_the_byte_and_fetched_once(
    card: Card, version: DataVersion, github_copy: Path, shared_data: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    path = folder / version.files[0]
    assert fetch(card, version, folder) == f"fetched, {path}"
    assert read_bytes(path) == read_bytes(shared_data / version.files[0])
    shutil.rmtree(github_copy)
    rows, provenance = load_rows(card, version, None)
    assert rows_digest(rows, card.fields) == version.rows_sha256 == provenance["rows_sha256"]
    assert provenance["origin"] == f"GitHub {version.source.dataset}"
    listed = {(row.benchmark, row.version): row for row in inventory(None)}
    assert listed[card.name, version.name].here == "in the cache"
    assert listed[card.name, version.name].source.startswith(f"github:{version.source.dataset}@")


@pytest.mark.shared
def test_what_github_does_not_give_or_gives_otherwise_is_one_sentence(
    github_copy: Path, tmp_path: Path
) -> None:
    version = CRUXEVAL.versions[0]
    (file,) = github_copy.rglob("cruxeval.jsonl")
    content = file.read_bytes()
    file.unlink()
    with pytest.raises(DataError, match=r"cannot be reached \(HTTP Error 404: File not found\)"):
        fetch(CRUXEVAL, version, tmp_path / "data")
    file.write_bytes(content.replace(b"output", b"0utput", 1))
    with pytest.raises(DataError, match=r"its SHA-256 is .*: delete .* and run again") as raised:
        fetch(CRUXEVAL, version, tmp_path / "data")
    file.write_bytes(content)
    Path(str(raised.value).rpartition("delete ")[2].removesuffix(" and run again")).unlink()
    assert fetch(CRUXEVAL, version, tmp_path / "data").startswith("fetched, ")


def test_a_server_that_fails_twice_is_asked_a_third_time(
    flaky_server: FlakyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(github, "RAW", flaky_server.url)
    monkeypatch.setattr(http, "PAUSE_S", 0)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    source = CRUXEVAL.versions[0].source
    flaky_server.failures = 3
    with pytest.raises(OSError, match=r"^HTTP Error 503: Service Unavailable$"):
        github.fetched(source)
    assert not github.cached(source).exists()
    flaky_server.failures = 2
    assert github.fetched(source).read_bytes() == FlakyServer.CONTENT
    github.cached(source).unlink()
    flaky_server.cut_short = 2
    assert github.fetched(source).read_bytes() == FlakyServer.CONTENT
    github.cached(source).unlink()
    flaky_server.cut_short = 3
    with pytest.raises(OSError, match="Incomplete"):
        github.fetched(source)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_server_that_is_not_there_is_said_in_few_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "PAUSE_S", 0)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(OSError, match=r"^\[Errno \d+\] Connection refused$"):
        http.download("http://127.0.0.1:9/file", tmp_path / "file", timeout_s=10)


def test_what_ships_needs_no_file(tmp_path: Path) -> None:
    card = read_card("starter")
    told = fetch(card, card.versions[0], tmp_path)
    assert told == "is in the package, and needs no file"
    assert not list(tmp_path.iterdir())


@pytest.mark.shared
def test_a_full_disk_is_one_sentence_and_keeps_the_old_file(
    evalplus_cache: Path, tiny_disk: Path
) -> None:
    version = PLUS.versions[0]
    path = tiny_disk / version.files[0]
    path.parent.mkdir(parents=True)
    path.write_bytes(b"old")
    with pytest.raises(StoreError, match=r"cannot be written \(No space left") as raised:
        fetch(PLUS, version, tiny_disk)
    assert "\n" not in str(raised.value)
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.shared
def test_a_folder_that_is_a_file_is_one_sentence(evalplus_cache: Path, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(StoreError, match=r"data/humaneval_plus.* cannot be written \(Not a dir"):
        fetch(PLUS, PLUS.versions[0], tmp_path / "data")


def test_names_have_versions_and_all_is_everything() -> None:
    assert [version.name for _, version in named(["humaneval_plus"])] == ["v0.1.10"]
    assert [version.name for _, version in named(["humaneval_plus@v0.1.9"])] == ["v0.1.9"]
    everything = named(["starter", "all", "starter"])
    names = [card.name for card, _ in everything]
    assert names[0] == "starter"
    assert len(set(names)) == len(names) > 3
    with pytest.raises(
        UsageError, match=r"there is no benchmark 'humanevil'; did you mean humaneval\?"
    ):
        named(["humanevil"])
    with pytest.raises(UsageError, match=r"humaneval has no version 'v9'.*v1"):
        named(["humaneval@v9"])


@pytest.mark.shared
def test_the_list_says_what_is_here(
    shared_data: Path, evalplus_cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    in_folder = {(row.benchmark, row.version): row.here for row in inventory(shared_data)}
    assert in_folder["humaneval", "v1"] == "humaneval/HumanEval.jsonl.gz"
    # Made from the file of the version before it.
    patched = in_folder["bigcodebench_hard", "v0.1.4"]
    assert patched == in_folder["bigcodebench_hard", "v0.1.3"] != ""
    in_cache = {(row.benchmark, row.version): row.here for row in inventory(None)}
    assert in_cache["humaneval_plus", "v0.1.9"] == "in the cache"
    assert in_cache["starter", "v1"] == "in the package"
    assert main(["data", "list", "--data", str(shared_data)]) == 0
    short = capsys.readouterr().out.splitlines()
    assert short[0].split() == ["benchmark", "version", "tasks", "size", "here"]
    (line,) = [line for line in short if line.startswith("humaneval ")]
    assert line.split(maxsplit=5)[1:] == ["v1", "164", "214", "kB", "in the folder"]
    assert max(map(len, short)) <= 80
    assert main(["data", "list", "--data", str(shared_data), "--long"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (line,) = [line for line in lines if line.startswith("humaneval ")]
    assert "humaneval/HumanEval.jsonl.gz" in line
    assert "MIT" in line
    assert "huggingface:openai/openai_humaneval@7dce6050a7d6, test" in line
    assert "sha256:1d49078ba3e2" in line


def test_an_empty_folder_has_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "list", "--data", str(tmp_path), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["data"]
    assert {row["benchmark"] for row in rows if row["here"]} == {"starter"}


@pytest.mark.shared
def test_verify_checks_and_says(
    shared_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ["humaneval,starter", "humaneval_plus@v0.1.9"]
    assert main(["data", "verify", *names, "--data", str(shared_data)]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "humaneval@v1: ok, 164 tasks, file humaneval/HumanEval.jsonl.gz"
    assert [line.split(":")[0] for line in told[1:]] == ["starter@v1", "humaneval_plus@v0.1.9"]
    damaged = (shared_data / "humaneval" / "HumanEval.jsonl.gz").read_bytes()[:-50]
    (tmp_path / "HumanEval.jsonl.gz").write_bytes(damaged)
    assert main(["data", "verify", *names, "--data", str(tmp_path)]) == DataError.exit_status
    told = capsys.readouterr().out.splitlines()
    assert "HumanEval.jsonl.gz is truncated" in told[0]
    assert told[1].startswith("starter@v1: ok")
    assert "HumanEval+ v0.1.9 is not in" in told[2]


@pytest.mark.shared
def test_the_command_fetches_by_name(
    evalplus_cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "data"
    assert main(["data", "fetch", "starter,humaneval_plus@v0.1.9", "--data", str(folder)]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "starter@v1: is in the package, and needs no file"
    assert told[1].startswith("humaneval_plus@v0.1.9: fetched, ")
    assert main(["data", "verify", "humaneval_plus@v0.1.9", "--data", str(folder)]) == 0
    assert main(["data", "fetch", "humaneval", ",", "--data", str(folder), "x@y"]) == 2
