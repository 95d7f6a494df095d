"""The starter benchmark's problems: well formed, solvable, and not trivially so.

Programs run in plain subprocesses here, without the sandbox and without the
adapters, so that a fault in either cannot hide a fault in the data.
"""

from __future__ import annotations

import ast
import textwrap
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.support.starter_plain import passes, rows, run

ROWS = rows()
WRONG_BODY = "    return None\n"
# The example of count_notes names a file that is not there.
WITH_EXAMPLES = [
    row for row in ROWS if ">>> " in row["prompt"] and row["entry_point"] != "count_notes"
]

each_task = pytest.mark.parametrize("row", ROWS, ids=[row["task_id"] for row in ROWS])


def of_style(style: str) -> pytest.MarkDecorator:
    rows = [row for row in ROWS if row["style"] == style]
    return pytest.mark.parametrize("row", rows, ids=[row["task_id"] for row in rows])


def test_there_are_24_tasks_of_three_styles() -> None:
    counts = Counter(row["style"] for row in ROWS)
    assert counts == {"function": 10, "stdio": 8, "unittest": 6}


def test_ids_are_the_line_numbers() -> None:
    assert [row["task_id"] for row in ROWS] == [f"starter/{i}" for i in range(len(ROWS))]


def test_entry_points_are_unique() -> None:
    names = [row["entry_point"] for row in ROWS if row["entry_point"]]
    assert len(set(names)) == len(names) == 16


def test_one_task_compares_floats() -> None:
    assert [row["entry_point"] for row in ROWS if "atol" in row] == ["average_gap"]


@each_task
def test_rows_have_exactly_the_fields_of_their_style(row: dict[str, Any]) -> None:
    common = {"task_id", "style", "prompt", "entry_point", "canonical_solution"}
    own = {"function": {"inputs", "expected"}, "stdio": {"tests"}, "unittest": {"test"}}
    assert set(row) - {"atol"} == common | own[row["style"]]


@each_task
def test_the_prompt_ends_where_the_solution_goes_on(row: dict[str, Any]) -> None:
    """Templates strip the prompt and add one newline; nothing may hang on more."""
    assert row["prompt"] == row["prompt"].strip() + "\n"
    assert row["canonical_solution"].endswith("\n")
    if row["style"] == "stdio":
        ast.parse(row["canonical_solution"])
        return
    assert row["canonical_solution"].startswith("    ")
    *imports, function = ast.parse(row["prompt"] + row["canonical_solution"]).body
    assert all(isinstance(node, (ast.Import, ast.ImportFrom)) for node in imports)
    assert isinstance(function, ast.FunctionDef)
    assert function.name == row["entry_point"]


@of_style("function")
def test_functions_have_at_least_8_cases(row: dict[str, Any]) -> None:
    assert len(row["inputs"]) == len(row["expected"]) >= 8


@of_style("stdio")
def test_programs_have_at_least_6_cases(row: dict[str, Any]) -> None:
    assert len(row["tests"]) >= 6


@of_style("stdio")
def test_the_example_of_the_statement_is_the_first_case(row: dict[str, Any]) -> None:
    first = row["tests"][0]
    example = f"Example input:\n{first['input']}\nExample output:\n{first['output']}"
    assert row["prompt"].endswith(example)


@of_style("unittest")
def test_unittests_have_3_to_6_tests(row: dict[str, Any]) -> None:
    (cases,) = (node for node in ast.parse(row["test"]).body if isinstance(node, ast.ClassDef))
    tests = [node for node in cases.body if getattr(node, "name", "").startswith("test")]
    assert cases.name == "TestCases"
    assert 3 <= len(tests) <= 6


@pytest.mark.parametrize("row", WITH_EXAMPLES, ids=[row["task_id"] for row in WITH_EXAMPLES])
def test_examples_in_docstrings_hold(row: dict[str, Any], tmp_path: Path) -> None:
    program = row["prompt"] + row["canonical_solution"]
    _, stdout = run(f"{program}\nimport doctest\nprint(doctest.testmod())\n", tmp_path)
    assert "failed=0" in stdout, stdout
    assert "attempted=0" not in stdout


@of_style("function")
def test_functions_show_an_example(row: dict[str, Any]) -> None:
    assert ">>> " + row["entry_point"] in row["prompt"]


@each_task
def test_the_canonical_solution_passes(row: dict[str, Any], tmp_path: Path) -> None:
    head = "" if row["style"] == "stdio" else row["prompt"]
    assert passes(row, head + row["canonical_solution"], tmp_path)


@each_task
def test_doing_nothing_fails(row: dict[str, Any], tmp_path: Path) -> None:
    wrong = "" if row["style"] == "stdio" else row["prompt"] + WRONG_BODY
    assert not passes(row, wrong, tmp_path)


@each_task
def test_the_solution_of_another_task_fails(row: dict[str, Any], tmp_path: Path) -> None:
    """Every pair of the same style tells two programs apart by their tests."""
    for other in ROWS:
        if other["style"] != row["style"] or other is row:
            continue
        program = other["canonical_solution"]
        if row["style"] != "stdio":
            alias = f"{row['entry_point']} = {other['entry_point']}\n"
            program = other["prompt"] + program + textwrap.dedent(alias)
        assert not passes(row, program, tmp_path), other["task_id"]
