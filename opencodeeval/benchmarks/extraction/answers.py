"""The code in a model's answer without its reasoning, and how it was found.

The rules, in order:

1. Leading marks. Tokens and tags before an answer (marks.py) are no part of it.
2. Markdown fences. Blocks labelled Python are preferred over blocks without a
   label, and those over blocks of any other label. Among those that are left
   the last that defines the entry point wins, one that parses over one that
   does not; where none defines it, the last that parses, else the last.
3. Ends of a block. A fence ends it whatever follows on its line, also behind
   the last line of code; so do a closing tag and an end token. Each counts only
   where Python code may end: not inside a string or a comment of the program,
   nor where square brackets are an index. Where no code that parses ends at
   any, the first line that begins with a fence is the end.
4. A fence that is never closed (the answer ran out of tokens) reaches to the
   end. It counts only where no closed block defines the entry point.
5. End of the answer. What follows an end token is another turn of the chat.
6. No fence, or none around the entry point's definition: the answer from its
   first line of code, up to a closing tag or an end token, or the first line
   that cannot belong to a Python module any more.

Time is linear in the length of the answer, but for a factor of its logarithm
in rule 6.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from opencodeeval.benchmarks.extraction.ends import BLANK, BLANKS, Stop, code_until, end_of_code
from opencodeeval.benchmarks.extraction.marks import BEGINS, CLOSINGS, ENDS, OPENINGS, pattern
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

_FENCE = re.compile(rf"({BLANKS})(`{{3,}}|~{{3,}})(?!`)([^`\n]*)")
# Some models go on in the same line: "Here is the code: ```python".
_FENCE_AFTER_TEXT = re.compile(r"[^`]*(?<!`)()(`{3})(?!`)[ \t]*(python3?|py|)[ \t]*", re.IGNORECASE)
_PYTHON = re.compile(r"[{.]*(?:python|py)[\d.]*(?![\w-])", re.IGNORECASE)
_LABEL = re.compile(r"[{.]*[\w+#-]+\}?[ \t]*$")
_LEADING = re.compile(rf"\s*(?:{pattern(OPENINGS + BEGINS + ENDS)})")
_TAG = re.compile(rf"(?:{pattern(OPENINGS)}){BLANKS}")
_TOKENS = rf"(?:{pattern(ENDS)})"
_END = re.compile(rf"(?<![`\"']){_TOKENS}(?![`\"'])")
# A line of prose may name a token; it ends the answer at the start or at the end of a line.
_END_IN_PROSE = re.compile(
    rf"^{BLANKS}{_TOKENS}(?![`\"'])|(?<![`\"']){_TOKENS}(?:{_TOKENS})?\w*{BLANKS}$"
)
_CODE_START = re.compile(
    r"from\s+[\w.]+\s+import\b|import\s+\w|(?:async\s+)?def\s+\w|class\s+\w|@\w"
    r"|(?:for|while|if|with)\b.*:|try:|print\(|[A-Za-z_][\w.\[\], ]*(?::[^=]+)?[-+*/]?=[^=]"
)
_MAX_STARTS = 20


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
    at = 0
    while leading := _LEADING.match(text, at):
        at = leading.end()
    lines = text[at:].removeprefix("\n").split("\n")
    extraction = _fenced(lines, entry_point)
    if extraction is None or (entry_point and not _mentions(extraction.code, entry_point)):
        # The fences may be those of an example inside the program.
        bare = _unfenced(lines, entry_point)
        if extraction is None or (bare and _mentions(bare.code, entry_point)):
            extraction = bare
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
    at = 0
    begun = _begun(lines, entry_point)
    if begun:
        yield _Block(code_until(lines, 0, "", begun), "python", closed=True)
        at = _next_line(lines, begun)
    while at < len(lines):
        opening = _FENCE.fullmatch(lines[at]) or _FENCE_AFTER_TEXT.fullmatch(lines[at])
        if opening is None and _END_IN_PROSE.search(lines[at]):
            return
        at += 1
        if opening is None:
            continue
        indent, fence, label = opening.groups()
        stop = _block_end(lines, at, indent, fence)
        end = stop or Stop(len(lines))
        yield _Block(code_until(lines, at, indent, end), label.strip(), closed=stop is not None)
        at = _next_line(lines, end)


def _begun(lines: Sequence[str], entry_point: str | None) -> Stop | None:
    """Where the code ends of an answer that goes on from a prompt with an opened fence."""
    first = next((line for line in lines if "```" in line or "~~~" in line), "")
    opening = _FENCE.fullmatch(first) or _FENCE_AFTER_TEXT.fullmatch(first)
    if not first or (opening and _PYTHON.match(opening[3].strip())):
        return None
    stop = end_of_code(lines, 0, "", "```") or end_of_code(lines, 0, "", "~~~")
    return stop if stop and _is_answer(code_until(lines, 0, "", stop), entry_point) else None


def _next_line(lines: Sequence[str], end: Stop) -> int:
    """Where to look on behind a block: at its last line where another block begins there."""
    if end.mark in ENDS or _END.search(end.tail):
        return len(lines)
    opens = end.mark not in CLOSINGS and end.column == 0 and _LABEL.match(end.tail)
    return end.line if opens else end.line + 1


def _is_answer(code: str, entry_point: str | None) -> bool:
    tree = parse(code)
    if tree is None:
        return False
    return _iscode_until(tree) if entry_point is None else _mentions(code, entry_point)


def _block_end(lines: Sequence[str], at: int, indent: str, fence: str) -> Stop | None:
    stop = end_of_code(lines, at, indent, fence)
    if stop:
        return stop
    closing = re.compile(rf"[{BLANK}]{{0,{len(indent) + 3}}}({fence[0]}{{{len(fence)},}})(.*)")
    for line in range(at, len(lines)):
        if found := closing.fullmatch(lines[line]):
            return Stop(line, 0, found[1], found[2])
    return None


def _unfenced(lines: Sequence[str], entry_point: str | None) -> Extraction | None:
    stop = end_of_code(lines, 0)
    if stop and _is_answer(code_until(lines, 0, "", stop), entry_point):
        return Extraction(code_until(lines, 0, "", stop), Found.UNFENCED)
    whole = parse("\n".join(lines))
    if whole is not None:
        return Extraction("\n".join(lines), Found.UNFENCED) if _iscode_until(whole) else None
    code = _from_first_line_ofcode_until(lines, entry_point)
    if code is None and entry_point is not None:
        code = _function_body(lines)
    return None if code is None else Extraction(code, Found.UNFENCED)


def _from_first_line_ofcode_until(lines: Sequence[str], entry_point: str | None) -> str | None:
    lines = [*_without_tags(lines)]
    starts = [k for k, line in enumerate(lines) if _CODE_START.match(line)][:_MAX_STARTS]
    searched = -1
    for start in starts:
        if start <= searched:
            continue
        searched = viable_end(lines, start, len(lines) - 1)
        stop = end_of_code(lines, start, end=min(searched + 2, len(lines)))
        code = code_until(lines, start, "", stop or Stop(searched + 1))
        if code and (entry_point is None or _mentions(code, entry_point)):
            return code
    return None


def _without_tags(lines: Sequence[str]) -> Iterator[str]:
    """The lines up to an end token, without tags before the first line of code."""
    begun = False
    for line in lines:
        tag = None if begun else _TAG.search(line)
        bare = line[tag.end() :] if tag and _CODE_START.match(line, tag.end()) else line
        begun = begun or _CODE_START.match(bare) is not None
        if not begun and _END_IN_PROSE.search(line):
            return
        yield bare


def _function_body(lines: Sequence[str]) -> str | None:
    """The answer as the indented continuation of a function's head, if it starts as one."""
    first = next((line for line in lines if line.strip()), "")
    if not first.startswith((" ", "\t")):
        return None
    lines = ["def head():", *lines]
    end = viable_end(lines, 0, len(lines) - 1)
    stop = end_of_code(lines, 0, end=min(end + 2, len(lines)))
    code = (
        code_until(lines, 0, "", stop or Stop(end + 1))
        .removeprefix("def head():")
        .removeprefix("\n")
    )
    return code if code.strip() else None


def _iscode_until(tree: ast.Module) -> bool:
    """Whether a module does anything; a word of prose, for one, is a module too."""
    return any(
        not isinstance(statement, ast.Expr)
        or any(isinstance(node, ast.Call) for node in ast.walk(statement))
        for statement in tree.body
    )
