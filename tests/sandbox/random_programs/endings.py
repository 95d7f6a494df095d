"""Fragments that end the process, or change its limits, its identity and its waiting."""

from __future__ import annotations

ENDING = r"""
# leaves
<leave>
# leaves-by-raising
raise <exception>
# leaves-by-class
class Leave(<exception>):
    code = property(lambda self: <object>)
    __str__ = lambda self: <leave>
raise Leave
# leaves-by-exit-code
raise SystemExit(<object>)
# leaves-in-c
import ctypes
ctypes.CDLL(None).<libc_exit>(<small>)
# leaves-by-syscall
import ctypes
ctypes.CDLL(None).syscall(<exit_call>, <small>)
# finalizer-leaves
class Leaving:
    def __del__(self): <leave>
sys.kept_object = Leaving()
# exit-hook-leaves
import atexit
atexit.register(lambda: <leave>)
# exit-hook-prints [benign]
import atexit
atexit.register(lambda: sys.stderr.write("<word>\n"))
# exit-hook-of-threads
import threading
threading._register_atexit(lambda: <leave>)
# fork-hook
import os, posix
os.register_at_fork(before=lambda: <leave>, after_in_child=lambda: <leave>)
posix.fork()
# limits-zero
import resource
resource.setrlimit(resource.<limit>, (0, 0))
# limits-low
import resource
resource.setrlimit(resource.<limit>, (<medium>, <medium>))
# limits-raised
import resource
resource.setrlimit(resource.<limit>, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
# limits-of-others
import resource, posix
for pid in (posix.getppid(), 1, 2, 3): resource.prlimit(pid, resource.<limit>, (0, 0))
# stack-raised [benign]
import threading
threading.stack_size(1 << 20)
# session
import posix
posix.setsid()
# group-of-parent
import posix
posix.setpgid(0, posix.getpgid(posix.getppid()))
# prctl
import ctypes
ctypes.CDLL(None).prctl(<prctl>, <small>, 0, 0, 0)
# name-of-process [benign]
import ctypes
ctypes.CDLL(None).prctl(15, b"<word>", 0, 0, 0)
# subreaper
import ctypes, posix, time
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
if posix.fork() == 0:
    if posix.fork() == 0: time.sleep(300)
    posix._exit(0)
# filter-of-calls
import ctypes
libc = ctypes.CDLL(None)
libc.prctl(38, 1, 0, 0, 0)
libc.prctl(22, 1, 0, 0, 0)
# priority
import posix
posix.nice(19)
# scheduling
import posix
posix.sched_setscheduler(0, posix.SCHED_<policy>, posix.sched_param(0))
# one-processor
import posix
posix.sched_setaffinity(0, [min(posix.sched_getaffinity(0))])
# victim
with open("/proc/self/oom_score_adj", "w") as file: file.write("<oom_score>")
# identity
import posix
posix.<set_id>(<small>)
# namespace
import ctypes
ctypes.CDLL(None).unshare(<namespace>)
# trace-parent
import ctypes, posix
ctypes.CDLL(None).ptrace(16, posix.getppid(), 0, 0)
# trace-me
import ctypes, posix
ctypes.CDLL(None).ptrace(0, 0, 0, 0)
posix.kill(posix.getpid(), 18)
# memory-of-parent
import posix
with open("/proc/%d/mem" % posix.getppid(), "r+b", 0) as file: file.write(bytes(<medium>))
# own-memory-map
with open("/proc/self/mem", "r+b", 0) as file:
    file.seek(id(sys._getframe()))
    file.write(bytes(<small>))
# descriptors-of-others
import os
for pid in filter(str.isdigit, os.listdir("/proc")):
    for fd in os.listdir("/proc/%s/fd" % pid):
        with open("/proc/%s/fd/%s" % (pid, fd), "r+b", 0) as file: file.write(b'<reply>\n')
# scheduler-yield
import posix
for _ in range(20000): posix.sched_yield()
# pause [rare]
import signal
signal.pause()
# deadlock [rare]
import threading
lock = threading.Lock()
lock.acquire()
lock.acquire()
# busy [rare]
while True: pass
# sleep [rare]
import time
time.sleep(30)
# backtracking [rare]
import re
re.match(r"(a*)*b", "a" * 40)
# sleep-short [benign]
import time
time.sleep(<seconds>)
"""
