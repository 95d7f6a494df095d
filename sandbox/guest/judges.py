"""The supervisor's judges: one that serves tasks of data only, and one for each other task."""

from __future__ import annotations

import contextlib
import os
import socket
from collections import OrderedDict
from typing import Any, Callable, Dict, List

from .cages import Cage


class Judge:
    """A judge process and the two sockets to it; `common` if it may go on to other tasks.

    One that its task has made large (`grown`) does not.
    """

    def __init__(self, pid: int, jobs: socket.socket, control: socket.socket, common: bool) -> None:
        self.pid, self.jobs, self.control, self.common = pid, jobs, control, common
        self.grown = False


class Judges:
    """The judges by the key of the task that each holds, the one used last at the end.

    `main` is what a judge runs; `close_ours` closes what none may have of the supervisor.
    """

    def __init__(
        self,
        main: Callable[[int, socket.socket, Cage, int], None],
        cage: Cage,
        config: Dict[str, Any],
        close_ours: Callable[[], None],
    ) -> None:
        self.main, self.cage, self.config, self.close_ours = main, cage, config, close_ours
        self.held: "OrderedDict[str, Judge]" = OrderedDict()

    def used(self, key: str) -> Judge:
        """The judge that holds a task, which is used now."""
        self.held.move_to_end(key)
        return self.held[key]

    def pids(self) -> List[int]:
        """Their processes."""
        return [each.pid for each in self.held.values()]

    def for_task(self, key: str, is_data: bool) -> Judge:
        """The judge that will hold a task: the common one's only task, or a judge's own."""
        common = next((held for held, judge in self.held.items() if judge.common), None)
        if common is not None and self.held[common].grown:
            self.drop(common)
            common = None
        if is_data and common is not None:
            found = self.held.pop(common)
        else:
            while len(self.held) >= int(self.config["judges"]):
                self.drop(next(iter(self.held)))
            found = self._start(is_data)
        self.held[key] = found
        return found

    def _start(self, common: bool) -> Judge:
        jobs, their_jobs = socket.socketpair()
        control, their_control = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        pid = os.fork()
        if pid == 0:
            try:
                os.setpgid(0, 0)
                for other in self.held.values():
                    other.jobs.close()
                    other.control.close()
                jobs.close()
                control.close()
                self.close_ours()
                memory = int(self.config["judge_memory_mb"])
                self.main(their_jobs.fileno(), their_control, self.cage, memory)
            finally:
                os._exit(70)
        os.setpgid(pid, pid)  # whichever of the two comes first
        their_jobs.close()
        their_control.close()
        return Judge(pid, jobs, control, common)

    def drop(self, key: str) -> None:
        """End a judge, and the forks of it that are at work for it."""
        found = self.held.pop(key)
        os.killpg(found.pid, 9)
        with contextlib.suppress(ChildProcessError):
            while True:
                os.waitpid(-found.pid, 0)
        found.jobs.close()
        found.control.close()
