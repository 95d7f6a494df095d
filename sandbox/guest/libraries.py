"""Whether a program has changed functions or classes of libraries that its tests rely on.

A part of integrity.py: tests that share the program's process call what the program may have
replaced (`re.search`), filled with other code (`DataFrame.equals.__code__`), or given other
defaults (`assertAlmostEqual`'s `delta`). How they were is written down before the program comes.
"""

from __future__ import annotations

import builtins
import re
import sys
import types
import warnings
from typing import Any, Collection, Dict, Iterator, List, Set, Tuple

# What assertions and the framework itself are made of. No program has a reason to replace any
# of it, whether its tests name that or not. Of all other modules only what tests name counts.
ALWAYS = (
    *("ast", "collections", "contextlib", "copy", "difflib", "functools", "logging"),
    *("math", "numpy", "operator", "pandas", "pprint", "re", "reprlib", "sre_compile", "sre_parse"),
    *("unittest", "warnings", "_collections_abc"),
)
# Modules within these that no assertion is made of.
_ASIDE = ("numpy.random", "numpy.f2py", "numpy.distutils", "pandas.plotting", "pandas.io")
# Honest programs set these for themselves: how messages are shown, made and sent.
_SETTINGS = {
    "logging": (
        *("_loggerClass", "_logRecordFactory", "basicConfig", "disable", "shutdown", "log"),
        *("debug", "info", "warning", "warn", "error", "exception", "critical"),
    ),
    "warnings": (
        *("warn", "warn_explicit", "showwarning", "formatwarning", "filterwarnings"),
        *("simplefilter", "resetwarnings", "_showwarnmsg", "_showwarnmsg_impl"),
        *("_formatwarnmsg", "_formatwarnmsg_impl", "_showwarning_orig", "_formatwarning_orig"),
    ),
}
_PLAIN = (
    *(object, type, bool, int, float, complex, str, bytes, bytearray, list, tuple, dict, set),
    *(frozenset, range, slice, memoryview, BaseException),
)
# The imports of tests that are made before the program comes; others may set up what
# a program wants to set up itself.
_IMPORTED_AHEAD = ("numpy", "pandas")

# Held here so that a sample that replaces the names changes nothing.
_vars, _getattr, _type, _issubclass, _callable = vars, getattr, type, issubclass, callable
_Function, _Pattern = types.FunctionType, re.Pattern
_Descriptors = (classmethod, staticmethod, property)


def _is(value: Any, kinds: Any) -> bool:
    """Whether it is an instance by its type; its `__class__` could be code, and say anything."""
    return _issubclass(_type(value), kinds)


def import_ahead(names: Collection[str]) -> None:
    """Import what tests import, where that belongs to Python, NumPy or pandas."""
    own = _getattr(sys, "stdlib_module_names", ())
    for name in names:
        if name.partition(".")[0] in (*own, *_IMPORTED_AHEAD):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    __import__(name)
            except Exception:  # the tests will say so
                continue


class _Seen:
    """What could be called in a module, and in the classes that it defines, at some time."""

    def __init__(self, name: str, namespace: Any) -> None:
        self.owners = list(_owners(name, namespace))
        functions = {id(each): each for owner in self.owners for each in _within(owner.old)}
        self.functions = list(functions.values())
        self.states = [_state(each) for each in self.functions]


# By the module's name: what the zygote has seen, so that not each of its players has to look.
_known: Dict[str, Tuple[Any, _Seen]] = {}


def look_ahead() -> None:
    """Look at what is loaded of what every program's tests rest on."""
    for name, module in _loaded(ALWAYS).items():
        _known[name] = module, _Seen(name, _vars(module))


def _loaded(tops: Collection[str]) -> Dict[str, Any]:
    return {
        name: module
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] in tops and _is(module, types.ModuleType)
    }


def _seen(name: str, module: Any) -> _Seen:
    known, seen = _known.get(name, (None, None))
    if known is module and seen is not None:
        return seen
    return _Seen(name, _vars(module))


class Libraries:
    """How libraries are before a program comes; `imported` are the modules of its tests."""

    def __init__(self, imported: Collection[str]) -> None:
        self.modules = _loaded({*ALWAYS, *(name.partition(".")[0] for name in imported)})
        self.seen = [_seen(name, module) for name, module in self.modules.items()]
        self.seen += [_Seen("", {kind.__name__: kind for kind in _PLAIN})]
        self.names = {owner.kind: owner.names for seen in self.seen for owner in seen.owners}
        self.operators = _operators()

    def changes(self, named: Collection[str], mocks: Any = ()) -> Iterator[str]:
        """What is not as it was.

        `named` are the names in the tests' code. What is of a class in `mocks` is forgiven:
        tests may have put it there.
        """
        for name, module in self.modules.items():
            now = sys.modules.get(name)
            if now is not module and not _is(now, mocks):
                yield f"{name} was replaced"
        for seen in self.seen:
            for owner in seen.owners:
                for name in owner.changes(named, mocks, self.names):
                    yield f"{owner.name}.{name} was replaced"
            for function, state in zip(seen.functions, seen.states):
                if _differ(state, _state(function)):
                    yield f"{function.__qualname__} was changed"
        if self.operators != _operators():
            yield "NumPy's operators were replaced"
        if _has_false_patterns():
            yield "patterns were put into the cache of re"


