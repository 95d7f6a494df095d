"""Syntax colours as data: the position and colour of each piece of a program.

A Python program is parsed once, by the parser that also extracts programs: it is
fast enough for ten thousand samples and accepts broken programs. Programs in other
languages are cut by Pygments, which has lexers for all of them. The page gets
the program as plain text with these positions, and makes elements of the pieces
that it shows; it never has to trust markup.
"""

from __future__ import annotations

import builtins
import keyword
from functools import cache
from itertools import groupby
from typing import TYPE_CHECKING, Any

import tree_sitter
import tree_sitter_python

if TYPE_CHECKING:
    from pygments.lexer import Lexer

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


def token_runs(code: str, language: str = "") -> str:
    """The program's pieces in order, each as its colour's letter and its length.

    `language` is the name that Pygments has for it; empty for Python. A program in a
    language that Pygments does not know is one plain piece.

    "k3x1f4" is a keyword of 3, a plain piece of 1 and a function's name of 4:
    c comments and docstrings, s strings, n numbers, k keywords, d decorators,
    f defined names, b built-in names, x the rest. Lengths are
    in UTF-16 code units, as JavaScript counts; empty for a program that is too
    long.
    """
    if len(code) > LONGEST:
        return ""
    if language:
        return _lexed_runs(code, language)
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


def _lexed_runs(code: str, language: str) -> str:
    lexer = _lexer(language)
    # Not `get_tokens`, which changes line ends and drops empty lines.
    found = lexer.get_tokens_unprocessed(code) if lexer else [(0, None, code)]
    pieces = [(_colour(kind), _units(text)) for _, kind, text in found]
    runs = [
        (letter, sum(length for _, length in each))
        for letter, each in groupby(pieces, lambda piece: piece[0])
    ]
    return "".join(f"{letter}{length}" for letter, length in runs if length)


def _units(text: str) -> int:
    """The length in UTF-16 code units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _colour(kind: Any) -> str:
    """The letter of a kind of Pygments's tokens; each is part of the more general ones."""
    while kind is not None:
        letter = _letters().get(kind)
        if letter:
            return letter
        kind = kind.parent
    return PLAIN


@cache
def _letters() -> dict[Any, str]:
    from pygments.token import Comment, Keyword, Name, Number, Operator, String

    return {
        Comment: "c",
        Comment.Preproc: "d",
        Comment.PreprocFile: "s",
        String: "s",
        Number: "n",
        Keyword: "k",
        Operator.Word: "k",
        Name.Decorator: "d",
        Name.Function: "f",
        Name.Class: "f",
        Name.Builtin: "b",
    }


@cache
def _lexer(language: str) -> Lexer | None:
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        return get_lexer_by_name(language)
    except ClassNotFound:
        return None


@cache
def _parser() -> tuple[tree_sitter.Parser, tree_sitter.Query]:
    language = tree_sitter.Language(tree_sitter_python.language())
    known = (word for word in sorted(_KEYWORDS) if language.id_for_node_kind(word, False))
    words = " ".join(f'"{word}"' for word in known)
    constants = "(true) @k (false) @k (none) @k"
    return tree_sitter.Parser(language), tree_sitter.Query(
        language, f"{_QUERY} [{words}] @k {constants}"
    )
