"""The lines of a run folder's journals, as typed values.

One class per file; if a sample has several lines, the last one counts. An earlier
version can read lines with fields that a later version adds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

import msgspec

from opencodeeval.core.journal import parser
from opencodeeval.core.lines import lines_from
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
from opencodeeval.runs.packed import open_file

# The texts that the model saw.
SEEN = "seen.jsonl"


class ProgramSource(NamedTuple):
    """Digests of a program's completion and of the code that extracted it.

    `extraction` is empty for programs stored by version 0.1.0.
    """

    completion: str
    extraction: str = ""


class ExecutionKey(NamedTuple):
    """Digests of everything that a verdict depends on.

    Two executions with the same key are the same execution.
    """

    task_id: str
    program: str
    tests: str
    protocol_version: str
    sandbox: str


class PromptRow(msgspec.Struct, frozen=True, kw_only=True):
    """A line of prompts.jsonl: a prompt, and its digest."""

    task_id: str
    text: str = ""
    messages: tuple[Message, ...] = ()
    response_prefix: str = ""
    stop: tuple[str, ...] = ()
    digest: str

    @classmethod
    def of(cls, prompt: Prompt) -> PromptRow:
        """The line that stores this prompt."""
        return cls(**vars(prompt), digest=digest(asdict(prompt)))


class SeenRow(msgspec.Struct, frozen=True, kw_only=True):
    """A line of seen.jsonl: a text that the model saw, stored once for all its samples."""

    digest: str
    text: str

    @classmethod
    def of(cls, text: str) -> SeenRow:
        """The line that stores this text."""
        return cls(digest=digest(text), text=text)


class CompletionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A line of completions.jsonl; what is known of reasoning is in it only if there is some.

    `seen` is the digest of the text that the model saw (SeenRow); earlier lines have the
    text itself in `prompt`.
    """

    task_id: str
    sample_id: int
    text: str
    prompt: str | msgspec.UnsetType = msgspec.UNSET
    seen: str | msgspec.UnsetType = msgspec.UNSET
    finish_reason: str = "stop"
    prompt_tokens: int = 0
    completion_tokens: int = 0
    form: Literal["answer", "completion", "program"] = "answer"
    reasoning: str | msgspec.UnsetType = msgspec.UNSET
    thinking_tokens: int | msgspec.UnsetType = msgspec.UNSET
    thinking_cut: bool | msgspec.UnsetType = msgspec.UNSET

    @classmethod
    def of(cls, completion: Completion) -> CompletionRow:
        """The line that stores this completion."""
        optional = {
            "prompt": msgspec.UNSET,
            "seen": digest(completion.prompt) if completion.prompt else msgspec.UNSET,
            "reasoning": completion.reasoning or msgspec.UNSET,
            "thinking_tokens": completion.thinking_tokens or msgspec.UNSET,
            "thinking_cut": completion.thinking_cut or msgspec.UNSET,
        }
        return cls(**{**vars(completion), **optional})

    def completion(self, seen: Mapping[str, str]) -> Completion:
        """The completion; `seen` has the texts that the model saw, by digest.

        Raises:
            KeyError: the text is not there.
        """
        fields = msgspec.structs.asdict(self)
        known = {name: value for name, value in fields.items() if value is not msgspec.UNSET}
        if "seen" in known:
            known["prompt"] = seen[known.pop("seen")]
        return Completion(**known)


class ProgramRow(msgspec.Struct, frozen=True, kw_only=True):
    """A line of programs.jsonl: a program, and the digests of what it was extracted from."""

    task_id: str
    sample_id: int
    code: str
    found: str
    completion: str
    extraction: str = ""

    @classmethod
    def of(cls, program: Program, source: ProgramSource) -> ProgramRow:
        """The line that stores this program."""
        return cls(**vars(program), **source._asdict())

    @property
    def program(self) -> Program:
        """The program."""
        return Program(self.task_id, self.sample_id, self.code, self.found)

    @property
    def source(self) -> ProgramSource:
        """Its source."""
        return ProgramSource(self.completion, self.extraction)


