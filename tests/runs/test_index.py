"""The index of a run folder: whatever becomes of it, the files of lines are what counts."""

from __future__ import annotations

import gc
import os
import shutil
import sqlite3
import tracemalloc
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from opencodeeval.core.errors import StoreError
from opencodeeval.core.types import (
    Completion,
    Grade,
    Program,
    Prompt,
    SampleId,
    SuiteResult,
    Verdict,
    digest,
)
from opencodeeval.records.schema import Reasoning
from opencodeeval.runs import databases, index, tallies
from opencodeeval.runs.rows import ExecutionKey
from opencodeeval.runs.store import RunStore, read_run

CONFIGURATION = {"benchmark": "b", "model": {"model": "m"}}
SAMPLES = [SampleId(f"t/{task}", number) for task in range(3) for number in range(4)]


def key_of(where: SampleId) -> ExecutionKey:
    return ExecutionKey(where.task_id, f"program {where}", "tests", "1", "sandbox")


def add(store: RunStore, where: SampleId, text: str = "x = 1") -> None:
    """All steps of a sample."""
    if where.task_id not in store.prompts:
        store.add_prompt(Prompt(where.task_id, text="?"))
    completion = Completion(*where, f"{text} {where}", f"prompt {where.task_id}")
    store.add_completion(completion)
    store.add_program(completion, Program(*where, text, "fence"), "extraction")
    verdict = Verdict.WRONG if where.sample_id % 2 else Verdict.PASSED
    store.add_grade(key_of(where), Grade(*where, {"base": SuiteResult(verdict, "detail")}))


def filled(output: Path) -> Path:
    """A folder with all samples, closed."""
    with closing(RunStore(output, CONFIGURATION)) as store:
        for where in SAMPLES:
            add(store, where)
        return store.folder


def assert_all_there(store: RunStore) -> None:
    assert list(store.completions) == list(store.programs) == list(store.verdicts) == SAMPLES
    for where in SAMPLES:
        assert store.completions[where].text == f"x = 1 {where}"
        assert store.completions[where].prompt == f"prompt {where.task_id}"
        assert store.programs[where][1].code == "x = 1"
        grade = store.grade_of(where, key_of(where))
        assert grade is not None
        assert grade.suites["base"].detail == "detail"
        assert store.same_execution(key_of(where)) == grade
    assert tallies.totals(store.content.index).samples == len(SAMPLES)
    assert [len(store.graded(task)) for task in ("t/0", "t/1", "t/2")] == [4, 4, 4]


def test_a_closed_folder_is_opened_again_without_reading_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(index.Index, "_add", lambda *_: pytest.fail("a line was read"))
        RunStore(tmp_path, CONFIGURATION).close()
    with closing(RunStore(tmp_path, CONFIGURATION)) as store:
        assert_all_there(store)


def test_a_folder_of_an_earlier_version_has_no_index_and_gets_one(tmp_path: Path) -> None:
    folder = filled(tmp_path)
    (folder / databases.NAME).unlink()
    with closing(RunStore(tmp_path, CONFIGURATION)) as store:
        assert_all_there(store)
    assert (folder / databases.NAME).exists()


