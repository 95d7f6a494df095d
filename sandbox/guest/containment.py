"""Limits, privileges and networks: what every kind of cage is made of."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import resource
import signal
import socket
import struct
import sys
from typing import Any, Collection, Dict, Iterator, List, Set, Tuple

TIME_WAIT_LIMIT = "/proc/sys/net/ipv4/tcp_max_tw_buckets"

# Some runtimes (gVisor) refuse to change these; `missing_limits` tells the host.
SPARE_LIMITS = {
    resource.RLIMIT_STACK: "RLIMIT_STACK",
    resource.RLIMIT_CORE: "RLIMIT_CORE",
    resource.RLIMIT_NPROC: "RLIMIT_NPROC",
    resource.RLIMIT_MSGQUEUE: "RLIMIT_MSGQUEUE",
}

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 4, 36, 38
CAP_CHOWN, CAP_SYS_ADMIN = 0, 21
_MS_REMOUNT, _MS_KEPT = 32, 2 | 4 | 8  # no set-user-id, no devices, no execution
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1
_M_ARENA_MAX = -8
_libc = ctypes.CDLL(None, use_errno=True)


def prctl(option: int, value: int) -> None:
    """prctl(2); failure is ignored, for each use has another guard behind it."""
    _libc.prctl(option, value, 0, 0, 0)


def keep_no_ports() -> bool:
    """Let closed TCP connections go at once, in this jail's network; whether that is so.

    They would keep their ports for a minute, beyond their program. Not every jail may set
    this; where it cannot, leftovers.py sees what is left.
    """
    with contextlib.suppress(OSError), open(TIME_WAIT_LIMIT, "w") as file:
        file.write("0")
    try:
        with open(TIME_WAIT_LIMIT) as file:
            return file.read().strip() == "0"
    except OSError:
        return False


def enter_own_network() -> None:
    """Have a network of this process's own, in a user namespace with all rights there.

    Raises:
        OSError: the kernel refuses it.
    """
    ids = os.getuid(), os.getgid()
    if _libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "unshare: " + os.strerror(ctypes.get_errno()))
    map_ids(*((own, own) for own in ids))
    with socket.socket() as asked:
        interface = struct.pack("16sH22x", b"lo", 0)
        flags = struct.unpack("16xH22x", fcntl.ioctl(asked, _SIOCGIFFLAGS, interface))[0]
        if not flags & _IFF_UP:
            fcntl.ioctl(asked, _SIOCSIFFLAGS, struct.pack("16sH22x", b"lo", flags | _IFF_UP))


def map_ids(uids: Tuple[int, int], gids: Tuple[int, int]) -> None:
    """Name the one user and group of a new user namespace: the ids inside and outside."""
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", "%d %d 1" % uids),
        ("gid_map", "%d %d 1" % gids),
    ):
        try:
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)
        except OSError:
            if name != "setgroups":  # which gVisor has not
                raise


def limit_inodes(folder: str, inodes: int) -> None:
    """Let a file system in memory have so many files, where this process may say so.

    Raises:
        OSError: it may not.
    """
    flags = _MS_REMOUNT | os.statvfs(folder).f_flag & _MS_KEPT
    if _libc.mount(b"none", folder.encode(), b"tmpfs", flags, b"nr_inodes=%d" % inodes):
        raise OSError(ctypes.get_errno(), "mount: " + os.strerror(ctypes.get_errno()))


def few_heaps() -> None:
    """Let all threads of this process and its forks share two heaps of the C library.

    It reserves 64 MiB of address space for each further one, which a player's limit counts.
    """
    with contextlib.suppress(AttributeError):  # of a C library that has no heaps
        _libc.mallopt(_M_ARENA_MAX, 2)


def usual_signals() -> None:
    """Handle signals as a new interpreter does, whatever the one who started this ignores.

    A harness that runs in the background of a shell ignores some, and a program would inherit
    that.
    """
    ignored = {signal.SIGPIPE, signal.SIGXFSZ}
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN if number in ignored else signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def flush_libc() -> None:
    """Write what C libraries have printed and not written yet."""
    _libc.fflush(None)


def become_subreaper() -> None:
    """Orphans of players become children of this process."""
    prctl(PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent() -> None:
    """End this process when the one that started it ends.

    The kernel forgets this whenever the effective uid changes.
    """
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def harden_self() -> None:
    """No process of the same uid may attach to this one or read its memory."""
    prctl(PR_SET_DUMPABLE, 0)
    prctl(PR_SET_NO_NEW_PRIVS, 1)


def limit_player(limits: Dict[str, int]) -> None:
    """Apply rlimits: memory_mb per process, pids per uid, cpu_s as a backstop.

    A `memory_mb` of 0 is none, for what reserves address space that it never uses;
    `stack_mb` is what a stack may have without being raised. `digits` is how long the integers
    may be that Python reads and prints; 0 leaves its own limit of 4,300.

    Raises:
        OSError, ValueError: the kernel refuses one that nothing stands in for.
    """
    set_digits = getattr(sys, "set_int_max_str_digits", None)  # from Python 3.8.14 on
    if limits.get("digits") and set_digits is not None:
        set_digits(limits["digits"])
    memory = limits["memory_mb"] << 20 or resource.RLIM_INFINITY
    # Stacks grow towards RLIMIT_STACK; deep recursion needs more than the usual 8 MiB.
    stack = limits.get("stack_mb", 64) << 20
    wanted = {
        resource.RLIMIT_AS: memory,
        resource.RLIMIT_STACK: _least(memory, stack),
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NPROC: limits["pids"],
        resource.RLIMIT_NOFILE: 1024,
        resource.RLIMIT_CPU: limits["cpu_s"],
        resource.RLIMIT_MSGQUEUE: 0,
    }
    for kind, value in wanted.items():
        _, hard = resource.getrlimit(kind)
        value = _least(value, hard)
        # Contest programs raise their stack, whose pages count as memory anyway.
        most = hard if kind == resource.RLIMIT_STACK else value
        try:
            resource.setrlimit(kind, (value, most))
        except (OSError, ValueError):
            if kind not in SPARE_LIMITS:
                raise


def _least(*limits: int) -> int:
    """The lowest of some limits; one that is infinite is above all others."""
    finite = [limit for limit in limits if limit != resource.RLIM_INFINITY]
    return min(finite) if finite else resource.RLIM_INFINITY


def missing_limits() -> List[str]:
    """Names of the limits that this kernel or runtime does not let us set, tried in a child."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        names = []
        for kind, name in SPARE_LIMITS.items():
            try:
                resource.setrlimit(kind, (0, 0))
            except (OSError, ValueError):
                names.append(name)
        os.write(write, " ".join(names).encode())
        os._exit(0)
    os.close(write)
    names = os.read(read, 4096).decode().split()
    os.close(read)
    os.waitpid(pid, 0)
    return names


