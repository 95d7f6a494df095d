"""The supervisor's zygotes: one for each set of modules that players find imported."""

from __future__ import annotations

import os
import socket
import time
from typing import Any, Dict, List

from . import wire, zygote
from .cages import Cage

START_S = 20.0
WARM_S = 300.0  # longer than any host waits for a jail to start


class Zygotes:
    """The sockets to the zygotes, by what they are for, and their pids.

    `private` are descriptors of the supervisor that no zygote may have.
    """

    def __init__(self, cage: Cage, config: Dict[str, Any], private: List[int]) -> None:
        self.cage, self.private = cage, private
        self.sockets: Dict[str, socket.socket] = {}
        self.pids: List[int] = []
        self.not_warm: List[str] = []
        zygote.warm_up(zygote.WARM)
        self.sockets["plain"] = self._start(config)
        zygote.warm_up(zygote.NUMPY)  # for judges, and a zygote that need not import it again
        if not config.get("warm"):
            self.sockets["numpy"] = self._start({**config, "warm": []})

    def _start(self, config: Dict[str, Any]) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        pid = os.fork()
        if pid == 0:
            for sock in (ours, *self.sockets.values()):
                sock.close()
            for fd in self.private:
                os.close(fd)
            try:
                zygote.serve(theirs, self.cage, config)
            finally:
                os._exit(70)
        theirs.close()
        self.pids.append(pid)
        try:
            told, _ = wire.receive_with_fds(ours, time.monotonic() + WARM_S)
        except wire.Closed:
            raise SystemExit("the zygote died before it was warm") from None
        if "trouble" in told:
            raise SystemExit(told["trouble"])
        self.not_warm += told["missing"]
        return ours

    def for_mode(self, mode: str, needs: str) -> socket.socket:
        """The zygote for the next player: one that has imported what it needs."""
        kind = "unittest" if mode == "unittest" else needs
        if kind not in self.sockets:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            first = self.sockets.get("numpy", self.sockets["plain"])
            wire.send_with_fds(first, {"op": "split", "for": kind}, [theirs.fileno()])
            theirs.close()
            told: Dict[str, Any] = {}
            while "pid" not in told:
                told, _ = wire.receive_with_fds(first, time.monotonic() + START_S)
            self.pids.append(told["pid"])
            self.sockets[kind] = ours
        return self.sockets[kind]