class _Owner:
    """A module or a class: its namespace, and what could be called in that at some time.

    `always` says that all of it counts, whatever tests name.
    """

    def __init__(self, name: str, namespace: Any, always: bool, kind: Any) -> None:
        self.name, self.namespace, self.always, self.kind = name, namespace, always, kind
        self.names = set(namespace)
        self.old: Dict[str, Any] = _callables(namespace)
        for setting in _SETTINGS.get(name, ()):
            self.old.pop(setting, None)

    def changes(
        self, named: Collection[str], mocks: Any, names: Dict[Any, Set[str]]
    ) -> Iterator[str]:
        """The names of what is not as it was, or hides what was there.

        `names` are those that each class had.
        """
        now, always = self.namespace, self.always
        for key, value in self.old.items():
            new = now.get(key)
            if new is value or not (always or key in named or key.startswith("__")):
                continue
            if not (_is(new, mocks) or _is_as_good(key, value, new)):
                yield key
        for key in now.keys() - self.names:
            if (always or key in named) and self._hides(key, now.get(key), mocks, names):
                yield str(key)

    def _hides(self, key: str, value: Any, mocks: Any, names: Dict[Any, Set[str]]) -> bool:
        if _is(value, mocks) or not (_callable(value) or _is(value, _Descriptors)):
            return False
        if self.kind is None:  # in a module, what all of its functions would call
            return value is not _vars(builtins).get(key, value)
        bases = self.kind.__mro__[1:]
        return key.startswith("__") or any(key in names.get(b, _vars(b)) for b in bases)


def _owners(name: str, namespace: Any) -> Iterator[_Owner]:
    """The module and its classes; no name stands for the types that are built in."""
    always = not name or (name.partition(".")[0] in ALWAYS and not name.startswith(_ASIDE))
    yield _Owner(name, namespace, always, None)
    for kind in list(namespace.values()):
        if _is(kind, type) and (not name or kind.__module__ == name):
            yield _Owner(kind.__qualname__, _vars(kind), always, kind)


def _callables(namespace: Any) -> Dict[str, Any]:
    return {
        key: value
        for key, value in list(namespace.items())
        if _callable(value) or _is(value, _Descriptors)
    }


def _within(namespace: Dict[str, Any]) -> Iterator[Any]:
    """The functions in a namespace, also those that others wrap."""
    todo = list(namespace.values())
    while todo:
        value = todo.pop()
        if _type(value) is _Function:
            yield value
            todo.append(value.__dict__.get("__wrapped__"))
        elif _is(value, (classmethod, staticmethod)):
            todo.append(value.__func__)
        elif _is(value, property):
            todo += [value.fget]
        elif _type(value).__name__ == "_ArrayFunctionDispatcher":
            todo.append(_getattr(value, "_implementation", None))


def _state(function: Any) -> Tuple[Any, ...]:
    return function.__code__, function.__defaults__, dict(function.__kwdefaults__ or {})


def _differ(old: Tuple[Any, ...], new: Tuple[Any, ...]) -> bool:
    if old[0] is not new[0] or old[1] is not new[1] or len(old[2]) != len(new[2]):
        return True
    return any(new[2].get(key, old) is not value for key, value in old[2].items())


def _is_as_good(name: str, old: Any, new: Any) -> bool:
    """Whether something new does the same: a module was loaded again, or an old name is back."""
    if old is new or (_is(new, type) and new is _vars(builtins).get(name)):
        return True  # the second is `numpy.float = float`
    if _type(old) is not _type(new):
        return False
    if _type(old) is _Function:
        return bool(old.__code__ == new.__code__ and old.__defaults__ == new.__defaults__)
    if _is(old, _Descriptors):
        return all(
            _is_as_good("", _getattr(old, part, None), _getattr(new, part, None))
            for part in ("__func__", "fget")
        )
    return _is(old, type) and _is_same_class(old, new)


def _is_same_class(old: type, new: type) -> bool:
    before, after = _callables(_vars(old)), _callables(_vars(new))
    return (
        (old.__module__, old.__qualname__) == (new.__module__, new.__qualname__)
        and before.keys() == after.keys()
        and len(old.__bases__) == len(new.__bases__)
        and all(_is_as_good("", *pair) for pair in zip(old.__bases__, new.__bases__))
        and all(_is_as_good("", value, after[key]) for key, value in before.items())
    )


def _operators() -> List[Any]:
    """What NumPy's arrays are compared and subtracted with; old versions let programs set that."""
    numpy = sys.modules.get("numpy")
    ask = _getattr(numpy, "set_numeric_ops", None)
    if ask is None:
        return []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return sorted((name, id(each)) for name, each in ask().items())


def _has_false_patterns() -> bool:
    """Whether `re` would give something else for a text than that text's pattern."""
    for name in ("_cache", "_cache2"):
        for key, found in list(_getattr(re, name, {}).items()):
            if _type(found) is not _Pattern or found.pattern != key[1]:
                return True
    return False
