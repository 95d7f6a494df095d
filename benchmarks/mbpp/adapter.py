"""MBPP as its publisher describes it: three shots, and assertions that a function must pass.

The function to call is named nowhere but in the assertions: it is the first
name called in the first of them that is not Python's own (`assert
set(f(x)) == ...` calls `f`). benchmarks/mbpp/quirks.toml lists what differs
from tools that run these tasks.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from opencodeeval.benchmarks.adapter import Adapter
from opencodeeval.benchmarks.card_benchmark import CardBenchmark, as_program
from opencodeeval.benchmarks.cards import ProtocolCard
from opencodeeval.benchmarks.data.rows import Row
from opencodeeval.benchmarks.extraction.answers import extract
from opencodeeval.benchmarks.lm_eval import LmEvalMbpp
from opencodeeval.benchmarks.opencodeeval import Instructed, shown
from opencodeeval.core.errors import DataError, UsageError
from opencodeeval.core.syntax import tree
from opencodeeval.core.types import Completion, ModelType, Program, Style, Task

SHOTS = 3
BEGIN, END = "[BEGIN]", "[DONE]"
# What published assertions use without importing it.
IMPORTS = "import collections, copy, math, re, sys\n"


def select(rows: Sequence[Row], protocol: ProtocolCard) -> list[Row]:
    """The rows that are tasks, by number, each with its `shots`.

    The publisher's split is by number: 1 to 10 for prompts (2, 3 and 4 were
    used), 11 to 510 for testing. The protocol's option `tasks` says whether
    all rows are tasks; one that is a shot itself gets the next one instead.
    """
    ordered = sorted(rows, key=lambda row: int(row["task_id"]))
    shots = [row for row in ordered if 2 <= row["task_id"] <= 10]
    wanted = range(11, 511) if protocol.options["tasks"] == "test" else range(1, 1000)
    return [
        {**row, "shots": [shot for shot in shots if shot is not row][:SHOTS]}
        for row in ordered
        if row["task_id"] in wanted
    ]


def to_task(row: Row, protocol: ProtocolCard) -> Task:
    """A row that `select` gave as a task.

    Raises:
        DataError: its first test calls no function.
    """
    function = entry_point(row["test_list"][0])
    setup, names = _setup(row.get("test_setup_code") or "", function)
    helpers = [*(row.get("test_imports") or ()), *(f"{name} = {name!r}" for name in names)]
    tests: dict[str, Any] = {
        "kind": "check",
        "entry_point": function,
        "test": "\n".join(row["test_list"]),
        "asserts": True,
        "helpers": IMPORTS + "\n".join(helpers),
        "limits": dict(protocol.limits),
    }
    if setup:
        tests["setup"] = setup
    return Task(
        task_id=f"Mbpp/{row['task_id']}",
        style=Style.FUNCTION,
        prompt=row["text"],
        entry_point=function,
        reference=row["code"],
        tests=tests,
        fields=row,
    )


def entry_point(test: str) -> str:
    """The function that an assertion is about.

    Raises:
        DataError: it is about none.
    """
    called = [
        node.func.id
        for node in ast.walk(tree(test))  # outer calls before those in their arguments
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]
    own = [name for name in called if not hasattr(builtins, name)]
    if not called:
        raise DataError(f"its first test calls no function: {test[:100]}")
    return (own or called)[0]


def _setup(code: str, function: str) -> tuple[str, list[str]]:
    """What runs after a sample's program, and the names that its tests then use.

    Such tests are about objects of the sample's own classes (Mbpp/367), which
    never leave its process: there the function also takes their names.
    """
    if not code.strip():
        return "", []
    names = [
        target.id
        for statement in tree(code).body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name)
    ]
    by_name = (
        "lambda function, named: lambda *given: function("
        "*(named.get(each, each) if isinstance(each, str) else each for each in given))"
    )
    values = ", ".join(f"{name!r}: {name}" for name in names)
    return f"\n{code}\n{function} = ({by_name})({function}, {{{values}}})\n", names


class Mbpp(CardBenchmark):
    """Short functions, each described by a sentence and its tests."""

    def program(self, task: Task, completion: Completion, model_type: ModelType) -> Program:
        """Extract and assemble the program of one completion (pure)."""
        if completion.form != "answer":
            return as_program(completion, completion.text, completion.form)
        text = completion.text
        if model_type == "base":
            text = text.partition(END)[0]
            if text.lstrip().startswith(BEGIN):
                text = text.lstrip().removeprefix(BEGIN)
            if "```" not in text:
                return as_program(completion, text, "completion")
        extraction = extract(text, task.entry_point)
        return as_program(completion, extraction.code, str(extraction.found))


# As OpenCodeEval numbers them.
OPENCODEEVAL_SHOTS, OPENCODEEVAL_TASKS = range(1, 4), range(10, 510)


def select_instructed(rows: Sequence[Row], protocol: ProtocolCard) -> list[Row]:
    """The rows that OpenCodeEval tests, each with its `shots`.

    Raises:
        UsageError: the rows lack one of the shots.
    """
    by_number = {int(row["task_id"]): row for row in rows}
    if not by_number.keys() >= set(OPENCODEEVAL_SHOTS):
        raise UsageError(
            "the protocol opencodeeval shows tasks 1 to 3 of MBPP first, which this version does "
            "not have: use --bench mbpp"
        )
    shots = [shown(by_number[number]) for number in OPENCODEEVAL_SHOTS]
    return [
        {**row, "shots": shots, "asked": shown(row)}
        for number, row in sorted(by_number.items())
        if number in OPENCODEEVAL_TASKS
    ]


def instructed_task(row: Row, protocol: ProtocolCard) -> Task:
    """A row that `select_instructed` gave as a task.

    Raises:
        DataError: its first test calls no function.
    """
    task = to_task(row, protocol)
    # What has to run before the tests (Mbpp/367) comes before the program here.
    tests = {name: value for name, value in task.tests.items() if name != "setup"}
    return replace(task, tests=tests)


def lm_eval_task(row: Row, protocol: ProtocolCard) -> Task:
    """A row that `select` gave as a task: three tests, and nothing that runs before them.

    Raises:
        DataError: its first test calls no function.
    """
    return to_task({**row, "test_list": row["test_list"][:3], "test_setup_code": ""}, protocol)


ADAPTER = Adapter(
    to_task,
    Mbpp,
    select,
    rules={
        "lm-eval": Adapter(lm_eval_task, LmEvalMbpp, select),
        "opencodeeval": Adapter(instructed_task, Instructed, select_instructed),
    },
)
