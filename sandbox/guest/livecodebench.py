"""LiveCodeBench's way to run a program, in the player: one process for all tests of a sample.

A program that reads stdin is made into a function, `wrapped_function`, and
called once a test with stand-ins for stdin and stdout; a `Solution` is one
object whose method is called. Both after the publisher's imports, with its
alarm, and without what its guard takes away (`evaluation/testing_util.py`,
LiveCodeBench at 28fef95). What that gets wrong is kept; see the quirks.toml of
the benchmark. Of a test there is only the input of the call under way.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import io
import os
import resource
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Callable, Iterator, List

from . import codec, player
from .livecodebench_names import allow_long_integers, prepare_names

SHOWN = 1000
STACK = 8 << 20  # the usual limit, with which the publisher's processes run
_GUARDED = (
    "kill system putenv remove removedirs rmdir fchdir setuid fork forkpty killpg rename renames "
    "truncate replace unlink fchmod fchown chmod chown chroot lchflags lchmod lchown getcwd chdir"
).split()
_ABSENT = "ipdb joblib resource psutil tkinter".split()


class TimeoutException(Exception):
    """The alarm went off; a program that catches everything catches this too."""


def serve() -> None:
    """Load the program, then call it with what the judge sends until that goes away.

    A request is [code, name of the method or "", seconds], then [arguments]
    each; a reply ["v", value] or ["e", type, text].
    """
    code, name, seconds = player.receive()
    resource.setrlimit(resource.RLIMIT_STACK, (STACK, resource.getrlimit(resource.RLIMIT_STACK)[1]))
    if "multiprocessing" in code or "concurrent" in code:
        # Cannot be imported without os.getcwd; the publisher's process has it already.
        importlib.import_module("multiprocessing")
    _guard()
    signal.signal(signal.SIGALRM, _ring)
    try:
        _alarm(seconds)
        function = _method(code, name) if name else _printing(_wrapped(code))
        _alarm(0)
    except BaseException as error:
        _alarm(0)
        player.send(_failed(error))
        player._exit(0)
    player.send('["ready"]')
    while True:
        arguments = player.receive()
        player.send(_answer(function, arguments, seconds))


def _alarm(seconds: float) -> None:
    """Ring after so many seconds, which need not be whole; 0 for never."""
    signal.setitimer(signal.ITIMER_REAL, seconds)


def _answer(function: Callable[..., Any], arguments: List[Any], seconds: float) -> str:
    _alarm(seconds)
    try:
        value = function(*arguments)
        _alarm(0)
        return '["v",' + codec.encode(value) + "]"
    except codec.TooBig:
        return '["e","TooBig",""]'
    except BaseException as error:
        _alarm(0)
        return _failed(error)
    finally:
        _alarm(0)


def _failed(error: BaseException) -> str:
    player.complain(error)
    try:
        text = repr(error)[:SHOWN]
    except BaseException:
        text = ""
    return f'["e",{codec.encode(codec.type_name(error))},{codec.encode(text)}]'


def _ring(number: int, frame: Any) -> None:
    print("timeout occured: alarm went off")  # the publisher prints this too, into the output
    raise TimeoutException


def _method(code: str, name: str) -> Callable[..., Any]:
    """The method of the one `Solution`, or a function of the module."""
    module = _loaded(code)
    holder = module.Solution() if "class Solution" in code else module
    found: Callable[..., Any] = getattr(holder, name)
    return found


def _wrapped(code: str) -> Callable[[], Any]:
    """The program as a function of no arguments."""
    found: Callable[[], Any] = _loaded(as_function(without_guard(code))).wrapped_function
    return found


def _loaded(source: str) -> ModuleType:
    """The source after the publisher's imports: one from __future__ comes too late there."""
    module = ModuleType("tmp_sol", "")
    prepare_names(module.__dict__)
    module.__dict__.update(quit=None, help=None)  # the guard took them before the imports
    exec(compile("import sys\n" + source, "<string>", "exec", dont_inherit=True), module.__dict__)
    return module


