"""What the benchmarks have in common: everything that their card says."""

from __future__ import annotations

import inspect
import math
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, wraps
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeAlias

from opencodeeval.benchmarks.cards import Card, ProtocolCard, prompt_sources, render
from opencodeeval.benchmarks.errata import Erratum, read_errata
from opencodeeval.benchmarks.prompt_templates import template_variables
from opencodeeval.benchmarks.windows import Window
from opencodeeval.core import channels, reasoning, reasoning_marks, syntax
from opencodeeval.core.errors import UsageError
from opencodeeval.core.paths import benchmarks_dir
from opencodeeval.core.syntax import normal_form
from opencodeeval.core.types import (
    Completion,
    Grade,
    Message,
    ModelType,
    Program,
    Prompt,
    Sampling,
    Task,
    Verdict,
    digest,
)

_Extract: TypeAlias = "Callable[[CardBenchmark, Task, Completion, ModelType], Program]"


@dataclass
class CardBenchmark(ABC):
    """A `Benchmark` but for `program`.

    `known_ids` are the ids of all tasks of the data version, also of those
    that a limit or `window` left out of `tasks`. `provenance` says where the rows
    came from. `time_limit` is set by `with_time_limit`.
    """

    name: str
    card: Card
    protocol_card: ProtocolCard
    data_version: str
    data_digest: str
    provenance: Mapping[str, Any]
    tasks: Sequence[Task]
    known_ids: frozenset[str]
    window: Window = field(default_factory=Window)
    time_limit: float | None = None
    protocol: str = field(init=False)
    protocol_version: str = field(init=False)
    suites: tuple[str, ...] = field(init=False)
    headline: str = field(init=False)
    environment: str = field(init=False)
    errata: Sequence[Erratum] = field(init=False)

    def __init_subclass__(cls, **arguments: Any) -> None:
        """Let every subclass extract from answers without their reasoning."""
        super().__init_subclass__(**arguments)
        if "program" in vars(cls):
            cls.program = _after_reasoning(cls.program)  # type: ignore[method-assign,assignment]

    def __post_init__(self) -> None:
        self.protocol = self.protocol_card.name
        self.protocol_version = self.protocol_card.version
        self.suites = self.protocol_card.suites
        self.headline = self.protocol_card.headline
        self.environment = self.card.environment
        ids = {task.task_id for task in self.tasks}
        self.errata = read_errata(self.card.templates, self.data_version, ids, self.protocol)

    @property
    def tasks_in_version(self) -> int:
        """How many tasks the data version has, those included that a limit or window left out."""
        return len(self.known_ids) or len(self.tasks)

    @property
    def extraction_digest(self) -> str:
        """SHA-256 over all code that `program` may run, and the parsers that it uses.

        A change of no consequence changes it too; that costs one more extraction, and
        no execution where the code that comes out is the same.
        """
        return _source_digest(Path(inspect.getfile(type(self))).parent)

    @property
    def spec(self) -> str:
        """Name and data version, as `load_benchmark` takes them."""
        return f"{self.name}@{self.data_version}"

    @property
    def has_answers(self) -> bool:
        """Whether a program is an answer that samples can agree on: where a value is predicted."""
        return False

    def answer(self, program: Program) -> str:
        """The answer that a program gives: its code without layout (pure)."""
        return normal_form(program.code)

    def default_sampling(self) -> Sampling:
        """The protocol's sampling defaults."""
        return self.protocol_card.sampling

    def about(self, task: Task) -> Mapping[str, str]:
        """What scores are broken down by, and when the task was released ("contest_date")."""
        return {}

    def counted(self, grades: Sequence[Grade]) -> Sequence[Grade]:
        """Those of a task's samples that its score is made of: all."""
        return grades

    def template(self, task: Task, model_type: ModelType) -> str:
        """The name of the task's prompt template."""
        return model_type

    def response_prefix(self, task: Task) -> str:
        """What a chat answer is made to start with."""
        return ""

    def prompt(self, task: Task, model_type: ModelType) -> Prompt:
        """The question put to the model (pure)."""
        template = self.template(task, model_type)
        text = render(self.card, template, template_variables(task))
        stop = self.protocol_card.stop.get(template, self.protocol_card.stop.get(model_type, ()))
        if model_type == "base":
            return Prompt(task.task_id, text=text, stop=stop)
        return Prompt(
            task.task_id,
            messages=(Message("user", text),),
            response_prefix=self.response_prefix(task),
            stop=stop,
        )

    @abstractmethod
    def program(self, task: Task, completion: Completion, model_type: ModelType) -> Program:
        """Extract and assemble the program of one completion (pure).

        The text of a chat answer comes here without its reasoning (core/reasoning.py);
        this is not called for an answer that ended inside it.
        """

    def solution(self, task: Task, code: str) -> str:
        """What of a program's code is the sample's: all that the adapter has not put before it."""
        return code

    def carried(self) -> Sequence[Completion]:
        """Samples that are there already and need no model."""
        return ()

    def prompt_digest(self, model_type: ModelType) -> str:
        """Digest of the prompt templates, prefixes and stop strings in use."""
        return digest(prompt_sources(self.card, self.protocol_card, model_type))

    def passes(self, verdicts: Mapping[str, Verdict]) -> Mapping[str, bool]:
        """Per suite, whether a sample with these verdicts counts as correct."""
        return {suite: verdict is Verdict.PASSED for suite, verdict in verdicts.items()}

    def with_time_limit(self, seconds: float) -> CardBenchmark:
        """The same benchmark with another time limit.

        It holds for each test where the protocol limits each, else for a suite's tests together.

        Raises:
            UsageError: the limit is not above 0.
        """
        if not 0 < seconds < math.inf:
            raise UsageError(f"the time limit must be above 0 seconds, got {seconds:g}")
        # A limit that is written as the card writes it gives the same tests.
        seconds = int(seconds) if seconds == int(seconds) else seconds
        tasks = [
            replace(task, tests={**task.tests, "limits": _limited(task.tests["limits"], seconds)})
            for task in self.tasks
        ]
        card = replace(self.protocol_card, limits=_limited(self.protocol_card.limits, seconds))
        return replace(self, tasks=tasks, protocol_card=card, time_limit=seconds)

    def describe(self) -> Mapping[str, Any]:
        """What a record stores of the benchmark: source, revision, limits."""
        return {
            "title": self.card.title,
            "licence": self.card.licence,
            "homepage": self.card.homepage,
            "data": dict(self.provenance),
            "limits": dict(self.protocol_card.limits),
            **({"window": self.window.describe()} if self.window else {}),
            **({"set": list(self.card.set)} if self.data_version in self.card.set else {}),
        }


