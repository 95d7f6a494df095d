"""The objects among a call's arguments that the call may change (exchange.py).

Tests that run apart give a program copies. So that a test can see what a program did to them,
each such object has a number in the call: the program's process says what has become of it,
and where it has returned one of them.
"""

from __future__ import annotations

import array
import collections
import io
import sys
import types
from typing import Any, Callable, Dict, Optional

from .exchange_zones import Malformed


class Unknown:
    """Stands for a value of a type that does not cross: equal to nothing, good for nothing."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, name: str) -> None:
        self._name = name

    def __eq__(self, other: object) -> bool:
        return False

    def __ne__(self, other: object) -> bool:
        raise TypeError(f"a {self._name} of the program's does not cross")

    def __bool__(self) -> bool:
        raise TypeError(f"a {self._name} of the program's does not cross")


class UnknownItem(Unknown):
    """One that a program has put into an argument, which may be a set or a dict."""

    __hash__ = object.__hash__  # type: ignore[assignment]


def _items(old: Any, new: Any) -> None:
    old[:] = new


def _members(old: Any, new: Any) -> None:
    old.clear()
    old.update(new)


def _ends(old: Any, new: Any) -> None:
    old.clear()
    old.extend(new)


def _text(old: Any, new: Any) -> None:
    old.seek(0)
    old.truncate()
    old.write(new.getvalue())
    old.seek(new.tell())


def _numbers(old: Any, new: Any) -> None:
    if old.shape != new.shape:
        old.resize(new.shape, refcheck=False)
    old[...] = new


def _columns(old: Any, new: Any) -> None:
    old._update_inplace(new)


Change = Callable[[Any, Any], None]
# How an object of each type becomes like another. None of them runs code of the object's own.
_CHANGES: Dict[type, Change] = {
    **dict.fromkeys((list, bytearray, array.array, collections.UserList), _items),
    **dict.fromkeys((dict, set, collections.Counter, collections.OrderedDict), _members),
    **dict.fromkeys((collections.defaultdict, collections.UserDict), _members),
    **dict.fromkeys((io.StringIO, io.BytesIO), _text),
    collections.deque: _ends,
    types.SimpleNamespace: lambda old, new: _members(vars(old), vars(new)),
}
# The same for classes of libraries, which need not be loaded.
_OF_LIBRARIES: Dict[str, Any] = {
    **dict.fromkeys(("ndarray", "matrix"), ("numpy", _numbers)),
    **dict.fromkeys(("DataFrame", "Series"), ("pandas", _columns)),
}


def change_of(kind: type) -> Optional[Change]:
    """How objects of this very type are changed; None where a call cannot change them."""
    found = _CHANGES.get(kind)
    if found is None and kind.__name__ in _OF_LIBRARIES:
        library, change = _OF_LIBRARIES[kind.__name__]
        if getattr(sys.modules.get(library), kind.__name__, None) is kind:
            return change  # type: ignore[no-any-return]
    return found


class Given:
    """The objects of one call's arguments by their numbers, on either side of the call."""

    def __init__(self) -> None:
        self.objects: Dict[int, Any] = {}
        self._numbers: Dict[int, int] = {}  # by id: `objects` keeps them alive
        self._sent = False

    def number(self, value: Any) -> Optional[int]:
        """The number of this very object."""
        return self._numbers.get(id(value))

    def add(self, value: Any, number: Optional[int] = None) -> int:
        """Give the object a number, by default the next one.

        Raises:
            Malformed: the call has been sent.
        """
        if self._sent:
            raise Malformed("a new object among the arguments")
        number = len(self.objects) if number is None else number
        self.objects[number], self._numbers[id(value)] = value, number
        return number

    def sent(self) -> None:
        """From here on there are no further objects."""
        self._sent = True

    def change(self, number: Any, new: Any) -> None:
        """Make the tests' object like what the program's process says has become of it.

        Raises:
            Malformed: it cannot have become that.
        """
        old = self.objects.get(number) if type(number) is int else None
        if old is None or type(old) is not type(new):
            raise Malformed("no such object among the arguments")
        change = change_of(type(old))
        try:
            if change is not None:
                change(old, new)
        except Exception:  # an array that may not be written to: the program had a copy
            return
