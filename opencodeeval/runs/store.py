"""Run folders: what a run has done so far, safe against being killed at any instant.

OUTPUT/runs/<run_id>/ holds run.json (the configuration) and four append-only
files of JSON lines, one for each step of a sample:

    prompts.jsonl      task_id, the prompt, and its digest
    completions.jsonl  task_id, sample_id, and the completion
    programs.jsonl     task_id, sample_id, digest of the completion, code, found
    verdicts.jsonl     task_id, sample_id, the digests that make up the execution's key,
                       the overall verdict, suite -> verdict, suite -> details, tails
                       of the output
    faults.jsonl       like verdicts.jsonl, for infrastructure failures (never reused)

Where a sample has several lines, the last one counts: that happens only in
verdicts.jsonl, when the tests or the sandbox have changed between two runs.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from opencodeeval.core.errors import StoreError
from opencodeeval.core.journal import Journal, guarded, lock, parsed_lines, write_atomically
from opencodeeval.core.types import Completion, Grade, Program, Prompt, SuiteResult, Verdict, digest

RUN_ID_LENGTH = 12

T = TypeVar("T")


class SampleId(NamedTuple):
    """Which sample of which task."""

    task_id: str
    sample_id: int


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
        self._lock = lock(self.folder / "lock")
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
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

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

    def add_program(self, completion: Completion, program: Program) -> None:
        """Store the code that was extracted from a completion."""
        source = completion_digest(completion)
        self._journals["programs"].append({**asdict(program), "completion": source})
        self.programs[SampleId(program.task_id, program.sample_id)] = (source, program)

    def program_of(self, completion: Completion) -> Program | None:
        """The stored program of this very completion text, if there is one."""
        where = SampleId(completion.task_id, completion.sample_id)
        source, program = self.programs.get(where, ("", None))
        return program if source == completion_digest(completion) else None

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

    def forget_grades(self) -> None:
        """Leave the stored verdicts out of account; they stay in their file."""
        self.verdicts.clear()
        self._grades.clear()

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


class StoredRun(NamedTuple):
    """What a run folder holds of each sample."""

    completions: Mapping[SampleId, Completion]
    programs: Mapping[SampleId, Program]
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

    programs = {where: program for where, (_, program) in rows("programs", _program_from).items()}
    grades = {where: grade for where, (_, grade) in rows("verdicts", _grade_from).items()}
    return StoredRun(rows("completions", _completion_from), programs, grades)


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


def _program_from(row: dict[str, Any]) -> tuple[SampleId, tuple[str, Program]]:
    source = row.pop("completion")
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
