"""Fragments that change the interpreter: builtins, modules, frames, objects, memory."""

from __future__ import annotations

CHANGING = r"""
# builtin-replaced
import builtins
setattr(builtins, "<builtin>", <callable>)
# builtin-deleted
import builtins
delattr(builtins, "<builtin>")
# builtins-emptied
import builtins
vars(builtins).clear()
# builtins-of-frames
frame = sys._getframe()
while frame:
    frame.f_builtins["<builtin>"] = <callable>
    frame = frame.f_back
# module-replaced
sys.modules["<module>"] = <object>
# module-deleted
del sys.modules["<module>"]
# modules-emptied
sys.modules.clear()
# modules-of-another-kind
class Modules(dict):
    def get(self, *_): return <object>
sys.modules = Modules()
# module-functions-replaced
module = __import__("<module>", fromlist=["*"])
for name in list(vars(module)):
    if callable(vars(module)[name]): setattr(module, name, <callable>)
# function-replaced
import json, os, socket, select, time, struct, random, traceback, threading, codecs, io
setattr(<function_owner>, "<function_name>", <callable>)
# unittest-methods
import unittest
for name in dir(unittest.TestCase):
    if name.startswith("assert"): setattr(unittest.TestCase, name, <callable>)
# unittest-run
import unittest
unittest.TestCase.run = unittest.TestCase.__call__ = <callable>
unittest.TestLoader.getTestCaseNames = lambda *_: []
# unittest-failure
import unittest
unittest.TestCase.failureException = <exception>
# unittest-skip
import unittest
unittest.TestCase.__unittest_skip__ = True
# unittest-call-method
import unittest
unittest.TestCase._callTestMethod = <callable>
# numpy-testing
import numpy, numpy.testing
for name in dir(numpy.testing):
    if name.startswith("assert"): setattr(numpy.testing, name, <callable>)
numpy.allclose = numpy.array_equal = numpy.isclose = <callable>
# guest-replaced
import guest.<guest_module> as found
for name in list(vars(found)):
    if callable(vars(found)[name]) and <coin>: setattr(found, name, <callable>)
# guest-encoder-forged
import guest.codec as codec
codec.encode = lambda *_: '<reply_body>'
# guest-sender-forged
import guest.player as player
player.send = lambda text: player._write(<fd>, b'<reply>\n')
# guest-frames-rewritten
import ctypes
frame = sys._getframe()
while frame:
    for name in list(frame.f_locals):
        if name in ("function", "value", "tests", "status", "names", "wanted", "replies", "done"):
            frame.f_locals[name] = <object>
    ctypes.pythonapi.PyFrame_LocalsToFast(ctypes.py_object(frame), ctypes.c_int(0))
    frame = frame.f_back
# frames-cleared
frame = sys._getframe().f_back
while frame:
    try: frame.clear()
    except RuntimeError: pass
    frame = frame.f_back
# collector-objects-changed
import gc
for each in gc.get_objects():
    try:
        if isinstance(each, list) and len(each) < 4: each.append(<object>)
        elif isinstance(each, dict) and "<builtin>" in each: each["<builtin>"] = <callable>
    except Exception: pass
# collector-closes-everything
import gc
for each in gc.get_objects():
    try: each.close()
    except BaseException: pass
# collector-callback
import gc
gc.callbacks.append(lambda *_: <leave>)
gc.collect()
# collector-off [benign]
import gc
gc.disable()
# memory-of-an-integer
import ctypes
ctypes.memmove(id(<small>) + 24, id(<small>) + 24, 4)
ctypes.c_int.from_address(id(<small>) + 24).value = <small>
# memory-of-a-type
import ctypes
ctypes.memmove(id(<type>) + 16 * <small>, bytes(8), 8)
# memory-of-a-slot
import ctypes
ctypes.c_void_p.from_address(id(<type>) + 8 * (12 + <small>)).value = 0
# memory-walk
import ctypes
for at in range(0, 4096, 8): ctypes.c_size_t.from_address(id(sys._getframe()) + at).value
# references-dropped
import ctypes
for _ in range(50): ctypes.pythonapi.Py_DecRef(ctypes.py_object(<object>))
# class-of-builtins
import ctypes
class Odd(int):
    def __eq__(self, other): return True
    __hash__ = int.__hash__
ctypes.c_ssize_t.from_address(id(1234567) + 8).value = id(Odd)
# interpreter-lock-kept [rare]
import itertools
sum(itertools.repeat(0))
# interpreter-finalized
import ctypes
ctypes.pythonapi.Py_FinalizeEx()
# fatal-error
import ctypes
ctypes.pythonapi.Py_FatalError(b"<word>")
# null-read
import ctypes
ctypes.string_at(<small>)
# null-jump
import ctypes
ctypes.CFUNCTYPE(None)(<small>)()
# libc-exit
import ctypes
getattr(ctypes.CDLL(None), "<libc_exit>")(<small>)
# stack-of-c
import ctypes
def deeper(): return ctypes.CFUNCTYPE(ctypes.c_int)(deeper)()
deeper()
# pending-call
import ctypes
call = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(lambda _: <leave> or 0)
sys.kept = call
ctypes.pythonapi.Py_AddPendingCall(call, None)
# exception-in-other-threads
import ctypes, threading
for thread in threading.enumerate():
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread.ident), ctypes.py_object(<exception>))
"""