@pytest.mark.parametrize("batch", [1, 2, 3, 7, 10_000])
def test_killed_between_a_line_and_the_index_it_continues(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    """What a kill leaves is what is on the disk at that instant: a copy of the folder."""
    monkeypatch.setattr(index, "BATCH", batch)
    copies = []
    with closing(RunStore(tmp_path / "live", CONFIGURATION)) as store:
        for number, where in enumerate(SAMPLES):
            add(store, where)
            copies.append(tmp_path / f"copy-{number}")
            shutil.copytree(store.folder, copies[-1] / "runs" / store.run_id)
    for number, copy in enumerate(copies):
        with closing(RunStore(copy, CONFIGURATION)) as store:
            assert list(store.completions) == list(store.verdicts) == SAMPLES[: number + 1]
            for where in SAMPLES[number + 1 :]:
                add(store, where)
            assert_all_there(store)


@pytest.mark.parametrize("name", ["completions", "programs", "verdicts", "seen"])
def test_a_half_written_line_is_removed_and_the_index_goes_on_from_there(
    tmp_path: Path, name: str
) -> None:
    folder = filled(tmp_path)
    path = folder / f"{name}.jsonl"
    whole = path.read_bytes()
    with path.open("ab") as file:
        file.write(whole.splitlines()[0][:-5])
    with closing(RunStore(tmp_path, CONFIGURATION)) as store:
        assert_all_there(store)
    assert path.read_bytes() == whole


def garbage(path: Path) -> None:
    path.write_bytes(b"not a database " * 500)


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def holes(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[3000:-1000] = bytes(len(content) - 4000)
    path.write_bytes(content)


def of_another_version(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE about SET version = 'another'")
        database.execute("UPDATE completions SET at = at + 1")


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGES = [garbage, truncated, empty, holes, of_another_version, a_folder]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_index_or_one_of_another_version_is_made_anew(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    folder = filled(tmp_path)
    damage(folder / databases.NAME)
    read = read_run(folder)
    assert list(read.completions) == list(read.grades) == SAMPLES
    with closing(RunStore(tmp_path, CONFIGURATION)) as store:
        assert_all_there(store)
        more = SampleId("t/9", 0)
        add(store, more)
        assert store.completions[more].text == f"x = 1 {more}"


def test_a_file_that_was_edited_is_read_again_as_a_whole(tmp_path: Path) -> None:
    folder = filled(tmp_path)
    path = folder / "completions.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    # One line less, and one that is as long as before.
    lines[3] = lines[3].replace("x = 1", "y = 2")
    path.write_text("".join([*lines[1:], lines[5]]))
    with closing(RunStore(tmp_path, CONFIGURATION)) as store:
        assert SAMPLES[0] not in store.completions
        assert store.completions[SAMPLES[3]].text.startswith("y = 2")
        assert len(store.completions) == len(SAMPLES) - 1
        assert list(store.verdicts) == SAMPLES


def test_a_line_that_is_gone_while_the_folder_is_read_is_one_sentence(tmp_path: Path) -> None:
    folder = filled(tmp_path)
    read = read_run(folder)
    path = folder / "completions.jsonl"
    with path.open("r+b") as file:
        file.write(b" " * 50)
    with pytest.raises(StoreError, match="was changed while it was being read"):
        read.completions[SAMPLES[0]]


def test_reading_writes_nothing(tmp_path: Path) -> None:
    folder = filled(tmp_path)
    (folder / databases.NAME).unlink()
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    read = read_run(folder)
    assert list(read.completions) == SAMPLES
    assert read.extractions[SAMPLES[0]] == "extraction"
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_what_was_read_is_closed_with_its_last_user(tmp_path: Path) -> None:
    folder = filled(tmp_path)

    def open_files() -> set[str]:
        paths = (os.path.realpath(each) for each in Path("/proc/self/fd").iterdir())
        return {path for path in paths if path.startswith(str(folder))}

    read = read_run(folder)
    assert len(read.grades) == len(SAMPLES)
    assert {Path(each).stem for each in open_files()} == {"index", *index.FILES}
    gc.disable()
    try:
        del read
        assert open_files() == set()
    finally:
        gc.enable()


def test_a_folder_is_read_while_another_store_writes_it(tmp_path: Path) -> None:
    with closing(RunStore(tmp_path, CONFIGURATION)) as store:
        for place, where in enumerate(SAMPLES):
            add(store, where)
            assert list(read_run(store.folder).grades) == SAMPLES[: place + 1]


def test_a_reader_in_the_middle_stops_no_writer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "BATCH", 2)
    monkeypatch.setattr(databases, "LOCKED_S", 0.01)
    with closing(RunStore(tmp_path, CONFIGURATION)) as store:
        for where in SAMPLES[:4]:
            add(store, where)
    with closing(RunStore(tmp_path, CONFIGURATION)) as store:
        reading = iter(read_run(store.folder).completions)
        assert next(reading) == SAMPLES[0]
        with monkeypatch.context() as patched:
            patched.setattr(index.Index, "_make_anew", lambda _: pytest.fail("made anew"))
            for where in SAMPLES[4:8]:
                add(store, where)
            # The reader holds its lock so long.
            assert store.content.index.row("SELECT count(*) FROM completions") == (8,)
            assert len(list(reading)) == 3
            for where in SAMPLES[8:]:
                add(store, where)
        assert_all_there(store)
    with monkeypatch.context() as patched:
        patched.setattr(index.Index, "_add", lambda *_: pytest.fail("a line was read"))
        with closing(RunStore(tmp_path, CONFIGURATION)):
            pass


def test_where_the_index_cannot_be_written_the_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "BATCH", 5)
    with closing(RunStore(tmp_path, CONFIGURATION)) as store:
        for number, where in enumerate(SAMPLES):
            if number == 6:
                # Closed behind its back: every later call fails, as on a full or broken disk.
                store.content.index._database.close()
            add(store, where)
        assert_all_there(store)
    with closing(RunStore(tmp_path, CONFIGURATION)) as store:
        assert_all_there(store)


def test_an_index_that_cannot_be_kept_anywhere_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(RunStore(tmp_path, CONFIGURATION)) as store:
        add(store, SAMPLES[0])
        for where in SAMPLES[1:2]:
            store.content.index._database.close()
            add(store, where)
        store.content.index._database.close()
        with pytest.raises(StoreError, match=r"cannot be kept: make room .*TMPDIR") as raised:
            add(store, SAMPLES[2])
        assert "\n" not in str(raised.value)


def test_memory_does_not_grow_with_the_texts(tmp_path: Path) -> None:
    text = "x" * 20_000
    many = [SampleId(f"t/{number}", 0) for number in range(2000)]  # 40 MB of completions alone
    tracemalloc.start()
    try:
        with closing(RunStore(tmp_path, CONFIGURATION)) as store:
            for where in many:
                add(store, where, f"{text} {where}")
        with closing(RunStore(tmp_path, CONFIGURATION)) as store:
            assert sum(len(each.text) > 20_000 for each in store.completions.values()) == 2000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 25e6


def test_a_sample_s_last_line_counts_and_those_before_a_new_beginning_do_not(
    tmp_path: Path,
) -> None:
    folder = filled(tmp_path)
    where = SAMPLES[0]
    with closing(RunStore(tmp_path, CONFIGURATION)) as store:
        newer = key_of(where)._replace(sandbox="newer")
        store.add_grade(newer, Grade(*where, {"base": SuiteResult(Verdict.TIMEOUT)}))
    with closing(RunStore(tmp_path, CONFIGURATION)) as store:
        assert store.grade_of(where, key_of(where)) is None
        assert store.graded("t/0")[0].suites["base"].verdict is Verdict.TIMEOUT
        assert list(store.verdicts) == [*SAMPLES[1:], where]
        store.begin_again()
        assert store.graded("t/0") == []
        add(store, where)
        assert [each.sample_id for each in store.graded("t/0")] == [0]
        assert list(store.verdicts) == [where]
    assert len(read_run(folder).grades) == len(SAMPLES)


def done(store: RunStore, task: str, **changed: str) -> list[SampleId]:
    extraction = changed.pop("extraction", "extraction")
    code = changed.pop("code", "")
    assert not code
    key = key_of(SampleId(task, 0))._replace(program="", **changed)
    return [each.where for each in store.done(key, extraction, ["base"])]


def test_what_is_done_is_known_without_reading_a_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(RunStore(tmp_path, CONFIGURATION)) as store:
        for where in SAMPLES:
            add(store, where)
            key = key_of(where)._replace(program=digest("x = 1"))
            store.add_grade(key, Grade(*where, {"base": SuiteResult(Verdict.PASSED)}))
    with closing(RunStore(tmp_path, CONFIGURATION)) as store:
        monkeypatch.setattr(store.content, "line", lambda *_: pytest.fail("a text was read"))
        assert done(store, "t/1") == [where for where in SAMPLES if where.task_id == "t/1"]
        assert done(store, "t/1", extraction="mended") == []
        assert done(store, "t/1", tests="others") == []
        assert done(store, "t/1", protocol_version="2") == []
        assert done(store, "t/1", sandbox="newer") == []
        store.rename_sandbox("sandbox", "newer")
        assert len(done(store, "t/1", sandbox="newer")) == 4
        # An answer that has changed since.
        store.add_completion(Completion("t/1", 0, "another"))
        assert len(done(store, "t/1", sandbox="newer")) == 3


def test_a_sample_without_code_is_done_if_its_verdict_says_so(tmp_path: Path) -> None:
    with closing(RunStore(tmp_path, CONFIGURATION)) as store:
        for number, verdict in enumerate([Verdict.NO_CODE, Verdict.ERROR]):
            completion = Completion("t/0", number, "prose")
            store.add_completion(completion)
            store.add_program(completion, Program("t/0", number, " ", "none"), "extraction")
            key = key_of(SampleId("t/0", number))._replace(program=digest(" "))
            store.add_grade(key, Grade("t/0", number, {"base": SuiteResult(verdict)}))
        assert done(store, "t/0") == [SampleId("t/0", 0)]


def reasoning_in(output: Path, completions: list[Completion]) -> Reasoning | None:
    """What a run folder with these completions says of their reasoning."""
    with closing(RunStore(output, CONFIGURATION)) as store:
        for each in completions:
            store.add_completion(each)
        return tallies.reasoning(store.content.index)


def test_reasoning_is_counted_as_the_answers_are_added(tmp_path: Path) -> None:
    answers = [
        Completion("t", 0, "x = 1"),
        Completion("t", 1, "<think>Hm.</think>x = 1", thinking_tokens=3),
        Completion("t", 2, "x = 1", thinking_tokens=9),  # a server that does not show it
        Completion("t", 3, "<think>Hm.", finish_reason="length"),
        Completion("t", 4, "Hm.", prompt="assistant: <think>\n"),
        Completion("t", 5, "", reasoning="Hm."),
        Completion("t", 6, "<think>Hm.", form="program"),
        Completion("t", 7, "<think>\n\n</think>\n\nx = 1"),
    ]
    expected = Reasoning(answers=5, unfinished=3, cut_off=1, tokens=12, counted=2)
    assert reasoning_in(tmp_path, answers) == expected
    cut = Completion("t", 8, "<think>Hm</think>x", thinking_tokens=3, thinking_cut=True)
    found = reasoning_in(tmp_path, [*answers, cut])
    assert found
    assert (found.at_budget, found.tokens, found.counted) == (1, 15, 3)
    # Made anew from the lines, it says the same.
    (index_file,) = tmp_path.glob(f"runs/*/{databases.NAME}")
    index_file.unlink()
    assert reasoning_in(tmp_path, []) == found
    assert reasoning_in(tmp_path / "other", answers[:1]) is None
