"""Unittest tasks whose tests run in a process that the program never shares.

The player forks before it has seen a test: the child loads the program and makes the
calls that it is asked for; the parent goes on to hold the tests, which find a stand-in
where the entry point is called. Arguments and results cross by value (exchange.py), so
nothing of the program can lie to a test or look at one. Both have one uid, as they share
the scratch folder: the parent is closed to inspection (not dumpable), system calls that
reach into another process are refused, and what is left, signals, can only make tests fail.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import sys
from typing import Any, Callable, Dict, List, Optional

from . import (
    codec,
    containment,
    exchange,
    exchange_calls,
    exchange_classes,
    exchange_objects,
    player,
    scratch,
)
from .exchange_arguments import Given, Unknown

# Its own uid may signal the process that holds the tests: these end it or are ignored.
_IGNORED = (signal.SIGINT, signal.SIGALRM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGCHLD)
SCRATCH = tuple(f"{root}/" for root in scratch.SCRATCH_ROOTS)
PROGRAM_FD = 4  # the child's end of the pair


def start(program: str, entry_point: str, about: Dict[str, Any]) -> "Program":
    """Fork the process of the program, which loads it; this one is closed from here on."""
    ours, theirs = socket.socketpair()
    containment.harden_self()
    chance = random.getstate()
    pid = os.fork()
    if pid == 0:
        try:
            random.setstate(chance)  # which every fork sets anew
            ours.close()
            os.close(player.CHANNEL)
            os.dup2(theirs.fileno(), PROGRAM_FD)
            theirs.close()
            containment.become_visible()
            _serve(program, entry_point, about)
        finally:
            os._exit(70)
    theirs.close()
    for number in _IGNORED:
        signal.signal(number, signal.SIG_IGN)
    return Program(pid, ours, about["seen"])


def closed_to_the_program() -> None:
    """From here on, this process refuses to run what a program may have written to disk."""

    def refuse(event: str, arguments: Any) -> None:
        if event == "pickle.find_class":
            raise RuntimeError("tests that run apart unpickle nothing")
        if event == "exec" and _is_scratch(getattr(arguments[0], "co_filename", "")):
            raise RuntimeError("tests that run apart execute no file of the scratch folder")
        if event == "ctypes.dlopen" and _is_scratch(arguments[0]):
            raise RuntimeError("tests that run apart load no library of the scratch folder")

    sys.addaudithook(refuse)


def _is_scratch(path: Any) -> bool:
    return isinstance(path, str) and path.startswith(SCRATCH)


class Program:
    """The process that runs the program, as the one with the tests sees it.

    Where that ends, or does not speak as it should, this process ends too: an exception
    could be caught by a test, which would pass. `changes` says whether a call has changed its
    arguments or returned one of them. Tests see that only if `seen` is true.
    """

    def __init__(self, pid: int, sock: socket.socket, seen: bool) -> None:
        self.pid, self.sock, self.seen = pid, sock, seen
        self.changes = False
        self.file = sock.makefile("rb")
        self.chance = _Chance()
        exchange_objects.side[:] = [exchange_objects.Remotes(self.ask)]

    def loaded(self) -> Optional[str]:
        """None once the program is loaded, or the name of the exception that it raised."""
        kind, _, _, *body = self._reply()
        return None if kind == "loaded" else "".join(map(str, body))

    def ask(self, verb: str, *rest: Any) -> Any:
        """What the program's entry point returns, or one of its objects; raises what it raises.

        Raises:
            Uncrossable: an argument does not cross.
        """
        given = Given()
        request = exchange_calls.encode_call([verb, list(rest), self.chance.changed()], given)
        try:
            self.sock.sendall(request.encode("ascii") + b"\n")
        except OSError:
            player._exit(0)
        kind, changes, states, *body = self._reply(given if self.seen else None)
        self._take(changes, given)
        self.chance.take(states)
        if kind == "v" and len(body) == 1:
            return body[0]
        if kind == "e" and len(body) == 4:
            raise _exception(*body)
        if kind != "u":
            player._exit(0)
        return Unknown("".join(map(str, body)))

    def _take(self, changes: Any, given: Given) -> None:
        """What a call has done to its arguments: whether anything, or what."""
        if not self.seen:
            self.changes = self.changes or changes is True
            return
        try:
            for number, new in changes:
                given.change(number, new)
        except (TypeError, ValueError, exchange.Malformed):
            player._exit(0)

    def _reply(self, given: Optional[Given] = None) -> List[Any]:
        line = self.file.readline()
        try:
            reply = exchange.decode(line, given)
        except exchange.Malformed:
            player._exit(0)
        if type(reply) is not list or len(reply) < 3 or type(reply[0]) is not str:
            player._exit(0)
        return reply

    def end(self) -> None:
        """End the process, so that what it used is counted."""
        try:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        except OSError:  # it has been collected: SIGCHLD is ignored
            pass


class _Chance:
    """The states of random and numpy.random, which tests seed and programs draw from."""

    def __init__(self) -> None:
        self.known = self._now()

    @staticmethod
    def _now() -> List[Any]:
        numpy = sys.modules.get("numpy")
        if numpy is None:
            return [random.getstate(), None]
        name, keys, *rest = numpy.random.get_state()
        return [random.getstate(), [name, tuple(keys.tolist()), *rest]]

    def changed(self) -> Any:
        """The states, where they are not those that the other side knows."""
        now = self._now()
        if now == self.known:
            return None
        self.known = now
        return now

    def take(self, states: Any) -> None:
        """Go on from the other side's states, if there are any."""
        if states is None:
            return
        try:
            random.setstate(states[0])
            numpy = sys.modules.get("numpy")
            if numpy is not None and states[1] is not None:
                name, keys, *rest = states[1]
                numpy.random.set_state((name, numpy.array(keys, dtype="uint32"), *rest))
        except Exception:
            player._exit(0)
        self.known = self._now()