def become(uid: int) -> None:
    """Become `uid` for good: no groups, no way back, and with root go all capabilities."""
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)


def drop_capabilities() -> None:
    """Empty the effective, permitted and inheritable sets; gain none by exec."""
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    if _libc.capset(header, (ctypes.c_uint32 * 6)()):
        raise OSError(ctypes.get_errno(), "capset")
    prctl(PR_SET_NO_NEW_PRIVS, 1)


def clear_inheritable() -> None:
    """Hand no capability on, not even through a program that would accept one."""
    header, sets = _capabilities()
    sets[2] = sets[5] = 0
    _libc.capset(header, sets)


def give_up(capability: int) -> None:
    """Be without a capability from here on.

    Raises:
        OSError: it cannot be given up.
    """
    header, sets = _capabilities()
    for i in range(3):  # effective, permitted and inheritable
        sets[i] &= ~(1 << capability)
    if _libc.capset(header, sets):
        raise OSError(ctypes.get_errno(), "capset")


def _capabilities() -> "Tuple[Any, Any]":
    """The header that capset(2) takes, and this process's sets in 32-bit words."""
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    sets = (ctypes.c_uint32 * 6)()
    _libc.capget(header, sets)
    return header, sets


def become_visible() -> None:
    """Let this process use its own /proc/self, which changing uid took away."""
    prctl(PR_SET_DUMPABLE, 1)


def make_first_victim() -> None:
    """Let the kernel choose this process and its children when memory runs out.

    A process may take this back, and is then an equal of the guest's own, which are
    smaller than any program that needs so much.
    """
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")
    except OSError:
        pass


def resident(known: Collection[int]) -> int:
    """Bytes of memory that all processes of this jail but the known ones have for themselves.

    Files that they map or have written are not among them.
    """
    pages = 0
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) not in known:
            with contextlib.suppress(OSError, ValueError, IndexError):
                with open(f"/proc/{name}/statm", "rb") as file:
                    _, total, shared = file.read().split()[:3]
                pages += int(total) - int(shared)
    return pages * resource.getpagesize()


def processes(known: Collection[int] = ()) -> Iterator[Tuple[int, int, Set[int]]]:
    """Pid, parent and uids of every process (zombies too) of this jail but the known ones."""
    for name in os.listdir("/proc"):
        if name.isdigit() and int(name) not in known:
            try:
                with open(f"/proc/{name}/status", "rb") as file:
                    status = file.read()
            except OSError:
                continue
            parent = int(status.partition(b"\nPPid:")[2].split(b"\n", 1)[0])
            # Real, effective, saved and filesystem uid: any of them marks a player.
            uids = status.partition(b"\nUid:")[2].split(b"\n", 1)[0].split()
            yield int(name), parent, set(map(int, uids))
