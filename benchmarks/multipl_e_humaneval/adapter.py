"""MultiPL-E's tasks in each language, as its publisher or Qwen's evaluation asks and grades them.

benchmarks/multipl_e_humaneval/quirks.toml lists what of it moves scores, languages.toml has
what differs between languages.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from opencodeeval.benchmarks.adapter import Adapter
from opencodeeval.benchmarks.card_benchmark import as_program
from opencodeeval.benchmarks.cards import ProtocolCard
from opencodeeval.benchmarks.data.rows import Row
from opencodeeval.benchmarks.programs.grading import (
    PASSES,
    PROOF,
    ProgramBenchmark,
    check_texts,
    limits_of,
    rounds,
)
from opencodeeval.core.errors import DataError
from opencodeeval.core.types import Completion, ModelType, Program, Prompt, Style, Task

from .answers import completed, first_block
from .languages import Language, language_of, name_of
from .published_tests import control, proven

TEXTS = ("task_id", "name", "language", "prompt", "tests")


def to_task(row: Row, protocol: ProtocolCard) -> Task:
    """A row of MultiPL-E as a task.

    Raises:
        DataError: a field is missing, or its language or its tests are of no known form.
    """
    check_texts(row, TEXTS)
    stop = row.get("stop_tokens")
    if not isinstance(stop, list) or not all(isinstance(each, str) and each for each in stop):
        raise DataError("its stop_tokens are not a list of texts: fetch the data again")
    row = {**row, "language": name_of(row["language"])}
    language = language_of(row["language"])
    return Task(
        task_id=row["task_id"],
        style=Style.PROGRAM,
        prompt=row["prompt"],
        entry_point=language.function(row["tests"]),
        reference="",
        tests=_tests(row, language, protocol),
        fields=row,
        in_process=True,
    )


def _tests(row: Row, language: Language, protocol: ProtocolCard) -> dict[str, Any]:
    options = protocol.options
    grading = language.graded_by(options["grading"])
    before, after = "\n", language.closing if options["assembly"] == "qwen" else ""
    if row["name"] in language.broken:
        published = f"{row['tests']}\n{language.proof}"
        changed = {"tests": published, "fell": language.fell, "times": 1}
    else:
        published = proven(row["tests"], language)
        changed = control(row["tests"], language)
    steps = rounds(row["name"], grading)
    environ = {**options["environ"], **language.environ}
    return {
        "kind": "program",
        "language": row["language"],
        "file": language.file,
        "tests": f"{before}{published}{after}",
        "proof": PROOF,
        "joint": language.joint,
        "control": {**changed, "tests": f"{before}{changed['tests']}{after}"},
        "rounds": steps,
        "passes": {**PASSES, **grading.passes},
        "limits": limits_of(steps, {**grading.limits, **protocol.limits}),
        **({"environ": environ} if environ else {}),
    }


class MultiPLE(ProgramBenchmark):
    """Functions in many languages, each judged by a test program of its own."""

    @property
    def as_qwen(self) -> bool:
        """Whether programs are put together as Qwen's evaluation of base models does."""
        return bool(self.protocol_card.options["assembly"] == "qwen")

    def template(self, task: Task, model_type: ModelType) -> str:
        """Of two prompts for base models one ends in a line feed."""
        if model_type == "chat":
            return "chat"
        return "base" if self.as_qwen else "base_verbatim"

    def prompt(self, task: Task, model_type: ModelType) -> Prompt:
        """The question put to the model (pure); MultiPL-E's own has the row's stop tokens."""
        asked = super().prompt(task, model_type)
        if model_type == "chat" or self.as_qwen:
            return asked
        return replace(asked, stop=tuple(task.fields["stop_tokens"]))

    def program(self, task: Task, completion: Completion, model_type: ModelType) -> Program:
        """Extract and assemble the program of one completion (pure)."""
        language = language_of(task.fields["language"])
        text, found = completion.text, str(completion.form)
        if completion.form == "answer" and model_type == "chat":
            found = "unfenced" if first_block(text) == text else "fence"
            return as_program(completion, completed(text, task), found)
        if completion.form == "answer":
            between, found = "\n" if self.as_qwen else "", "cut"
            text = task.prompt + between + _cut(text, task, language if self.as_qwen else None)
        elif completion.form == "completion":
            text = task.prompt + text
        program = as_program(completion, text, found)
        if not program.code or not self.as_qwen:
            return program
        return as_program(completion, _with_header(text, task, language), found)

    def solution(self, task: Task, code: str) -> str:
        """The program without what is put before every one."""
        return code.removeprefix(_header(task, language_of(task.fields["language"])))


def _cut(text: str, task: Task, language: Language | None) -> str:
    """A completion up to the first stop token of the row, or of the language if it is given."""
    stop = (*task.fields["stop_tokens"], *(language.stop if language else ()))
    return text[: min((at for each in stop if (at := text.find(each)) >= 0), default=len(text))]


def _header(task: Task, language: Language) -> str:
    lines = [f"#include<{name}>" for name in language.includes]
    kept = [f"{line}\n" for line in lines if line not in task.prompt]
    return language.header + "".join([*kept, *(["\n"] if language.includes else [])])


def _with_header(text: str, task: Task, language: Language) -> str:
    """A program behind Qwen's header."""
    header = _header(task, language)
    if not text.startswith(language.opening):
        text = language.opening + text
    return text if header and text.startswith(header) else header + text


ADAPTER = Adapter(to_task, MultiPLE)