class SuiteRow(msgspec.Struct, frozen=True, kw_only=True):
    """A SuiteResult without its verdict, which the line has in another field.

    `apart` is in the line only where it is true, `peak_mb` only where it is known.
    """

    detail: str = ""
    tests_run: int = 0
    tests_total: int = 0
    failure: Mapping[str, Any] | None = None
    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_mb: float | msgspec.UnsetType = msgspec.UNSET
    apart: bool | msgspec.UnsetType = msgspec.UNSET

    @classmethod
    def of(cls, result: SuiteResult) -> SuiteRow:
        """The part of a line that stores this result."""
        elsewhere = ("verdict", "extra")
        fields = {name: value for name, value in vars(result).items() if name not in elsewhere}
        seldom = {name: fields[name] or msgspec.UNSET for name in ("apart", "peak_mb")}
        return cls(**{**fields, **seldom})

    def result(self, verdict: Verdict) -> SuiteResult:
        """The result, with the verdict of the line."""
        fields = {
            name: value
            for name, value in msgspec.structs.asdict(self).items()
            if value is not msgspec.UNSET
        }
        return SuiteResult(verdict, **fields)


class VerdictRow(msgspec.Struct, frozen=True, kw_only=True):
    """A line of verdicts.jsonl or faults.jsonl: the execution's key, and its result.

    `verdict` is the overall one, `verdicts` and `suites` are by suite.
    """

    task_id: str
    program: str
    tests: str
    protocol_version: str
    sandbox: str
    sample_id: int
    verdict: Verdict
    verdicts: Mapping[str, Verdict]
    suites: Mapping[str, SuiteRow]
    stdout: str
    stderr: str

    def __post_init__(self) -> None:
        """Refuse a line that has a verdict without its details."""
        for name in self.verdicts:
            if name not in self.suites:
                raise ValueError(f"suites lacks {name}")

    @classmethod
    def of(cls, key: ExecutionKey, grade: Grade) -> VerdictRow:
        """The line that stores this grade."""
        verdicts = {name: suite.verdict for name, suite in grade.suites.items()}
        return cls(
            **key._asdict(),
            sample_id=grade.sample_id,
            verdict=overall(verdicts),
            verdicts=verdicts,
            suites={name: SuiteRow.of(suite) for name, suite in grade.suites.items()},
            stdout=grade.stdout,
            stderr=grade.stderr,
        )

    @property
    def where(self) -> SampleId:
        """The sample's key."""
        return SampleId(self.task_id, self.sample_id)

    @property
    def key(self) -> ExecutionKey:
        """The execution's key."""
        return ExecutionKey(
            self.task_id, self.program, self.tests, self.protocol_version, self.sandbox
        )

    @property
    def grade(self) -> Grade:
        """The grade."""
        suites = {
            name: self.suites[name].result(verdict) for name, verdict in self.verdicts.items()
        }
        return Grade(*self.where, suites, stdout=self.stdout, stderr=self.stderr)


def overall(verdicts: Mapping[str, Verdict]) -> Verdict:
    """`passed` if every suite passed, else the verdict of the first that did not."""
    failed = (verdict for verdict in verdicts.values() if verdict is not Verdict.PASSED)
    return next(failed, Verdict.PASSED)


def read_prompts(folder: Path) -> dict[str, PromptRow]:
    """Task id -> prompt, from a run folder that is not opened for writing.

    Raises:
        StoreError: the file cannot be read, or is damaged.
    """
    return {row.task_id: row for row in _rows(folder / "prompts.jsonl", PromptRow)}


def read_verdicts(folder: Path, first: int | None = None) -> Iterator[VerdictRow]:
    """The lines of verdicts in order, all or the `first` ones; as `read_prompts`."""
    return islice(_rows(folder / "verdicts.jsonl", VerdictRow), first)


T = TypeVar("T")


def _rows(path: Path, kind: type[T]) -> Iterator[T]:
    parse = parser(path, kind)
    with closing(open_file(path)) as file:
        for number, (_, line) in enumerate(lines_from(file), 1):
            yield parse(line, number)
