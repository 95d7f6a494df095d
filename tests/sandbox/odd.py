"""Programs that are unusual but right: a jail that does not pass them is at fault."""

from __future__ import annotations

from tests.sandbox.cases import PASSED, UNIT_REFERENCE, Case

_FUNCTIONS = {
    "threads": """
import threading
def triple(n):
    box = []
    t = threading.Thread(target=lambda: box.append(n * 3))
    t.start(); t.join()
    return box[0]
""",
    "child_process": """
import subprocess
def triple(n):
    return int(subprocess.run(['expr', str(n), '*', '3'], capture_output=True).stdout)
""",
    "pool_of_processes": """
import multiprocessing
def times(n):
    return n * 3
with multiprocessing.get_context('fork').Pool(2) as pool:
    table = dict(zip([1, 7, -4, 100, 3], pool.map(times, [1, 7, -4, 100, 3])))
def triple(n):
    return table[n]
""",
    "executor": """
from concurrent.futures import ThreadPoolExecutor
def triple(n):
    with ThreadPoolExecutor(4) as pool:
        return sum(pool.map(lambda _: n, range(3)))
""",
    "temporary_files": """
import tempfile, os
def triple(n):
    with tempfile.NamedTemporaryFile('w+') as f, tempfile.TemporaryDirectory() as d:
        f.write(str(n * 3)); f.seek(0)
        open(d + '/x', 'w').close()
        return int(f.read())
""",
    "files_in_the_working_folder": """
def triple(n):
    with open('notes.txt', 'w') as f: f.write(str(n * 3))
    return int(open('notes.txt').read())
""",
    "deep_recursion": """
import sys
sys.setrecursionlimit(100_000)
def down(k, n):
    return n * 3 if k == 0 else down(k - 1, n)
def triple(n):
    return down(4000, n)
""",
    "generator_consumed": """
def ones(n):
    for _ in range(3): yield n
def triple(n):
    return sum(ones(n))
""",
    "dataclass_with_annotations": """
from __future__ import annotations
from dataclasses import dataclass, field
import typing
@dataclass
class P:
    n: int
    more: list[int] = field(default_factory=list)
def triple(n: int) -> int:
    typing.get_type_hints(P)
    return P(n).n * 3
""",
    "carriage_returns": "def triple(n):\r\n    m = n\r\n    return m * 3\r\n",
    "names_in_other_scripts": """
# — ünïcödé 🐍
def triple(число):
    π = 'три'
    return len(π) * число
""",
    "main_guard": """
def triple(n):
    return n * 3
if __name__ == '__main__':
    input()
    raise SystemExit(1)
""",
    "prints_while_it_works": """
import sys
print('hello', '\\udcff'.encode('utf-8', 'replace'))
def triple(n):
    print('x' * 5000); print('\\ud800', file=sys.stderr)
    return n * 3
""",
    "numpy_scalar": """
import numpy
def triple(n):
    return numpy.int64(n) * 3
""",
    "float_for_an_integer": """
def triple(n):
    return n * 3.0
""",
    "subclass_of_an_integer": """
class Money(int): pass
def triple(n):
    return Money(n * 3)
""",
    "state_in_a_default": """
def triple(n, seen={}):
    seen.setdefault(n, n * 3)
    return seen[n]
""",
    "takes_its_time_to_import": """
import time
time.sleep(0.3)
def triple(n):
    return n * 3
""",
    "stdin_closed": """
import sys, os
sys.stdin.close()
os.close(0)
def triple(n):
    return n * 3
""",
    "event_loop": """
import asyncio
async def later(n):
    await asyncio.sleep(0.01)
    return n * 3
def triple(n):
    return asyncio.run(later(n))
""",
    "pickles_its_own_class": """
import pickle
class Box:
    def __init__(self, n): self.n = n
def triple(n):
    return pickle.loads(pickle.dumps(Box(n))).n * 3
""",
    "reads_its_own_source": """
import inspect
def triple(n):
    return n * 3 if 'def triple' in inspect.getsource(triple) else None
""",
    "looks_itself_up_in_proc": """
import os
def triple(n):
    assert os.readlink('/proc/self') == str(os.getpid())
    listed = [int(each) for each in os.listdir('/proc') if each.isdigit()]
    for pid in listed: os.getpriority(os.PRIO_PROCESS, pid)
    with open('/proc/%d/stat' % os.getpid()) as file:
        return n * 3 if file.read().startswith(str(os.getpid())) else None
""",
    "sets_what_belongs_to_tmp": """
import os
os.utime('/tmp', (1, 12345)); os.chmod('/tmp', 0o1777)
def triple(n):
    return n * 3
""",
    "alarm_of_its_own": """
import signal, time
class Late(Exception): pass
def ring(*_): raise Late
signal.signal(signal.SIGALRM, ring)
def triple(n):
    signal.setitimer(signal.ITIMER_REAL, 0.05)
    try: time.sleep(1)
    except Late: return n * 3
""",
    "logs_and_warns": """
import logging, warnings
logging.basicConfig(level=logging.DEBUG)
def triple(n):
    logging.debug('n %s', n); warnings.warn('careful')
    return n * 3
""",
    "lambda_as_the_function": """
triple = lambda n: n * 3
""",
    "callable_object": """
class T:
    def __call__(self, n): return n * 3
triple = T()
""",
    "daemon_thread_left_running": """
import threading, time
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
def triple(n):
    return n * 3
""",
    "collector_and_weak_references": """
import gc, weakref
gc.disable()
class N: pass
def triple(n):
    a = N(); r = weakref.ref(a); del a; gc.collect()
    return n * 3 if r() is None else 0
""",
}


