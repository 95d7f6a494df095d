"""What a benchmark adapter offers to the pipeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from opencodeeval.benchmarks.errata import Erratum
from opencodeeval.core.types import (
    Completion,
    Grade,
    ModelType,
    Program,
    Prompt,
    Sampling,
    Task,
    Verdict,
)


class Benchmark(Protocol):
    """One benchmark, loaded, under one protocol.

    `name` is what the user typed without the data version ("humaneval_plus");
    `suites` are its test suites in order ("base", "plus"); `headline` is the
    suite whose score is the benchmark's score; `environment` is what programs
    need beside Python and NumPy, empty if nothing; `errata` are of its `tasks`;
    `time_limit` is the user's limit in seconds, None for the protocol's own.
    """

    name: str
    protocol: str
    protocol_version: str
    data_version: str
    data_digest: str
    suites: tuple[str, ...]
    headline: str
    environment: str
    tasks: Sequence[Task]
    errata: Sequence[Erratum]
    time_limit: float | None

    @property
    def tasks_in_version(self) -> int:
        """How many tasks the data version has, those included that a limit or window left out."""
        ...

    @property
    def extraction_digest(self) -> str:
        """Digest of the code that `program` runs."""
        ...

    @property
    def has_answers(self) -> bool:
        """Whether a program is an answer that samples can agree on (CRUXEval)."""
        ...

    def answer(self, program: Program) -> str:
        """The answer that a program gives, in one form for all that are the same (pure)."""
        ...

    def default_sampling(self) -> Sampling:
        """The publisher's sampling defaults."""
        ...

    def prompt(self, task: Task, model_type: ModelType) -> Prompt:
        """The question put to the model (pure)."""
        ...

    def prompt_digest(self, model_type: ModelType) -> str:
        """Digest of the prompt templates, prefixes and stop strings in use."""
        ...

    def program(self, task: Task, completion: Completion, model_type: ModelType) -> Program:
        """Extract and assemble the program of one completion (pure)."""
        ...

    def passes(self, verdicts: Mapping[str, Verdict]) -> Mapping[str, bool]:
        """Per suite, whether a sample with these verdicts counts as correct."""
        ...

    def about(self, task: Task) -> Mapping[str, str]:
        """What is known of a task beside its tests (opencodeeval/breakdown.py)."""
        ...

    def counted(self, grades: Sequence[Grade]) -> Sequence[Grade]:
        """Those of a task's samples that its score is made of."""
        ...

    def describe(self) -> Mapping[str, Any]:
        """What a record stores of the benchmark: source, revision, limits."""
        ...
