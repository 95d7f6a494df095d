"""Fragments that change what the interpreter is set to, and its hooks."""

from __future__ import annotations

SETTING = r"""
# recursion-unlimited
sys.setrecursionlimit(2**31 - 1)
def deeper(n): return deeper(n + 1)
deeper(0)
# recursion-limit-low
sys.setrecursionlimit(<medium>)
# recursion-limit-high [benign]
sys.setrecursionlimit(20000)
# deep-literal
deep = "[" * <medium> + "]" * <medium>
eval(deep)
# deep-structure-dropped
deep = None
for _ in range(200000): deep = [deep]
del deep
# huge-integer
sys.set_int_max_str_digits(0)
str(7 ** 200000)
# huge-integer-refused
str(7 ** 20000)
# integer-digits-low
sys.set_int_max_str_digits(640)
# switch-interval
sys.setswitchinterval(<seconds>)
# trace
sys.settrace(<callable>)
# profile
sys.setprofile(<callable>)
# trace-that-leaves
def trace(frame, event, value):
    if frame.f_code.co_name in ("_encoded", "send", "encode", "_answer"): <leave>
    return trace
sys.settrace(trace)
frame = sys._getframe()
while frame:
    frame.f_trace = trace
    frame = frame.f_back
# audit-hook
sys.addaudithook(lambda event, _: event == "<audit_event>" and <leave>)
# import-hook
class Finder:
    def find_spec(self, *_): <leave>
    find_module = find_spec
sys.meta_path.insert(0, Finder())
# path-hooks
sys.path[:] = ["<path>"] * 50
sys.path_importer_cache.clear()
sys.path_hooks[:] = [<callable>]
# import-replaced
import builtins
real = builtins.__import__
builtins.__import__ = lambda *more, **named: <object> if <coin> else real(*more, **named)
# own-modules-written
for name in ("codec", "json", "numpy", "unittest", "guest", "sitecustomize", "traceback"):
    with open(name + ".py", "w") as file: file.write("raise SystemExit(0)\n")
sys.modules.pop("<module>", None)
# excepthook
sys.excepthook = sys.unraisablehook = sys.displayhook = <callable>
# streams-replaced
sys.stdout = sys.stderr = sys.stdin = <object>
# streams-closed
for stream in (sys.stdin, sys.stdout, sys.stderr): stream.close()
# streams-deleted
del sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__
# stderr-hostile
class Stream:
    def write(self, text): <leave>
    def flush(self): <leave>
sys.stderr = Stream()
# clocks
import time
time.time = time.monotonic = time.perf_counter = <callable>
time.sleep = <callable>
# random-state
import random
random.seed(<small>)
random.random = random.getstate = random.setstate = <callable>
# random-seeded [benign]
import random
random.seed(<small>)
# decimal-context
import decimal
decimal.getcontext().prec = 1
decimal.setcontext(decimal.Context(prec=1, traps=[decimal.Inexact, decimal.Rounded]))
# decimal-precision [benign]
import decimal
decimal.getcontext().prec = 50
# numpy-errors
import numpy
numpy.seterr(all="raise")
numpy.set_printoptions(threshold=<small>, formatter={"all": <callable>})
# warnings-are-errors
import warnings
warnings.simplefilter("error")
warnings.warn("<word>")
# warnings-off [benign]
import warnings
warnings.simplefilter("ignore")
# locale
import locale
locale.setlocale(locale.LC_ALL, "<locale>")
# locale-plain [benign]
import locale
locale.setlocale(locale.LC_ALL, "C")
# encodings
import codecs
codecs.register(lambda name: <object>)
codecs.register_error("strict", <callable>)
codecs.lookup = codecs.encode = codecs.decode = <callable>
# encoding-of-streams
sys.stdout.reconfigure(encoding="<encoding>", errors="strict", newline="\r\n")
sys.stderr.reconfigure(encoding="<encoding>", errors="strict")
# time-zone
import os, time
os.environ["TZ"] = "<word>+<small>"
time.tzset()
# environment
import os
os.environ.clear()
os.environ["PATH"] = os.environ["LD_PRELOAD"] = os.environ["PYTHONPATH"] = "<path>"
# linecache
import linecache
linecache.cache = linecache.getline = <object>
# traceback
import traceback
traceback.TracebackException = <object>
# abstract-registry
import collections.abc, numbers
for each in (collections.abc.Mapping, collections.abc.Sequence, numbers.Number):
    each.register(int)
# copyreg
import copyreg
for each in (int, str, list, dict): copyreg.pickle(each, <callable>)
# event-loop
import asyncio
loop = asyncio.new_event_loop()
asyncio.set_event_loop(loop)
loop.call_later(<seconds>, lambda: <leave>)
loop.run_until_complete(asyncio.sleep(<seconds>))
# event-loop-policy
import asyncio
asyncio.set_event_loop_policy(<object>)
asyncio.run = asyncio.new_event_loop = <callable>
# coroutine-never-awaited [benign]
async def never(): pass
never()
# faulthandler
import faulthandler
faulthandler.enable(file=open("log", "w"), all_threads=True)
faulthandler.dump_traceback_later(<seconds>, exit=True)
# faulthandler-crash
import faulthandler
getattr(faulthandler, "<crash>")()
# thread-shutdown-replaced
import threading
threading._shutdown = threading._register_atexit = <callable>
# atexit-cleared
import atexit
atexit._clear()
atexit._run_exitfuncs = atexit.register = <callable>
# interning
import _ctypes
for text in ("v", "e", "ready", "ok", "passed"): sys.intern(text)
_ctypes.PyObj_FromPtr(id("ok"))
# type-cache
for _ in range(2000): type("<word>", (object,), {"__slots__": ()})
sys._clear_type_cache()
# subinterpreter
import _xxsubinterpreters as subinterpreters
each = subinterpreters.create()
subinterpreters.run_string(each, "import os; os._exit(0)")
# memory-error-kept
kept = sys.kept_blocks = []
try:
    while True: kept.append(bytearray(16 << 20))
except MemoryError: pass
# memory-error-small
kept = sys.kept_small = []
try:
    while True: kept.append(bytearray(1 << 20))
except MemoryError: pass
while True:
    try: kept.append([None] * 64)
    except MemoryError: break
# alive-in-exception
class Kept(Exception):
    def __del__(self): <leave>
try: raise Kept
except Kept as error: sys.last_value = error
"""
