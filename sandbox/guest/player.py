"""The player: runs one sample's program and answers with values.

This code shares a process with the sample, so nothing that it says is
believed beyond being "what the sample returned". It holds no test, no
expected value and no descriptor but its own channel.
"""

from __future__ import annotations

import io
import linecache
import mmap
import os
import struct
import sys
import time
import traceback
from importlib.machinery import SourceFileLoader
from types import ModuleType
from typing import Any, Callable, Dict, List, Tuple

from . import codec, ending, fingerprint, originals
from .livecodebench_names import prepare_script

CHANNEL = 3
PROGRESS = 4
FLUSH_BYTES = 1 << 16
FLUSH_S = 0.005
WANTED = b"1"  # the judge's answer to a fingerprint that does not settle it
NAME = "solution"
FILENAME = "solution.py"

# What a program has to name to need its source as a file; where it is called, most do not.
NEEDS_FILE = ("__file__", "multiprocessing", "concurrent.futures", "runpy", "sys.argv")
BYTE_ORDER_MARK = "\ufeff"

# The standard streams, whatever a program does to their names.
_streams: List[Any] = []

_read, _write, _exit, _pack_into = os.read, os.write, os._exit, struct.pack_into
originals.keep_for(globals())


def open_streams() -> None:
    """Standard streams over fds 0-2, as a new interpreter makes them."""
    out = io.BufferedWriter(_raw(1, "w", "<stdout>"))
    err = io.BufferedWriter(_raw(2, "w", "<stderr>"))
    sys.stdin = _input()
    sys.stdout = io.TextIOWrapper(out, encoding="utf-8", errors="surrogateescape")
    sys.stderr = io.TextIOWrapper(
        err, encoding="utf-8", errors="backslashreplace", line_buffering=True
    )
    for stream in (sys.stdout, sys.stderr):
        stream.mode = "w"  # type: ignore[misc]
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = (  # type: ignore[misc]
        sys.stdin,
        sys.stdout,
        sys.stderr,
    )
    sys.argv = [FILENAME]
    _streams[:] = [sys.stdout, sys.stderr]


def _input() -> io.TextIOWrapper:
    source = io.BufferedReader(_raw(0, "r", "<stdin>"))
    stream = io.TextIOWrapper(source, encoding="utf-8", errors="surrogateescape")
    stream.mode = "r"  # type: ignore[misc]
    return stream


def _raw(fd: int, mode: str, name: str) -> io.FileIO:
    raw = io.FileIO(fd, mode, closefd=False)
    raw.name = name
    return raw


class _Lines:
    """Newline-delimited requests from the judge."""

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.searched = 0  # there is no line feed before this place

    def next(self) -> bytes:
        """One line; ends the process when the judge has gone."""
        while True:
            end = self.buffer.find(b"\n", self.searched)
            if end >= 0:
                line = bytes(self.buffer[:end])
                del self.buffer[: end + 1]
                self.searched = 0
                return line
            self.searched = len(self.buffer)
            part = _read(CHANNEL, 1 << 16)
            if not part:
                _exit(0)
            self.buffer += part


_lines = _Lines()


def receive() -> Any:
    """The next request, decoded."""
    return codec.decode(_lines.next(), max_hashed=codec.MAX_NODES)


def send(text: str) -> None:
    """Write one reply line."""
    _send_bytes(text.encode("ascii") + b"\n")


