"""Whether a sample has tampered with what tests are made of.

Tests of unittest tasks run in the sample's own process, so what they rest on
(unittest, builtins, the functions that compare) is compared with how it was
before the program came. In a control run more is looked at (control_run.py).
"""

from __future__ import annotations

import builtins
import os
import sys
import threading
import types
import unittest
import unittest._log
import unittest.async_case
import unittest.case
import unittest.loader
import unittest.mock
import unittest.result
import unittest.suite
from importlib.machinery import PathFinder
from typing import Any, Collection, Dict, Iterator, List, Set, Tuple

from .libraries import Libraries
from .player import FILENAME

# All of it is watched: nobody but a cheat replaces anything here.
_WHOLE: Tuple[Any, ...] = (
    unittest,
    unittest.case,
    unittest.loader,
    unittest.result,
    unittest.suite,
    unittest.TestCase,
    unittest.IsolatedAsyncioTestCase,
    unittest.TestResult,
    unittest.TestLoader,
    unittest.TestSuite,
    unittest.case._Outcome,  # type: ignore[attr-defined]
    unittest.case._AssertRaisesContext,
    unittest.case._AssertRaisesBaseContext,
    # Mocks, calls and patches: each of these classes answers for what a test has seen.
    *(
        each
        for each in vars(unittest.mock).values()
        if isinstance(each, type) and each.__module__ == "unittest.mock"
    ),
    builtins,
)
_WHOLE_IF_THERE = (
    "numpy.testing",
    "numpy.testing._private.utils",
    "pandas.testing",
    "pandas._testing",
    "pandas._testing.asserters",
)
# Of these only what assertions are made with; names of modules, then of classes in them.
_PARTS = (
    ("math", "", "isclose isfinite isinf isnan"),
    ("os.path", "", "exists isdir isfile getsize"),
    ("filecmp", "", "cmp cmpfiles dircmp"),
    ("unittest.mock", "", "ANY MagicMock Mock call mock_open patch"),
    # What captures output and reads it back, or files that a program has written.
    ("io", "", "BytesIO StringIO"),
    ("contextlib", "", "redirect_stderr redirect_stdout"),
    ("json", "", "load loads"),
    ("os", "", "listdir stat"),
    ("pathlib", "Path", "exists is_dir is_file read_bytes read_text"),
    ("numpy", "", "all allclose any array_equal array_equiv equal isclose"),
    ("pandas", "DataFrame", "__eq__ all any equals"),
    ("pandas", "Series", "__eq__ all any equals"),
    ("pandas", "Index", "__eq__ all any equals"),
)
# Where the functions of os.path are defined.
_FILES = ("posixpath", "genericpath")
_MODULES = (
    *("unittest", "unittest.case", "unittest.mock", "builtins", "sys", "os"),
    *_WHOLE_IF_THERE,
    *(module for module, _, _ in _PARTS),
)
# Written by unittest itself, or by the interpreter, in honest runs.
_VOLATILE = {
    *("__warningregistry__", "_", "__cached__", "_results", "_classSetupFailed"),
    *("maxDiff", "longMessage"),  # how a failure is shown
}
# Builtins that no test counts or compares with: replacing them is a program's own business.
_HARMLESS = set("print input help exit quit breakpoint copyright credits license".split())
_EXTENSIONS = "__pybind11_internals_"  # extension modules keep what they share in builtins

# Held here so that a sample that replaces the names changes nothing.
_vars, _getattr, _type, _isinstance = vars, getattr, type, isinstance
_Mock, _Code, _Function = unittest.mock.NonCallableMock, types.CodeType, types.FunctionType
_Module = types.ModuleType
_untraced = (sys.settrace, sys.setprofile, threading.settrace, threading.setprofile)

# What unittest looks for without being told to.
_HOOKS = ("load_tests", "runTest", "addDuration")


def stop_tracing() -> None:
    """End what a program traces or profiles: tests run without that."""
    for each in _untraced:
        each(None)


