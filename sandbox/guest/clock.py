"""Whether a player was short of processor time when its time was up."""

from __future__ import annotations

import contextlib
import math
import os
import time
from typing import Dict, List, Optional

# A player that answers sooner is not asked whether it got the processor: asking takes longer.
QUICK_S = 0.02
_NOT_READ, _NOT_KNOWN = -2.0, -1.0


class Clock:
    """Whether a program got the processor that it asked for.

    Asked of its first process; when its time is up, also of its threads and its children.
    """

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.fd: Optional[int] = None
        self.since()

    def since(self) -> None:
        """Start of the stretch that `starved` judges."""
        self.start, self.waited = time.monotonic(), _NOT_READ
        self.others: Dict[str, float] = {}

    def early(self) -> float:
        """Seconds until this stretch is worth a look, which it then gets; afterwards endless."""
        if self.waited != _NOT_READ:
            return math.inf
        left = self.start + QUICK_S - time.monotonic()
        if left > 0:
            return left
        self.start, self.waited = time.monotonic(), self._waited()
        self.others = _waits(self.pid)
        return math.inf

    def _waited(self) -> float:
        try:
            if self.fd is None:
                self.fd = os.open(f"/proc/{self.pid}/schedstat", os.O_RDONLY)
            return _seconds_waited(os.pread(self.fd, 256, 0))
        except (OSError, IndexError, ValueError):
            return _NOT_KNOWN

    def starved(self) -> bool:
        """More than a tenth of the stretch was spent runnable but not running, by any thread."""
        wall, waited = time.monotonic() - self.start, self._waited()
        if waited < 0 <= self.waited:
            return False  # it has left whatever it had started: nobody waits for a processor
        if self.waited < 0:
            return True  # not known here: let the host confirm it
        if waited - self.waited > 0.1 * wall:
            return True
        now = _waits(self.pid)
        return any(each - self.others.get(task, 0.0) > 0.1 * wall for task, each in now.items())

    def close(self) -> None:
        """Let go of what was opened."""
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None


def _seconds_waited(schedstat: bytes) -> float:
    return int(schedstat.split()[1]) / 1e9


def _waits(pid: int) -> Dict[str, float]:
    """How long each thread of a process and of its descendants has waited for a processor."""
    found = {}
    for each in _family(pid):
        tasks: List[str] = []
        with contextlib.suppress(OSError):  # it has just ended
            tasks = os.listdir(f"/proc/{each}/task")
        for task in tasks:
            with contextlib.suppress(OSError, IndexError, ValueError):
                found[task] = _seconds_waited(_content(f"/proc/{each}/task/{task}/schedstat"))
    return found


def _family(pid: int) -> List[int]:
    """A process and its descendants; not those that another process has taken over."""
    children: Dict[int, List[int]] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError, IndexError, ValueError):
            parent = int(_content(f"/proc/{name}/stat").rpartition(b")")[2].split()[1])
            children.setdefault(parent, []).append(int(name))
    found = [pid]
    for each in found:  # which grows meanwhile
        found += children.pop(each, ())
    return found


def _content(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()
