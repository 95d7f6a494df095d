"""What a comparison may cost the judge, decided before anything is spent."""

from __future__ import annotations

from collections import Counter
from typing import Any, Iterator

from . import codec

try:
    import numpy
except ImportError:
    numpy = None  # type: ignore[assignment]

# Elements of a broadcast that are as many as any right answer needs.
MAX_BROADCAST = 1 << 22


def equal(out: Any, expected: Any) -> Any:
    """out == expected, which NumPy may broadcast.

    Raises:
        TooMany: to more elements than any right answer has.
    """
    if numpy is not None:
        if isinstance(out, numpy.ndarray):
            size = broadcast_size(out, expected)
        else:
            most = max((array.size for array in arrays(out)), default=0)
            # Whatever array meets whatever list, it is no larger than all of them together.
            size = most * _parts(expected) if most > 1 else 0
        if size > MAX_BROADCAST:
            raise codec.TooMany("more elements than any right answer has")
    return out == expected


def broadcast_size(out: Any, expected: Any) -> int:
    """Elements of both, broadcast against each other; 0 where they cannot be."""
    try:
        return int(numpy.broadcast(out, numpy.asarray(expected)).size)
    except ValueError:
        return 0


def elements(out: Any, expected: int) -> "set[Any]":
    """The output's elements, of which a hostile one may have too many to be put into a set.

    Raises:
        TypeError: it has none, or one that has no hash.
        TooMany: more than any right answer has, or more different ones with one hash.
    """
    items = list(out)
    if len(items) > codec.MAX_HASHED + expected:
        raise codec.TooMany("more elements than any right answer has")
    found: "set[Any]" = set()
    alike: "Counter[int]" = Counter()
    for item in items:
        before = len(found)
        found.add(item)
        if len(found) > before:
            mark = hash(item)
            alike[mark] += 1
            if alike[mark] > codec.MAX_ALIKE:
                raise codec.TooMany("more elements with one hash than any right answer has")
    return found


def few_alike(value: Any) -> None:
    """Make sure that a value can be put into sets by tests, which may be all that a list is for.

    Raises:
        TooMany: somewhere in it are more different elements with one hash than any right
            answer has.
    """
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, codec.Iterable):
            item = item.items
        if isinstance(item, (list, tuple)):
            if len(item) > codec.MAX_ALIKE:
                _few_alike(item)
            if not codec.SCALARS.issuperset(map(type, item)):
                todo.extend(item)
        elif isinstance(item, dict):
            todo.extend(item.values())


def _few_alike(items: Any) -> None:
    try:
        hashes = list(map(hash, items))
    except TypeError:
        return
    common = {mark for mark, count in Counter(hashes).items() if count > codec.MAX_ALIKE}
    if common:
        elements([item for item, mark in zip(items, hashes) if mark in common], len(items))


def arrays(value: Any) -> Iterator[Any]:
    """The NumPy arrays that the value is or has in it."""
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, dict):
            todo.extend(item.values())
        elif isinstance(item, (list, tuple)):
            if not codec.SCALARS.issuperset(map(type, item)):
                todo.extend(item)
        elif numpy is not None and isinstance(item, numpy.ndarray):
            yield item


def _parts(value: Any) -> int:
    """At least how many elements any list within a (trusted) value has."""
    count, todo = 1, [value]
    while todo:
        item = todo.pop()
        if isinstance(item, dict):
            todo.extend(item.values())
        elif isinstance(item, (list, tuple)):
            count += len(item)
            if not codec.SCALARS.issuperset(map(type, item)):
                todo.extend(item)
        elif numpy is not None and isinstance(item, numpy.ndarray):
            count += item.size
    return count
