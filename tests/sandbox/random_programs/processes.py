"""Fragments that signal, fork, start programs and threads."""

from __future__ import annotations

STARTING = r"""
# signal-to-itself
import posix
posix.kill(posix.getpid(), <signal>)
# signal-to-thread
import signal, threading
signal.pthread_kill(threading.main_thread().ident, <signal>)
# signal-to-parent
import posix
posix.kill(posix.getppid(), <signal>)
# signal-to-group
import posix
posix.kill(0, <signal>)
# signal-to-everybody
import posix
posix.kill(-1, <ending_signal>)
# signal-to-low-pids
import posix
for pid in range(1, 40):
    try: posix.kill(pid, <signal>)
    except OSError: pass
# signal-queued
import ctypes, posix
libc = ctypes.CDLL(None)
for _ in range(2000): libc.sigqueue(posix.getpid(), <signal>, ctypes.c_void_p(<small>))
# signal-when-parent-ends
import ctypes
ctypes.CDLL(None).prctl(1, <signal>, 0, 0, 0)
# stops-itself [rare]
import posix
posix.kill(posix.getpid(), 19)
# signals-ignored
import signal
for number in range(1, 65):
    try: signal.signal(number, signal.<disposition>)
    except (OSError, ValueError): pass
# signals-blocked
import signal
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
# signal-handler
import signal, posix
signal.signal(<signal>, lambda *_: <leave>)
posix.kill(posix.getpid(), <signal>)
# alarm
import signal
signal.signal(signal.SIGALRM, lambda *_: <leave>)
signal.setitimer(signal.ITIMER_REAL, <seconds>, <seconds>)
# alarm-cancelled
import signal
signal.alarm(0)
signal.signal(signal.SIGALRM, signal.SIG_IGN)
# alarm-real
import signal
signal.setitimer(signal.<timer>, <seconds>)
# timer-of-the-kernel
import ctypes
libc = ctypes.CDLL(None)
at = ctypes.c_void_p()
for _ in range(200): libc.timer_create(<small>, None, ctypes.byref(at))
# wakeup-descriptor
import signal
signal.set_wakeup_fd(<fd>, warn_on_full_buffer=False)
signal.setitimer(signal.ITIMER_REAL, <seconds>, <seconds>)
# descriptor-owner
import fcntl, posix
for fd in range(6):
    try:
        fcntl.fcntl(fd, fcntl.F_SETOWN, <pid>)
        fcntl.fcntl(fd, 10, <signal>)
        fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | 0o20000)
    except OSError: pass
# fork-that-stays
import posix, time
if posix.fork() == 0:
    posix.setsid()
    time.sleep(300)
# fork-that-goes-on
import posix
posix.fork()
# fork-parent-leaves
import posix
if posix.fork(): <leave>
# fork-chain
import posix
for _ in range(<medium>):
    if posix.fork(): posix._exit(<small>)
# fork-daemon
import posix, time
if posix.fork() == 0:
    posix.setsid()
    if posix.fork() == 0:
        posix.chdir("/")
        for fd in range(64):
            try: posix.close(fd)
            except OSError: pass
        time.sleep(300)
    posix._exit(0)
# fork-zombies
import posix
for _ in range(<medium>):
    if posix.fork() == 0: posix._exit(0)
# fork-until-refused
import posix, time
for _ in range(200):
    try:
        if posix.fork() == 0: time.sleep(300)
    except OSError: break
# fork-burning
import posix
for _ in range(<small>):
    if posix.fork() == 0:
        while True: pass
# fork-late-writer
import posix, time
if posix.fork() == 0:
    while True:
        time.sleep(<seconds>)
        for fd in (1, 2, 3, 4):
            try: posix.write(fd, b'<reply>\n')
            except OSError: pass
# fork-answers-for-its-parent
import posix
if posix.fork() == 0:
    try: posix.write(3, b'<reply>\n')
    finally: posix._exit(0)
# fork-traces-signals
import posix, signal
if posix.fork() == 0:
    parent = posix.getppid()
    for _ in range(3000):
        posix.kill(parent, <continuing_signal>)
    posix._exit(0)
# fork-kills-parent
import posix, time
if posix.fork() == 0:
    time.sleep(<seconds>)
    posix.kill(posix.getppid(), <ending_signal>)
    posix._exit(0)
# fork-reaped [benign]
import posix
pid = posix.fork()
if pid == 0: posix._exit(0)
posix.waitpid(pid, 0)
# spawn
import posix
posix.posix_spawn("/bin/sh", ["sh", "-c", "<command>"], {"PATH": "/usr/bin:/bin"})
# spawn-shell
import subprocess
subprocess.Popen("<command>", shell=True, start_new_session=<coin>)
# spawn-waited
import subprocess
subprocess.run(["/bin/sh", "-c", "<command>"], capture_output=True, timeout=0.5)
# spawn-with-channel
import subprocess
subprocess.Popen("<command>", shell=True, close_fds=False, pass_fds=(3, 4))
# exec
import posix
posix.execv("/bin/sh", ["sh", "-c", "<command>"])
# exec-of-itself
import posix
posix.execv(sys.executable, [sys.executable, "-c", "<python>"])
# fork-bomb
import posix, time
end = time.monotonic() + 0.5
while time.monotonic() < end:
    try: posix.fork()
    except OSError: pass
# fork-successors
import posix
while posix.fork() == 0:
    if <coin>: posix.setsid()
    for _ in range(1000): pass
time = __import__("time")
time.sleep(0.05)
# fork-stopped
import posix
for _ in range(<medium>):
    if posix.fork() == 0: posix.kill(posix.getpid(), 19)
# fork-in-memory-pressure
import posix, time
for _ in range(<small>):
    if posix.fork() == 0:
        kept = []
        try:
            while True: kept.append(b"x" * (8 << 20))
        except MemoryError: time.sleep(300)
# fork-vfork
import ctypes
if ctypes.CDLL(None).vfork() == 0: <leave>
# thread-of-the-kernel
import ctypes
ctypes.CDLL(None).syscall(56, 0x100 | 0x200 | 0x400 | 0x800 | 0x10000, 0, 0, 0, 0)
# multiprocessing
import multiprocessing
context = multiprocessing.get_context("<start_method>")
context.Process(target=sys.exit, args=(<small>,), daemon=<coin>).start()
# multiprocessing-lock
import multiprocessing
multiprocessing.Lock()
multiprocessing.Queue().put(<object>)
# pool
import concurrent.futures
concurrent.futures.ThreadPoolExecutor(<small>).submit(lambda: <leave>)
# threads-until-refused
import threading, time
for _ in range(300):
    threading.Thread(target=time.sleep, args=(300,), daemon=True).start()
# thread-not-daemon [rare]
import threading, time
threading.Thread(target=time.sleep, args=(30,)).start()
# thread-burning
import threading
def burn():
    while True: pass
threading.Thread(target=burn, daemon=True).start()
# thread-leaves
import threading
threading.Timer(<seconds>, lambda: <leave>).start()
# thread-raw
import _thread
_thread.start_new_thread(lambda: <leave>, ())
# thread-writes
import threading, posix
def write():
    for _ in range(<medium>): posix.write(<fd>, b'<reply>\n')
threading.Thread(target=write, daemon=True).start()
# thread-ended [benign]
import threading
thread = threading.Thread(target=int)
thread.start()
thread.join()
# main-thread-leaves
import ctypes, threading, time
threading.Thread(target=time.sleep, args=(<seconds>,)).start()
ctypes.CDLL(None).pthread_exit(None)
# thread-forks
import threading, posix, time
def fork():
    if posix.fork() == 0: time.sleep(300)
for _ in range(<small>): threading.Thread(target=fork, daemon=True).start()
"""
