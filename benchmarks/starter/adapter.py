"""The starter benchmark, and anybody's own tasks in the same format.

A row is one JSON object of one of three styles. All have `task_id`, `style`,
`prompt`, `entry_point` and `canonical_solution`; besides

- "function" has `inputs` (a list of argument lists), `expected` (as many
  values) and perhaps `atol`,
- "stdio" has `tests` (a list of {"input", "output"}),
- "unittest" has `test` (source with a unittest.TestCase named TestCases).

A row without a style whose `test` defines `check(candidate)` is HumanEval's, and judged so.
"""

from __future__ import annotations

import re
from typing import Any

from opencodeeval.benchmarks.adapter import Adapter
from opencodeeval.benchmarks.card_benchmark import CardBenchmark, as_program
from opencodeeval.benchmarks.cards import ProtocolCard
from opencodeeval.benchmarks.data.rows import Row
from opencodeeval.benchmarks.extraction.answers import extract
from opencodeeval.benchmarks.extraction.assembly import assemble
from opencodeeval.core.errors import DataError
from opencodeeval.core.types import Completion, ModelType, Program, Style, Task
from opencodeeval.execution.guest import encoded

_STYLES = (Style.FUNCTION, Style.STDIO, Style.UNITTEST)
_CHECK = re.compile(r"^def check\(", re.MULTILINE)
_TEXTS = ("task_id", "prompt", "entry_point", "canonical_solution")


def to_task(row: Row, protocol: ProtocolCard) -> Task:
    """A row as a task.

    Raises:
        DataError: the row lacks a field or has one of another type.
    """
    style = Style.FUNCTION if _is_human_eval(row) else _style(row)
    _check_texts(row, style)
    prompt, solution = row["prompt"], row["canonical_solution"]
    reference = solution if style is Style.STDIO else prompt + solution
    tests: dict[str, Any] = {"limits": dict(protocol.limits[style.value])}
    if _is_human_eval(row):
        tests = _check(row, reference, protocol)
    elif style is Style.FUNCTION:
        tests |= _calls(row, reference)
    elif style is Style.STDIO:
        tests |= {"kind": "stdio", "tests": _pairs(row), "compare": {"rule": "lines"}}
    else:
        tests |= {"kind": "unittest", "entry_point": row["entry_point"], "test": row["test"]}
        tests |= {"reference": reference}
    return Task(row["task_id"], style, prompt, row["entry_point"], reference, tests, row)


def _is_human_eval(row: Row) -> bool:
    test = row.get("test")
    return "style" not in row and isinstance(test, str) and _CHECK.search(test) is not None


def _check(row: Row, reference: str, protocol: ProtocolCard) -> dict[str, Any]:
    limits = protocol.limits[Style.FUNCTION.value]
    return {
        "kind": "check",
        "entry_point": row["entry_point"],
        "test": row["test"],
        "helpers": reference,
        "limits": {name: limits[name] for name in ("total_s", "memory_mb", "digits")},
    }


def _style(row: Row) -> Style:
    found = next((each for each in _STYLES if each.value == row.get("style")), None)
    if found is None:
        styles = ", ".join(f'"{style}"' for style in _STYLES)
        raise DataError(
            f"its style is {row.get('style')!r}: use one of {styles}, or a row of HumanEval's "
            "(`opencodeeval benchmarks --help` has the fields)"
        )
    return found


def _check_texts(row: Row, style: Style) -> None:
    for name in (*_TEXTS, *(["test"] if style is Style.UNITTEST else [])):
        if not isinstance(row.get(name), str):
            raise DataError(f'it needs "{name}", a string')
        if not row[name].strip() and not (name == "entry_point" and style is Style.STDIO):
            raise DataError(f'its "{name}" is empty')
    if style is not Style.STDIO and not row["entry_point"].isidentifier():
        raise DataError(f"its entry_point {row['entry_point']!r} is not a Python name")


def _calls(row: Row, reference: str) -> dict[str, Any]:
    inputs, expected, atol = row.get("inputs"), row.get("expected"), row.get("atol", 0)
    if not isinstance(inputs, list) or not all(isinstance(each, list) for each in inputs):
        raise DataError('it needs "inputs", a list of argument lists')
    if not isinstance(expected, list) or len(expected) != len(inputs) or not inputs:
        raise DataError('it needs "expected", a list with one value for each of its inputs')
    if isinstance(atol, bool) or not isinstance(atol, (int, float)) or not atol >= 0:
        raise DataError(f'its "atol" is {atol!r}: use a number that is not negative')
    return {
        "kind": "calls",
        "entry_point": row["entry_point"],
        "reference": reference,
        "suites": [{"name": "base", "calls": encoded(inputs), "expected": encoded(expected)}],
        "compare": {"rule": "value", "atol": atol},
    }


def _pairs(row: Row) -> list[dict[str, str]]:
    tests = row.get("tests")
    if not isinstance(tests, list) or not tests:
        raise DataError('it needs "tests", a list of {"input", "output"}')
    for test in tests:
        pair = (test.get("input"), test.get("output")) if isinstance(test, dict) else ()
        if not pair or not all(isinstance(text, str) for text in pair):
            raise DataError('each of its "tests" needs "input" and "output", both strings')
    return [{"input": test["input"], "output": test["output"]} for test in tests]


class Starter(CardBenchmark):
    """Tasks of all three styles with one suite."""

    def template(self, task: Task, model_type: ModelType) -> str:
        """One template for programs, one for functions."""
        return f"{model_type}_{'stdio' if task.style is Style.STDIO else 'function'}"

    def program(self, task: Task, completion: Completion, model_type: ModelType) -> Program:
        """Extract and assemble the program of one completion (pure)."""
        whole = task.style is Style.STDIO
        if completion.form == "program":
            return as_program(completion, completion.text, "program")
        if completion.form == "completion":
            head = "" if whole else task.prompt
            return as_program(completion, head + completion.text, "completion")
        if model_type == "base":
            head = "" if whole or not completion.text.strip() else task.prompt.strip() + "\n"
            return as_program(completion, head + completion.text, "completion")
        extraction = extract(completion.text, None if whole else task.entry_point)
        code = extraction.code
        if code and not whole:
            code = assemble(task.prompt, task.entry_point, code)
        return as_program(completion, code, str(extraction.found))


ADAPTER = Adapter(to_task, Starter)
