"""Objects that stay with the program, and what tests that run apart hold in their place.

A part of exchange.py. A figure is no value: it crosses as a number and the names of its
classes. Tests get a `Remote`, which asks the program's process for each attribute, and
compare what comes back, by value, on their own side. A program may answer as it likes, as it
may return what it likes, but it is never told what is expected: where arguments of a question
could hold that, no answer may be a mere yes or no, and most libraries' objects take none.
"""

from __future__ import annotations

import inspect
import itertools
import sys
import types
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple, Union

from .exchange_zones import Malformed, Uncrossable

# Objects of these are asked anything: what their methods are given is how to draw.
DRAWING = ("matplotlib", "mpl_toolkits", "seaborn")
# Objects of these are asked for attributes, and for methods that need no argument.
DESCRIBED = (
    *("PIL", "docx", "folium", "gensim", "keras", "prettytable", "rsa", "scipy", "sklearn"),
    *("statsmodels", "wordcloud"),
)
# Their arguments are data, and what comes out is held against labels that the tests have.
ESTIMATING = ("predict", "predict_proba", "transform", "inverse_transform")
# What reads or changes the program's figures, and says nothing that a test could compare.
PYPLOT = (
    *("axes", "cla", "clf", "close", "draw", "figure", "gca", "gcf", "get_fignums", "pause"),
    *("savefig", "sca", "show", "subplot", "subplots", "subplots_adjust", "tight_layout"),
)
MAX_KEPT = 100_000
_SHOWN: Dict[str, Callable[[Any], Any]] = {
    "len": len,
    "list": list,
    "str": str,
    "repr": repr,
    "next": lambda value: list(itertools.islice(value, 1)),
}
# They make each item when it is asked for, from what random numbers or files are by then.
_LAZY = {types.GeneratorType: "generator", map: "iterator", filter: "iterator", zip: "iterator"}

Ask = Callable[..., Any]
Find = Callable[[str, str], Any]


class Kept:
    """The objects that tests have heard of, in the process of the program."""

    def __init__(self) -> None:
        self.numbers: Dict[int, int] = {}
        self.objects: List[Any] = []

    def encoded(self, value: Any, kind: type) -> Optional[Dict[str, Any]]:
        """The encoding of an object that stays here; None for a value that has to cross."""
        if kind in _LAZY:
            return {"px": [self._number(value), _LAZY[kind]]}
        if _stays(kind) is None:
            return None
        names = [[each.__module__, each.__qualname__] for each in kind.__mro__]
        return {"px": [self._number(value), names]}

    def _number(self, value: Any) -> int:
        number = self.numbers.get(id(value))
        if number is None:
            if len(self.objects) >= MAX_KEPT:
                raise Uncrossable("too many objects")
            number = self.numbers[id(value)] = len(self.objects)
            self.objects.append(value)
        return number

    def decoded(self, body: Any, find: Find) -> Any:
        """The object that tests have named."""
        return self.objects[body]

    def answer(self, verb: str, *rest: Any) -> Any:
        """What an object says to a question of `Remote`."""
        if verb == "pyplot":
            name, arguments, named = rest
            return getattr(__import__("matplotlib.pyplot").pyplot, name)(*arguments, **named)
        number, *more = rest
        value = self.objects[number]
        if verb == "get":
            return getattr(value, *more)
        if verb == "call":
            name, arguments, named = more
            return getattr(value, name)(*arguments, **named)
        if verb == "item":
            return value[more[0]]
        return _SHOWN[verb](value)


def _stays(kind: type) -> Optional[str]:
    """The library whose objects of this class stay with the program, if any does."""
    if issubclass(kind, (list, dict, str, int, float, set, bytes)):
        return None
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        return None
    for each in kind.__mro__:
        library = str(each.__module__).partition(".")[0]
        if library in DRAWING or library in DESCRIBED:
            return library
    return None


class Remotes:
    """The program's objects, in the process of the tests; `ask` puts a question to the program."""

    def __init__(self, ask: Ask) -> None:
        self.ask = ask
        self.known: Dict[int, Any] = {}

    def encoded(self, value: Any, kind: type) -> Optional[Dict[str, Any]]:
        """The encoding of an object of the program's; None for any other value."""
        return {"px": object.__getattribute__(value, "_number")} if kind in _KINDS else None

    def decoded(self, body: Any, find: Find) -> Any:
        """What stands for an object of the program's; always the same one."""
        number, names = body
        if type(number) is not int or not 0 <= number < MAX_KEPT:
            raise Malformed("no number")
        if number not in self.known:
            self.known[number] = self._made(number, names, find)
        return self.known[number]

    def _made(self, number: int, names: Any, find: Find) -> Any:
        if names in ("generator", "iterator"):
            items = _items(number, self.ask)
            return items if names == "generator" else map(_same, items)
        for module, name in names:
            kind = find(module, name)
            if kind is None or kind.__module__.partition(".")[0] not in (*DRAWING, *DESCRIBED):
                continue
            if _stays(kind) is None:
                break
            many = any(hasattr(kind, each) for each in ("__len__", "__iter__", "__getitem__"))
            return (RemoteSequence if many else Remote)(number, kind, self.ask)
        raise Malformed("an object of no known class")


