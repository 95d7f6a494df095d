"""Run folders: what a run has done so far, safe against being killed at any instant.

OUTPUT/runs/<run_id>/ holds run.json (the configuration) and append-only
files of JSON lines, for the steps of a sample:

    prompts.jsonl      task_id, the prompt, and its digest
    completions.jsonl  task_id, sample_id, and the completion, with the digest of the
                       text that the model saw
    seen.jsonl         these texts by digest, each once
    programs.jsonl     task_id, sample_id, digests of the completion and of the code
                       that extracts, code, found
    verdicts.jsonl     task_id, sample_id, the digests that make up the execution's key,
                       the overall verdict, suite -> verdict, suite -> details, tails
                       of the output
    legs.jsonl         when each leg of the run began and ended (runs/legs.py)
    faults.jsonl       like verdicts.jsonl, for infrastructure failures (never reused)

If a sample has several lines, the last one counts. That happens when an input of a
step has changed between two runs. What each step depends on, and how a change is
noticed:

    prompt      data, templates, stop strings, protocol: all in the configuration,
                whose digest names the folder
    completion  prompt, model, sampling, seed: in the configuration too
    program     completion and extraction: digests in its line
    verdict     program, tests with their limits, version of the protocol, sandbox:
                the digests of the execution's key in its line
    record      what counts as passed and which samples count: rebuilt each time
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from opencodeeval.core.errors import StoreError
from opencodeeval.core.journal import Journal, Lock, guarded, write_atomically
from opencodeeval.core.types import Completion, Grade, Program, Prompt, SampleId, Verdict, digest
from opencodeeval.runs.rows import (
    CompletionRow,
    ExecutionKey,
    ProgramRow,
    ProgramSource,
    PromptRow,
    SeenRow,
    VerdictRow,
    completions_of,
    read_completions,
    read_programs,
    read_verdicts,
)

RUN_ID_LENGTH = 12
# While all samples of a run are executed again: how many verdicts there were before.
AGAIN = "again.json"

# The files that grow with every step of a sample.
_GROWING = ("completions.jsonl", "programs.jsonl", "verdicts.jsonl")

T = TypeVar("T")


def run_id(configuration: Mapping[str, Any]) -> str:
    """Short name of a run: a digest of everything that its result depends on."""
    return digest(configuration)[:RUN_ID_LENGTH]


def completion_digest(completion: Completion) -> str:
    """The digests of a program's source."""
    apart = [completion.reasoning, completion.thinking_tokens]
    return digest(
        [completion.form, completion.finish_reason, completion.text, *(apart if any(apart) else [])]
    )


class RunStore:
    """One run folder, open for reading and appending by this process alone.

    `prompts`, `completions`, `programs`, `verdicts` hold what was stored when
    it was opened and what has been added since. `last_written` is when an earlier process
    stored its last line, in seconds since 1970; 0 if there was none.
    """

    def __init__(self, output: Path, configuration: Mapping[str, Any]) -> None:
        """Open the folder of this configuration under `output`, or create it.

        Raises:
            StoreError: `output` cannot be written, another process has the
                run open, or the stored run is damaged.
        """
        self.output = output
        self.configuration = configuration
        self.run_id = run_id(configuration)
        self.folder = output / "runs" / self.run_id
        guarded(self.folder, lambda: self.folder.mkdir(parents=True, exist_ok=True))
        self._lock = Lock(self.folder / "lock")
        # Before they are opened, which removes what a killed process has written by half.
        self.last_written = max(map(_changed, (self.folder / name for name in _GROWING)))
        self._journals: list[Journal[Any]] = []
        try:
            self.resumed = self._write_or_check_configuration()
            self._prompts, prompts = self._open("prompts", PromptRow)
            self._seen, seen = self._open("seen", SeenRow)
            self._completions, rows = self._open("completions", CompletionRow)
            self._programs, programs = self._open("programs", ProgramRow)
            self._verdicts, verdicts = self._open("verdicts", VerdictRow)
            self._faults, _ = self._open("faults", VerdictRow)
            texts = {row.digest: row.text for row in seen}
            self.completions = completions_of(rows, texts, self.folder)
        except BaseException:
            self.close()
            raise
        self.prompts = {row.task_id: row.digest for row in prompts}
        self._stored_texts = {row.text for row in seen}
        self.programs = {
            SampleId(row.task_id, row.sample_id): (row.source, row.program) for row in programs
        }
        self.verdicts = {row.where: (row.key, row.grade) for row in verdicts}
        self._grades = dict(self.verdicts.values())

    def close(self) -> None:
        """Close the files and release the lock; every line is already in its file."""
        for journal in self._journals:
            journal.close()
        self._lock.release()

    def add_prompt(self, prompt: Prompt) -> None:
        """Store the prompt of one task."""
        row = PromptRow.of(prompt)
        self._prompts.append(row)
        self.prompts[prompt.task_id] = row.digest

    def add_completion(self, completion: Completion) -> None:
        """Store one answer; nothing is graded before its completion is stored."""
        if completion.prompt and completion.prompt not in self._stored_texts:
            self._seen.append(SeenRow.of(completion.prompt))
            self._stored_texts.add(completion.prompt)
        self._completions.append(CompletionRow.of(completion))
        self.completions[SampleId(completion.task_id, completion.sample_id)] = completion

    def add_program(self, completion: Completion, program: Program, extraction: str) -> None:
        """Store the code that was extracted from a completion.

        `extraction` is the digest of the code that extracted it.
        """
        source = ProgramSource(completion_digest(completion), extraction)
        self._programs.append(ProgramRow.of(program, source))
        self.programs[SampleId(program.task_id, program.sample_id)] = (source, program)

    def program_of(self, completion: Completion, extraction: str) -> Program | None:
        """The stored program of exactly this completion and extraction, if there is one."""
        where = SampleId(completion.task_id, completion.sample_id)
        source, program = self.programs.get(where, (None, None))
        wanted = ProgramSource(completion_digest(completion), extraction)
        return program if source == wanted else None

    def add_grade(self, key: ExecutionKey, grade: Grade) -> None:
        """Store the verdicts of one sample; infrastructure failures go to faults.jsonl."""
        if is_fault(grade):
            self._faults.append(VerdictRow.of(key, grade))
            return
        self._verdicts.append(VerdictRow.of(key, grade))
        self.verdicts[SampleId(grade.task_id, grade.sample_id)] = (key, grade)
        self._grades[key] = grade

    def grade_of(self, where: SampleId, key: ExecutionKey) -> Grade | None:
        """The stored grade of this sample, if it came from exactly this execution."""
        stored, grade = self.verdicts.get(where, (None, None))
        return grade if stored == key else None

    def rename_sandbox(self, known_as: str, identity: str) -> None:
        """Use verdicts stored under one identity of a sandbox as those of another.

        For folders of versions that identified the same sandbox differently.
        """
        for where, (key, grade) in self.verdicts.items():
            if key.sandbox == known_as:
                self.verdicts[where] = (key._replace(sandbox=identity), grade)
        self._grades = dict(self.verdicts.values())

    def begin_again(self) -> None:
        """Count only verdicts from here on; the others stay in their file.

        If an earlier call of this was not ended, the verdicts since then count.
        """
        rows = read_verdicts(self.folder)
        before = begun_again_after(self.folder)
        if before is None:
            before = len(rows)
            write_atomically(self.folder / AGAIN, {"verdicts_before": before})
        self.verdicts = {row.where: (row.key, row.grade) for row in rows[before:]}
        self._grades = dict(self.verdicts.values())

    def end_again(self) -> None:
        """End what `begin_again` began; this is always done when the run gets its record."""
        guarded(self.folder, lambda: (self.folder / AGAIN).unlink(missing_ok=True))

    def same_execution(self, key: ExecutionKey) -> Grade | None:
        """The grade of any sample with exactly the same execution."""
        return self._grades.get(key)

    def _write_or_check_configuration(self) -> bool:
        path = self.folder / "run.json"
        if _check_configuration(path, self.configuration):
            return True
        full = digest(self.configuration)
        write_atomically(path, {"configuration": self.configuration, "digest": full})
        return False

    def _open(self, name: str, kind: type[T]) -> tuple[Journal[T], list[T]]:
        journal = Journal(self.folder / f"{name}.jsonl", kind)
        self._journals.append(journal)
        return journal, journal.read()


