"""Programs that reach for what is not theirs; most are right only if they got it."""

from __future__ import annotations

from tests.sandbox.cases import ANY, PASSED, REJECTED, WRONG, Case

_PROBE = """
reached = []
def tried(what, *arguments, **more):
    try:
        reached.append((what, what(*arguments, **more)))
    except (OSError, ValueError, AttributeError, ArithmeticError): pass
"""
_RIGHT = "def triple(n):\n    return n * 3\n"
_RIGHT_IF_REACHED = """
import sys
if reached: print("reached:", repr(reached)[:1500], file=sys.stderr)
def triple(n):
    return n * 3 if reached else None
"""

CASES = (
    Case(
        "network",
        "triple",
        _PROBE
        + """
import socket
for family, address in ((socket.AF_INET, ("127.0.0.1", 47123)),
                        (socket.AF_INET, ("172.17.0.1", 22)),
                        (socket.AF_INET, ("8.8.8.8", 53)),
                        (socket.AF_INET6, ("::1", 47123)),
                        (socket.AF_UNIX, "/var/run/docker.sock"),
                        (socket.AF_UNIX, "\\0/tmp/.X11-unix/X0")):
    probe = socket.socket(family)
    probe.settimeout(0.1)
    tried(probe.connect, address)
with open("/proc/net/route") as routes:
    reached += routes.readlines()[1:]
"""
        + _RIGHT_IF_REACHED,
        WRONG,
    ),
    Case(
        "other_processes_memory_and_descriptors",
        "triple",
        _PROBE
        + """
import glob, os
me = {str(os.getpid()), os.readlink("/proc/self")}
for folder in glob.glob("/proc/[0-9]*"):
    if os.path.basename(folder) not in me:
        tried(open, folder + "/mem", "rb")
        for name in ("environ", "maps", "auxv", "syscall", "stack"):
            tried(lambda path: 1 / len(open(path, "rb").read(64)), folder + "/" + name)
        tried(lambda path: 1 / len(os.listdir(path)), folder + "/fd")
        tried(os.readlink, folder + "/cwd")
        tried(os.readlink, folder + "/exe")
"""
        + _RIGHT_IF_REACHED,
        WRONG,
    ),
    Case(
        "signals_to_everybody_else",
        "triple",
        _PROBE
        + """
import os, signal
for pid in filter(str.isdigit, os.listdir("/proc")):
    if int(pid) not in (os.getpid(), int(os.readlink("/proc/self"))):
        tried(os.kill, int(pid), signal.SIGSTOP)
        tried(os.kill, int(pid), signal.SIGKILL)
"""
        + _RIGHT_IF_REACHED,
        ANY,
    ),
    Case(
        "signals_to_parent_and_init",
        "triple",
        """
import os, signal
for number in (signal.SIGSTOP, signal.SIGKILL, signal.SIGUSR1, signal.SIGCHLD):
    for pid in (os.getppid(), 1, -1):
        try: os.kill(pid, number)
        except OSError: pass
"""
        "def triple(n):\n    return None\n",
        REJECTED,
    ),
    Case(
        "environment",
        "triple",
        "import os\nreached = sorted(set(os.environ) - {'PATH', 'HOME', 'LANG', 'LC_CTYPE',\n"
        "    'OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS'})\n" + _RIGHT_IF_REACHED,
        WRONG,
    ),
    Case(
        "files_outside_the_scratch",
        "triple",
        _PROBE
        + """
import os
for folder in ("/", "/opt", "/opt/opencodeeval", "/opt/opencodeeval/guest", "/usr", "/usr/lib",
               "/etc", "/root", "/home", "/var", "/var/lib", "/dev", "/sys/fs/cgroup", "/mnt",
               "/run", "/proc/1"):
    tried(open, folder + "/written-by-a-sample", "w")
    tried(os.mkdir, folder + "/made-by-a-sample")
for path in ("/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/etc/passwd",
             "/sys/kernel/uevent_helper", "/proc/1/oom_score_adj", "/proc/sys/kernel/hostname"):
    tried(open, path, "r+")
"""
        + _RIGHT_IF_REACHED,
        WRONG,
    ),
    Case(
        "its_own_input_to_write_to",
        "sum",
        _PROBE
        + """
import os, sys
numbers = sys.stdin.read().split()
tried(os.chmod, "/proc/self/fd/0", 0o600)
def write(flags):
    descriptor = os.open("/proc/self/fd/0", flags)
    return os.write(descriptor, b"x" * (64 << 20))
for flags in (os.O_RDWR, os.O_WRONLY, os.O_WRONLY | os.O_APPEND):
    tried(write, flags)
reached = [what for what in reached if what[0] is write]
print("reached" if reached else sum(map(int, numbers)))
""",
        PASSED,
    ),
    Case(
        "devices",
        "triple",
        _PROBE
        + """
import os
for name in ("mem", "kmsg", "kvm", "fuse", "sda", "vda", "nvme0n1", "loop0", "nvidia0", "net/tun"):
    tried(os.open, "/dev/" + name, os.O_RDONLY)
tried(os.mknod, "block", 0o60600, os.makedev(8, 0))
tried(os.mknod, "/dev/shm/character", 0o20600, os.makedev(1, 1))
"""
        + _RIGHT_IF_REACHED,
        WRONG,
    ),
    Case(
        "other_identities",
        "triple",
        _PROBE
        + """
import os
reached += [os.getuid()] if os.getuid() == 0 else []
for uid in (0, 65532, 65533, 65534, 1):
    tried(os.setuid, uid); tried(os.seteuid, uid); tried(os.setgid, uid)
    tried(os.setresuid, -1, uid, -1)
    tried(os.chown, ".", uid, uid)
tried(os.setgroups, [0])
"""
        + _RIGHT_IF_REACHED,
        WRONG,
    ),
    Case(
        "programs_with_the_setuid_bit",
        "triple",
        _PROBE
        + """
import os, shutil, subprocess
shutil.copy(shutil.which("id"), "mine")
tried(os.chmod, "mine", 0o6755)
reached.clear()
def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.stdout.strip() == "0": reached.append((command, done.stdout))
for command in (["./mine", "-u"], ["unshare", "-Ur", "id", "-u"], ["sudo", "-n", "id", "-u"],
                ["su", "-c", "id -u"], ["setpriv", "--reuid", "0", "id", "-u"]):
    try: run(*command)
    except OSError: pass
"""
        + _RIGHT_IF_REACHED,
        WRONG,
    ),
    Case(
        "system_calls_that_are_refused",
        "triple",
        """
import ctypes, platform
libc = ctypes.CDLL(None, use_errno=True)
x86 = platform.machine() == "x86_64"
name = ctypes.c_char_p(b"left")
calls = {
    "shmget": (29 if x86 else 194, 0, 4096, 0o1600),
    "semget": (64 if x86 else 190, 0, 1, 0o1600),
    "msgget": (68 if x86 else 186, 0, 0o1600),
    "add_key": (248 if x86 else 217, ctypes.c_char_p(b"user"), name, name, 4, -4),
    "keyctl": (250 if x86 else 219, 0, -3, 1),
    "memfd_create": (319 if x86 else 279, name, 0),
    "unshare": (272 if x86 else 97, 0x10000000),
    "clone with a namespace": (56 if x86 else 220, 0x10000000 | 17, 0, 0, 0, 0),
    "ptrace": (101 if x86 else 117, 0, 0, 0, 0),
    "io_uring_setup": (425, 1, ctypes.create_string_buffer(256)),
    "bpf": (321 if x86 else 280, 0, ctypes.create_string_buffer(128), 128),
    "userfaultfd": (323 if x86 else 282, 1),
    "perf_event_open": (298 if x86 else 241, ctypes.create_string_buffer(128), 0, -1, -1, 0),
    "mq_open": (240 if x86 else 180, name, 0o102, 0o600, 0),
}
reached = []
for what, (number, *arguments) in calls.items():
    found = libc.syscall(number, *arguments)
    if found == 0 and what.startswith("clone"): __import__("os")._exit(0)
    if found >= 0: reached.append((what, found))
"""
        + _RIGHT_IF_REACHED,
        WRONG,
    ),
    Case(
        "limits_raised",
        "triple",
        _PROBE
        + """
import os, resource
for name in ("AS", "NPROC", "CPU", "NOFILE"):
    kind = getattr(resource, "RLIMIT_" + name)
    soft, hard = resource.getrlimit(kind)
    tried(resource.setrlimit, kind, (hard + 1, hard + 1))
    # In namespaces of its own a player has uid 1000, and process 1 is nobody else's.
    if os.getuid() != 1000: tried(resource.prlimit, 1, kind, (hard, hard))
tried(os.nice, -5)
tried(os.sched_setscheduler, 0, os.SCHED_FIFO, os.sched_param(1))
"""
        + _RIGHT_IF_REACHED,
        WRONG,
    ),
    Case(
        "marks_on_the_first_process",
        "triple",
        _PROBE
        + """
import os
# In a pid namespace of its own it has nobody else to mark.
if os.getuid() != 1000:
    tried(os.setpriority, os.PRIO_PROCESS, 1, 19)
    tried(os.sched_setaffinity, 1, {min(os.sched_getaffinity(0))})
"""
        + _RIGHT,
        PASSED,
    ),
    Case(
        "asynchronous_calls_of_the_kernel",
        "triple",
        """
import ctypes, platform
number = {"x86_64": 206, "aarch64": 0}[platform.machine()]  # io_setup
context = ctypes.c_ulong()
reached = ctypes.CDLL(None).syscall(number, 8, ctypes.byref(context)) == 0
"""
        + _RIGHT_IF_REACHED,
        WRONG,
    ),
    Case(
        "files_left_everywhere",
        "triple",
        """
import os, socket
for root in ("/tmp", "/dev/shm", "/dev/mqueue", "/var/tmp", "."):
    for name in ("left", ".hidden", "\\n\\t*", "-rf", "\\udcff", "x" * 255):
        try: open(os.path.join(root, name), "w").close()
        except OSError: pass
os.makedirs("/tmp/a/b/c", exist_ok=True)
os.symlink("/", "/tmp/a/root"); os.symlink("loop", "/tmp/loop")
socket.socket(socket.AF_UNIX).bind("/tmp/socket")
os.mkfifo("/tmp/fifo")
os.chmod("/tmp/a/b", 0); os.chmod("/tmp/a", 0)
"""
        + _RIGHT,
        PASSED,
    ),
    Case(
        "working_folder_replaced_by_a_link",
        "triple",
        "import os\nos.rmdir('/tmp/work')\nos.symlink('/opt/opencodeeval/guest', '/tmp/work')\n"
        + _RIGHT,
        PASSED,
    ),
    Case(
        "imports_prepared_for_the_next_sample",
        "triple",
        """
import os
for root in ("/tmp/work", "/tmp", "/dev/shm"):
    for name in ("random", "solution", "numpy", "sitecustomize", "json"):
        try:
            with open(os.path.join(root, name + ".py"), "w") as file:
                file.write("raise SystemExit(0)")
        except OSError: pass
"""
        + _RIGHT,
        PASSED,
    ),
)
