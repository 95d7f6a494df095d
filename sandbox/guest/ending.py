"""How a script ends in the player: what the interpreter would still do, for it is not left.

A program may answer at the very end: in an exit hook, a finalizer, a file over stdout that
nobody has closed. What holds these may be anything that the program has changed.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # its names cost no enums
import atexit
import gc
import signal
import sys
import threading
import weakref
from _io import _IOBase
from functools import partial
from typing import Any, Callable, Dict, List, Sequence

from .containment import flush_libc
from .originals import BUILTINS, builtins, keep_for

FAILED_FLUSH = 120  # the interpreter's exit status where stdout cannot be flushed
_STREAMS = ("stdin", "stdout", "stderr")
_HOOKS = ("excepthook", "displayhook", "unraisablehook", "breakpointhook")
_OWN_HANDLERS = (signal.default_int_handler, signal.SIG_DFL, signal.SIG_IGN, None)
# A name that no program has: what is under it is gone when the namespace is.
_SIGN = "\0sign"
_sys_names = set(vars(sys))
Complain = Callable[[BaseException], None]
keep_for(globals())


class _Sign:
    """What is put into a namespace to see whether it is still there."""

    __slots__ = ("__weakref__",)


def exit_status(code: Any) -> int:
    """The exit status that the interpreter makes of the argument of sys.exit; may print it."""
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF if -(1 << 63) <= code < 1 << 63 else 0xFF
    print(code, file=sys.stderr)
    return 1


def uncaught(error: BaseException, complain: Complain) -> int:
    """Report an exception that a script did not catch, as the script wants it; exit status."""
    hook = getattr(sys, "excepthook", sys.__excepthook__)
    if hook is sys.__excepthook__:
        complain(error)
        return 1
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_globals.get("__package__") == __package__:
        trace = trace.tb_next  # the first frames are the player's
    try:
        hook(type(error), error, trace)
    except SystemExit as leave:
        return exit_status(leave.code)
    except BaseException as other:
        complain(other)
        complain(error)
    return 1


def finish(
    status: int, source: str, streams: Sequence[Any], modules: Sequence[str], complain: Complain
) -> int:
    """Do what the interpreter does at exit; the exit status.

    Threads are joined, exit hooks run, the names of `modules` are let go of, and what was
    printed is flushed, to `streams` too. Only what `source` names can have been changed: to look at
    the rest would cost a new process a copy of the memory that it is in.
    """
    for work in (threading._shutdown, atexit._run_exitfuncs):  # type: ignore[attr-defined]
        try:
            work()
        except BaseException as error:
            complain(error)
    status = _flush_stdout(complain) or status
    hooks = partial(_let_go_of_hooks, "signal" in source, "builtins" in source)
    for let_go in (hooks, partial(_let_go_of_names, modules), _let_go_of_the_last):
        try:
            let_go()
        except BaseException as error:
            complain(error)
    _flush(streams)
    flush_libc()
    return status


def _flush_stdout(complain: Complain) -> int:
    """0, or the exit status of a script whose stdout cannot be flushed."""
    try:
        out = getattr(sys, "stdout", None)
        if out is not None and not getattr(out, "closed", False):
            out.flush()
    except BaseException as error:
        complain(error)
        return FAILED_FLUSH
    return 0


def _flush(streams: Sequence[Any]) -> None:
    for stream in streams:
        try:
            stream.flush()
        except BaseException:
            pass


def _let_go_of_hooks(signals: bool, names: bool) -> None:
    """Set back what may hold a program's functions: signals' handlers, hooks, streams, builtins."""
    for number in range(1, signal.NSIG) if signals else ():
        if _signal.getsignal(number) not in _OWN_HANDLERS:
            _signal.signal(number, _signal.SIG_DFL)
    sys.settrace(None)
    sys.setprofile(None)
    for name in _HOOKS:
        setattr(sys, name, getattr(sys, f"__{name}__"))
    for name in _STREAMS:
        _flush([getattr(sys, name, None)])
        setattr(sys, name, getattr(sys, f"__{name}__", None))
    if names:
        vars(builtins).update(BUILTINS)


def _let_go_of_names(modules: Sequence[str]) -> None:
    """Finalizers of what a program has made run, with its names as they are."""
    sign = _Sign()
    there = weakref.ref(sign)
    module: Any = None
    for name in modules:
        module = sys.modules.pop(name, None)
        if module is not None:
            # Garbage is finalized in any order, and a file's layers may close before its text.
            _flush([each for each in vars(module).values() if isinstance(each, _IOBase)])
            vars(module)[_SIGN] = sign
    del sign, module
    gc.collect()
    left = there()
    # Where a thread goes on it would see its names go, which the interpreter's threads do not.
    if left is not None and len(sys._current_frames()) == 1:
        _clear([each for each in gc.get_referrers(left) if _is_namespace(each, left)])
        gc.collect()


def _is_namespace(found: Any, sign: _Sign) -> bool:
    return type(found) is dict and found.get(_SIGN) is sign


def _clear(namespaces: List[Dict[str, Any]]) -> None:
    """Take the values of names that something else still holds, in the interpreter's order."""
    for names in namespaces:
        private = [name for name in names if name[:1] == "_" and name[1:2] != "_"]
        for name in (*private, *names):
            if name != "__builtins__":
                names[name] = None


def _let_go_of_the_last() -> None:
    """What a program has put into sys and builtins goes at the very end."""
    for names, own in ((vars(sys), _sys_names), (vars(builtins), BUILTINS)):
        if len(names) > len(own):
            for name in names.keys() - own:
                names.pop(name, None)
