"""Questions about Python source text, answered by the running interpreter's parser."""

from __future__ import annotations

import ast
import codeop
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

_T = TypeVar("_T")

# Python 3.11 and later report a failure at the end of the input as "incomplete input".
_INCOMPLETE: int = getattr(codeop, "PyCF_ALLOW_INCOMPLETE_INPUT", 0)
_TREE_ONLY = ast.PyCF_ONLY_AST | _INCOMPLETE
_TOKENIZER_ERRORS = ("unterminated string literal", "invalid character", "invalid decimal literal")
# CPython 3.11 counts the depth of a tree for all threads together, so two that parse at once can
# end in a SystemError. Ours take turns; those of other packages (a model being loaded) do not.
_PARSING = threading.RLock()
# Times that a text is parsed which another thread has disturbed, and the pause before the next
# one, in seconds.
_ATTEMPTS, _PAUSE_S = 200, 0.01
_UNPARSABLE = (SyntaxError, MemoryError, ValueError, RecursionError)


def parse(source: str) -> ast.Module | None:
    """The module's tree, or None where the text is not a Python module.

    Null bytes, lone surrogates and nesting beyond the parser's depth count as
    not Python.
    """
    try:
        return tree(source)
    except _UNPARSABLE:
        return None


def tree(source: str) -> ast.Module:
    """The module's tree.

    Raises:
        SyntaxError, ValueError, MemoryError, RecursionError: as `ast.parse` does.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of escapes in published strings
        return undisturbed(lambda: ast.parse(source))


def literal(source: str) -> Any:
    """The value of a literal's text; nothing is evaluated.

    Raises:
        ValueError, TypeError, SyntaxError, MemoryError, RecursionError: as `ast.literal_eval` does.
    """
    return undisturbed(lambda: ast.literal_eval(source))


def undisturbed(work: Callable[[], _T]) -> _T:
    """What `work` gives, which parses Python, though other threads of the process parse too.

    `work` is done again where another thread's parsing has made it fail.
    """
    with _PARSING:
        for _ in range(_ATTEMPTS - 1):
            try:
                return work()
            except SystemError:
                time.sleep(_PAUSE_S)
        return work()


def normal_form(source: str) -> str:
    """The text of a module without its layout: equal for sources with the same syntax tree.

    So quotes, spaces, comments and brackets that group do not matter. The source itself
    where it is not Python or is nested too deeply.
    """
    parsed = parse(source)
    try:
        return source if parsed is None else ast.dump(parsed)
    except (RecursionError, MemoryError):
        return source


def hopeless(lines: Sequence[str]) -> bool:
    """Whether no further lines can make this text a Python module.

    True is certain, False is not: the parser reads from left to right, so a
    failure that it met before the end of the text stays whatever follows.
    """
    return _failure(lines) is not None


def viable_end(lines: Sequence[str], start: int, end: int) -> int:
    """The last line that a module starting at `start` may reach.

    Every window `lines[start : k + 1]` with `k` beyond the returned index (and
    up to `end`, inclusive) is not a Python module. The index is `start - 1`
    where no window is, and `end` where nothing is known.
    """
    viable, reach = start - 1, 1
    while True:
        refuted = min(start + reach - 1, end)
        failed = _failure(lines[start : refuted + 1])
        if failed is not None:
            break
        viable = refuted
        if refuted == end:
            return end
        reach *= 2
    while refuted - viable > 1:
        # Where the parser points is almost always the line that decides.
        hint = min(start + failed - 1, refuted - 1)
        middle = hint if hint > viable else (viable + refuted) // 2
        failure = _failure(lines[start : middle + 1])
        if failure is None:
            viable, failed = middle, 0
        else:
            refuted, failed = middle, failure
    return refuted - 1


def _failure(lines: Sequence[str]) -> int | None:
    """The line of the error, from 1, that makes the text hopeless; None where none is known."""
    # After a trailing backslash the end of the text may pass for an error inside it.
    if not lines or lines[-1].rstrip("\r").endswith("\\"):
        return None
    source = "\n".join(lines)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            undisturbed(lambda: compile(source, "<answer>", "exec", _TREE_ONLY, dont_inherit=True))
    except SyntaxError as error:
        line = error.lineno or 1
        certain = error.msg != "incomplete input" if _INCOMPLETE else _is_final(error, len(lines))
        return line if certain else None
    except ValueError:
        return 1
    except (MemoryError, RecursionError):
        return None
    return None


def defines(source: str, name: str) -> bool:
    """Whether the module binds `name` at its top level by def, class or assignment."""
    parsed = parse(source)
    return parsed is not None and any(_binds(statement, name) for statement in parsed.body)


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


def _is_final(error: SyntaxError, line_count: int) -> bool:
    # What Python 3.10 tells. The tokenizer's errors hold for every reading of the line,
    # and a generic error is reported at the furthest token that was read.
    if error.msg.startswith(_TOKENIZER_ERRORS):
        return True
    furthest = error.msg in ("invalid syntax", "unexpected indent")
    return furthest and error.lineno is not None and error.lineno < line_count
