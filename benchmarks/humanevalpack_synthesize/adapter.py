"""HumanEvalPack in its six languages: functions to be written, or to be repaired.

Tests of Python are its `check` functions, as HumanEval's; those of other languages share the
program's file. benchmarks/humanevalpack_synthesize/quirks.toml lists what of it moves scores,
languages.toml has what differs between languages.
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

from .assembly import assembled, cut
from .languages import Language, TestPrograms, language_name, languages
from .statements import control, proven

TEXTS = (
    "task_id",
    "prompt",
    "declaration",
    "canonical_solution",
    "buggy_solution",
    "test",
    "entry_point",
    "instruction",
)
_START_OF_RUST = "fn main(){}\n"


def to_task(row: Row, protocol: ProtocolCard) -> Task:
    """A row of HumanEvalPack as a task.

    Raises:
        DataError: a field is missing, or its language or its tests are of no known form.
    """
    check_texts(row, TEXTS)
    name = language_name(row["task_id"])
    if name == "go" and not isinstance(row.get("test_setup"), str):
        raise DataError("its field test_setup is missing: fetch the data again")
    language = languages()[name]
    solution = row["prompt"] + row["canonical_solution"]
    return Task(
        task_id=row["task_id"],
        style=Style.PROGRAM if language.program else Style.FUNCTION,
        prompt=_start(row, name, protocol),
        entry_point=row["entry_point"],
        reference=assembled(solution, name, language, row),
        tests=_tests(row, name, language, protocol),
        fields={**row, "language": name},
        in_process=language.program is not None,
    )


def _start(row: Row, name: str, protocol: ProtocolCard) -> str:
    """What a program begins with, and the model goes on from."""
    if protocol.options["documented"]:
        return str(row["prompt"])
    return (_START_OF_RUST if name == "rust" else "") + str(row["declaration"])


def _tests(row: Row, name: str, language: Language, protocol: ProtocolCard) -> dict[str, Any]:
    if language.program:
        return _program(row, name, language.program, protocol)
    call = f"check({row['entry_point']})"
    test = row["test"].rstrip()
    if not test.endswith(f"\n{call}"):
        raise DataError(f"its tests do not end with {call}: fetch the data again")
    return {
        "kind": "check",
        "entry_point": row["entry_point"],
        "test": test.removesuffix(call),
        "helpers": assembled(row["prompt"] + row["canonical_solution"], name, language, row),
        "limits": {**language.limits, **protocol.limits},
    }


def _program(row: Row, name: str, rules: TestPrograms, protocol: ProtocolCard) -> dict[str, Any]:
    changed = control(row["test"], rules, row["entry_point"])
    steps = rounds(row["task_id"], rules.grading)
    return {
        "kind": "program",
        "language": name,
        "file": rules.file,
        "tests": f"\n\n{proven(row['test'], rules)}",
        "proof": PROOF,
        "joint": rules.joint,
        "control": {**changed, "tests": f"\n\n{changed['tests']}"},
        "rounds": steps,
        "passes": {**PASSES, **rules.grading.passes},
        "limits": limits_of(steps, {**rules.grading.limits, **protocol.limits}),
        **({"environ": dict(rules.environ)} if rules.environ else {}),
    }


class HumanEvalPack(ProgramBenchmark):
    """164 functions in each of six languages."""

    @property
    def asks(self) -> str:
        """What is asked of the model: "synthesize" or "fix"."""
        return str(self.protocol_card.options["asks"])

    def template(self, task: Task, model_type: ModelType) -> str:
        """A template for each thing that is asked."""
        shown = "" if self.asks == "synthesize" or self.shows_tests else "_documented"
        return f"{model_type}_{self.asks}{shown}"

    @property
    def shows_tests(self) -> bool:
        """Whether the model sees the tests of what it repairs."""
        return self.asks == "fix" and not self.protocol_card.options["documented"]

    def response_prefix(self, task: Task) -> str:
        """A chat answer goes on from the function's start."""
        return task.prompt.strip()

    def prompt(self, task: Task, model_type: ModelType) -> Prompt:
        """The question put to the model (pure), with the stop strings of its language."""
        stop = languages()[task.fields["language"]].stop
        return replace(super().prompt(task, model_type), stop=stop)

    def program(self, task: Task, completion: Completion, model_type: ModelType) -> Program:
        """Extract and assemble the program of one completion (pure)."""
        name = task.fields["language"]
        language = languages()[name]
        text, found = completion.text, str(completion.form)
        if completion.form == "answer":
            text, found = cut(text.rstrip(), name, language), "cut"
        if completion.form != "program":
            text = task.prompt.rstrip() + text if text.strip() else ""
        if not text.strip():
            return as_program(completion, "", found)
        return as_program(completion, assembled(text, name, language, task.fields), found)


ADAPTER = Adapter(to_task, HumanEvalPack)
