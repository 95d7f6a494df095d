"""How long a player has had the processor, as against how long it has been waited for.

A time limit is for a program that has the processor. The time for which a program's only
thread at work had to wait for one is given back to it: while judges wait for it, `now`
stands still for as long. What may not be given back (several threads wait for each
other, or it is too much) is told as "starved", and the host tries the program again
where it has processors to itself.
"""

from __future__ import annotations

import contextlib
import math
import os
import time
from typing import Dict, List, Optional, Tuple

# A player that answers sooner is not asked whether it got the processor: asking takes longer.
QUICK_S = 0.02
# Given back for one sample at most: the supervisor waits for the judge no longer.
MOST_GIVEN_S = 10.0
# Threads that ran or waited for less of the time are not at work.
IDLE = 0.05
UNNOTICED = 0.1  # the share of waiting that a limit has room for
_NOT_READ, _NOT_KNOWN = -2.0, -1.0
_given = 0.0  # seconds, of this judge's present sample


def now() -> float:
    """Monotonic seconds, less those given back to the players of this sample."""
    return time.monotonic() - _given


def begin_sample() -> None:
    """Nothing has been given back yet. Deadlines of an earlier sample have no meaning then."""
    global _given
    _given = 0.0


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
        self.start, self.waited, self.given = time.monotonic(), _NOT_READ, 0.0
        self.others: Dict[str, Tuple[float, float]] = {}

    def early(self) -> float:
        """Seconds until this stretch is worth a look, which it then gets; afterwards endless."""
        if self.waited != _NOT_READ:
            return math.inf
        left = self.start + QUICK_S - time.monotonic()
        if left > 0:
            return left
        self.start, self.waited = time.monotonic(), self._waited()
        self.others = _threads(self.pid)
        return math.inf

    def _waited(self) -> float:
        try:
            if self.fd is None:
                self.fd = os.open(f"/proc/{self.pid}/schedstat", os.O_RDONLY)
            return _ran_and_waited(os.pread(self.fd, 256, 0))[1]
        except (OSError, IndexError, ValueError):
            return _NOT_KNOWN

    def give_back(self) -> bool:
        """Put the end of this stretch off by what the program has waited; False if it stays."""
        global _given
        if self.waited < 0 or self._waited() < 0:
            return False
        wall = time.monotonic() - self.start
        at_work = [
            waited for ran, waited in self._since_start().values() if ran + waited > IDLE * wall
        ]
        owed = at_work[0] - self.given if len(at_work) == 1 else 0.0
        if owed <= UNNOTICED * wall or _given + owed > MOST_GIVEN_S:
            return False
        self.given += owed
        _given += owed
        return True

    def _since_start(self) -> Dict[str, Tuple[float, float]]:
        """How long each thread that there is has run and has waited in this stretch."""
        found = {}
        for task, (ran, waited) in _threads(self.pid).items():
            was_ran, was_waited = self.others.get(task, (0.0, 0.0))
            found[task] = ran - was_ran, waited - was_waited
        return found

    def starved(self) -> bool:
        """More than a tenth of the stretch was spent runnable but not running, by any thread.

        What has been given back does not count.
        """
        wall, waited = time.monotonic() - self.start, self._waited()
        if waited < 0 <= self.waited:
            return False  # it has left whatever it had started: nobody waits for a processor
        if self.waited < 0:
            return True  # not known here: let the host confirm it
        most = max([waited - self.waited, *(each for _, each in self._since_start().values())])
        return most - self.given > UNNOTICED * wall

    def close(self) -> None:
        """Let go of what was opened."""
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None


def _ran_and_waited(schedstat: bytes) -> Tuple[float, float]:
    ran, waited = schedstat.split()[:2]
    return int(ran) / 1e9, int(waited) / 1e9


def _threads(pid: int) -> Dict[str, Tuple[float, float]]:
    """How long each thread of a program has run, and has waited for a processor."""
    found = {}
    for each in _family(pid):
        tasks: List[str] = []
        with contextlib.suppress(OSError):  # it has just ended
            tasks = os.listdir(f"/proc/{each}/task")
        for task in tasks:
            with contextlib.suppress(OSError, IndexError, ValueError):
                found[task] = _ran_and_waited(_content(f"/proc/{each}/task/{task}/schedstat"))
    return found


def _family(pid: int) -> List[int]:
    """A process, its descendants, and what has the uid that it has for itself.

    Those that another process has taken over are among the latter; players without
    a uid of their own have a pid namespace whose first process takes them over.
    """
    children: Dict[int, List[int]] = {}
    owners: Dict[int, int] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError, IndexError, ValueError):
            parent = int(_content(f"/proc/{name}/stat").rpartition(b")")[2].split()[1])
            children.setdefault(parent, []).append(int(name))
            owners[int(name)] = os.stat(f"/proc/{name}").st_uid
    found = [pid]
    for each in found:  # which grows meanwhile
        found += children.pop(each, ())
    own = owners.get(pid)
    if own != os.getuid():
        found += [each for each, owner in owners.items() if owner == own and each not in found]
    return found


def _content(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()