def _items(number: int, ask: Ask) -> Iterator[Any]:
    """What comes out of an iterator of the program's, each when it is asked for."""
    while True:
        found = ask("next", number)
        if type(found) is not list or not found:
            return
        yield found[0]


def _same(item: Any) -> Any:
    return item


class Remote:
    """Stands for one object of the program's: of its class, equal to nothing but itself."""

    __slots__ = ("_number", "_kind", "_ask")

    def __init__(self, number: int, kind: type, ask: Ask) -> None:
        for name, value in (("_number", number), ("_kind", kind), ("_ask", ask)):
            object.__setattr__(self, name, value)

    @property  # type: ignore[misc]
    def __class__(self) -> Any:  # what isinstance goes by
        return object.__getattribute__(self, "_kind")

    def __getattr__(self, name: str) -> Any:
        number, kind, ask = _parts(self)
        if name.startswith("__"):
            raise AttributeError(name)
        if isinstance(inspect.getattr_static(kind, name, None), _METHODS):
            return _method(number, kind, ask, name)
        found = ask("get", number, name)
        if callable(found):  # a class, which would take what is expected for a reason to say yes
            raise TypeError(f"{name}: the program named a class where an object has none")
        return found

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(
            f"{name}: the program's objects are not changed by tests that run apart"
        )

    def __str__(self) -> str:
        return _text(self, "str")

    def __repr__(self) -> str:
        return _text(self, "repr")


class RemoteSequence(Remote):
    """One that has items."""

    __slots__ = ()

    def __len__(self) -> int:
        number, _, ask = _parts(self)
        return int(ask("len", number))

    def __iter__(self) -> Any:
        number, _, ask = _parts(self)
        found = ask("list", number)
        return iter(found if type(found) is list else ())

    def __getitem__(self, key: Any) -> Any:
        number, _, ask = _parts(self)
        return _no_verdict(ask("item", number, key))

    def __contains__(self, item: Any) -> bool:
        return any(each is item or each == item for each in self)


_KINDS = (Remote, RemoteSequence)
_METHODS = (types.FunctionType, types.BuiltinFunctionType, classmethod, staticmethod)


def _parts(remote: Remote) -> Tuple[int, type, Ask]:
    number, kind, ask = (
        object.__getattribute__(remote, name) for name in ("_number", "_kind", "_ask")
    )
    return number, kind, ask


def _text(remote: Remote, verb: str) -> str:
    number, _, ask = _parts(remote)
    found = ask(verb, number)
    return found if type(found) is str else ""


def _method(number: int, kind: type, ask: Ask, name: str) -> Callable[..., Any]:
    def call(*arguments: Any, **named: Any) -> Any:
        if not arguments and not named:
            return ask("call", number, name, [], {})
        if kind.__module__.partition(".")[0] not in DRAWING and name not in ESTIMATING:
            raise TypeError(f"{name}: tests that run apart ask this object nothing with arguments")
        return _no_verdict(ask("call", number, name, list(arguments), named))

    call.__name__ = name
    return call


def _no_verdict(answer: Any) -> Any:
    """An answer, unless it is a mere yes or no."""
    if isinstance(answer, bool) or type(answer).__name__ in ("bool_", "bool"):
        raise TypeError("the program may not say yes or no to what a test expects")
    return answer


def pyplot_of(ask: Ask, module: Any, namespace: Dict[str, Any]) -> None:
    """Have pyplot act on the program's figures where the code of `namespace` calls it.

    What libraries call still acts on the figures of the process that holds the tests: what
    a test draws for comparison is its own.
    """

    def remote(name: str, own: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            if sys._getframe(1).f_globals is not namespace:
                return own(*arguments, **named)
            return ask("pyplot", name, list(arguments), named)

        call.__name__ = name
        return call

    for name in PYPLOT:
        own = getattr(module, name, None)
        if own is not None:
            setattr(module, name, remote(name, own))


# This process's end of what does not cross by value: a process is on one side only.
side: List[Union[Kept, Remotes]] = []