def _send_bytes(data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[_write(CHANNEL, view) :]


def load(code: str, name: str) -> Dict[str, Any]:
    """Execute a program as module `name`; its namespace."""
    module = new_module(name)
    execute(code, module)
    return module.__dict__


def new_module(name: str, path: str = FILENAME) -> ModuleType:
    """An empty module, registered as imports expect it."""
    module = ModuleType(name)
    module.__file__ = path
    vars(module)["__builtins__"] = vars(originals.builtins)  # not this module's
    sys.modules[name] = module
    if name != "__main__":
        sys.modules["__main__"] = module
    return module


def execute(code: str, module: ModuleType, path: str = FILENAME) -> None:
    """Execute a program in a module, with its lines at hand for tracebacks."""
    linecache.cache[path] = (len(code), None, code.splitlines(True), path)
    # A program must not get the future imports of this module.
    exec(compile(code, path, "exec", dont_inherit=True), module.__dict__)


def complain(error: BaseException) -> None:
    """Print a traceback as the interpreter would, whatever the error does to stop it."""
    try:
        shown = traceback.TracebackException.from_exception(error, limit=-5)
        sys.stderr.write("".join(shown.format())[-4000:])
        sys.stderr.flush()
    except BaseException:
        pass


def serve_calls() -> None:
    """Load the program, then make the calls that the judge asks for until it goes away."""
    code, entry_point, marks = receive()
    progress = mmap.mmap(PROGRESS, 4)
    os.close(PROGRESS)
    clock = time.monotonic
    if any(map(code.__contains__, NEEDS_FILE)):
        _write_source(code)
    try:
        namespace = load(code, NAME)
        function = namespace[entry_point]
    except BaseException as error:
        complain(error)
        send('["e",%s]' % codec.encode(codec.type_name(error)))
        _exit(0)
    send('["ready"]')
    done = 0
    while True:
        calls = receive()
        _answer(function, calls, marks, done, progress, clock)
        done += len(calls)


def _answer(
    function: Callable[..., Any],
    calls: List[Any],
    marks: bool,
    done: int,
    progress: mmap.mmap,
    clock: Callable[[], float],
) -> None:
    """Make the calls of one batch in order; reply early when one took long."""
    replies: List[str] = []
    size, flushed = 0, clock()
    for number, arguments in enumerate(calls, done):
        _pack_into("I", progress, 0, number)
        reply, value = _call(function, arguments, marks)
        replies.append(reply)
        if value is not None:
            send("\n".join(replies))
            replies, size, flushed = [], 0, clock()
            if _lines.next() == WANTED:
                replies.append(_encoded(value))
            continue
        size += len(reply)
        if size > FLUSH_BYTES or clock() - flushed > FLUSH_S:
            send("\n".join(replies))
            replies, size, flushed = [], 0, clock()
    # What was printed is kept even though this process will be killed.
    for name in ("stdout", "stderr"):
        try:
            getattr(sys, name).flush()
        except BaseException:
            pass
    if replies:
        send("\n".join(replies))


def _call(function: Callable[..., Any], arguments: List[Any], marks: bool) -> Tuple[str, Any]:
    """The reply to a call; with `marks`, of a large value its fingerprint, and the value too."""
    try:
        value = function(*arguments)
        mark = fingerprint.fingerprint(value) if marks else None
        if mark is not None:
            return f'["h","{mark.digest}"]', value
    except BaseException as error:
        complain(error)
        return '["e",%s]' % codec.encode(codec.type_name(error)), None
    return _encoded(value), None


def _encoded(value: Any) -> str:
    try:
        return '["v",' + codec.encode(value) + "]"
    except codec.TooBig:
        return '["e","TooBig"]'
    except BaseException as error:
        complain(error)
        return '["e",%s]' % codec.encode(codec.type_name(error))


def run_script() -> None:
    """Run the program as a script: input from a file, real exit status.

    With the second part of the request as LiveCodeBench takes it: after its
    imports, and with any exit status for a success.
    """
    code, livecodebench = receive()
    run_source(code, livecodebench)


def run_source(code: str, livecodebench: bool) -> None:
    """Run a script once the judge has said all; never returns."""
    os.close(CHANNEL)
    path = _write_source(code)
    status = 0
    names = vars(new_module("__main__", path))
    # As it is in a script: a module's are a dictionary.
    names.update(__builtins__=originals.builtins, __annotations__={}, __cached__=None)
    names["__loader__"] = SourceFileLoader("__main__", path)
    del names
    sys.argv = [path]
    # The one from before the fork takes its input for a pipe, and would not seek.
    sys.stdin = sys.__stdin__ = _input()  # type: ignore[misc]
    try:
        if livecodebench:
            prepare_script(vars(sys.modules["__main__"]))
        elif code.startswith(BYTE_ORDER_MARK):  # which a file may begin with
            code = code[len(BYTE_ORDER_MARK) :]
        execute(code, sys.modules["__main__"], path)
    except SystemExit as leave:
        status = 0 if livecodebench else ending.exit_status(leave.code)
    except BaseException as error:
        if livecodebench:
            complain(error)
            status = 1
        else:
            status = ending.uncaught(error, complain)
    _exit(ending.finish(status, code, _streams, ("__main__", NAME), complain))


def _write_source(code: str) -> str:
    """The program as a file in the working folder: it may read, import or start itself."""
    path = os.path.join(os.getcwd(), FILENAME)
    try:
        with open(path, "w", encoding="utf-8", errors="surrogatepass", newline="") as file:
            file.write(code)
    except OSError:  # it runs all the same
        return FILENAME
    return path