class Watch:
    """How things are before a program comes.

    `own` is the name that it is loaded under, `taken` are builtins that its task replaces,
    `imported` are the modules that its tests import.
    """

    def __init__(
        self, own: str, taken: Collection[str] = (), imported: Collection[str] = ()
    ) -> None:
        self.volatile = _VOLATILE | set(taken)
        there = (sys.modules.get(name) for name in _WHOLE_IF_THERE)
        self.whole = (*_WHOLE, *(module for module in there if module is not None))
        self.modules = {name: sys.modules[name] for name in _MODULES if name in sys.modules}
        self.names = {*sys.modules, own, "__main__"}
        self.parts = list(_parts())
        self.before = self._snapshot()
        self.libraries = Libraries([*imported, *_FILES, *(module for module, _, _ in _PARTS)])

    def _snapshot(self) -> List[Dict[str, Any]]:
        return [
            {
                k: v
                for k, v in dict(_vars(thing)).items()
                if k not in self.volatile
                and not k.startswith(_EXTENSIONS)
                and not (k in _HARMLESS and thing is builtins)
            }
            for thing in self.whole
        ] + [
            {k: v.__code__ for k, v in _vars(thing).items() if _type(v) is _Function}
            for thing in self.whole
        ]

    def changed(self, named: Collection[str] = (), mocks: bool = False) -> str:
        """What is not as it was, or an empty string.

        `named` are the names in the tests' code; `mocks` forgives mocks that tests left.
        """
        if sys.gettrace() is not None or sys.getprofile() is not None:
            return "tracing is on"
        for thing, old, new in zip(self.whole * 2, self.before, self._snapshot()):
            changed = any(key not in new or old[key] is not new[key] for key in old)
            if changed or (len(new) > len(old) and _in_the_way(thing, old, new, named)):
                return f"{_getattr(thing, '__name__', 'module')} was changed"
        for name, module in self.modules.items():
            if sys.modules.get(name) is not module:
                return f"{name} was replaced"
        for name in sys.modules.keys() - self.names:
            if _is_made_up(sys.modules[name]) and _is_in_the_way(name, named):
                return f"{name} is the program's own"
        for owner, name, value in self.parts:
            now = _getattr(owner, name, None)
            if now is not value and not (mocks and issubclass(_type(now), _Mock)):
                return f"{name} was replaced"
        return next(self.libraries.changes(named, _Mock if mocks else ()), "")


def _in_the_way(
    thing: Any, old: Dict[str, Any], new: Dict[str, Any], named: Collection[str]
) -> bool:
    """Whether something has a new name that tests, or unittest itself, could come upon."""
    if thing is builtins:  # a name that it did not have hides nothing from anybody
        return False
    more = {name for name in new.keys() - old.keys() if not _is_imported(new[name])}
    return any(name.startswith("_") or name in named or name in _HOOKS for name in more)


def _is_imported(value: Any) -> bool:
    return _isinstance(value, _Module) and value.__spec__ is not None


def _parts() -> Iterator[Tuple[Any, str, Any]]:
    for module, kind, names in _PARTS:
        owner = os.path if module == "os.path" else sys.modules.get(module)
        if owner is not None:
            owner = _getattr(owner, kind) if kind else owner
            for name in names.split():
                yield owner, name, _getattr(owner, name)


def _is_made_up(module: Any) -> bool:
    """Whether a module came from no import and has functions of the program in it."""
    return _getattr(module, "__spec__", None) is None and any(
        made_in(value) for value in list(_vars(module).values())
    )


def _is_in_the_way(name: str, named: Collection[str]) -> bool:
    """Whether tests or libraries could take a made-up module for one that they import."""
    return "." in name or name in named or PathFinder.find_spec(name) is not None


def names_in(code: types.CodeType) -> Set[str]:
    """The names that a piece of code and all code in it refers to."""
    named: Set[str] = set()
    todo = [code]
    while todo:
        found = todo.pop()
        named.update(found.co_names)
        todo += [part for part in found.co_consts if _type(part) is _Code]
    return named


def made_in(value: Any) -> bool:
    """Whether this is a function of the program, or a class with one."""
    if _isinstance(value, type):
        return any(made_in(part) for part in _vars(value).values())
    code = _getattr(value, "__code__", None)
    return isinstance(code, _Code) and code.co_filename == FILENAME
