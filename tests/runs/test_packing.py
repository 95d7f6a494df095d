"""Packed run folders: smaller, read by every command, and nothing lost by a kill."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from opencodeeval.cli.main import main
from opencodeeval.core.errors import StoreError
from opencodeeval.core.lines import BLOCK
from opencodeeval.runs.databases import NAME
from opencodeeval.runs.packed import MANIFEST
from opencodeeval.runs.packing import pack, unpack
from opencodeeval.runs.rows import read_prompts, read_verdicts
from opencodeeval.runs.store import RunStore, read_run
from tests.runs.test_index import CONFIGURATION, SAMPLES, add, assert_all_there, filled


def content(folder: Path) -> dict[str, bytes]:
    """The files of lines that are not empty."""
    found = {path.name: path.read_bytes() for path in folder.glob("*.jsonl")}
    return {name: lines for name, lines in found.items() if lines}


def assert_reads_all(folder: Path) -> None:
    read = read_run(folder)
    for part in (read.completions, read.programs, read.extractions, read.grades, read.rows):
        assert list(part) == SAMPLES
    assert read.completions[SAMPLES[5]].text == f"x = 1 {SAMPLES[5]}"
    assert read.completions[SAMPLES[5]].prompt == f"prompt {SAMPLES[5].task_id}"
    assert read.rows[SAMPLES[5]].suites["base"].detail == "detail"
    assert list(read_prompts(folder)) == ["t/0", "t/1", "t/2"]
    assert [row.where for row in read_verdicts(folder)] == SAMPLES


def test_a_packed_folder_has_no_files_of_lines_and_is_read_as_before(tmp_path: Path) -> None:
    folder = filled(tmp_path)
    before = content(folder)
    done = pack(folder)
    assert done.folder == folder
    assert done.before > done.after
    assert content(folder) == {}
    assert not (folder / NAME).exists()
    assert_reads_all(folder)
    if shutil.which("zstd"):  # any tool can unpack them
        for name, lines in before.items():
            command = ["zstd", "-dc", str(folder / f"{name}.zst")]
            assert subprocess.run(command, capture_output=True, check=True).stdout == lines
    again = pack(folder)
    assert again.after == done.after


def test_a_run_that_goes_on_unpacks_its_folder(tmp_path: Path) -> None:
    folder = filled(tmp_path)
    before = content(folder)
    times = {name: (folder / name).stat().st_mtime_ns for name in before}
    pack(folder)
    with closing(RunStore(tmp_path, CONFIGURATION)) as store:
        assert store.resumed
        assert_all_there(store)
        assert content(folder) == before
        assert {name: (folder / name).stat().st_mtime_ns for name in before} == times
        assert list(folder.glob("*.zst")) == []
        assert not (folder / MANIFEST).exists()


def test_texts_of_many_blocks_are_read_one_by_one(tmp_path: Path) -> None:
    text = os.urandom(BLOCK // 3).hex()  # longer than half a block, and across its borders
    with closing(RunStore(tmp_path, CONFIGURATION)) as store:
        for where in SAMPLES:
            add(store, where, text)
        folder = store.folder
    pack(folder)
    read = read_run(folder)
    for where in reversed(SAMPLES):
        assert read.completions[where].text == f"{text} {where}"
        assert read.programs[where].code == text
    unpack(folder)
    with closing(RunStore(tmp_path, CONFIGURATION)) as store:
        assert store.completions[SAMPLES[3]].text == f"{text} {SAMPLES[3]}"


class Killed(BaseException):
    """Stands for a kill: nothing handles it but what runs on any exception."""


def killed_at(number: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Let the call of `number` among those that change the folder be the last."""
    left = [number]
    for name in ("replace", "unlink"):
        real = getattr(os, name)

        def counted(*arguments: object, _real: object = real, **options: object) -> object:
            left[0] -= 1
            if left[0] < 0:
                raise Killed
            return _real(*arguments, **options)  # type: ignore[operator]

        monkeypatch.setattr(os, name, counted)
    yield from ()


@pytest.mark.parametrize("step", ["pack", "unpack"])
def test_killed_at_any_change_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    kills = 0
    for number in range(40):
        output = tmp_path / str(number)
        folder = filled(output)
        before = content(folder)
        if step == "unpack":
            pack(folder)
        with monkeypatch.context() as patched:
            list(killed_at(number, patched))
            try:
                pack(folder) if step == "pack" else unpack(folder)
            except Killed:
                kills += 1
            else:
                break
        assert_reads_all(folder)
        # Either way it can be ended.
        if number % 2:
            pack(folder)
            assert content(folder) == {}
            assert_reads_all(folder)
        with closing(RunStore(output, CONFIGURATION)) as store:
            assert_all_there(store)
        assert content(folder) == before
        assert list(folder.glob("*.zst")) == list(folder.glob(".*.tmp")) == []
    assert kills > 10


