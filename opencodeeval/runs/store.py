"""Run folders: what a run has done so far, safe against being killed at any instant.

OUTPUT/runs/<run_id>/ holds run.json (the configuration) and four append-only
files of JSON lines, one for each step of a sample:

    prompts.jsonl      task_id, the prompt, and its digest
    completions.jsonl  task_id, sample_id, and the completion
    programs.jsonl     task_id, sample_id, digests of the completion and of the code
                       that extracts, code, found
    verdicts.jsonl     task_id, sample_id, the digests that make up the execution's key,
                       the overall verdict, suite -> verdict, suite -> details, tails
                       of the output
    faults.jsonl       like verdicts.jsonl, for infrastructure failures (never reused)

Where a sample has several lines, the last one counts. That happens where what a
step depends on has changed between two runs. What each step depends on, and how a
change is noticed:

    prompt      data, templates, stop strings, protocol: all in the configuration,
                whose digest names the folder
    completion  prompt, model, sampling, seed: in the configuration too
    program     completion and extraction: digests in its line
    verdict     program, tests with their limits, version of the protocol, sandbox:
                the digests of the execution's key in its line
    record      what counts as passed and which samples count: made anew each time
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from opencodeeval.core.errors import StoreError
from opencodeeval.core.journal import Journal, Lock, guarded, parsed_lines, write_atomically
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

RUN_ID_LENGTH = 12
# While all samples of a run are executed again: how many verdicts there were before.
AGAIN = "again.json"

T = TypeVar("T")


class ProgramSource(NamedTuple):
    """What a program was extracted from, and by which code, as digests.

    `extraction` is empty for programs that version 0.1.0 has stored.
    """

    completion: str
    extraction: str = ""


class ExecutionKey(NamedTuple):
    """Everything that decides a verdict, as digests.

    Two executions with the same key are the same execution.
    """

    task_id: str
    program: str
    tests: str
    protocol_version: str
    sandbox: str


def run_id(configuration: Mapping[str, Any]) -> str:
    """Short name of a run: a digest of all that decides its result."""
    return digest(configuration)[:RUN_ID_LENGTH]


def completion_digest(completion: Completion) -> str:
    """What a program was extracted from."""
    return digest([completion.form, completion.finish_reason, completion.text])


class RunStore:
    """One run folder, open for reading and appending by this process alone.

    `prompts`, `completions`, `programs`, `verdicts` hold what was stored when
    it was opened and what has been added since.
    """

    def __init__(self, output: Path, configuration: Mapping[str, Any]) -> None:
        """Open the folder of this configuration under `output`, or make it.

        Raises:
            StoreError: `output` cannot be written, another process has the
                run open, or what is stored is damaged.
        """
        self.output = output
        self.configuration = configuration
        self.run_id = run_id(configuration)
        self.folder = output / "runs" / self.run_id
        guarded(self.folder, lambda: self.folder.mkdir(parents=True, exist_ok=True))
        self._lock = Lock(self.folder / "lock")
        self._journals: dict[str, Journal] = {}
        try:
            self.resumed = self._write_or_check_configuration()
            self.prompts = self._load("prompts", _prompt_from)
            self.completions = self._load("completions", _completion_from)
            self.programs = self._load("programs", _program_from)
            self.verdicts = self._load("verdicts", _grade_from)
            self._load("faults", lambda row: (None, None))
        except BaseException:
            self.close()
            raise
        self._grades = dict(self.verdicts.values())

    def close(self) -> None:
        """Give the folder back; every line added is already in its file."""
        for journal in self._journals.values():
            journal.close()
        self._lock.release()

    def add_prompt(self, prompt: Prompt) -> None:
        """Store what was asked of one task."""
        row = asdict(prompt)
        asked = digest(row)
        self._journals["prompts"].append({**row, "digest": asked})
        self.prompts[prompt.task_id] = asked

    def add_completion(self, completion: Completion) -> None:
        """Store one answer; nothing is graded before its completion is stored."""
        self._journals["completions"].append(asdict(completion))
        self.completions[SampleId(completion.task_id, completion.sample_id)] = completion

    def add_program(self, completion: Completion, program: Program, extraction: str) -> None:
        """Store the code that was extracted from a completion.

        `extraction` is the digest of the code that extracted it.
        """
        source = ProgramSource(completion_digest(completion), extraction)
        self._journals["programs"].append({**asdict(program), **source._asdict()})
        self.programs[SampleId(program.task_id, program.sample_id)] = (source, program)

    def program_of(self, completion: Completion, extraction: str) -> Program | None:
        """The stored program of this very completion and extraction, if there is one."""
        where = SampleId(completion.task_id, completion.sample_id)
        source, program = self.programs.get(where, (None, None))
        wanted = ProgramSource(completion_digest(completion), extraction)
        return program if source == wanted else None

    def add_grade(self, key: ExecutionKey, grade: Grade) -> None:
        """Store the verdicts of one sample; infrastructure failures go to faults.jsonl."""
        if is_fault(grade):
            self._journals["faults"].append(_row_of(key, grade))
            return
        self._journals["verdicts"].append(_row_of(key, grade))
        self.verdicts[SampleId(grade.task_id, grade.sample_id)] = (key, grade)
        self._grades[key] = grade

    def grade_of(self, where: SampleId, key: ExecutionKey) -> Grade | None:
        """The stored grade of this sample, if it came from this very execution."""
        stored, grade = self.verdicts.get(where, (None, None))
        return grade if stored == key else None

    def rename_sandbox(self, known_as: str, identity: str) -> None:
        """Take verdicts stored under one identity of a sandbox for those of another.

        For folders of versions that identified the same sandbox in another way.
        """
        for where, (key, grade) in self.verdicts.items():
            if key.sandbox == known_as:
                self.verdicts[where] = (key._replace(sandbox=identity), grade)
        self._grades = dict(self.verdicts.values())

    def begin_again(self) -> None:
        """Count only verdicts from here on; the others stay in their file.

        Where this was begun before and not ended, those since then count.
        """
        content = guarded(self.folder, (self.folder / "verdicts.jsonl").read_bytes)
        if begun_again_after(self.folder) is None:
            write_atomically(self.folder / AGAIN, {"verdicts_before": content.count(b"\n")})
        lines = content.splitlines(keepends=True)[begun_again_after(self.folder) :]
        since = parsed_lines(self.folder / "verdicts.jsonl", b"".join(lines), _grade_from)
        self.verdicts = dict(since)
        self._grades = dict(self.verdicts.values())

    def end_again(self) -> None:
        """What `begin_again` began is complete, as it is whenever the run has its record."""
        guarded(self.folder, lambda: (self.folder / AGAIN).unlink(missing_ok=True))

    def same_execution(self, key: ExecutionKey) -> Grade | None:
        """The grade of any sample that this very execution would repeat."""
        return self._grades.get(key)

    def _write_or_check_configuration(self) -> bool:
        path = self.folder / "run.json"
        full = digest(self.configuration)
        if not path.exists():
            write_atomically(path, {"configuration": self.configuration, "digest": full})
            return False
        try:
            stored = json.loads(path.read_text(encoding="ascii"))["digest"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{path} cannot be read ({error}): delete {self.folder}") from error
        if stored != full:
            raise StoreError(
                f"{path} belongs to another configuration: delete {self.folder} "
                "or choose another --output"
            )
        return True

    def _load(self, name: str, parse: Callable[[dict[str, Any]], tuple[Any, T]]) -> dict[Any, T]:
        journal = self._journals[name] = Journal(self.folder / f"{name}.jsonl")
        return dict(journal.read(parse))


def begun_again_after(folder: Path) -> int | None:
    """How many lines of verdicts there were before all samples began to be executed again.

    None where that is not going on.

    Raises:
        StoreError: what says so is damaged.
    """
    path = folder / AGAIN
    if not path.exists():
        return None
    try:
        return int(json.loads(path.read_text("ascii"))["verdicts_before"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{path} cannot be read ({error}): delete it") from error


class StoredRun(NamedTuple):
    """What a run folder holds of each sample; `extractions` are digests (ProgramSource)."""

    completions: Mapping[SampleId, Completion]
    programs: Mapping[SampleId, Program]
    extractions: Mapping[SampleId, str]
    grades: Mapping[SampleId, Grade]


def read_run(folder: Path) -> StoredRun:
    """What a run folder holds, read without opening it for writing.

    Raises:
        StoreError: it cannot be read, or is damaged.
    """

    def rows(name: str, parse: Callable[[dict[str, Any]], tuple[Any, T]]) -> dict[Any, T]:
        path = folder / f"{name}.jsonl"
        try:
            return dict(parsed_lines(path, path.read_bytes(), parse))
        except OSError as error:
            raise StoreError(
                f"{path} cannot be read ({error.strerror}): name the folder of a run"
            ) from error

    extracted = rows("programs", _program_from)
    programs = {where: program for where, (_, program) in extracted.items()}
    extractions = {where: source.extraction for where, (source, _) in extracted.items()}
    grades = {where: grade for where, (_, grade) in rows("verdicts", _grade_from).items()}
    return StoredRun(rows("completions", _completion_from), programs, extractions, grades)


def check_writable(output: Path) -> None:
    """Make the folder of results if it is not there, and a file in it, before hours are spent.

    Raises:
        StoreError: it cannot be written.
    """
    runs = output / "runs"
    guarded(output, lambda: runs.mkdir(parents=True, exist_ok=True))
    with guarded(output, lambda: tempfile.TemporaryFile(dir=runs)):
        pass


def is_fault(grade: Grade) -> bool:
    """Whether the sandbox, not the program, is to blame for what came out."""
    return any(suite.verdict is Verdict.INFRA_ERROR for suite in grade.suites.values())


def _prompt_from(row: dict[str, Any]) -> tuple[str, str]:
    return row["task_id"], row["digest"]


def _completion_from(row: dict[str, Any]) -> tuple[SampleId, Completion]:
    return SampleId(row["task_id"], row["sample_id"]), Completion(**row)


def _program_from(row: dict[str, Any]) -> tuple[SampleId, tuple[ProgramSource, Program]]:
    source = ProgramSource(row.pop("completion"), row.pop("extraction", ""))
    return SampleId(row["task_id"], row["sample_id"]), (source, Program(**row))


def _row_of(key: ExecutionKey, grade: Grade) -> dict[str, Any]:
    details = {name: asdict(suite) for name, suite in grade.suites.items()}
    verdicts = {name: suite.pop("verdict").value for name, suite in details.items()}
    return {
        **key._asdict(),
        "sample_id": grade.sample_id,
        "verdict": overall(verdicts),
        "verdicts": verdicts,
        "suites": details,
        "stdout": grade.stdout,
        "stderr": grade.stderr,
    }


def overall(verdicts: Mapping[str, str]) -> str:
    """`passed` if every suite passed, else the verdict of the first that did not."""
    passed = Verdict.PASSED.value
    return next((verdict for verdict in verdicts.values() if verdict != passed), passed)


def _grade_from(row: dict[str, Any]) -> tuple[SampleId, tuple[ExecutionKey, Grade]]:
    suites = {
        name: SuiteResult(verdict=Verdict(verdict), **row["suites"][name])
        for name, verdict in row["verdicts"].items()
    }
    where = SampleId(row["task_id"], row["sample_id"])
    key = ExecutionKey(*(row[field] for field in ExecutionKey._fields))
    return where, (key, Grade(*where, suites, stdout=row["stdout"], stderr=row["stderr"]))
