"""Classes by name, between a program and tests that run apart (exchange.py).

No class is made: both sides have to have loaded the one that is meant.
"""

from __future__ import annotations

import collections
import enum
import sys
from typing import Any, Dict, List

from .exchange_zones import Malformed, Uncrossable

# What a named tuple may not have of its own.
_OF_TUPLES = ("__eq__", "__ne__", "__lt__", "__gt__", "__contains__", "__len__", "__iter__")

# Types of which JSON has values.
PLAIN = {type(None), bool, int, float, str}
# What a missing key may be made by: tests call it, so nothing that could equal anything.
FACTORIES: Dict[str, Any] = {
    each.__name__: each
    for each in (list, dict, set, tuple, int, float, str, bool, collections.Counter)
}


def name_of(kind: type) -> List[str]:
    """A class as its module and name, where it is found there."""
    name = [kind.__module__, kind.__qualname__]
    if class_of(*name) is not kind:
        raise Uncrossable("a class of its own")
    return name


def class_of(module: str, name: str) -> Any:
    """A class of a module that is loaded, or None; none of what tests are made of."""
    if module.partition(".")[0] in ("unittest", __package__):
        return None
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = vars(found).get(part) if found is not None else None
    return found if isinstance(found, type) else None


def known_class(body: Any) -> type:
    """The class that `name_of` has named."""
    found = class_of(*body)
    if found is None:
        raise Malformed("no such class")
    return found  # type: ignore[no-any-return]


def is_named_tuple(kind: Any) -> bool:
    """Whether tuples of this class are made of their items, and are known by its name."""
    if not issubclass(kind, tuple) or not hasattr(kind, "_fields"):
        return False
    plain = all(getattr(kind, name) is getattr(tuple, name) for name in _OF_TUPLES)
    return plain and class_of(kind.__module__, kind.__qualname__) is kind


def named_tuple(name: Any, items: List[Any]) -> Any:
    """A named tuple of a class that is known by name."""
    kind = known_class(name)
    if not is_named_tuple(kind):
        raise Malformed("no named tuple")
    return tuple.__new__(kind, items)


def member(kind: Any, name: str) -> Any:
    """The member of an enum that is known by name."""
    found = known_class(kind)
    if not issubclass(found, enum.Enum):
        raise Malformed("no member")
    return found[name]