def _after_reasoning(extract: _Extract) -> _Extract:
    """`extract` for answers that may have reasoning before them."""

    @wraps(extract)
    def program(
        self: CardBenchmark, task: Task, completion: Completion, model_type: ModelType
    ) -> Program:
        # The method of a subclass has removed it where it calls that of its parent.
        outermost = type(self).program is program
        if completion.form != "answer" or model_type == "base" or not outermost:
            return extract(self, task, completion, model_type)
        parts = reasoning.parts_of(completion)
        if not parts.ended:
            why = reasoning.unfinished(completion.finish_reason)
            return Program(completion.task_id, completion.sample_id, "", why)
        found = extract(self, task, replace(completion, text=parts.answer), model_type)
        if not (parts.reasoning and found.code):
            return found
        return replace(found, found=f"{found.found}_after_reasoning")

    return program


def _limited(limits: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    """A protocol's or a task's limits with another time limit; a protocol's may be by style."""
    changed = {
        name: _limited(each, seconds) if isinstance(each, Mapping) else each
        for name, each in limits.items()
    }
    if "test_s" in limits:
        return changed | {"test_s": seconds, "total_s": max(limits["total_s"], seconds)}
    for name in ("total_s", "min_call_s"):
        if name in limits:
            changed[name] = seconds
    return changed


@cache
def _source_digest(adapter: Path) -> str:
    shared = Path(__file__).resolve().parent
    # Shipped adapters share code with each other, by classes and by functions.
    others = adapter.parent.glob("*/*.py") if adapter.parent == benchmarks_dir() else ()
    modules = (channels, reasoning, reasoning_marks, syntax)
    core = [Path(inspect.getfile(module)) for module in modules]
    sources = {*adapter.glob("*.py"), *others, *shared.rglob("*.py"), *core}
    texts = sorted((f"{path.parent.name}/{path.name}", path.read_text("utf-8")) for path in sources)
    parsers = [version(name) for name in ("tree-sitter", "tree-sitter-python")]
    return digest([texts, list(sys.version_info[:2]), parsers])


def as_program(completion: Completion, code: str, found: str) -> Program:
    """The completion's program; code without anything in it is no code."""
    if not code.strip():
        return Program(completion.task_id, completion.sample_id, "", "none")
    return Program(completion.task_id, completion.sample_id, code, found)
