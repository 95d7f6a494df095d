"""From extracted code and a task's prompt to a complete program."""

from __future__ import annotations

import ast
import re
import textwrap

from opencodeeval.core.syntax import defines, parse


def assemble(prompt: str, entry_point: str, code: str) -> str:
    """The program of an answer to a prompt that ends inside the entry point's definition.

    Code that defines the entry point gets the imports and helpers that the
    prompt shows before it; any other code continues the prompt as the body.
    """
    if _defines_entry_point(code, entry_point):
        return _after_future_imports(_head(prompt, entry_point), code)
    if not code.startswith((" ", "\t", "\n")):
        code = textwrap.indent(code, "    ")
    return prompt + code


def _defines_entry_point(code: str, entry_point: str) -> bool:
    if parse(code) is not None:
        return defines(code, entry_point)
    return _definition(entry_point).search(code) is not None


def _definition(entry_point: str) -> re.Pattern[str]:
    return re.compile(rf"^(?:async[ \t]+)?def[ \t]+{re.escape(entry_point)}\b", re.MULTILINE)


def _head(prompt: str, entry_point: str) -> str:
    definition = _definition(entry_point).search(prompt)
    return prompt[: definition.start()] if definition else ""


def _after_future_imports(head: str, code: str) -> str:
    """`head` before the code, but after `from __future__` imports, which come first."""
    tree = parse(code)
    imports = [
        statement.end_lineno or 0
        for statement in (tree.body if tree else ())
        if isinstance(statement, ast.ImportFrom) and statement.module == "__future__"
    ]
    lines = code.split("\n")
    cut = max(imports, default=0)
    return "\n".join([*lines[:cut], head + "\n".join(lines[cut:])])