def _changed(path: Path) -> float:
    return path.stat().st_mtime if path.exists() else 0.0


def _check_configuration(path: Path, configuration: Mapping[str, Any]) -> bool:
    """Whether `path` has this configuration already; StoreError if it has another one."""
    if not path.exists():
        return False
    try:
        stored = json.loads(path.read_text(encoding="ascii"))["digest"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{path} cannot be read ({error}): delete {path.parent}") from error
    if stored != digest(configuration):
        raise StoreError(
            f"{path} belongs to another configuration: delete {path.parent} "
            "or choose another --output"
        )
    return True


def begun_again_after(folder: Path) -> int | None:
    """The number of verdict lines from before all samples began to be executed again.

    None if that is not going on.

    Raises:
        StoreError: the file with the number is damaged.
    """
    path = folder / AGAIN
    if not path.exists():
        return None
    try:
        return int(json.loads(path.read_text("ascii"))["verdicts_before"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{path} cannot be read ({error}): delete it") from error


class StoredRun(NamedTuple):
    """The content of a run folder by sample; `extractions` are digests (ProgramSource)."""

    completions: Mapping[SampleId, Completion]
    programs: Mapping[SampleId, Program]
    extractions: Mapping[SampleId, str]
    grades: Mapping[SampleId, Grade]


def read_run(folder: Path) -> StoredRun:
    """The content of a run folder, read without opening it for writing.

    Raises:
        StoreError: it cannot be read, or is damaged.
    """
    extracted = read_programs(folder)
    return StoredRun(
        read_completions(folder),
        {where: row.program for where, row in extracted.items()},
        {where: row.extraction for where, row in extracted.items()},
        {row.where: row.grade for row in read_verdicts(folder)},
    )


def check_writable(output: Path) -> None:
    """Check that the results folder can be created and written, before hours are spent.

    Raises:
        StoreError: it cannot be written.
    """
    runs = output / "runs"
    guarded(output, lambda: runs.mkdir(parents=True, exist_ok=True))
    with guarded(output, lambda: tempfile.TemporaryFile(dir=runs)):
        pass


def check_free(output: Path, configuration: Mapping[str, Any]) -> None:
    """Check that this run's folder can be opened later, if it exists.

    Raises:
        StoreError: another process has it open, or it belongs to another configuration.
    """
    folder = output / "runs" / run_id(configuration)
    if folder.exists():
        lock = Lock(folder / "lock")
        try:
            _check_configuration(folder / "run.json", configuration)
        finally:
            lock.release()


def is_fault(grade: Grade) -> bool:
    """Whether the sandbox, not the program, caused the result."""
    return any(suite.verdict is Verdict.INFRA_ERROR for suite in grade.suites.values())
