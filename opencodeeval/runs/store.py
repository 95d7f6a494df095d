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
    lacks.json         what answers had to do without, if anything (runs/lacking.py)
    faults.jsonl       like verdicts.jsonl, for infrastructure failures (never reused)
    index.sqlite       where the lines of each sample are, and what decides without their
                       texts (runs/index.py); made anew from the files if it is missing

Of several lines of a sample the last one counts: an input of a step has changed between
two runs. Texts are read from their lines when they are needed, so memory does not grow with
the number of samples. `opencodeeval pack` makes NAME.jsonl.zst of the files of a finished run
(runs/packing.py). What each step depends on, and how a change is noticed:

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
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from opencodeeval.core.errors import StoreError
from opencodeeval.core.journal import Journal, Lock, guarded, write_atomically
from opencodeeval.core.types import Completion, Grade, Program, Prompt, SampleId, Verdict, digest
from opencodeeval.runs import again
from opencodeeval.runs import content as contents
from opencodeeval.runs.content import Content, Stored, completion_digest, execution_digest
from opencodeeval.runs.index import FILES
from opencodeeval.runs.packing import unpack
from opencodeeval.runs.rows import (
    CompletionRow,
    ExecutionKey,
    ProgramRow,
    ProgramSource,
    PromptRow,
    SeenRow,
    VerdictRow,
)
from opencodeeval.runs.tallies import Done, done, graded

RUN_ID_LENGTH = 12

# The files that grow with every step of a sample.
_GROWING = ("completions.jsonl", "programs.jsonl", "verdicts.jsonl")

T = TypeVar("T")


def run_id(configuration: Mapping[str, Any]) -> str:
    """Short name of a run: a digest of everything that its result depends on."""
    return digest(configuration)[:RUN_ID_LENGTH]


