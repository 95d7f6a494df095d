"""BigCodeBench as bigcodebench 0.2.5 prompts, sanitizes and grades it.

benchmarks/bigcodebench_hard/quirks.toml lists what of it moves scores.
"""

from __future__ import annotations

import ast
from typing import Any

from opencodeeval.adapters.bigcodebench_sanitize import sanitize
from opencodeeval.adapters.card_benchmark import CardBenchmark, as_program
from opencodeeval.cards import ProtocolCard, render
from opencodeeval.data import Row
from opencodeeval.errors import DataError
from opencodeeval.types import Completion, ModelType, Program, Prompt, Style, Task

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
    return Task(
        task_id=row["task_id"],
        style=Style.UNITTEST,
        prompt=row[f"{protocol.options['split']}_prompt"],
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
        tree = ast.parse(test)
    except (SyntaxError, ValueError) as error:
        raise DataError(f"its test cannot be parsed ({error}): fetch the data again") from error
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
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

    def template(self, task: Task, model_type: ModelType) -> str:
        """Base models see the prompt as it is; chat models one of two questions."""
        return "base" if model_type == "base" else f"chat_{self.split}"

    def response_prefix(self, task: Task) -> str:
        """The sentence and the open fence that a chat answer goes on from."""
        return render(self.card, "chat_response_prefix", {})

    def prompt(self, task: Task, model_type: ModelType) -> Prompt:
        """The question put to the model (pure)."""
        if model_type == "base" and self.split == "instruct":
            # Samples of other tools come without a prompt; whoever asks a base model gets this.
            return Prompt(task.task_id, text=task.prompt)
        return super().prompt(task, model_type)

    def program(self, task: Task, completion: Completion, model_type: ModelType) -> Program:
        """Extract and assemble the program of one completion (pure)."""
        head = str(task.fields["complete_prompt"])
        if completion.form == "program":
            return self._calibrated(task, completion, completion.text, "program")
        if completion.form == "completion":
            return self._calibrated(task, completion, head + completion.text, "completion")
        text = completion.text.replace("\t", "    ")
        if model_type == "base":
            text = head + text
        return self._calibrated(task, completion, sanitize(text, task.entry_point), "sanitized")

    def _calibrated(self, task: Task, completion: Completion, code: str, found: str) -> Program:
        """The program after the task's own imports, as the publisher puts it together."""
        program = as_program(completion, code, found)
        if not program.code:
            return program
        head = str(task.fields["code_prompt"])
        return as_program(completion, f"{head}\n    pass\n{code}", found)
