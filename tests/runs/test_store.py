"""Run folders survive whatever happens to the process and to the disk."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opencodeeval.core.errors import StoreError
from opencodeeval.core.journal import Journal, write_atomically
from opencodeeval.core.types import (
    Completion,
    Grade,
    Message,
    Program,
    Prompt,
    SampleId,
    SuiteResult,
    Verdict,
    digest,
)
from opencodeeval.runs.content import completion_digest
from opencodeeval.runs.rows import ExecutionKey, ProgramSource, VerdictRow, overall
from opencodeeval.runs.store import RunStore, read_run, run_id

CONFIGURATION = {"benchmark": "b", "model": {"model": "m"}}
PROMPT = Prompt("t/0", messages=(Message("user", "say é"),), stop=("\n",))
COMPLETION = Completion("t/0", 0, "x = '\ud800\u2028\r'", prompt="p", completion_tokens=7)
PROGRAM = Program("t/0", 0, "x = 1\n", "fence")
KEY = ExecutionKey("t/0", "program", "tests", "1", "sandbox")
GRADE = Grade(
    "t/0",
    0,
    {
        "base": SuiteResult(Verdict.PASSED, tests_run=3, tests_total=3, wall_s=0.5, cpu_s=0.25),
        "plus": SuiteResult(Verdict.WRONG, "1 of 9", 1, 9, {"index": 0, "got": "2"}),
    },
    stdout="out",
    stderr="err",
)


def faulty(grade: Grade) -> Grade:
    return replace(grade, suites={"base": SuiteResult(Verdict.INFRA_ERROR, "slot lost")})


def fill(store: RunStore) -> None:
    store.add_prompt(PROMPT)
    store.add_completion(COMPLETION)
    store.add_program(COMPLETION, PROGRAM, "extraction")
    store.add_grade(KEY, GRADE)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RunStore]:
    opened = RunStore(tmp_path, CONFIGURATION)
    yield opened
    opened.close()


def reopened(store: RunStore) -> RunStore:
    store.close()
    return RunStore(store.output, store.configuration)


def test_everything_that_was_added_is_there_when_the_run_is_opened_again(store: RunStore) -> None:
    assert not store.resumed
    fill(store)
    again = reopened(store)
    assert again.resumed
    assert set(again.prompts) == {"t/0"}
    assert again.completions == {SampleId("t/0", 0): COMPLETION}
    assert again.program_of(COMPLETION, "extraction") == PROGRAM
    assert again.grade_of(SampleId("t/0", 0), KEY) == GRADE
    assert again.same_execution(KEY) == GRADE
    again.close()


def test_each_step_is_one_ascii_json_line(store: RunStore) -> None:
    fill(store)
    for name in ("prompts", "completions", "programs", "verdicts"):
        data = (store.folder / f"{name}.jsonl").read_bytes()
        assert data.isascii()
        assert data.count(b"\n") == 1
        assert json.loads(data)["task_id"] == "t/0"
    verdicts = json.loads((store.folder / "verdicts.jsonl").read_text())
    assert verdicts["verdicts"] == {"base": "passed", "plus": "wrong"}
    assert verdicts["program"] == "program"
    assert verdicts["suites"]["plus"]["failure"] == {"index": 0, "got": "2"}


def test_a_completion_s_line_names_reasoning_only_where_there_is_some(store: RunStore) -> None:
    plain = replace(COMPLETION, text="x = 1")
    apart = replace(plain, sample_id=1, reasoning="Hm.", thinking_tokens=2, thinking_cut=True)
    store.add_completion(plain)
    store.add_completion(apart)
    line = (
        '{"task_id":"t/0","sample_id":%d,"text":"x = 1","seen":"SEEN","finish_reason":"stop",'
        '"prompt_tokens":0,"completion_tokens":7,"form":"answer"%s}\n'
    )
    more = ',"reasoning":"Hm.","thinking_tokens":2,"thinking_cut":true'
    path = store.folder / "completions.jsonl"
    expected = line % (0, "") + line % (1, more)
    assert path.read_text() == expected.replace("SEEN", digest("p"))
    again = reopened(store)
    assert list(again.completions.values()) == [plain, apart]
    assert read_run(again.folder).completions == again.completions
    again.close()


def test_the_digest_of_a_completion_is_that_of_earlier_versions() -> None:
    plain = Completion("t/0", 0, "x = 1")
    assert completion_digest(plain) == digest(["answer", "stop", "x = 1"])
    others = [replace(plain, reasoning="Hm."), replace(plain, thinking_tokens=2)]
    assert len({completion_digest(each) for each in [plain, *others]}) == 3


@pytest.mark.parametrize("field", ["program", "tests", "protocol_version", "sandbox"])
def test_a_verdict_is_not_reused_for_another_execution(store: RunStore, field: str) -> None:
    fill(store)
    other = KEY._replace(**{field: "changed"})
    assert store.grade_of(SampleId("t/0", 0), other) is None
    assert store.same_execution(other) is None


def test_a_program_is_not_reused_for_another_completion(store: RunStore) -> None:
    fill(store)
    assert store.program_of(replace(COMPLETION, text="other"), "extraction") is None


def test_a_program_is_not_reused_after_extraction_was_mended(store: RunStore) -> None:
    fill(store)
    assert store.program_of(COMPLETION, "mended") is None


def test_programs_of_folders_that_do_not_know_their_extraction_are_extracted_again(
    store: RunStore,
) -> None:
    fill(store)
    path = store.folder / "programs.jsonl"
    row = json.loads(path.read_text())
    del row["extraction"]  # as version 0.1.0 wrote it
    path.write_text(json.dumps(row) + "\n")
    again = reopened(store)
    assert again.programs[SampleId("t/0", 0)][1] == PROGRAM
    assert again.program_of(COMPLETION, "extraction") is None
    again.close()


def test_one_process_opens_a_run_once(store: RunStore) -> None:
    with pytest.raises(StoreError, match="this process already has"):
        RunStore(store.output, store.configuration)
    # What was refused has not freed the lock for others.
    code = OPEN_AND_WAIT
    done = subprocess.run(
        [sys.executable, "-c", code, str(store.output)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
    )
    assert done.returncode != 0
    assert "another process has" in done.stderr
    reopened(store).close()


def test_executing_all_again_counts_only_what_was_executed_since(store: RunStore) -> None:
    fill(store)
    store.begin_again()
    assert store.verdicts == {}
    assert store.same_execution(KEY) is None
    store.add_grade(KEY, GRADE)
    again = reopened(store)  # interrupted
    again.begin_again()
    assert again.grade_of(SampleId("t/0", 0), KEY) == GRADE
    again.end_again()
    again.begin_again()
    assert again.verdicts == {}
    again.close()


def test_verdicts_of_a_sandbox_known_by_an_earlier_identity_are_kept(store: RunStore) -> None:
    fill(store)
    store.rename_sandbox(KEY.sandbox, "newer identity")
    key = KEY._replace(sandbox="newer identity")
    assert store.grade_of(SampleId("t/0", 0), key) == GRADE
    assert store.same_execution(key) == GRADE


def test_the_last_verdict_of_a_sample_counts(store: RunStore) -> None:
    fill(store)
    regraded = replace(GRADE, suites={"base": SuiteResult(Verdict.TIMEOUT)})
    store.add_grade(KEY._replace(sandbox="newer"), regraded)
    again = reopened(store)
    assert again.verdicts[SampleId("t/0", 0)] == (KEY._replace(sandbox="newer"), regraded)
    again.close()


def test_infrastructure_failures_are_kept_apart_and_never_reused(store: RunStore) -> None:
    store.add_grade(KEY, faulty(GRADE))
    assert store.same_execution(KEY) is None
    again = reopened(store)
    assert again.verdicts == {}
    assert again.same_execution(KEY) is None
    assert "slot lost" in (again.folder / "faults.jsonl").read_text()
    again.close()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_line_cut_at_any_byte_is_removed_and_the_rest_kept(
    tmp_path: Path, data: st.DataObject
) -> None:
    path = tmp_path / "journal.jsonl"
    path.unlink(missing_ok=True)
    rows: list[dict[str, object]] = [{"row": 0, "text": "é"}, {"row": 1, "text": "\n"}, {"row": 2}]
    journal: Journal[dict[str, object]] = Journal(path, dict)
    for row in rows:
        journal.append(row)
    journal.close()
    whole = path.read_bytes()
    cut = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:cut])
    kept = whole[:cut].count(b"\n")
    again: Journal[dict[str, object]] = Journal(path, dict)
    assert again.read() == rows[:kept]
    again.append({"row": "new"})
    assert again.read() == [*rows[:kept], {"row": "new"}]
    again.close()


@pytest.mark.parametrize(
    "line", ["{", "[]", "null", "\0\0\0", '{"task_id": "t/0"}', '{"task_id": "t/0", "new": 1}']
)
def test_any_other_damage_names_the_file_and_the_line(store: RunStore, line: str) -> None:
    fill(store)
    path = store.folder / "completions.jsonl"
    path.write_text(path.read_text() + line + "\n" + path.read_text())
    with pytest.raises(StoreError, match=r"completions\.jsonl, line 2 is damaged"):
        reopened(store)


WRONG_TYPES = [
    ("prompts", "stop", 3, "stop: must be a list, not a whole number"),
    ("completions", "sample_id", "0", "sample_id: must be a whole number, not text"),
    ("completions", "form", "poem", "form: 'poem' is none of the values that are known"),
    ("programs", "code", None, "code: must be text, not nothing"),
    ("verdicts", "verdicts", {"base": "good"}, "verdicts[...]: 'good' is none of the values"),
    ("verdicts", "suites", {"base": {}}, "suites lacks plus"),
    (
        "verdicts",
        "suites",
        {"base": {"tests_run": 0.5}},
        "whole number, not a decimal number",
    ),
    ("faults", "stdout", 1, "stdout: must be text, not a whole number"),
]


@pytest.mark.parametrize(("file", "field", "value", "words"), WRONG_TYPES)
def test_a_field_of_another_type_names_the_file_the_line_and_the_field(
    store: RunStore, file: str, field: str, value: object, words: str
) -> None:
    fill(store)
    store.add_grade(KEY, replace(GRADE, suites={"plus": SuiteResult(Verdict.INFRA_ERROR)}))
    path = store.folder / f"{file}.jsonl"
    (row,) = (json.loads(line) for line in path.read_text().splitlines())
    path.write_text(json.dumps({**row, field: value}) + "\n")
    with pytest.raises(StoreError, match=rf"{file}\.jsonl, line 1 is damaged") as raised:
        reopened(store)
    assert words in str(raised.value)


# What version 0.1.0 wrote for the values above: a program without `extraction`.
LINES = {
    "prompts": r'{"task_id":"t/0","text":"","messages":[{"role":"user","content":"say \u00e9"}],'
    r'"response_prefix":"","stop":["\n"],"digest":"DIGEST"}',
    "completions": r'{"task_id":"t/0","sample_id":0,"text":"x = \u0027\ud800\u2028\r\u0027",'
    r'"prompt":"p","finish_reason":"stop","prompt_tokens":0,"completion_tokens":7,'
    r'"form":"answer"}',
    "programs": r'{"task_id":"t/0","sample_id":0,"code":"x = 1\n","found":"fence",'
    r'"completion":"c0"}',
    "verdicts": r'{"task_id":"t/0","program":"program","tests":"tests","protocol_version":"1",'
    r'"sandbox":"sandbox","sample_id":0,"verdict":"wrong",'
    r'"verdicts":{"base":"passed","plus":"wrong"},'
    r'"suites":{"base":{"detail":"","tests_run":3,"tests_total":3,"failure":null,"wall_s":0.5,'
    r'"cpu_s":0.25},"plus":{"detail":"1 of 9","tests_run":1,"tests_total":9,'
    r'"failure":{"index":0,"got":"2"},"wall_s":0.0,"cpu_s":0.0}},"stdout":"out","stderr":"err"}',
}


def test_lines_of_the_first_version_are_read(store: RunStore) -> None:
    for name, line in LINES.items():
        (store.folder / f"{name}.jsonl").write_text(line + "\n")
    again = reopened(store)
    where = SampleId("t/0", 0)
    assert again.prompts == {"t/0": "DIGEST"}
    assert again.completions == {where: COMPLETION}
    assert again.programs == {where: (ProgramSource("c0"), PROGRAM)}
    assert again.verdicts == {where: (KEY, GRADE)}
    again.close()


def test_what_only_some_results_have_is_kept(store: RunStore) -> None:
    base = replace(GRADE.suites["base"], peak_mb=31.5, apart=True)
    store.add_grade(KEY, replace(GRADE, suites={**GRADE.suites, "base": base}))
    again = reopened(store)
    [(_, grade)] = again.verdicts.values()
    assert grade.suites == {"base": base, "plus": GRADE.suites["plus"]}
    again.close()


def test_lines_are_written_as_the_first_version_wrote_them(store: RunStore) -> None:
    fill(store)
    for name in ("prompts", "completions", "verdicts"):
        (line,) = (store.folder / f"{name}.jsonl").read_text().splitlines()
        expected = LINES[name].replace("DIGEST", store.prompts["t/0"]).replace(r"\u0027", "'")
        # Since then, what the model saw is stored once for all samples of a prompt.
        assert line == expected.replace('"prompt":"p"', f'"seen":"{digest("p")}"')


def test_what_the_model_saw_is_stored_once(store: RunStore) -> None:
    completions = [
        replace(COMPLETION, sample_id=number, prompt=prompt)
        for number, prompt in enumerate(["p", "p", "q", "p", "", "q"])
    ]
    for each in completions[:3]:
        store.add_completion(each)
    again = reopened(store)
    for each in completions[3:]:
        again.add_completion(each)
    last = reopened(again)
    rows = (last.folder / "seen.jsonl").read_text().splitlines()
    assert [json.loads(row) for row in rows] == [
        {"digest": digest(text), "text": text} for text in ("p", "q")
    ]
    assert list(last.completions.values()) == completions
    assert read_run(last.folder).completions == last.completions
    (last.folder / "seen.jsonl").unlink()
    with pytest.raises(StoreError, match=r"seen\.jsonl lacks a text of completions\.jsonl"):
        reopened(last)


def test_different_configurations_have_different_folders(tmp_path: Path) -> None:
    first = RunStore(tmp_path, CONFIGURATION)
    second = RunStore(tmp_path, {**CONFIGURATION, "sampling": {"n": 2}})
    assert first.folder != second.folder
    assert json.loads((first.folder / "run.json").read_text())["configuration"] == CONFIGURATION
    first.close()
    second.close()


def test_a_folder_of_another_configuration_is_refused(store: RunStore) -> None:
    path = store.folder / "run.json"
    path.write_text(json.dumps({"configuration": {}, "digest": "0" * 64}))
    with pytest.raises(StoreError, match="another configuration"):
        reopened(store)


OPEN_AND_WAIT = """
import sys
from pathlib import Path
from opencodeeval.runs.store import RunStore
store = RunStore(Path(sys.argv[1]), {"benchmark": "b", "model": {"model": "m"}})
print("open", flush=True)
sys.stdin.read()
"""


def test_a_run_is_written_by_one_process_at_a_time(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    other = subprocess.Popen(
        [sys.executable, "-c", OPEN_AND_WAIT, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert other.stdout is not None
    assert other.stdout.readline() == "open\n"
    try:
        with pytest.raises(StoreError, match="another process has"):
            RunStore(tmp_path, CONFIGURATION)
    finally:
        other.kill()
        other.communicate()
    RunStore(tmp_path, CONFIGURATION).close()


def test_a_lock_does_not_outlive_its_process_in_a_forked_child(tmp_path: Path) -> None:
    script = OPEN_AND_WAIT.replace("print(", "import os\nchild = os.fork()\nprint(child or '',")
    root = Path(__file__).resolve().parents[2]
    parent = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    assert parent.stdout is not None
    lines = [parent.stdout.readline(), parent.stdout.readline()]
    child = next(int(line.split()[0]) for line in lines if line.split()[0].isdigit())
    parent.kill()
    parent.wait()
    try:
        os.kill(child, 0)
        RunStore(tmp_path, CONFIGURATION).close()
    finally:
        os.kill(child, 9)
        parent.communicate()


def add_completions(store: RunStore, number: int) -> None:
    for sample_id in range(number):
        store.add_completion(Completion("t", sample_id, "x" * 1000))


def test_a_full_disk_loses_nothing_that_was_stored(tiny_disk: Path) -> None:
    store = RunStore(tiny_disk, CONFIGURATION)
    with pytest.raises(StoreError, match="no space left"):
        add_completions(store, 1000)
    stored = len(store.completions)
    with pytest.raises(StoreError, match="no space left"):
        store.add_completion(Completion("t", stored, "y" * 1000))
    store.close()
    assert stored > 10
    for path in tiny_disk.rglob("*.jsonl"):
        assert path.read_bytes()[-1:] in (b"", b"\n")
    again = RunStore(tiny_disk, CONFIGURATION)
    assert len(again.completions) == stored
    again.close()


def test_a_record_that_does_not_fit_leaves_the_old_one(tiny_disk: Path) -> None:
    path = tiny_disk / "record.json"
    write_atomically(path, {"score": 1})
    with pytest.raises(StoreError, match=r"record\.json cannot be written \(no space left"):
        write_atomically(path, {"score": "x" * 100_000})
    assert json.loads(path.read_text()) == {"score": 1}
    assert list(tiny_disk.iterdir()) == [path]


def test_a_read_only_output_is_one_sentence(tmp_path: Path) -> None:
    folder = tmp_path / "sealed"
    folder.mkdir()
    for command in (["mount", "--bind"], ["mount", "-o", "remount,ro,bind"]):
        mounted = subprocess.run([*command, str(folder), str(folder)], capture_output=True)
        if mounted.returncode:
            pytest.skip(f"bind mounts are not possible here: {mounted.stderr.decode()}")
    try:
        with pytest.raises(StoreError, match="read-only file system") as raised:
            RunStore(folder, CONFIGURATION)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
    assert "\n" not in str(raised.value)
    assert run_id(CONFIGURATION) in str(raised.value)


def test_an_output_that_is_a_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("")
    with pytest.raises(StoreError, match="not a directory") as raised:
        RunStore(tmp_path / "results", CONFIGURATION)
    assert "\n" not in str(raised.value)


def test_the_overall_verdict_is_the_first_that_is_no_pass() -> None:
    passed, wrong, timeout = Verdict.PASSED, Verdict.WRONG, Verdict.TIMEOUT
    assert overall({"base": passed, "plus": passed}) is passed
    assert overall({"base": passed, "plus": wrong}) is wrong
    assert overall({"base": timeout, "plus": wrong}) is timeout


def test_what_a_pass_is_worth_is_in_the_line_only_where_tests_ran_apart() -> None:
    for apart in (True, False):
        grade = Grade("t/0", 0, {"base": SuiteResult(Verdict.PASSED, apart=apart)})
        line = msgspec.json.encode(VerdictRow.of(KEY, grade))
        assert (b"apart" in line) is apart
        assert msgspec.json.decode(line, type=VerdictRow).grade == grade