def test_a_folder_that_is_open_is_not_packed(tmp_path: Path) -> None:
    with closing(RunStore(tmp_path, CONFIGURATION)) as store:
        add(store, SAMPLES[0])
        with pytest.raises(StoreError, match=r"already has .* open"):
            pack(store.folder)


def test_a_damaged_packed_file_is_one_sentence_and_stays(tmp_path: Path) -> None:
    folder = filled(tmp_path)
    pack(folder)
    path = folder / "programs.jsonl.zst"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))  # one bit of the checksum
    with pytest.raises(StoreError, match=r"programs\.jsonl\.zst is damaged"):
        read_run(folder).programs[SAMPLES[0]]
    path.write_bytes(whole[:-20])
    with pytest.raises(StoreError, match=r"programs\.jsonl\.zst is damaged .*: restore it"):
        RunStore(tmp_path, CONFIGURATION)
    assert path.exists()
    assert content(folder) == {}
    path.unlink()
    with pytest.raises(StoreError, match=r"programs\.jsonl\.zst cannot be read"):
        read_run(folder)


def test_a_folder_of_a_later_version_is_one_sentence(tmp_path: Path) -> None:
    folder = filled(tmp_path)
    pack(folder)
    path = folder / MANIFEST
    path.write_text(json.dumps({**json.loads(path.read_text()), "version": 2}))
    with pytest.raises(StoreError, match="later version of opencodeeval"):
        read_run(folder)
    path.write_text("{")
    with pytest.raises(StoreError, match=r"packed\.json is damaged"):
        read_run(folder)


def test_a_full_disk_leaves_the_folder_as_it_was(tmp_path: Path, tiny_disk: Path) -> None:
    packed = filled(tmp_path / "large")
    pack(packed)
    folder = tiny_disk / "runs" / packed.name
    shutil.copytree(packed, folder)
    filler = tiny_disk / "filler"
    filler.write_bytes(bytes(shutil.disk_usage(tiny_disk).free))
    with pytest.raises(StoreError, match="cannot be written"):
        RunStore(tiny_disk, CONFIGURATION)
    assert content(folder) == {}
    assert_reads_all(folder)


def reference_run(output: Path) -> Path:
    """A finished run of the starter benchmark, through the command; its folder."""
    arguments = ["--backend", "reference", "--bench", "starter", "--limit", "3"]
    assert main([*arguments, "--sandbox", "local", "--output", str(output), "--quiet"]) == 0
    (folder,) = (output / "runs").iterdir()
    return folder


def test_every_command_reads_a_packed_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results"
    folder = reference_run(results)
    (record,) = results.glob("starter/*.json")
    written = json.loads(record.read_text())
    page = ["report", str(folder), "--output"]
    assert main([*page, str(tmp_path / "before.html")]) == 0
    capsys.readouterr()
    assert main(["pack", str(results), "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["runs"]
    assert row["folder"] == str(folder)
    assert row["before"] > row["after"]
    for arguments in (
        [*page, str(tmp_path / "after.html")],
        ["show", str(folder)],
        ["compare", str(folder), str(record)],
        ["gate", "--baseline", str(folder), "--candidate", str(folder), "--margin", "0.9"],
        ["export", str(folder), "--format", "answers", "--output", str(tmp_path / "export")],
        ["publish", str(record), "--format", "csv"],
        ["regrade", str(folder), "--sandbox", "local", "--quiet"],
    ):
        assert main(arguments) == 0, arguments
        assert (folder / MANIFEST).exists(), arguments
    assert (tmp_path / "after.html").read_text() == (tmp_path / "before.html").read_text()
    assert main(["regrade", str(folder), "--again", "--sandbox", "local", "--quiet"]) == 0
    assert not (folder / MANIFEST).exists()
    assert main(["pack", str(folder)]) == 0
    assert f"{folder}: " in capsys.readouterr().out
    reference_run(results)  # the same command again: it is continued
    assert json.loads(record.read_text())["pass@k"] == written["pass@k"]
    assert main(["pack", str(folder), "--unpack"]) == 0
    assert content(folder)


def test_what_has_no_run_folder_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results"
    folder = reference_run(results)
    folder.rename(tmp_path / "elsewhere")
    assert main(["pack", str(results)]) == 2
    assert "no record has its run folder beside it" in capsys.readouterr().err
