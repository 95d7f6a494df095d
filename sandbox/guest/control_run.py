"""What a control run of unittest tasks looks at beside what was changed.

A part of integrity.py. In a control run no test may pass (`must_fail`), and what the entry point
returns is looked at (`Probe`).
"""

from __future__ import annotations

import functools
import inspect
import os
import types
from typing import Any, Callable, Collection, Dict, Iterator

from .blanks import blank as _blank
from .integrity import made_in

# Held here so that a sample that replaces the names changes nothing.
_vars, _getattr, _type = vars, getattr, type
_Function = types.FunctionType

Failure = AssertionError


def must_fail(cases: Any, names: Collection[str]) -> None:
    """Let every test of the class fail at its end, whatever happens in it.

    A test that is reported as passed after this was not reported by who ran it.
    """
    for name in names:
        setattr(cases, name, _failing(_getattr(cases, name)))


def _failing(test: Callable[..., Any]) -> Callable[..., Any]:
    if inspect.iscoroutinefunction(test):

        @functools.wraps(test)
        async def wait(*args: Any, **kwargs: Any) -> None:
            try:
                await test(*args, **kwargs)
            finally:
                raise Failure("every test fails in this run")

        return wait

    @functools.wraps(test)
    def call(*args: Any, **kwargs: Any) -> None:
        try:
            test(*args, **kwargs)
        finally:
            raise Failure("every test fails in this run")

    return call


class Probe:
    """Stands for the entry point and looks at what it returns; `note` says what was found.

    `look` says what is not as it was in libraries. A change that a call makes may be gone when
    the tests have ended, or look like one of their own.
    """

    MAX_VALUES = 2000
    LOOKS = 32  # so many calls are looked at for certain, and as many of those after them by chance

    def __init__(self, function: Callable[..., Any]) -> None:
        self.note = ""
        self.calls = 0
        self.look: Callable[[], Iterator[str]] = lambda: iter(())

        @functools.wraps(function)
        def probed(*args: Any, **kwargs: Any) -> Any:
            looked = self._is_looked_at()
            before = set(self.look()) if looked else set()
            value = function(*args, **kwargs)
            if not self.note:
                self.note = equal_to_anything(value)
            if looked and not self.note:
                self.note = min({*self.look()} - before, default="")
            return value

        self.function = probed

    def _is_looked_at(self) -> bool:
        self.calls += 1
        return int.from_bytes(os.urandom(4), "big") * self.calls < self.LOOKS << 32


_PLAIN = {bool, int, float, complex, str, bytes, bytearray, type(None)}
_MEMBERS: Dict[type, Callable[[Any], Any]] = {
    list: list,
    tuple: list,
    set: list,
    frozenset: list,
    dict: lambda d: [*d.keys(), *d.values()],
}


def equal_to_anything(value: Any) -> str:
    """Why a value cannot be believed: it, or a part of it, equals what nothing equals."""
    todo, looked = [value], 0
    while todo and looked < Probe.MAX_VALUES:
        found = todo.pop()
        looked += 1
        members = _MEMBERS.get(_type(found))
        if members is not None:
            todo += members(found)
        elif _type(found) not in _PLAIN:
            why = _own_comparison(_type(found)) or _claims(found)
            if why:
                return f"returned a {_type(found).__name__} that {why}"
    return ""


# What decides whether a value is the expected one, where a program's class may have its own.
_COMPARISONS = (
    *("__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__sub__", "__rsub__"),
    *("__array__", "__array_function__", "__array_ufunc__", "__getattribute__"),
)


def _own_comparison(kind: type) -> str:
    """Why a value of a program's own class cannot be held against one of another class."""
    for base in kind.__mro__:
        for name in _COMPARISONS:
            if name in _vars(base) and made_in(_vars(base)[name]):
                return f"has a {name} of the program's own"
    return ""


def _claims(value: Any) -> str:
    number = int.from_bytes(os.urandom(12), "big")
    text = f"{number:x}"
    for other in (object(), number, text, [number], (text,), {text: number}, {number}, number / 7):
        if _says(lambda: value == other):  # noqa: B023 - called at once
            return "equals anything"
        # In Python only: what is built in may look for an hour.
        if _written(value, "__contains__") and _says(lambda: other in value):  # noqa: B023
            return "contains anything"
        if _says(lambda: value < other and value > other):  # noqa: B023
            return "is both smaller and larger"
    if _says(lambda: _blank(value)):
        return "equals anything where it is blank"
    # Its members of any name may be made when a test asks for them.
    if _written(value, "__getattr__"):
        member = _tried(lambda: _getattr(value, "x" + text))
        if _says(lambda: member == text):
            return "has members that equal anything"
    return ""


def _written(value: Any, method: str) -> bool:
    return _type(_getattr(_type(value), method, None)) is _Function


def _says(question: Callable[[], Any]) -> bool:
    return bool(_tried(lambda: bool(question())))


def _tried(question: Callable[[], Any]) -> Any:
    try:
        return question()
    except Exception:
        return None