_SCRIPTS = {
    # Standard input is a file, as the judges of contests give it.
    "input_of_known_length": """
import os
text = os.read(0, os.fstat(0).st_size)
assert text and os.read(0, 1) == b''
print(sum(map(int, text.split())))
""",
    "input_mapped_into_memory": """
import mmap
with mmap.mmap(0, 0, prot=mmap.PROT_READ) as text:
    print(sum(map(int, text[:].split())))
""",
    "input_read_twice": """
import sys
first = sys.stdin.read()
sys.stdin.seek(0)
assert sys.stdin.seekable() and sys.stdin.read() == first
print(sum(map(int, first.split())))
""",
    "input_whose_end_is_sought": """
import os
end = os.lseek(0, 0, os.SEEK_END)
os.lseek(0, 0, os.SEEK_SET)
print(sum(map(int, os.read(0, end).split())))
""",
    "reads_dev_stdin": """
print(sum(map(int, open('/dev/stdin').read().split())))
""",
    "opens_descriptor_zero": """
print(sum(map(int, open(0).read().split())))
""",
    "reads_bytes": """
import sys
print(sum(map(int, sys.stdin.buffer.read().split())))
""",
    "reads_and_writes_descriptors": """
import os
os.write(1, b'%d\\n' % sum(map(int, os.read(0, 1 << 16).split())))
""",
    "input_until_the_end": """
total = 0
try:
    while True: total += sum(map(int, input().split()))
except EOFError: print(total)
""",
    "exit_after_the_answer": """
import sys
print(sum(map(int, sys.stdin.read().split())))
exit()
""",
    "answers_in_an_exit_hook": """
import atexit, sys
t = sum(map(int, sys.stdin.read().split()))
atexit.register(print, t)
""",
    "answers_in_a_thread_left_alone": """
import sys, threading, time
t = sum(map(int, sys.stdin.read().split()))
threading.Thread(target=lambda: (time.sleep(0.1), print(t))).start()
""",
    "stdout_replaced_by_a_buffer": """
import io, sys
out = io.StringIO()
sys.stdout = out
print(sum(map(int, sys.stdin.read().split())))
sys.__stdout__.write(out.getvalue())
""",
    "file_over_stdout_never_closed": """
import sys
out = open(1, 'w')
out.write(str(sum(map(int, sys.stdin.read().split()))))
""",
    "main_function": """
import sys
def main():
    print(sum(map(int, sys.stdin.read().split())))
if __name__ == '__main__':
    main()
""",
    "child_process_answers": """
import subprocess
subprocess.run(['sh', '-c', 't=0; for i in $(cat); do t=$((t+i)); done; echo $t'], check=True)
""",
    "windows_line_ends": """
import sys
sys.stdout.write('%d\\r\\n' % sum(map(int, sys.stdin.read().split())))
""",
}


_UNITTESTS = {
    "unit_with_its_own_tests": UNIT_REFERENCE
    + """
import unittest
class TestMine(unittest.TestCase):
    def test_it(self): self.fail()
if __name__ == '__main__':
    unittest.main()
""",
    "unit_in_a_thread": """
import threading
from collections import Counter
def count_words(text):
    print(len(text.split()))
    box = []
    t = threading.Thread(target=lambda: box.append(dict(Counter(text.split()))))
    t.start(); t.join()
    return box[0]
""",
}

CASES = (
    *(Case(name, "triple", code, PASSED) for name, code in _FUNCTIONS.items()),
    *(Case(name, "sum", code, PASSED) for name, code in _SCRIPTS.items()),
    *(Case(name, "unit", code, PASSED) for name, code in _UNITTESTS.items()),
    Case("input_not_read", "constant", "print(42)\n", PASSED),
    Case("input_closed_unread", "constant", "import sys\nsys.stdin.close()\nprint(42)\n", PASSED),
    Case("check_by_name_and_argument", "half", "def half(n):\n    return n / 2\n", PASSED),
    Case(
        "numpy_float_under_a_published_check",
        "half",
        "import numpy as np\ndef half(n):\n    return np.float64(n) / 2\n",
        PASSED,
    ),
)
