"""The builtins that tests get where they share a namespace with the program.

A part of integrity.py. A program's own `len` would be what tests count with.
"""

from __future__ import annotations

import ast
import builtins
import functools
import types
from typing import Any, Collection, Dict, List, Set

from .integrity import made_in, names_in

_MARK = "builtin "  # no name of a program has a blank in it

# Held here so that a sample that replaces the names changes nothing.
_vars, _type, _isinstance = vars, type, isinstance


def hidden_builtins(code: types.CodeType, namespace: Dict[str, Any]) -> Set[str]:
    """Builtins that test code names and gets a function or class of the program for.

    Test and program share a namespace, so a program's own `len` would be what tests count with.
    """
    return {
        name
        for name in names_in(code) & _vars(builtins).keys()
        if made_in(namespace.get(name)) or _is_callable_thing(namespace.get(name))
    }


def with_builtins(test: str, names: Collection[str], namespace: Dict[str, Any]) -> Any:
    """The code of tests that gets these builtins from the interpreter, not from the program.

    They are put into the namespace under names that no program has. Names that the tests
    define themselves are theirs.
    """
    tree = ast.parse(test)
    own = {each.id for each in _all(tree, ast.Name) if not _isinstance(each.ctx, ast.Load)}
    own |= {each.name for kind in (ast.FunctionDef, ast.ClassDef) for each in _all(tree, kind)}
    own |= {each.arg for each in _all(tree, ast.arg)}
    for each in _all(tree, ast.Name):
        if each.id in names and each.id not in own:
            value = _vars(builtins)[each.id]
            each.id = _MARK + each.id
            namespace[each.id] = value
    return compile(tree, "test.py", "exec", dont_inherit=True)


def replaced(namespace: Dict[str, Any]) -> bool:
    """Whether something else is where `with_builtins` has put the interpreter's."""
    own = _vars(builtins)
    return any(
        namespace[name] is not own.get(name[len(_MARK) :], namespace)
        for name in namespace
        if name.startswith(_MARK)
    )


def _all(tree: ast.AST, kind: Any) -> List[Any]:
    return [each for each in ast.walk(tree) if _isinstance(each, kind)]


def _is_callable_thing(value: Any) -> bool:
    """Whether this is called by code of the program without being a function of it."""
    return _isinstance(value, functools.partial) or made_in(_type(value))
