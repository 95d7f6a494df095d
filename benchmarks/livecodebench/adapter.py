"""LiveCodeBench's code generation: contest problems, as its runner prompts and grades them.

The same tasks have two protocols that differ in how a program that reads stdin
is run; benchmarks/livecodebench/quirks.toml has what the publisher's way does
to a score. Tests stay in the publisher's files until a judge needs them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from opencodeeval.benchmarks.adapter import Adapter
from opencodeeval.benchmarks.card_benchmark import CardBenchmark, as_program
from opencodeeval.benchmarks.cards import ProtocolCard, render
from opencodeeval.benchmarks.data.parts import Stored, sha256
from opencodeeval.benchmarks.data.rows import Row
from opencodeeval.core import parts
from opencodeeval.core.errors import DataError
from opencodeeval.core.types import Completion, Message, ModelType, Program, Prompt, Style, Task
from opencodeeval.execution.guest import module

_TEXTS = ("question_id", "question_content", "starter_code", "contest_date", "platform")
_TESTS = ("public_test_cases", "private_test_cases")
FENCE = "```"


def select(rows: Sequence[Row], protocol: ProtocolCard) -> list[Row]:
    """The rows in the publisher's order, by the text of their ids."""
    named = [{**row, "task_id": row.get("question_id")} for row in rows]
    return sorted(named, key=lambda row: str(row["task_id"]))


def to_task(row: Row, protocol: ProtocolCard) -> Task:
    """A row that `select` gave as a task.

    Raises:
        DataError: a field is not what the publisher writes, or there are no tests.
    """
    for name in _TEXTS:
        if not isinstance(row.get(name), str):
            raise DataError(f'it needs "{name}", a string')
    function = _function(row)
    public, private = row.get("public_test_cases"), row.get("private_test_cases", "[]")
    _check_tests(public, private)
    of_public = sha256(str(public))
    of_private = private.sha256 if isinstance(private, Stored) else sha256(private)
    parts.keep(of_public, str(public).encode)
    parts.keep(
        of_private,
        lambda: str(private.read()).encode() if isinstance(private, Stored) else private.encode(),
    )
    return Task(
        task_id=row["question_id"],
        style=Style.FUNCTION if function else Style.STDIO,
        prompt=row["question_content"],
        entry_point=function,
        reference="",
        tests={
            "kind": "livecodebench",
            "function": function,
            "processes": protocol.options["processes"],
            "sha256": [of_public, of_private],
            "limits": dict(protocol.limits),
        },
        fields={name: value for name, value in row.items() if name not in (*_TESTS, "task_id")},
    )


def _read(private: str | Stored) -> bytes:
    text = private.read() if isinstance(private, Stored) else private
    return text.encode()


def _function(row: Row) -> str:
    """The method to call, empty for a program that reads stdin."""
    metadata = row.get("metadata") or "{}"
    try:
        known = json.loads(metadata) if isinstance(metadata, str) else metadata
        function = known.get("func_name") or ""
    except (ValueError, AttributeError):
        function = None
    if not isinstance(function, str):
        raise DataError(f'its "metadata" is {metadata!r}: it is JSON, with the name of a function')
    return function


def _check_tests(public: Any, private: Any) -> None:
    """Refuse what no judge would take, as far as that shows without reading all of it."""
    tests = module("livecodebench_tests")
    if not isinstance(public, str) or not isinstance(private, (str, Stored)):
        raise DataError(f"it needs {' and '.join(_TESTS)}, both strings")
    try:
        if isinstance(private, str):
            count = len(tests.tests_of(public, private))
        else:
            count = len(tests.tests_of(public, "[]"))
            count += not tests.head(private.start)[1:].lstrip().startswith("]")
    except tests.Damaged as error:
        raise DataError(f"its tests are not as the publisher writes them: {error}") from None
    if not count:
        raise DataError("it has no tests, and without any nothing can be judged: leave it out")


def about(task: Task) -> Mapping[str, str]:
    """What scores are broken down by, and the date of the contest."""
    names = ("contest_date", "difficulty", "platform")
    return {name: str(task.fields[name]) for name in names if task.fields.get(name)}


def extract_code(text: str) -> str:
    """The publisher's rule: what is between the last two lines that have a fence in them."""
    lines = text.split("\n")
    fences = [number for number, line in enumerate(lines) if FENCE in line]
    if len(fences) < 2:
        return ""
    return "\n".join(lines[fences[-2] + 1 : fences[-1]])


class LiveCodeBench(CardBenchmark):
    """Problems of contests, to be solved by a program that reads stdin or by a method."""

    def template(self, task: Task, model_type: ModelType) -> str:
        """One template for problems with starter code, one for those without."""
        return f"{model_type}_{'function' if task.fields['starter_code'] else 'stdin'}"

    def prompt(self, task: Task, model_type: ModelType) -> Prompt:
        """The publisher's one shot, or its generic system and user messages (pure)."""
        asked = super().prompt(task, model_type)
        if model_type == "base":
            return asked
        system = Message("system", render(self.card, "chat_system", {}))
        return Prompt(task.task_id, messages=(system, *asked.messages), stop=asked.stop)

    def about(self, task: Task) -> Mapping[str, str]:
        """Date of the contest, difficulty and platform."""
        return about(task)

    def program(self, task: Task, completion: Completion, model_type: ModelType) -> Program:
        """Extract the program of one completion (pure)."""
        if completion.form != "answer":
            return as_program(completion, completion.text, completion.form)
        if model_type == "base":
            return as_program(completion, completion.text.strip(), "completion")
        return as_program(completion, extract_code(completion.text), "fence")


ADAPTER = Adapter(to_task, LiveCodeBench, select, about)
