"""Priorities and processors of the guest's processes, which not every kernel protects.

Linux lets a process change those of its own uid's processes only. gVisor asks nobody, so a
player could leave a mark there that players after it see, and inherit.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Collection, Set, Tuple


class Scheduling:
    """What the guest's processes had at first, and must have again after each player."""

    def __init__(self, uid: int) -> None:
        self.first = _of(0)
        self.unprotected = self._may_be_changed_by(uid)

    def _may_be_changed_by(self, uid: int) -> bool:
        """Whether a process of this uid may set this one's priority, tried in a child."""
        pid = os.fork()
        if pid == 0:
            code = 1
            with suppress(OSError):
                os.setresuid(uid, uid, uid)
                os.setpriority(os.PRIO_PROCESS, os.getppid(), self.first[0])
                code = 0
            os._exit(code)
        return os.waitpid(pid, 0)[1] == 0

    def set_back(self, pids: Collection[int]) -> bool:
        """Undo what a player has changed of these processes; whether they are as at first."""
        if not self.unprotected:
            return True
        with suppress(OSError):
            for pid in pids:
                if _of(pid) != self.first:
                    priority, processors = self.first
                    os.setpriority(os.PRIO_PROCESS, pid, priority)
                    os.sched_setaffinity(pid, processors)
            return all(_of(pid) == self.first for pid in pids)
        return False


def _of(pid: int) -> Tuple[int, Set[int]]:
    return os.getpriority(os.PRIO_PROCESS, pid), os.sched_getaffinity(pid)
