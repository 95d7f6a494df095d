"""Scripts and functions that lean on what a new interpreter has and does: these must pass."""

from __future__ import annotations

from tests.sandbox.cases import PASSED, Case

_READ = "import sys\nT = sum(map(int, sys.stdin.read().split()))\n"

# Each reads the sum as T, and has to print it.
_ANSWERS = {
    "module_of_builtins": "__builtins__.print(T)",
    "names_of_a_script": """
assert __annotations__ == {} and __cached__ is None and __spec__ is None
assert __loader__.get_source('__main__').startswith('import sys')
assert (sys.stdin.name, sys.stdout.name, sys.stderr.name) == ('<stdin>', '<stdout>', '<stderr>')
assert (sys.stdin.mode, sys.stdout.mode) == ('r', 'w')
print(T)
""",
    "hook_for_what_is_not_caught": """
def leave(kind, error, trace):
    assert trace.tb_frame.f_code.co_name == '<module>' and trace.tb_frame.f_globals is globals()
    print(T)
    sys.exit(0)
sys.excepthook = leave
raise ValueError
""",
    "interrupts_itself": """
import os, signal, time
try:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(5)
except KeyboardInterrupt:
    print(T)
""",
    "signals_as_usual": """
import signal
usual = {signal.SIGINT: signal.default_int_handler, signal.SIGPIPE: signal.SIG_IGN}
usual[signal.SIGXFSZ] = signal.SIG_IGN
for each in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
    assert signal.getsignal(each) == usual.get(each, signal.SIG_DFL), each
assert not signal.pthread_sigmask(signal.SIG_BLOCK, [])
print(T)
""",
    "many_threads": """
import threading
done = threading.Event()
threads = [threading.Thread(target=done.wait) for _ in range(30)]
for each in threads: each.start()
done.set()
for each in threads: each.join()
print(T)
""",
    "main_thread": """
import os, threading
main = threading.main_thread()
assert main is threading.current_thread() and main.native_id == os.getpid()
print(T)
""",
    "name_of_root": "import pwd\nassert pwd.getpwnam('root').pw_uid == 0\nprint(T)",
    "server_at_localhost": """
import asyncio, socket
async def answer(reader, writer):
    writer.write(await reader.readline()); await writer.drain(); writer.close()
async def main():
    server = await asyncio.start_server(answer, 'localhost', 0)
    port = server.sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection('localhost', port)
    writer.write(b'%d\\n' % T); print(int(await reader.readline())); writer.close()
socket.gethostbyname(socket.gethostname())
asyncio.run(main())
""",
    "file_over_stdout_in_builtins": """
import builtins
builtins.out = open(1, 'w')
out.write(str(T))
""",
    "file_over_stdout_in_sys": "sys.out = open(1, 'w')\nsys.out.write(str(T))",
    "file_over_stdout_beside_functions": """
import signal
out = open(1, 'w')
def flush(*_): out.flush()
signal.signal(signal.SIGUSR1, flush)
out.write(str(T))
""",
    "print_replaced": """
import builtins
out, of_python = open(1, 'w'), print
def print(*values): of_python(*values, file=out)
builtins.print = print
print(T)
""",
    "stdout_of_its_own_writes_when_it_goes": """
import os
class Out:
    parts = []
    def write(self, text): self.parts.append(text)
    def flush(self): pass
    def __del__(self): os.write(1, ''.join(self.parts).encode())
sys.stdout = Out()
print(T)
""",
    "finalizer_held_by_a_handler": """
import signal
class Last:
    def __del__(self): print(self.total)
last = Last(); last.total = T
def handle(*_): last
signal.signal(signal.SIGUSR2, handle)
""",
}

_WHOLE_SCRIPTS = {
    "byte_order_mark": "\ufeff" + _READ + "print(T)",
    "byte_order_mark_and_starts_itself": "\ufeff"
    """import subprocess, sys
if len(sys.argv) > 1:
    print(sum(map(int, sys.stdin.read().split())))
else:
    sys.exit(subprocess.call([sys.executable, __file__, 'again']))
""",
}

_FUNCTIONS = {
    "builtins_as_in_python_2": """
import builtins
_map, _zip, _filter = map, zip, filter
builtins.map = lambda *a: [*_map(*a)]
builtins.zip = lambda *a: [*_zip(*a)]
builtins.filter = lambda *a: [*_filter(*a)]
builtins.unicode = builtins.basestring = str
builtins.long = int
def triple(n):
    return map(lambda m: m * 3, [n])[0]
""",
    "builtins_of_its_own": """
import builtins
class list(list): pass
class dict(dict): pass
for name in ('bool', 'memoryview', 'isinstance', 'type', 'len', 'print', 'open', 'map'):
    setattr(builtins, name, None)
builtins.list, builtins.dict = list, dict
def triple(n):
    return n * 3
""",
    "streams_deleted": "import sys\ndel sys.stdout, sys.stderr\ndef triple(n):\n    return n * 3\n",
    "json_taken_apart": """
import json
json.JSONEncoder.encode = json.JSONEncoder.iterencode = json.dumps = None
def triple(n):
    return n * 3
""",
    "reads_its_file": """
with open(__file__) as file:
    assert 'def triple' in file.read()
def triple(n):
    return n * 3
""",
    "process_spawned": """
import multiprocessing
def times(n):
    return n * 3
def triple(n, found={}):
    if not found:
        with multiprocessing.get_context('spawn').Pool(1) as pool:
            found.update(zip([1, 7, -4, 100, 3], pool.map(times, [1, 7, -4, 100, 3])))
    return found[n]
""",
    "executor_of_many": """
import time
from concurrent.futures import ThreadPoolExecutor
def later(n):
    time.sleep(0.01)
    return n * 3
def triple(n):
    with ThreadPoolExecutor(30) as pool:
        return max(pool.map(later, [n] * 30))
""",
}

# What the standard library compares by value is the expected value.
_TABLES = {
    "chain_of_dicts": """
from collections import ChainMap
def table(n):
    return ChainMap({'a': n}, {'b': 2 * n})
""",
    "user_dict": """
from collections import UserDict
def table(n):
    return UserDict(a=n, b=2 * n)
""",
    "view_of_a_dict": """
import types
def table(n):
    return types.MappingProxyType({'a': n, 'b': 2 * n})
""",
    "mapping_of_its_own": """
from collections.abc import Mapping
class Twice(Mapping):
    def __init__(self, n): self.n = n
    def __getitem__(self, key): return self.n * ' ab'.index(key)
    def __iter__(self): return iter('ab')
    def __len__(self): return 2
def table(n):
    return Twice(n)
""",
}
_LISTS = {
    "user_list": """
from collections import UserList
def following(n):
    return UserList([n, n + 1])
""",
}
_WORDS = {
    "user_string": """
from collections import UserString
def word(n):
    return UserString('w' * n)
""",
}

CASES = (
    *(Case(name, "sum", _READ + code, PASSED) for name, code in _ANSWERS.items()),
    *(Case(name, "sum", code, PASSED) for name, code in _WHOLE_SCRIPTS.items()),
    *(Case(name, "triple", code, PASSED) for name, code in _FUNCTIONS.items()),
    *(Case(name, "table", code, PASSED) for name, code in _TABLES.items()),
    *(Case(name, "following", code, PASSED) for name, code in _LISTS.items()),
    *(Case(name, "word", code, PASSED) for name, code in _WORDS.items()),
)
