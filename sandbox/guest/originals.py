"""The builtins as they are before any program, for code that shares a process with one.

A module whose `__builtins__` are these goes on to work where a program has put its own
`list`, `map` or `print` into builtins, as programs written for Python 2 do.
"""

from __future__ import annotations

import builtins
from typing import Any, Dict

__all__ = ["BUILTINS", "builtins", "keep_for"]

BUILTINS: Dict[str, Any] = dict(vars(builtins))


def keep_for(namespace: Dict[str, Any]) -> None:
    """Have the functions that a module defines from here on use the builtins as they are now."""
    namespace["__builtins__"] = BUILTINS
