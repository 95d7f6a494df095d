"""OpenCodeEval's sanitizer, against its own algorithm tried on every run of lines."""

from __future__ import annotations

import ast
import time

from hypothesis import given, settings
from hypothesis import strategies as st

from opencodeeval.benchmarks.extraction.opencodeeval_sanitize import MAX_LINES, refine, sanitize

LINES = [
    *("import os", "from math import *", "def f(x):", "def g():", "class A:", "    return g()"),
    *("    return os.path", "    y = N", "    yield 1", "\treturn x", "N = 1", "N, M = 1, 2"),
    *("A.b = 2", "N: int = 3", "async def f(x):", "@g", "print(f(1))", "", "   ", "```python"),
    *("Sure, here it is:", '"""', "'''text", "if N:", "    pass", "else:", "x = (", ")", "\\"),
    *("def f(x): return A().N", "lambda: 0", "# a comment", "```", "\x0c", "a\x85b = 1", "\r"),
]
TEXTS = st.lists(st.sampled_from(LINES), max_size=14).map("\n".join)
NAMES = st.sampled_from([None, "f", "g", "A", "N", "absent"])


def published(text: str, entry_point: str | None) -> str:
    """src/sanitize.py, tree by tree and window by window."""
    lines, best, most = refine(text).splitlines()[:MAX_LINES], "", 0
    for first in range(len(lines)):
        for last in range(first, len(lines)):
            window = "\n".join(lines[first : last + 1])
            try:
                ast.parse(window)
            except SyntaxError:
                continue
            filled = sum(bool(line.strip()) for line in lines[first : last + 1])
            if filled > most:
                best, most = window, filled
    imports: list[ast.stmt] = []
    definitions: dict[str, ast.stmt] = {}
    for node in ast.parse(best).body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            imports.append(node)
        elif isinstance(node, ast.ClassDef) or (
            isinstance(node, ast.FunctionDef)
            and any(isinstance(each, ast.Return) for each in ast.walk(node))
        ):
            definitions[node.name] = node
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            definitions[node.targets[0].id] = node
    wanted = set(definitions)
    if entry_point:
        wanted, found = set(), [entry_point]
        while found:
            name = found.pop(0)
            if name not in wanted:
                wanted.add(name)
                found += sorted(_named(definitions[name])) if name in definitions else []
    kept = [node for name, node in definitions.items() if name in wanted]
    return "\n".join(map(ast.unparse, [*imports, *kept]))


def _named(node: ast.AST) -> set[str]:
    names, stack = set(), [node]
    while stack:
        for child in ast.iter_child_nodes(stack.pop()):
            if isinstance(child, ast.Name):
                names.add(child.id)
            elif isinstance(child, ast.Attribute):
                names.add(child.attr)
            else:
                stack.append(child)
    return names


@settings(max_examples=400, deadline=None)
@given(TEXTS, NAMES)
def test_the_result_is_that_of_every_run_of_lines(text: str, name: str | None) -> None:
    assert sanitize(text, name) == published(text, name)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60) | TEXTS, NAMES)
def test_the_sanitizer_takes_any_text(text: str, name: str | None) -> None:
    code = sanitize(f"\x00{text}\ud800", name)
    ast.parse(code)
    code.encode()


@settings(max_examples=200, deadline=None)
@given(TEXTS)
def test_an_entry_point_only_takes_away(text: str) -> None:
    """And what is kept is kept again."""
    everything = ast.parse(sanitize(text)).body
    for name in ("f", "N"):
        kept = ast.parse(sanitize(text, name)).body
        assert {ast.dump(each) for each in kept} <= {ast.dump(each) for each in everything}
        assert sanitize(sanitize(text, name), name) == sanitize(text, name)


def test_reasoning_is_not_removed() -> None:
    draft = "def f(x):\n    y = 1\n    return y"
    text = f"<think>\n{draft}\n</think>\ndef f(x):\n    return 2"
    assert sanitize(text, "f") == draft


def test_long_answers_take_less_than_a_second() -> None:
    prose = "\n".join(f"This is line {number} of the prose." for number in range(400))
    code = "\n".join(f"def f{number}():\n    return {number}" for number in range(300))
    began = time.perf_counter()
    assert sanitize(prose + code, "f1") == ""
    assert sanitize(code, "f1") == "def f1():\n    return 1"
    assert time.perf_counter() - began < 1
