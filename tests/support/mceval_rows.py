"""A task of our own in the form that McEval has in each language, `twice`, and cheats for it."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path
from typing import Any

from opencodeeval.benchmarks.card_benchmark import CardBenchmark
from opencodeeval.core.types import Task
from opencodeeval_benchmarks.mceval.languages import languages
from tests.support.one_task import of_row

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_HERE = Path(__file__).parent
# By language: its prompt, signature, solution and test; and programs that must not pass, by name.
ROWS: dict[str, dict[str, str]] = tomllib.loads((_HERE / "mceval_rows.toml").read_text("utf-8"))
HOSTILE: dict[str, dict[str, str]] = tomllib.loads(
    (_HERE / "mceval_cheats.toml").read_text("utf-8")
)


def row(name: str, /, **changed: Any) -> dict[str, Any]:
    """A row of our own in this language."""
    own = ROWS[name]
    asked = f"Write a function `{own['signature']}` to solve the following problem:\nTwice."
    found = {
        "task_id": f"{languages()[name].rows}/1000",
        "prompt": own["prompt"],
        "canonical_solution": own["solution"],
        "test": own["test"],
        "entry_point": "Twice" if name == "vim" else "twice",
        "signature": own["signature"],
        "instruction": asked,
        "module": "double" if name == "erl" else "",
    }
    return found | changed


@cache
def benchmark(name: str, protocol: str = "mceval") -> CardBenchmark:
    """The benchmark of our row alone."""
    return of_row("mceval", row(name), protocol, name)


def only_task(name: str, protocol: str = "mceval") -> Task:
    return benchmark(name, protocol).tasks[0]
