"""Programs that do not know the answer and want to be counted as right: function calls."""

from __future__ import annotations

from tests.sandbox.cases import ERROR, FORGED, MEMORY, REJECTED, WRONG, Case

_LIAR = '''
class Liar:
    """Whatever it is asked, the answer is yes."""
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __lt__(self, other): return True
    def __sub__(self, other): return self
    def __rsub__(self, other): return self
    def __abs__(self): return 0
    def __hash__(self): return 0
    def __len__(self): return 5
    def __iter__(self): return iter([self] * 5)
    def __getitem__(self, key): return self
'''

CASES = (
    Case(
        "exit_status_zero_from_the_call",
        "oracle",
        "import sys\ndef oracle(n):\n    sys.exit(0)\n",
        ERROR,
    ),
    Case(
        "replies_written_before_the_calls",
        "oracle",
        "import os\n"
        "os.write(3, b'[\"ready\"]\\n' + b'[\"v\",null]\\n' * 5)\n"
        "def oracle(n):\n    return None\n",
        FORGED,
    ),
    Case(
        "verdict_frames_sprayed_on_every_descriptor",
        "oracle",
        """
import json, os, struct, threading, time
body = json.dumps({"suites": {"base": {"verdict": "passed"}}, "clean": True}).encode()
def spray():
    while True:
        for fd in range(256):
            try:
                os.write(fd, struct.pack("!I", len(body)) + body)
                os.write(fd, b'["v",true]\\n')
            except OSError:
                pass
threading.Thread(target=spray, daemon=True).start()
def oracle(n):
    time.sleep(0.3)
    return True
""",
        REJECTED,
    ),
    Case(
        "guest_modules_replaced",
        "oracle",
        _LIAR
        + """
import sys
for name, module in list(sys.modules.items()):
    if name.startswith("guest"):
        for attribute in list(vars(module)):
            if not attribute.startswith("__"):
                try:
                    setattr(module, attribute, lambda *a, **k: '["v",true]')
                except Exception:
                    pass
        sys.modules[name] = Liar()
def oracle(n):
    return Liar()
""",
        REJECTED,
    ),
    Case(
        "builtins_and_json_replaced",
        "oracle",
        _LIAR
        + """
import builtins, json
json.dumps = lambda *a, **k: "true"
json.JSONEncoder.encode = json.JSONEncoder.iterencode = lambda *a, **k: "true"
builtins.isinstance = lambda *a: True
builtins.all = builtins.any = builtins.bool = builtins.abs = lambda *a: True
builtins.AssertionError = Warning
def oracle(n):
    return Liar()
""",
        REJECTED,
    ),
    Case(
        "system_calls_hooked",
        "oracle",
        """
import os, select, struct
real = os.write
os.write = lambda fd, data: real(fd, b'["v",true]\\n') and len(data)
os.read = lambda *a: b"[]"
os._exit = lambda *a: None
struct.pack_into = lambda *a: None
select.select = lambda *a: ([], [], [])
def oracle(n):
    return "right"
""",
        REJECTED,
    ),
    Case(
        "class_property_lies",
        "oracle",
        _LIAR
        + """
class Disguised(Liar):
    __class__ = property(lambda self: str)
    def __str__(self): return "right"
    def encode(self, *a): return b"true"
def oracle(n):
    return Disguised()
""",
        REJECTED,
    ),
    Case(
        "string_subclass_equal_to_all",
        "oracle",
        _LIAR
        + """
class Text(Liar, str): pass
def oracle(n):
    return Text("right")
""",
        WRONG,
    ),
    Case(
        "array_subclass_equal_to_all",
        "oracle",
        """
import numpy
class Array(numpy.ndarray):
    def __eq__(self, other): return numpy.ones((), bool)
    def __array_ufunc__(self, *a, **k): return True
    dtype = property(lambda self: numpy.dtype(object))
def oracle(n):
    return numpy.array(["right"]).view(Array)
""",
        REJECTED,
    ),
    Case(
        "replies_from_exit_hooks_and_finalizers",
        "oracle",
        """
import atexit, gc, os, weakref
def late(*_):
    for _ in range(9):
        os.write(3, b'["v",{"op":["str",true]}]\\n')
class Dying:
    __del__ = late
atexit.register(late)
def oracle(n):
    Dying()
    knot = Dying(); knot.self = knot; del knot
    gc.collect()
    return "right"
""",
        WRONG | FORGED,
    ),
    Case(
        "answers_searched_in_objects_and_frames",
        "oracle",
        """
import gc, re, sys, types
def walk(value, seen, depth=0):
    if id(value) in seen or depth > 6: return
    seen.add(id(value))
    if isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value): yield value
    elif isinstance(value, dict):
        for item in list(value.items()): yield from walk(item, seen, depth + 1)
    elif isinstance(value, (list, tuple, set)):
        for item in list(value): yield from walk(item, seen, depth + 1)
def oracle(n):
    seen, found = set(), []
    for frame in sys._current_frames().values():
        while frame:
            found += walk(frame.f_locals, seen); found += walk(frame.f_globals, seen)
            frame = frame.f_back
    for thing in gc.get_objects():
        if isinstance(thing, (dict, list, tuple)): found += walk(thing, seen)
    return found[n]
""",
        REJECTED,
    ),
    Case(
        "answers_searched_in_memory",
        "oracle",
        """
import re
def oracle(n):
    found = set()
    with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as memory:
        for line in maps:
            start, end = (int(part, 16) for part in line.split()[0].split("-"))
            if "rw" in line and end - start < 1 << 22:
                memory.seek(start)
                try:
                    found.update(re.findall(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])",
                                            memory.read(end - start)))
                except OSError:
                    pass
    return sorted(found)[n].decode()
""",
        REJECTED,
    ),
    Case(
        "answers_searched_in_descriptors_and_processes",
        "oracle",
        """
import glob, os, re, socket
text = b""
for fd in range(1024):
    for read in (lambda: os.pread(fd, 1 << 20, 0),
                 lambda: socket.socket(fileno=os.dup(fd)).recv(1 << 20, socket.MSG_PEEK | 64)):
        try: text += read()
        except (OSError, ValueError): pass
for path in glob.glob("/proc/[0-9]*/[ceostm]*") + glob.glob("/opt/**/*", recursive=True):
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        text += os.read(fd, 1 << 20)
        os.close(fd)
    except OSError: pass
found = re.findall(rb"[0-9a-f]{64}", text)
def oracle(n):
    return found[n].decode()
""",
        REJECTED,
    ),
    Case(
        "timer_signal_answers",
        "oracle",
        """
import os, signal, time
signal.signal(signal.SIGALRM, lambda *_: os.write(3, b'["v",true]\\n'))
signal.setitimer(signal.ITIMER_REAL, 0.05, 0.01)
def oracle(n):
    time.sleep(0.4)
    return True
""",
        REJECTED,
    ),
    Case(
        "tracing_rewrites_the_caller",
        "oracle",
        """
import sys
def trace(frame, event, argument):
    for name in ("replies", "reply", "calls"):
        if name in frame.f_locals and isinstance(frame.f_locals[name], list):
            frame.f_locals[name].clear()
    frame.f_trace = trace
    return trace
frame = sys._getframe()
while frame:
    frame.f_trace = trace
    frame = frame.f_back
sys.settrace(trace)
def oracle(n):
    return True
""",
        REJECTED,
    ),
    Case(
        "caller_s_list_of_replies_edited",
        "oracle",
        """
import sys
def oracle(n):
    frame = sys._getframe()
    while frame:
        for value in list(frame.f_locals.values()):
            if type(value) is list:
                value[:] = ['["v",true]'] * 5
        frame = frame.f_back
    return True
""",
        REJECTED,
    ),
    Case(
        "serves_the_channel_itself_with_malformed_tags",
        "oracle",
        "import os\n"
        "os.write(3, b'[\"ready\"]\\n')\n"
        "os.read(3, 1 << 20)\n"
        'os.write(3, b\'["v",{"s":[[]],"t":1}]\\n\')\n'
        "os.read(3, 1 << 20)\n",
        FORGED,
    ),
    Case(
        "reply_that_is_half_an_array",
        "oracle",
        """
import os
def oracle(n):
    os.write(3, b'["v",{"np":""}]\\n')
    return True
""",
        FORGED,
    ),
    Case(
        "reply_without_end",
        "oracle",
        """
import os
def oracle(n):
    os.write(3, b'["v","')
    while True:
        os.write(3, b"0" * 65536)
""",
        WRONG,
    ),
    Case(
        "reply_nested_a_million_deep",
        "oracle",
        """
import os
def oracle(n):
    data = memoryview(b'["v",' + b"[" * 400000 + b"]" * 400000 + b"]\\n")
    while data:
        data = data[os.write(3, data):]
    return True
""",
        FORGED,
    ),
    Case(
        "exception_named_passed",
        "oracle",
        'def oracle(n):\n    raise type("passed", (BaseException,), {})\n',
        ERROR,
    ),
    Case(
        "out_of_memory_only_claimed",
        "oracle",
        "def oracle(n):\n    raise MemoryError\n",
        MEMORY,
    ),
    Case(
        "published_check_given_a_liar",
        "half",
        _LIAR + "def half(n):\n    return Liar()\n",
        REJECTED,
    ),
    Case(
        "published_check_redefined",
        "half",
        """
import builtins, sys
def check(candidate): return True
builtins.AssertionError = ZeroDivisionError
builtins.abs = lambda x: 0
sys.flags = None
def half(n):
    return float("nan")
""",
        REJECTED,
    ),
)
