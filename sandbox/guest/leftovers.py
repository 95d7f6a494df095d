"""What programs leave where no process of theirs is: looked for between two samples."""

from __future__ import annotations

import contextlib
import os
import re
import socket
import time
from typing import List, Sequence, Tuple

from .scratch import writable_roots

HELD_S = 0.5  # for the kernel to free what no process holds any more
TCP_LISTS = ("/proc/net/tcp", "/proc/net/tcp6")
TCP_COUNTS = ("/proc/net/sockstat", "/proc/net/sockstat6")
_COUNTED = re.compile(rb"^TCP6?: inuse (?:[1-9].*|0 .*\btw [1-9])", re.MULTILINE)
SYSV_LISTS = ("/proc/sysvipc/shm", "/proc/sysvipc/sem", "/proc/sysvipc/msg")


class Leftovers:
    """System V objects, TCP connections, and room in the scratch folders that is not free."""

    def __init__(self) -> None:
        self.system_v, self.ports, self.space = _SystemV(), _Ports(), _Space()
        self.fds = self.system_v.fds + self.ports.fds

    def none_left(self, deadline: float) -> bool:
        """Whether there are none, at the latest when the kernel has had time to free them."""
        deadline = min(deadline, time.monotonic() + HELD_S)
        while not self._none_now():
            if time.monotonic() > deadline:
                return False
            _collect_sockets()
            time.sleep(0.001)
        return True

    def _none_now(self) -> bool:
        return self.system_v.none_left() and self.ports.none_left() and self.space.all_free()


class _SystemV:
    """The System V objects of this jail: only those of players, for the guest has none.

    The lists stay open, for opening them takes longer than reading them.
    """

    def __init__(self) -> None:
        self.fds = [os.open(path, os.O_RDONLY) for path in SYSV_LISTS if os.path.exists(path)]

    def none_left(self) -> bool:
        """Whether every list has its heading only."""
        return all(os.pread(fd, 4096, 0).count(b"\n") <= 1 for fd in self.fds)


class _Ports:
    """The TCP connections of this jail: closed ones keep their ports for a minute (TIME_WAIT).

    A later program would find the port taken, and so could be told something. Reading the
    lists takes the kernel a millisecond, so they are read only where its counts, where it
    keeps any, are not 0. All of these stay open, for opening them takes time too.
    """

    def __init__(self) -> None:
        self.lists, self.counts = _opened(TCP_LISTS), _opened(TCP_COUNTS)
        self.fds = self.lists + self.counts
        with socket.socket() as seen:
            seen.listen()
            if not self._counted():  # this kernel's counts say nothing
                self.counts = []

    def none_left(self) -> bool:
        """Whether there is none."""
        if self.counts and not self._counted():
            return True
        return all(os.pread(fd, 4096, 0).count(b"\n") <= 1 for fd in self.lists)

    def _counted(self) -> bool:
        """Whether the kernel counts any connection of this jail, closed ones too."""
        return any(_COUNTED.search(os.pread(fd, 4096, 0)) for fd in self.counts)


def _opened(paths: Sequence[str]) -> List[int]:
    """Descriptors of those files that are there."""
    found = []
    for path in paths:
        with contextlib.suppress(OSError):
            found.append(os.open(path, os.O_RDONLY))
    return found


class _Space:
    """Room in the scratch folders: a deleted file may be held by what outlives its process.

    The first look, before any program, is what later ones are held against. Only for
    folders in memory: on a disk others take room too.
    """

    def __init__(self) -> None:
        with open("/proc/self/mounts") as file:
            mounts = [line.split() for line in file]
        in_memory = {where for _, where, kind, *_ in mounts if kind == "tmpfs"}
        self.roots = [root for root in writable_roots() if root in in_memory]
        self.free: List[Tuple[int, int]] = []

    def all_free(self) -> bool:
        """Whether there are as many bytes and inodes as at first."""
        now = [(found.f_bfree, found.f_ffree) for found in map(os.statvfs, self.roots)]
        self.free = self.free or now
        return all(b >= was_b and i >= was_i for (b, i), (was_b, was_i) in zip(now, self.free))


def _collect_sockets() -> None:
    """Have the kernel free sockets that were sent through themselves, and what they hold.

    They have no process any more; the kernel looks for such when a socket is closed.
    """
    for each in socket.socketpair():
        each.close()


class MemoryKills:
    """How often the kernel has killed for memory in this jail; 0 where it does not tell.

    The file stays open, for opening it takes longer than reading it.
    """

    def __init__(self) -> None:
        self.fds = _opened(
            ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control")
        )
        self.seen = self._count()

    def more(self) -> bool:
        """Whether there were any since the last look."""
        before, self.seen = self.seen, self._count()
        return self.seen > before

    def _count(self) -> int:
        for fd in self.fds:
            try:
                words = os.pread(fd, 4096, 0).split()
                return int(words[words.index(b"oom_kill") + 1])
            except (OSError, ValueError, IndexError):
                continue
        return 0
