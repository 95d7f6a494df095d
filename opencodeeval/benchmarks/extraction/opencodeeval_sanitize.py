"""OpenCodeEval's `sanitize` as it was for OpenCoder's paper (src/sanitize.py), and later.

It is EvalPlus's idea in Python's own syntax trees, with other results: code is
looked for in the first 100 lines only and printed anew; the last definition of
a name wins; functions without a return statement are dropped, the entry point
too; what is named before a dot is not taken for used. Later versions
(OpenCodeEval/eval/sanitize.py) look in all lines but blank ones, which they
drop first, and keep functions that yield.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping

from opencodeeval.benchmarks.extraction.evalplus_sanitize import longest_window
from opencodeeval.core.syntax import parse

MAX_LINES = 100


def refine(text: str) -> str:
    """OpenCodeEval's `refine_text`, through which prompts and answers go."""
    text = text.replace("\t", "    ").replace("\r\n", "\n").replace("\r", "\n")
    return text.strip() + "\n"


def sanitize(text: str, entry_point: str | None = None, later: bool = False) -> str:
    """What OpenCodeEval's `sanitize(text, entry_point)` returns; empty where nothing is kept.

    `later` asks for what versions after that of OpenCoder's paper return.
    """
    # A lone surrogate cannot be written to a file, let alone run.
    lines = refine(text.encode("utf-8", "replace").decode()).splitlines()
    if later:
        tree = _longest_module([line for line in lines if line.strip()])
        results: tuple[type[ast.expr | ast.stmt], ...] = (ast.Return, ast.Yield)
    else:
        tree = _longest_module(lines[:MAX_LINES])
        results = (ast.Return,)
    imports: list[ast.stmt] = []
    definitions: dict[str, ast.stmt] = {}
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            imports.append(node)
        elif name := _defined(node, results):
            definitions[name] = node
    if entry_point:
        reached = _reached(definitions, entry_point)
        definitions = {name: node for name, node in definitions.items() if name in reached}
    try:
        return "\n".join(map(ast.unparse, [*imports, *definitions.values()]))
    except RecursionError:  # an expression too deep to be printed: the tool ends there
        return ""


def _longest_module(lines: list[str]) -> ast.Module:
    """The run of lines that is a module and has most non-blank lines; the first such."""
    window = longest_window("\n".join(lines))
    tree = parse(window)
    if tree is not None and _filled(window.split("\n")) > 1:
        return tree
    # No two lines of code are a module; one may be, with the blank lines that it continues in.
    windows = (lines[start : start + size] for start in range(len(lines)) for size in (1, 2, 3))
    single = (parse("\n".join(each)) for each in windows if _filled(each) == 1)
    return next((each for each in single if each is not None), ast.Module([], []))


def _filled(lines: list[str]) -> int:
    return sum(bool(line.strip()) for line in lines)


def _defined(node: ast.stmt, results: tuple[type[ast.expr | ast.stmt], ...]) -> str:
    if isinstance(node, ast.ClassDef):
        return node.name
    if isinstance(node, ast.FunctionDef):
        gives = any(isinstance(each, results) for each in ast.walk(node))
        return node.name if gives else ""
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id
    return ""


def _reached(definitions: Mapping[str, ast.stmt], entry_point: str) -> set[str]:
    reached: set[str] = set()
    pending = [entry_point]
    while pending:
        name = pending.pop()
        if name not in reached:
            reached.add(name)
            pending.extend(_names(definitions[name]) if name in definitions else ())
    return reached


def _names(node: ast.AST) -> set[str]:
    """The names in a definition; of attributes the last part, and nothing before the dot."""
    names: set[str] = set()
    pending = [node]
    while pending:
        for child in ast.iter_child_nodes(pending.pop()):
            if isinstance(child, ast.Name):
                names.add(child.id)
            elif isinstance(child, ast.Attribute):
                names.add(child.attr)
            else:
                pending.append(child)
    return names
