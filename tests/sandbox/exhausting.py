"""Programs that use up what they can: time, memory, space, processes, patience."""

from __future__ import annotations

from tests.sandbox.cases import (
    ANY,
    ERROR,
    MEMORY,
    PASSED,
    REJECTED,
    TIMEOUT,
    TRACE,
    WRONG,
    Case,
)

_RIGHT = "def triple(n):\n    return n * 3\n"
_SLEEPER = f'os.execvp("sleep", [{TRACE!r}, "3600"])'

CASES = (
    Case(
        "interpreter_lock_never_released",
        "triple",
        "import itertools\ndef triple(n):\n    return sum(itertools.repeat(0))\n",
        TIMEOUT,
    ),
    Case("endless_import", "triple", "while True: pass\n" + _RIGHT, TIMEOUT),
    Case(
        "all_signals_ignored_and_blocked",
        "triple",
        """
import signal
for number in range(1, 65):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
def triple(n):
    while True:
        try:
            while True: pass
        except BaseException: pass
""",
        TIMEOUT,
    ),
    Case(
        "stops_itself",
        "triple",
        "import os, signal\ndef triple(n):\n    os.kill(os.getpid(), signal.SIGSTOP)\n",
        TIMEOUT,
    ),
    Case(
        "goes_on_in_a_child_that_never_answers",
        "triple",
        """
import os, time
def triple(n):
    if os.fork(): os._exit(0)
    time.sleep(3600)
""",
        TIMEOUT,
    ),
    Case(
        "waits_at_a_fifo",
        "triple",
        "import os\nos.mkfifo('wait')\ndef triple(n):\n    return open('wait').read()\n",
        TIMEOUT,
    ),
    Case(
        "memory_of_one_process",
        "triple",
        "def triple(n):\n    return len(bytearray(10 << 30))\n",
        MEMORY,
    ),
    Case(
        "memory_of_many_children",
        "triple",
        """
import os, time
def triple(n):
    for _ in range(4):
        if os.fork() == 0:
            block = bytearray(os.urandom(1)) * (150 << 20)
            time.sleep(60)
    time.sleep(60)
""",
        TIMEOUT | MEMORY,
    ),
    Case(
        "scratch_filled_to_the_last_byte",
        "triple",
        """
import os
def fill(path):
    try:
        with open(path, "wb", 0) as file:
            for _ in range(2000): os.posix_fallocate(file.fileno(), 0, 1 << 31)
    except OSError: pass
    try:
        with open(path + "2", "wb", 0) as file:
            while file.write(b"x" * (1 << 22)): pass
    except OSError: pass
fill("full"); fill("/dev/shm/full")
"""
        + _RIGHT,
        ANY,
    ),
    Case(
        "many_files_in_deep_folders",
        "triple",
        """
import os
for number in range(3000):
    try: open("/tmp/file%d" % number, "w").close()
    except OSError: break
for number in range(400):
    try:
        os.mkdir("d" * 100); os.chdir("d" * 100)
    except OSError: break
os.chmod(".", 0)
"""
        + _RIGHT,
        ANY,
    ),
    Case(
        "scratch_folders_closed",
        "triple",
        """
import os
for mode in (0o500, 0):
    for folder in ("/var/tmp", "/dev/mqueue", "/dev/shm", "/tmp", "."):
        try: os.chmod(folder, mode)
        except OSError: pass
"""
        + _RIGHT,
        ANY,
    ),
    Case(
        "memory_folder_without_room_for_others",
        "triple",
        "import os\ntry: os.chmod('/dev/shm', 0o500)\nexcept OSError: pass\n" + _RIGHT,
        ANY,
    ),
    Case(
        "processes_until_refused",
        "triple",
        f"""
import os, signal
for _ in range(400):
    try:
        if os.fork() == 0:
            os.setsid()
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            {_SLEEPER}
    except OSError: break
"""
        + _RIGHT,
        ANY,
    ),
    Case(
        "children_that_multiply",
        "triple",
        """
import os, time
def triple(n):
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try: os.fork()
        except OSError: pass
""",
        REJECTED,
    ),
    Case(
        "threads_until_refused",
        "triple",
        """
import threading, time
try:
    for _ in range(2000):
        threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()
except RuntimeError: pass
"""
        + _RIGHT,
        ANY,
    ),
    Case(
        "daemon_in_a_session_of_its_own",
        "triple",
        f"""
import os
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.chdir("/")
        os.closerange(0, 256)
        {_SLEEPER}
    os._exit(0)
os.wait()
"""
        + _RIGHT,
        PASSED,
    ),
    Case(
        "daemon_that_holds_stdout",
        "sum",
        f"""
import os, sys
if os.fork() == 0:
    os.setsid()
    {_SLEEPER}
print(sum(map(int, sys.stdin.read().split())))
""",
        PASSED,
    ),
    Case(
        "daemon_that_answers_too_late",
        "sum",
        "import os, time\n"
        "if os.fork() == 0:\n    time.sleep(0.5)\n    os.write(1, b'6\\n')\n"
        "os._exit(0)\n",
        WRONG,
    ),
    Case(
        "endless_stderr",
        "triple",
        "import os\ndef triple(n):\n    while True: os.write(2, b'y' * 65536)\n",
        TIMEOUT,
    ),
    Case(
        "endless_lines_on_stdout",
        "sum",
        "while True: print('6')\n",
        WRONG | TIMEOUT,
    ),
    Case(
        "stdout_closed",
        "triple",
        "import os, sys\nsys.stdout.close()\nos.close(1)\nos.close(2)\n" + _RIGHT,
        PASSED,
    ),
    Case(
        "descriptors_exhausted",
        "triple",
        "import os\ntry:\n    while True: os.dup(1)\nexcept OSError: pass\n" + _RIGHT,
        ANY,
    ),
    Case(
        "returns_three_million_items",
        "triple",
        "def triple(n):\n    return [None] * 3_000_000\n",
        ERROR,
    ),
    Case(
        "returns_itself",
        "triple",
        "def triple(n):\n    knot = {}\n    knot['self'] = [knot]\n    return knot\n",
        ERROR,
    ),
    Case(
        "returns_a_million_keys",
        "triple",
        "def triple(n):\n    return dict.fromkeys(range(10**6))\n",
        REJECTED,
    ),
    Case(
        "reply_of_colliding_integers",
        "triple",
        """
import os
def triple(n):
    numbers = ",".join(str(i * (2**61 - 1)) for i in range(1, 20_000))
    data = memoryview(('["v",{"s":[' + numbers + ']}]\\n').encode())
    while data: data = data[os.write(3, data):]
    return 0
""",
        REJECTED,
    ),
    Case(
        "returns_an_integer_of_a_million_digits",
        "triple",
        "def triple(n):\n    return 1 << 3_400_000\n",
        WRONG,
    ),
    Case(
        "returns_a_string_of_twenty_megabytes",
        "triple",
        "def triple(n):\n    return 'x' * (20 << 20)\n",
        WRONG | TIMEOUT,
    ),
    Case(
        "exception_hostile_to_its_reader",
        "triple",
        """
class Meta(type):
    __name__ = property(lambda cls: 1 / 0)
    __qualname__ = property(lambda cls: 1 / 0)
    def __str__(cls): raise SystemExit(0)
    __repr__ = __str__
class Hostile(BaseException, metaclass=Meta):
    __class__ = property(lambda self: 1 / 0)
    def __str__(self): raise KeyboardInterrupt
    __repr__ = __str__
    def __getattribute__(self, name): raise SystemExit(0)
def triple(n):
    raise Hostile
""",
        ERROR,
    ),
    Case(
        "exception_that_never_finishes_printing",
        "triple",
        "class Slow(Exception):\n"
        "    def __str__(self):\n        while True: pass\n"
        "def triple(n):\n    raise Slow\n",
        ERROR | TIMEOUT,
    ),
    Case(
        "exceptions_chained_by_the_thousand",
        "triple",
        """
def triple(n):
    error = ValueError("x" * 1000)
    for _ in range(20_000):
        outer = ValueError("y"); outer.__context__ = error; error = outer
    raise error
""",
        ERROR | MEMORY | TIMEOUT,
    ),
)
