"""Questions about Python source text, answered by the running interpreter's parser."""

from __future__ import annotations

import ast
import codeop
import warnings
from collections.abc import Sequence

# Python 3.11 and later report a failure at the end of the input as "incomplete input".
_INCOMPLETE: int = getattr(codeop, "PyCF_ALLOW_INCOMPLETE_INPUT", 0)
_UNPARSABLE = (SyntaxError, MemoryError, ValueError, RecursionError)


def parse(source: str) -> ast.Module | None:
    """The module's tree, or None where the text is not a Python module.

    Null bytes, lone surrogates and nesting beyond the parser's depth count as
    not Python.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except _UNPARSABLE:
        return None


def hopeless(lines: Sequence[str]) -> bool:
    """Whether no further lines can make this text a Python module.

    True is certain, False is not: the parser reads from left to right, so a
    failure that it met before the end of the text stays whatever follows.
    """
    # After a trailing backslash the end of the text may pass for an error inside it.
    if not lines or lines[-1].rstrip("\r").endswith("\\"):
        return False
    source = "\n".join(lines)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(source, "<answer>", "exec", ast.PyCF_ONLY_AST | _INCOMPLETE, dont_inherit=True)
    except SyntaxError as error:
        if _INCOMPLETE:
            return error.msg != "incomplete input"
        return _fails_before_last_line(error, len(lines))
    except ValueError:
        return True
    except (MemoryError, RecursionError):
        return False
    return False


def viable_end(lines: Sequence[str], start: int, end: int) -> int:
    """The last line that a module starting at `start` may reach.

    Every window `lines[start : k + 1]` with `k` beyond the returned index (and
    up to `end`, inclusive) is not a Python module. The index is `start - 1`
    where no window is, and `end` where nothing is known.
    """
    viable, reach = start - 1, 1
    while True:
        probe = min(start + reach - 1, end)
        if hopeless(lines[start : probe + 1]):
            break
        viable = probe
        if probe == end:
            return end
        reach *= 2
    refuted = probe
    while refuted - viable > 1:
        middle = (viable + refuted) // 2
        if hopeless(lines[start : middle + 1]):
            refuted = middle
        else:
            viable = middle
    return refuted - 1


def defines(source: str, name: str) -> bool:
    """Whether the module binds `name` at its top level by def, class or assignment."""
    tree = parse(source)
    return tree is not None and any(_binds(statement, name) for statement in tree.body)


def _binds(statement: ast.stmt, name: str) -> bool:
    match statement:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return statement.name == name
        case ast.Assign():
            return any(isinstance(t, ast.Name) and t.id == name for t in statement.targets)
        case ast.AnnAssign(target=ast.Name(id=target)):
            return target == name and statement.value is not None
        case _:
            return False


def _fails_before_last_line(error: SyntaxError, line_count: int) -> bool:
    # Python 3.10 reports the generic error at the furthest token it read.
    generic = error.msg in ("invalid syntax", "unexpected indent")
    return generic and error.lineno is not None and error.lineno < line_count
