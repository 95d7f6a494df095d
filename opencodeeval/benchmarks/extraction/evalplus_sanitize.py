"""EvalPlus 0.3.1's `sanitize`, with the same results in a fraction of the time.

The tree walk follows evalplus/sanitize.py (Apache-2.0) step by step, oddities
included. The search for the longest window of lines that parses is new: the
original tries every window, so its time grows with the cube of the number of
lines. Texts that crash the original (null bytes, lone surrogates, nesting too
deep for the parser) are taken as text that does not parse.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from hashlib import blake2b
from itertools import accumulate
from typing import TYPE_CHECKING

from opencodeeval.core.syntax import parse, viable_end

if TYPE_CHECKING:
    from tree_sitter import Node

# A first line of a statement, and of no other part of one.
_STATEMENT = re.compile(r"(?!(?:else|elif|except|finally)\b)[^\s\\#]")
_IMPORTS = ("import_statement", "import_from_statement")


def sanitize(code: str, entry_point: str | None = None) -> str:
    """What `evalplus.sanitize.sanitize(code, entry_point)` returns."""
    # A lone surrogate cannot be written to a file, let alone run.
    window = longest_window(code.encode("utf-8", "replace").decode())
    return reachable_code(window, entry_point, _has_return).strip() or window


def longest_window(text: str) -> str:
    """The run of two or more lines that is a Python module and has most non-blank lines.

    The first such run wins; where there is none the result is the first line.
    """
    windows = _Windows(text)
    lines = windows.lines
    limit = [len(lines) - 1] * len(lines)
    best, best_size = (0, 0), 0
    for start in range(len(lines)):
        if windows.size(start, limit[start]) <= best_size:
            continue
        end = viable_end(lines, start, limit[start])
        last, tree = end, None
        found = windows.longest_from(start, end, best_size)
        if found is not None:
            last, tree = found
            best, best_size = (start, last), windows.size(start, last)
            while windows.size(start, end) > best_size:
                end -= 1
        elif end > start:
            tree = windows.parse(start, end)
        if tree is not None and windows.uniform:
            # Two modules, one after the other, are a module: what cannot follow this
            # start cannot follow a later start either, if only whole statements lie between.
            for boundary in windows.boundaries(tree, start, last):
                limit[boundary] = min(limit[boundary], end)
    return "\n".join(lines[best[0] : best[1] + 1])


class _Windows:
    """The runs of lines of one text; a run is named by its first and last index."""

    def __init__(self, text: str) -> None:
        self.lines = text.split("\n")
        self._filled = list(accumulate((bool(ln.strip()) for ln in self.lines), initial=0))
        self._invalid: set[bytes] = set()
        # A carriage return inside a line moves the parser's line numbers, and this
        # future import changes the grammar of what follows it.
        self.uniform = "barry_as_FLUFL" not in text and not any(
            "\r" in line[:-1] for line in self.lines
        )

    def size(self, start: int, last: int) -> int:
        """The number of lines that are not blank."""
        return self._filled[last + 1] - self._filled[start]

    def parse(self, start: int, last: int) -> ast.Module | None:
        source = "\n".join(self.lines[start : last + 1])
        # Models that fall into repetition write the same window hundreds of times.
        key = blake2b(source.encode(), digest_size=20).digest()
        if key in self._invalid:
            return None
        tree = parse(source)
        if tree is None:
            self._invalid.add(key)
        return tree

    def longest_from(self, start: int, end: int, beat: int) -> tuple[int, ast.Module] | None:
        """The last line and tree of the best window from `start` with more than `beat` lines."""
        anchor = None
        while end > start and self.size(start, end) > beat:
            first = end
            while first - 1 > start and self.size(start, first - 1) == self.size(start, end):
                first -= 1
            for last in range(first, end + 1):
                if anchor is not None and last >= anchor and self.parse(anchor, last) is None:
                    continue
                tree = self.parse(start, last)
                if tree is not None:
                    return last, tree
                if anchor is None and self.uniform:
                    anchor = self._anchor(start, end)
            end = first - 1
        return None

    def _anchor(self, start: int, end: int) -> int:
        """A line near `end` at which a statement starts in every module from `start` past it.

        The lines before it are a module and it does not continue a compound
        statement, so a window from `start` that reaches it is a module only if
        the part from it on is one. Without such a line the result is past `end`.
        """
        candidates = [k for k in range(end, start, -1) if _STATEMENT.match(self.lines[k])]
        step = 1
        while step <= len(candidates):
            if self.parse(start, candidates[step - 1] - 1) is not None:
                return candidates[step - 1]
            step *= 2
        return end + 1

    def boundaries(self, tree: ast.Module, start: int, last: int) -> Iterator[int]:
        """Where the module from `start` to `last` can be cut so that its head is a module."""
        inside: set[int] = set()
        for statement in tree.body:
            decorators = getattr(statement, "decorator_list", [])
            first = min([statement.lineno, *(item.lineno for item in decorators)])
            inside.update(range(start + first, start + (statement.end_lineno or first)))
        for boundary in range(start + 1, last + 1):
            continued = self.lines[boundary - 1].rstrip("\r").endswith("\\")
            if boundary not in inside and not continued:
                yield boundary


def reachable_code(
    code: str, entry_point: str | None, keeps: Callable[[Node], bool] = lambda _: True
) -> str:
    """Imports, and the definitions that the entry point leads to; of functions those it `keeps`."""
    import tree_sitter_python
    from tree_sitter import Language, Parser

    source = code.encode()
    root = Parser(Language(tree_sitter_python.language())).parse(source).root_node
    imports, definitions = _top_level(root, keeps)
    if entry_point:
        uses = {name: _identifiers(node) for name, node in definitions}
        reachable = _reachable(uses, entry_point)
        definitions = [pair for pair in definitions if pair[0] in reachable]
    nodes = [*imports, *(node for _, node in definitions)]
    return b"\n".join(source[node.start_byte : node.end_byte] for node in nodes).decode()


def _top_level(
    root: Node, keeps: Callable[[Node], bool]
) -> tuple[list[Node], list[tuple[str | None, Node]]]:
    """Imports, and the definitions that EvalPlus keeps: the first of each name."""
    imports: list[Node] = []
    definitions: dict[str | None, Node] = {}
    for child in root.children:
        if child.type in _IMPORTS:
            imports.append(child)
            continue
        if child.type == "expression_statement" and child.children[0].type == "assignment":
            node = child.children[0]
        elif child.type == "class_definition" or (
            child.type == "function_definition" and keeps(child)
        ):
            node = child
        else:
            continue
        definitions.setdefault(_name(node), node)
    return imports, list(definitions.items())


def _name(node: Node) -> str | None:
    return next((_text(child) for child in node.children if child.type == "identifier"), None)


def _text(node: Node) -> str:
    assert node.text is not None
    return node.text.decode()


def _has_return(function: Node) -> bool:
    # The original's walk, which may end before it has seen every node.
    cursor, depth, ascending = function.walk(), 0, False
    while True:
        if not ascending:
            assert cursor.node is not None
            if cursor.node.type == "return_statement":
                return True
            if not cursor.goto_first_child():
                depth += 1
                ascending = True
        elif cursor.goto_next_sibling():
            ascending = False
        elif not cursor.goto_parent() or depth == 0:
            return False
        else:
            depth -= 1


def _identifiers(node: Node) -> set[str]:
    names: set[str] = set()
    pending = [node]
    while pending:
        for child in pending.pop().children:
            if child.type == "identifier":
                names.add(_text(child))
            else:
                pending.append(child)
    return names


def _reachable(uses: dict[str | None, set[str]], entry_point: str) -> set[str | None]:
    reached: set[str | None] = {entry_point}
    pending: list[str | None] = [entry_point]
    while pending:
        new = uses.get(pending.pop(), set()) - reached
        reached |= new
        pending.extend(new)
    return reached