def without_guard(code: str) -> str:
    """The program with a final `if __name__ == '__main__':` undone, as the publisher does it."""
    try:
        body = ast.parse(code).body
        last = body[-1]
        if isinstance(last, ast.If) and ast.unparse(last.test).strip() == "__name__ == '__main__'":
            return _source(body[:-1]) + "\n" + _source(last.body)
    except Exception:  # the publisher leaves such a program as it is
        pass
    return code


def as_function(code: str) -> str:
    """All statements but imports inside `wrapped_function`.

    Code that cannot be parsed comes back as it is.
    """
    try:
        body = ast.parse(code).body
        imports = [each for each in body if isinstance(each, (ast.Import, ast.ImportFrom))]
        others = [each for each in body if not isinstance(each, (ast.Import, ast.ImportFrom))]
        function = ast.parse("def wrapped_function(): pass").body[0]
        assert isinstance(function, ast.FunctionDef)
        function.body = others
        return _source(imports) + "\n" + _source([function])
    except Exception:
        return code


def _source(statements: Any) -> str:
    return ast.unparse(ast.Module(body=statements, type_ignores=[]))


class _Buffer:
    """Stands for sys.stdin.buffer: every line is the first."""

    def __init__(self, text: str) -> None:
        self.inputs = text.encode("utf-8")

    def read(self, *_: Any) -> bytes:
        return self.inputs

    def readline(self, *_: Any) -> bytes:
        return self.inputs.split(b"\n")[0] + b"\n"


class _Stdin:
    """Stands for sys.stdin: can be read again and again, and not be iterated over."""

    def __init__(self, text: str) -> None:
        self.inputs = text
        self.buffer = _Buffer(text)
        self._stringio = io.StringIO(text)

    def read(self, *_: Any) -> str:
        return self.inputs

    def readline(self, *size: Any) -> str:
        return self._stringio.readline(*size)

    def readlines(self, *_: Any) -> List[str]:
        return self.inputs.split("\n")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stringio, name)


def _printing(function: Callable[[], Any]) -> Callable[[str], str]:
    """The function with an input as its argument, and what it printed as its value."""

    def run(text: str) -> str:
        before, out = sys.stdout, io.StringIO()
        setattr(out, "close", lambda _: 1)  # noqa: B010 - so that closing it is the same error
        sys.stdout = out
        try:
            with _fed(text):
                function()
        except SystemExit:
            pass
        finally:
            sys.stdout = before
        return out.getvalue()

    return run


@contextmanager
def _fed(text: str) -> Iterator[None]:
    """Stand-ins around one call: the real stdin object, where a program holds it, reads too."""
    real, opened = sys.stdin, builtins.open
    lines = iter(text.split("\n"))
    real.readline = lambda *_: next(lines)  # type: ignore[method-assign]
    real.readlines = lambda *_: text.split("\n")  # type: ignore[method-assign]
    real.read = lambda *_: text  # type: ignore[method-assign]
    sys.stdin = _Stdin(text)
    builtins.open = lambda *given, **named: _mock_open(text)(*given, **named)
    try:
        yield
    finally:
        sys.stdin, builtins.open = real, opened
        for name in ("readline", "readlines", "read"):
            real.__dict__.pop(name, None)


def _mock_open(text: str) -> Any:
    from unittest.mock import mock_open  # costs more than a sample: few programs get here

    return mock_open(read_data=text)


def _guard() -> None:
    """Take away what the publisher's reliability_guard takes away."""
    allow_long_integers()
    builtins.quit = None  # type: ignore[assignment]
    builtins.help = None  # type: ignore[assignment]
    for name in _GUARDED:
        setattr(os, name, None)
    for name in ("rmtree", "move", "chown"):
        setattr(shutil, name, None)
    subprocess.Popen = None  # type: ignore[misc, assignment]
    for name in _ABSENT:
        sys.modules[name] = None  # type: ignore[assignment]