def _exception(names: Any, more: Any, text: Any, state: Any) -> BaseException:
    """The exception that the program has raised: of its class, or of the nearest that is known.

    `names` are module and name of its class and of the classes that this is made of, `more`
    its arguments, `text` what it says, `state` its attributes.
    """
    arguments = tuple(more) if isinstance(more, list) else ()
    for name in names:
        found = exchange_classes.class_of(*name)
        if found is None or not issubclass(found, (Exception, SystemExit)):
            continue
        error = _made(found, arguments)
        if error is None:
            continue
        for attribute, value in state.items() if type(state) is dict else ():
            if type(attribute) is str and not hasattr(found, attribute):
                setattr(error, attribute, value)
        if type(text) is str and _text_of(error) != text:
            error.args = (text,)
            if _text_of(error) != text:
                error.args = arguments
        return error
    return Exception(*arguments)


def _text_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return ""


def _made(kind: Any, arguments: Any) -> Optional[BaseException]:
    """An exception of a known class; the interpreter's own know what their arguments mean."""
    try:
        if kind.__module__ == "builtins":
            with contextlib.suppress(TypeError, ValueError):
                made: BaseException = kind(*arguments)
                return made
        error: BaseException = kind.__new__(kind)
    except TypeError:
        return None
    error.args = arguments
    return error


def stand_ins(program: Program, entry_point: str, namespace: Dict[str, Any]) -> None:
    """Put what acts on the program where tests find its entry point, and pyplot's figures."""
    namespace[entry_point] = stand_in(program, entry_point)
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        exchange_objects.pyplot_of(program.ask, pyplot, namespace)


def stand_in(program: Program, entry_point: str) -> Callable[..., Any]:
    """What tests call in the place of the entry point."""

    def call(*arguments: Any, **named: Any) -> Any:
        return program.ask("run", list(arguments), named)

    call.__name__ = call.__qualname__ = entry_point
    return call


def _serve(program: str, entry_point: str, about: Dict[str, Any]) -> None:
    """In the process of the program: load it, and make calls until nobody asks for more."""
    from . import unit_player

    for name in [name for name in sys.modules if name.partition(".")[0] == __package__]:
        del sys.modules[name]  # what the program has no business with
    file = os.fdopen(os.dup(PROGRAM_FD), "rb")

    def send(kind: str, changes: str, *rest: str) -> None:
        text = "[%s]" % ",".join([f'"{kind}"', changes, *rest])
        view = memoryview(text.encode("ascii") + b"\n")
        while view:
            view = view[player._write(PROGRAM_FD, view) :]

    try:
        namespace = unit_player.load(program, about["name"], about["given"])
        function = namespace[entry_point]
        unit_player.add_imports(namespace, about["apart"])
    except BaseException as error:
        player.complain(error)
        send("failed", "0", "0", exchange.encode(codec.type_name(error)))
        return
    chance, kept = _Chance(), exchange_objects.Kept()
    exchange_objects.side[:] = [kept]
    send("loaded", "0", "0")
    while True:
        line = file.readline()
        if not line:
            os._exit(0)
        given = Given()
        verb, rest, states = exchange.decode(line, given)
        chance.take(states)
        changes = _Changes(given, about["seen"])
        try:
            value = function(*rest[0], **rest[1]) if verb == "run" else kept.answer(verb, *rest)
        except BaseException as error:
            send("e", changes.told(), exchange.encode(chance.changed()), *_raised(error))
            continue
        try:
            text, met = exchange_calls.encode_result(value, given, about["seen"])
            send("v", changes.told(met), exchange.encode(chance.changed()), text)
        except exchange.Uncrossable as why:
            send("u", changes.told(), "null", exchange.encode(str(why)))


class _Changes:
    """What a call does to its arguments, for the tests."""

    def __init__(self, given: Given, seen: bool) -> None:
        self.given, self.seen = given, seen
        self.before = exchange_calls.contents(given)

    def told(self, returned: bool = False) -> str:
        """Each changed object with what is in it now; not `seen`: whether there is one."""
        now = exchange_calls.contents(self.given)
        changed = [number for number, text in now.items() if text != self.before[number]]
        if not self.seen:
            return "true" if changed or returned else "false"
        return "[%s]" % ",".join(f"[{number},{now[number]}]" for number in changed if now[number])


def _raised(error: BaseException) -> List[str]:
    """What `_exception` makes an exception of."""
    kinds = [[each.__module__, each.__qualname__] for each in type(error).__mro__]
    try:
        more = exchange.encode(list(error.args))
    except exchange.Uncrossable:
        more = exchange.encode([str(each) for each in error.args])
    state = {}
    for name, value in vars(error).items():
        try:
            exchange.encode(value)
            state[name] = value
        except exchange.Uncrossable:
            continue
    return [exchange.encode(kinds), more, exchange.encode(_text_of(error)), exchange.encode(state)]
