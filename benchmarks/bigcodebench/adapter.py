"""BigCodeBench as bigcodebench 0.2.5 prompts, sanitizes and grades it, or as OpenCodeEval does.

benchmarks/bigcodebench/quirks.toml lists what of it moves scores.
"""

from __future__ import annotations

import ast
from typing import Any

from opencodeeval.benchmarks.adapter import Adapter
from opencodeeval.benchmarks.card_benchmark import CardBenchmark, as_program
from opencodeeval.benchmarks.cards import ProtocolCard, render
from opencodeeval.benchmarks.data.rows import Row
from opencodeeval.benchmarks.extraction import opencodeeval_sanitize
from opencodeeval.core.errors import DataError
from opencodeeval.core.syntax import tree
from opencodeeval.core.types import Completion, ModelType, Program, Style, Task

from .sanitize import sanitize

# What the publisher executes programs as, and the names that are there without an import.
MODULE: dict[str, Any] = {
    "name": "__test__",
    "given": {"sys": "sys", "os": "os", "environ": "os.environ"},
    "taken": ["exit", "quit"],
}


def to_task(row: Row, protocol: ProtocolCard) -> Task:
    """A row of BigCodeBench as a task.

    Raises:
        DataError: its test is not Python.
    """
    tests: dict[str, Any] = {
        "kind": "unittest",
        "entry_point": row["entry_point"],
        "test": row["test"],
        "reference": row["complete_prompt"] + "\n" + row["canonical_solution"],
        "module": MODULE,
        "limits": dict(protocol.limits),
    }
    named = names_of_tests(row["test"])
    if named:
        tests["must_run"] = named
    prompt = row[f"{protocol.options['split']}_prompt"]
    if protocol.options["rules"] == "opencodeeval":
        prompt = opencodeeval_sanitize.refine(prompt)
    return Task(
        task_id=row["task_id"],
        style=Style.UNITTEST,
        prompt=prompt,
        entry_point=row["entry_point"],
        reference=tests["reference"],
        tests=tests,
        fields=row,
    )


def names_of_tests(test: str) -> list[str]:
    """The tests of a plain `class TestCases(unittest.TestCase)`, sorted.

    Empty where the class is built in any other way: then a run of the
    reference must tell.

    Raises:
        DataError: this is not Python.
    """
    try:
        body = tree(test).body
    except (SyntaxError, ValueError) as error:
        raise DataError(f"its test cannot be parsed ({error}): fetch the data again") from error
    classes = [node for node in body if isinstance(node, ast.ClassDef)]
    named = [node for node in classes if node.name == "TestCases"]
    if len(named) != 1 or named[0].decorator_list or named[0].keywords:
        return []
    if [ast.unparse(base) for base in named[0].bases] != ["unittest.TestCase"]:
        return []
    names = (node.name for node in named[0].body if isinstance(node, ast.FunctionDef))
    return sorted({name for name in names if name.startswith("test")})


class BigCodeBench(CardBenchmark):
    """Functions that call many libraries, each judged by its own unittest class."""

    @property
    def split(self) -> str:
        """Which of the two prompts a task is put with: "complete" or "instruct"."""
        return str(self.protocol_card.options["split"])

    @property
    def verbatim(self) -> bool:
        """Whether OpenCodeEval's rules hold: chat models get the prompt and nothing else."""
        return bool(self.protocol_card.options["rules"] == "opencodeeval")

    def template(self, task: Task, model_type: ModelType) -> str:
        """Base models see the prompt as it is; chat models one of the questions."""
        if model_type == "base":
            return "base"
        return "chat_verbatim" if self.verbatim else f"chat_{self.split}"

    def response_prefix(self, task: Task) -> str:
        """The sentence and the open fence that a chat answer goes on from."""
        return "" if self.verbatim else render(self.card, "chat_response_prefix", {})

    def program(self, task: Task, completion: Completion, model_type: ModelType) -> Program:
        """Extract and assemble the program of one completion (pure)."""
        text, found = completion.text, str(completion.form)
        if completion.form == "completion":
            text = str(task.fields["complete_prompt"]) + text
        elif completion.form == "answer":
            text, found = self._sanitized(task, text, model_type), "sanitized"
        program = as_program(completion, text, found)
        if not program.code or not self.protocol_card.options["calibrated"]:
            return program
        code = f"\n{text}\n" if self.verbatim else text
        return as_program(completion, _calibration(task) + code, found)

    def solution(self, task: Task, code: str) -> str:
        """The program without what calibration has put before it."""
        return code.removeprefix(_calibration(task))

    def _sanitized(self, task: Task, text: str, model_type: ModelType) -> str:
        if self.verbatim:
            whole = f"{task.prompt}\n\n{text}" if model_type == "base" else text
            return opencodeeval_sanitize.sanitize(whole, task.entry_point)
        text = text.replace("\t", "    ")
        # An instruction is no code: a base model that was asked one has answered all by itself.
        whole = task.prompt + text if model_type == "base" and self.split == "complete" else text
        return sanitize(whole, task.entry_point)


def _calibration(task: Task) -> str:
    """The task's own imports and a stub, as the publishers put them before every program."""
    return f"{task.fields['code_prompt']}\n    pass\n"


ADAPTER = Adapter(to_task, BigCodeBench)
