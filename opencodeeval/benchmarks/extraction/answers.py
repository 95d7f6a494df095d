"""The code in a model's answer without its reasoning, and how it was found.

The rules, in order:

1. Markdown fences. Blocks labelled Python are preferred over blocks without a
   label, and those over blocks of any other label. Among those that are left
   the last that defines the entry point wins, one that parses over one that
   does not; where none defines it, the last that parses, else the last. A
   fence inside a string of the code does not end the block.
2. A fence that is never closed (the answer ran out of tokens) reaches to the
   end. It counts only where no closed block defines the entry point.
3. No fence: the answer from its first line of code, up to the first line that
   cannot belong to a Python module any more.

Time is linear in the length of the answer, but for a factor of its logarithm
in rule 3.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import islice

from opencodeeval.core.syntax import parse, viable_end


class Found(str, Enum):
    """How the code was found."""

    FENCE = "fence"
    OPEN_FENCE = "open_fence"
    UNFENCED = "unfenced"
    NONE = "none"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class Extraction:
    """The code, empty where `found` is NONE."""

    code: str
    found: Found


NOTHING = Extraction("", Found.NONE)

_FENCE = re.compile(r"([ \t]*)(`{3,}|~{3,})(?!`)([^`\n]*)")
# Some models go on in the same line: "Here is the code: ```python".
_FENCE_AFTER_TEXT = re.compile(r"(?<!`)()(`{3})(?!`)[ \t]*(python3?|py)[ \t]*$", re.IGNORECASE)
_PYTHON = re.compile(r"[{.]*(?:python|py)[\d.]*(?![\w-])", re.IGNORECASE)
_CODE_START = re.compile(
    r"from\s+[\w.]+\s+import\b|import\s+\w|(?:async\s+)?def\s+\w|class\s+\w|@\w"
    r"|(?:for|while|if|with)\b.*:|try:|print\(|[A-Za-z_][\w.\[\], ]*(?::[^=]+)?[-+*/]?=[^=]"
)
_MAX_STARTS = 20
_MAX_FENCES_IN_STRINGS = 4


@dataclass(frozen=True)
class _Block:
    code: str
    label: str
    closed: bool


def extract(text: str, entry_point: str | None = None) -> Extraction:
    """The code in an answer; `entry_point` is the name it has to define, if any.

    The code has line feeds only and no byte order mark.
    """
    text = text.replace("\ufeff", "").replace("\r\n", "\n").replace("\r", "\n")
    lines = text.split("\n")
    extraction = _fenced(lines, entry_point) or _unfenced(lines, entry_point)
    if extraction is None or not extraction.code.strip():
        return NOTHING
    return extraction


def _fenced(lines: Sequence[str], entry_point: str | None) -> Extraction | None:
    blocks = [block for block in _blocks(lines, entry_point) if block.code.strip()]
    if not blocks:
        return None
    complete = any(block.closed and _mentions(block.code, entry_point) for block in blocks)
    best = _best([block for block in blocks if block.closed or not complete], entry_point)
    return Extraction(best.code, Found.FENCE if best.closed else Found.OPEN_FENCE)


def _best(blocks: Sequence[_Block], entry_point: str | None) -> _Block:
    defining = [block for block in blocks if _mentions(block.code, entry_point)] or blocks
    rank = max(_rank(block) for block in defining)
    ranked = [block for block in defining if _rank(block) == rank]
    if len(ranked) == 1:
        return ranked[0]
    return next((each for each in reversed(ranked) if parse(each.code) is not None), ranked[-1])


def _rank(block: _Block) -> int:
    if _PYTHON.match(block.label):
        return 2
    return 0 if block.label else 1


def _mentions(code: str, name: str | None) -> bool:
    """Whether a line of the code looks like the start of the name's definition."""
    if name is None:
        return False
    definition = rf"[ \t]*(?:(?:async[ \t]+)?def|class)[ \t]+{re.escape(name)}\b"
    assignment = rf"{re.escape(name)}[ \t]*=(?!=)"
    return re.search(rf"^(?:{definition}|{assignment})", code, re.MULTILINE) is not None


def _blocks(lines: Sequence[str], entry_point: str | None) -> Iterator[_Block]:
    at, seen = 0, False
    while at < len(lines):
        opening = _FENCE.fullmatch(lines[at]) or _FENCE_AFTER_TEXT.search(lines[at])
        at += 1
        if opening is None:
            continue
        indent, fence, label = opening.groups()
        first, seen = not seen, True
        if first and not label.strip() and _is_answer(lines[: at - 1], entry_point):
            # The answer went on from a prompt that had opened the fence.
            yield _Block("\n".join(lines[: at - 1]), "python", closed=True)
            continue
        end, code = _block_end(lines, at, indent, fence)
        yield _Block(code, label.strip(), closed=end is not None)
        at = len(lines) if end is None else end + 1


def _is_answer(lines: Sequence[str], entry_point: str | None) -> bool:
    code = "\n".join(lines)
    tree = parse(code)
    if tree is None:
        return False
    return _is_code(tree) if entry_point is None else _mentions(code, entry_point)


def _block_end(lines: Sequence[str], at: int, indent: str, fence: str) -> tuple[int | None, str]:
    """The index of the closing fence, None without one, and the block's code."""
    closing = re.compile(rf"[ \t]{{0,{len(indent) + 3}}}{fence[0]}{{{len(fence)},}}[ \t]*")
    margin = re.compile(rf"[ \t]{{0,{len(indent)}}}")

    def code(end: int) -> str:
        return "\n".join(line[margin.match(line).end() :] for line in lines[at:end])  # type: ignore[union-attr]

    ends = (k for k in range(at, len(lines)) if closing.fullmatch(lines[k]))
    first = next(ends, None)
    if first is None:
        return None, code(len(lines))
    candidates = [first]
    if parse(code(first)) is None:
        candidates.extend(islice(ends, _MAX_FENCES_IN_STRINGS))
    end = next((k for k in candidates if parse(code(k)) is not None), first)
    return end, code(end)


def _unfenced(lines: Sequence[str], entry_point: str | None) -> Extraction | None:
    whole = parse("\n".join(lines))
    if whole is not None:
        return Extraction("\n".join(lines), Found.UNFENCED) if _is_code(whole) else None
    code = _from_first_line_of_code(lines, entry_point)
    if code is None and entry_point is not None:
        code = _function_body(lines)
    return None if code is None else Extraction(code, Found.UNFENCED)


def _from_first_line_of_code(lines: Sequence[str], entry_point: str | None) -> str | None:
    starts = [k for k, line in enumerate(lines) if _CODE_START.match(line)][:_MAX_STARTS]
    searched = -1
    for start in starts:
        if start <= searched:
            continue
        searched = viable_end(lines, start, len(lines) - 1)
        code = "\n".join(lines[start : searched + 1])
        if code and (entry_point is None or _mentions(code, entry_point)):
            return code
    return None


def _function_body(lines: Sequence[str]) -> str | None:
    """The answer as the indented continuation of a function's head, if it starts as one."""
    first = next((line for line in lines if line.strip()), "")
    if not first.startswith((" ", "\t")):
        return None
    end = viable_end(["def head():", *lines], 0, len(lines))
    code = "\n".join(lines[:end])
    return code if code.strip() else None


def _is_code(tree: ast.Module) -> bool:
    """Whether a module does anything; a word of prose, for one, is a module too."""
    return any(
        not isinstance(statement, ast.Expr)
        or any(isinstance(node, ast.Call) for node in ast.walk(statement))
        for statement in tree.body
    )
