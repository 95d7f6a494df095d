"""What LiveCodeBench puts before every program: its imports, and long integers."""

from __future__ import annotations

import builtins
import sys
from typing import Any, Dict

_STARRED = (
    "string re datetime collections heapq bisect copy math random statistics itertools functools "
    "operator io sys json"
).split()
_PREAMBLE = "".join(
    [
        *(f"from {name} import *\n" for name in [*_STARRED, "builtins", "typing"]),
        *(f"import {name}\n" for name in _STARRED),
    ]
)
MAX_RECURSION = 50000
MAX_DIGITS = 50000

_names: Dict[str, Any] = {}
_built_in: Dict[str, Any] = {}


def learn() -> None:
    """Do the imports: once in the zygote, when its streams are the players'."""
    exec(compile(_PREAMBLE, "<imports>", "exec", dont_inherit=True), _names)
    del _names["__builtins__"]
    _built_in.update(vars(builtins))
    _built_in.update(_names)


def prepare_names(namespace: Dict[str, Any]) -> None:
    """The publisher's imports, for a program that runs in `namespace`."""
    if not _names:
        learn()
    namespace.update(_names)
    sys.setrecursionlimit(MAX_RECURSION)
    allow_long_integers()


def prepare_script(namespace: Dict[str, Any]) -> None:
    """The same names as built-in ones, which costs a program that ends soon a fifth of its time.

    A name of its own in a namespace is a page of memory that a new process has
    to copy.
    """
    if not _names:
        learn()
    namespace["__builtins__"] = _built_in
    sys.setrecursionlimit(MAX_RECURSION)
    allow_long_integers()


def allow_long_integers() -> None:
    """Let integers of up to 50000 digits be read and printed."""
    set_digits = getattr(sys, "set_int_max_str_digits", None)  # from Python 3.10.7 on
    if set_digits is not None:
        set_digits(MAX_DIGITS)
