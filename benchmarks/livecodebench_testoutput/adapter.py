"""LiveCodeBench's test output prediction: the value that an assertion must have.

What the model wrote is parsed here and evaluated in the sandbox only, where
the publisher evaluates it in the process of its harness.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping, Sequence
from typing import Any

from opencodeeval.benchmarks.adapter import Adapter
from opencodeeval.benchmarks.card_benchmark import CardBenchmark, as_program
from opencodeeval.benchmarks.cards import ProtocolCard, render
from opencodeeval.benchmarks.data.rows import Row
from opencodeeval.core.errors import DataError
from opencodeeval.core.syntax import normal_form, parse
from opencodeeval.core.types import Completion, Message, ModelType, Program, Prompt, Style, Task
from opencodeeval.execution.guest import encoded

from ..livecodebench.adapter import FENCE, about

ENTRY_POINT = "answer"
UNMATCHED = float("nan")  # equal to nothing


def select(rows: Sequence[Row], protocol: ProtocolCard) -> list[Row]:
    """The rows in the publisher's order: by question, then by test."""
    return sorted(rows, key=lambda row: (str(row.get("question_id")), row.get("test_id", 0)))


def to_task(row: Row, protocol: ProtocolCard) -> Task:
    """A row as a task.

    Raises:
        DataError: a field is not what the publisher writes.
    """
    try:
        test = json.loads(row["test"])[0]
        arguments, output = ", ".join(test["input"].split("\n")), test["output"]
        call = f"{_function(row)}({arguments})"
        task_id = f"{row['question_id']}/{row['test_id']}"
        content = row["question_content"]
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise DataError(
            f"it is no row of test output prediction ({type(error).__name__}: {error})"
        ) from None
    return Task(
        task_id=task_id,
        style=Style.FUNCTION,
        prompt=content,
        entry_point=ENTRY_POINT,
        reference=f"import json\n\n\ndef {ENTRY_POINT}():\n    return json.loads({output!r})\n",
        tests=value_tests(encoded([_value(output)]), protocol.limits),
        fields={**row, "call": call},
    )


def value_tests(expected: str, limits: Mapping[str, Any]) -> dict[str, Any]:
    """The tests of a program whose `answer()` must give a value."""
    return {
        "kind": "calls",
        "entry_point": ENTRY_POINT,
        "reference": "",
        "suites": [{"name": "base", "calls": encoded([[]]), "expected": expected}],
        "compare": {"rule": "value"},
        "limits": dict(limits),
    }


def _function(row: Row) -> str:
    """The one function that the starter code defines, or what the row calls it."""
    tree = parse(row["starter_code"])
    if tree is None:
        return str(row["function_name"])
    (name,) = (node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    return name


def _value(output: str) -> Any:
    try:
        return json.loads(output)
    except ValueError:  # no answer is right, as for the publisher
        return UNMATCHED


def extract_assertion(text: str) -> str:
    """The publisher's rule: the last line that begins with assert, else the first block."""
    lines = text.split("\n")
    asserting = [line for line in lines if line.startswith("assert")]
    if asserting:
        return asserting[-1]
    fences = [number for number, line in enumerate(lines) if FENCE in line]
    labelled = [n for n in fences if "```python" in lines[n] or "```Python" in lines[n]]
    if labelled:
        fences = [labelled[0], *(number for number in fences if number > labelled[0])]
    return "\n".join(lines[fences[0] + 1 : fences[1]]) if len(fences) > 1 else ""


def predicted(statement: str) -> str:
    """The expression that the publisher evaluates, empty where that must fail."""
    lines = statement.splitlines()
    if len(lines) > 1:
        marked = (line for line in lines if "assert" in line and not line.startswith("#"))
        statement = next(marked, statement)
    statement = statement.strip()
    return compared(statement) if "assert" in statement else statement


def compared(statement: str, alone: bool = False) -> str:
    """What stands after == in an assertion, empty where it is no such assertion.

    With `alone`, also where more is compared with it.
    """
    tree = parse(statement)
    first = tree.body[0] if tree and tree.body else None
    if not isinstance(first, ast.Assert) or not isinstance(first.test, ast.Compare):
        return ""
    if not isinstance(first.test.ops[0], ast.Eq) or (alone and len(first.test.ops) > 1):
        return ""
    return ast.get_source_segment(statement, first.test.comparators[0]) or ""


class TestOutput(CardBenchmark):
    """Assertions to be completed with the value that a call returns."""

    def prompt(self, task: Task, model_type: ModelType) -> Prompt:
        """The publisher's system and user messages; a base model gets the latter (pure)."""
        asked = super().prompt(task, model_type)
        if model_type == "base":
            return asked
        system = Message("system", render(self.card, "chat_system", {}))
        return Prompt(task.task_id, messages=(system, *asked.messages), stop=asked.stop)

    @property
    def has_answers(self) -> bool:
        """Predictions can agree."""
        return True

    def answer(self, program: Program) -> str:
        """The asserted value without layout; it stands in the program as a text (pure)."""
        tree = parse(program.code)
        for node in ast.walk(tree) if tree else ():
            match node:
                case ast.Call(func=ast.Name("eval"), args=[ast.Constant(str(expression))]):
                    return normal_form(expression)
        return super().answer(program)

    def about(self, task: Task) -> Mapping[str, str]:
        """Date of the contest and difficulty."""
        return about(task)

    def prediction(self, task: Task, answer: str) -> str:
        """What an answer asserts, as the publisher extracts it."""
        return extract_assertion(answer) or answer

    def program(self, task: Task, completion: Completion, model_type: ModelType) -> Program:
        """A program that evaluates what the answer asserts (pure)."""
        text = completion.text
        if text == task.reference:
            return as_program(completion, text, "program")
        expression = predicted(extract_assertion(text) if completion.form == "answer" else text)
        if not expression:
            return as_program(completion, "", "none")
        code = f"import ast\nimport json\n\n\ndef answer():\n    return eval({expression!r})\n"
        return as_program(completion, code, "assertion")


ADAPTER = Adapter(to_task, TestOutput, select, about)
