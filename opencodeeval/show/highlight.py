"""Syntax colours as data: the position and colour of each piece of a program.

The program is parsed once, by the parser that also extracts programs: it is
fast enough for ten thousand samples and accepts broken programs. The page gets
the program as plain text with these positions, and makes elements of the pieces
that it shows; it never has to trust markup.
"""

from __future__ import annotations

import builtins
import keyword
from functools import cache

import tree_sitter
import tree_sitter_python

# Outer pieces come before inner ones, and of two equal ones the first counts: a
# piece inside a coloured piece is not coloured separately.
_QUERY = """
(expression_statement (string) @c)
(comment) @c
(string) @s
(integer) @n
(float) @n
(decorator) @d
(function_definition name: (identifier) @f)
(class_definition name: (identifier) @f)
(call function: (identifier) @b)
(type (identifier) @b)
"""
_ORDER = "csndfbk"
_KEYWORDS = frozenset(keyword.kwlist) | {"print", "exec"}
_BUILTINS = frozenset(dir(builtins))
PLAIN = "x"
# A longer program is data, not text that anybody reads in colour.
LONGEST = 100_000


def token_runs(code: str) -> str:
    """The program's pieces in order, each as its colour's letter and its length.

    "k3x1f4" is a keyword of 3, a plain piece of 1 and a function's name of 4:
    c comments and docstrings, s strings, n numbers, k keywords, d decorators,
    f defined names, b built-in names, x the rest. Lengths are
    in UTF-16 code units, as JavaScript counts; empty for a program that is too
    long.
    """
    if len(code) > LONGEST:
        return ""
    # In ASCII one byte is one unit; other text is parsed as UTF-16.
    width, encoding = (1, "utf-8") if code.isascii() else (2, "utf-16-le")
    data = code.encode(encoding, "surrogatepass")
    parser, query = _parser()
    tree = parser.parse(data, encoding="utf8" if width == 1 else "utf16le")
    found = tree_sitter.QueryCursor(query).captures(tree.root_node)
    pieces = sorted(
        (node.start_byte // width, -(node.end_byte // width), _ORDER.index(letter))
        for letter, nodes in found.items()
        for node in nodes
        if letter != "b"
        or data[node.start_byte : node.end_byte].decode(encoding, "replace") in _BUILTINS
    )
    runs, at = [], 0
    for start, minus_end, place in pieces:
        if start < at or -minus_end == start:
            continue
        runs += [f"{PLAIN}{start - at}"] if start > at else []
        runs.append(f"{_ORDER[place]}{-minus_end - start}")
        at = -minus_end
    length = len(data) // width
    return "".join([*runs, *([f"{PLAIN}{length - at}"] if length > at else [])])


@cache
def _parser() -> tuple[tree_sitter.Parser, tree_sitter.Query]:
    language = tree_sitter.Language(tree_sitter_python.language())
    known = (word for word in sorted(_KEYWORDS) if language.id_for_node_kind(word, False))
    words = " ".join(f'"{word}"' for word in known)
    constants = "(true) @k (false) @k (none) @k"
    return tree_sitter.Parser(language), tree_sitter.Query(
        language, f"{_QUERY} [{words}] @k {constants}"
    )