class RunStore:
    """One run folder, open for reading and appending by this process alone.

    `prompts` are the digests of the stored prompts by task id; `completions`, `programs` (with
    their sources) and `verdicts` (with their keys) are read from the disk when they are asked
    for. `last_written` is when an earlier process stored its last line, in seconds since
    1970; 0 if there was none.
    """

    completions: Stored[Completion]
    programs: Stored[tuple[ProgramSource, Program]]
    verdicts: Stored[tuple[ExecutionKey, Grade]]

    def __init__(self, output: Path, configuration: Mapping[str, Any]) -> None:
        """Open the folder of this configuration under `output`, or create it.

        A packed folder is unpacked first.

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
        self._journals: dict[str, Journal[Any]] = {}
        # Lines of verdicts.jsonl that do not count, and other names of sandboxes.
        self._before = 0
        self._known_as: dict[str, str] = {}
        try:
            self.resumed = self._write_or_check_configuration()
            unpack(self.folder)
            # Before they are opened, which removes what a killed process has written by half.
            self.last_written = max(map(_changed, (self.folder / name for name in _GROWING)))
            self.prompts = {row.task_id: row.digest for row in self._open("prompts", PromptRow)}
            self._open("faults", VerdictRow)
            for name in FILES:
                self._journals[name] = Journal(self.folder / f"{name}.jsonl", contents.KINDS[name])
                self._journals[name].mend()
            self.content = Content(self.folder, writes=True)
        except BaseException:
            self.close()
            raise
        self.completions = contents.completions(self.content)
        self.programs = Stored(self.content, "programs", self._program)
        self.verdicts = Stored(self.content, "verdicts", self._verdict, self._counting)

    def close(self) -> None:
        """Close the files and release the lock; every line is already in its file."""
        if hasattr(self, "content"):
            self.content.close()
        for journal in self._journals.values():
            journal.close()
        self._lock.release()

    def add_prompt(self, prompt: Prompt) -> None:
        """Store the prompt of one task."""
        row = PromptRow.of(prompt)
        self._journals["prompts"].append(row)
        self.prompts[prompt.task_id] = row.digest

    def add_completion(self, completion: Completion) -> None:
        """Store one answer; nothing is graded before its completion is stored."""
        if completion.prompt:
            seen = SeenRow.of(completion.prompt)
            if not self.content.has_text(seen.digest):
                self._append("seen", seen)
        # First, as the index needs its text.
        self.content.remember(completion)
        self._append("completions", CompletionRow.of(completion))

    def completion(self, where: SampleId) -> Completion:
        """The completion of a sample: as `completions`, but at once if it was added lately."""
        return self.content.recent(where) or self.completions[where]

    def add_program(self, completion: Completion, program: Program, extraction: str) -> None:
        """Store the code that was extracted from a completion.

        `extraction` is the digest of the code that extracted it.
        """
        source = ProgramSource(completion_digest(completion), extraction)
        self._append("programs", ProgramRow.of(program, source))

    def program_of(self, completion: Completion, extraction: str) -> Program | None:
        """The stored program of exactly this completion and extraction, if there is one."""
        where = SampleId(completion.task_id, completion.sample_id)
        source, program = self.programs.get(where, (None, None))
        wanted = ProgramSource(completion_digest(completion), extraction)
        return program if source == wanted else None

    def add_grade(self, key: ExecutionKey, grade: Grade) -> None:
        """Store the verdicts of one sample; infrastructure failures go to faults.jsonl."""
        if is_fault(grade):
            self._journals["faults"].append(VerdictRow.of(key, grade))
        else:
            self._append("verdicts", VerdictRow.of(key, grade))

    def grade_of(self, where: SampleId, key: ExecutionKey) -> Grade | None:
        """The stored grade of this sample, if it came from exactly this execution."""
        stored, grade = self.verdicts.get(where, (None, None))
        return grade if stored == key else None

    def rename_sandbox(self, known_as: str, identity: str) -> None:
        """Use verdicts stored under one identity of a sandbox as those of another.

        For folders of versions that identified the same sandbox differently.
        """
        if known_as != identity:
            self._known_as[known_as] = identity

    def begin_again(self) -> None:
        """Count only verdicts from here on; the others stay in their file.

        If an earlier call of this was not ended, the verdicts since then count.
        """
        self._before = again.begin(self.folder, self.content.index.marks["verdicts"].lines)

    def end_again(self) -> None:
        """End what `begin_again` began; this is always done when the run gets its record."""
        again.end(self.folder)

    def same_execution(self, key: ExecutionKey) -> Grade | None:
        """The grade of any sample with exactly the same execution."""
        for each in self._names_of(key):
            row = self.content.index.row(
                "SELECT task_id, sample_id FROM verdicts "
                f"WHERE execution = ? AND {self._counting()} ORDER BY at DESC LIMIT 1",
                (execution_digest(each),),
            )
            if row is not None:
                return self.verdicts[SampleId(*row)][1]
        return None

    def graded(self, task_id: str) -> list[Grade]:
        """A task's stored grades by sample, without details and output."""
        return graded(self.content.index, task_id, self._counting())

    def done(self, key: ExecutionKey, extraction: str, suites: Sequence[str]) -> Iterator[Done]:
        """The samples of a task with nothing left to do, as `tallies.done`.

        `key` is the task's, without a program.
        """
        keys = self._names_of(key)
        return done(self.content.index, keys, extraction, suites, self._counting())

    def _append(self, name: str, row: Any) -> None:
        self.content.wrote(name, *self._journals[name].append(row), row)

    def _program(self, where: SampleId, at: int, size: int) -> tuple[ProgramSource, Program]:
        row: ProgramRow = self.content.line("programs", where, at, size)
        return row.source, row.program

    def _verdict(self, where: SampleId, at: int, size: int) -> tuple[ExecutionKey, Grade]:
        row: VerdictRow = self.content.line("verdicts", where, at, size)
        key = row.key
        return key._replace(sandbox=self._known_as.get(key.sandbox, key.sandbox)), row.grade

    def _counting(self) -> str:
        return f"line > {self._before}"

    def _names_of(self, key: ExecutionKey) -> list[ExecutionKey]:
        """The key, and those that the execution was stored under before."""
        earlier = (old for old, new in self._known_as.items() if new == key.sandbox)
        return [key, *(key._replace(sandbox=old) for old in earlier)]

    def _write_or_check_configuration(self) -> bool:
        path = self.folder / "run.json"
        if _check_configuration(path, self.configuration):
            return True
        full = digest(self.configuration)
        write_atomically(path, {"configuration": self.configuration, "digest": full})
        return False

    def _open(self, name: str, kind: type[T]) -> list[T]:
        journal = Journal(self.folder / f"{name}.jsonl", kind)
        self._journals[name] = journal
        return journal.read()


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


class StoredRun(NamedTuple):
    """The content of a run folder by sample, read from the disk when it is asked for.

    `extractions` are digests (ProgramSource), `rows` the lines with the grades.
    """

    completions: Mapping[SampleId, Completion]
    programs: Mapping[SampleId, Program]
    extractions: Mapping[SampleId, str]
    grades: Mapping[SampleId, Grade]
    rows: Mapping[SampleId, VerdictRow]


def read_run(folder: Path) -> StoredRun:
    """The content of a run folder, read without opening it for writing.

    Raises:
        StoreError: it cannot be read, or is damaged.
    """
    content = Content(folder)
    return StoredRun(
        contents.completions(content),
        contents.programs(content),
        contents.extractions(content),
        contents.grades(content),
        contents.verdict_rows(content),
    )


def read_completions(folder: Path) -> Mapping[SampleId, Completion]:
    """The completions of a run folder, as `read_run`."""
    return contents.completions(Content(folder, ("seen", "completions")))


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
