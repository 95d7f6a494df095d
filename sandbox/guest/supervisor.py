"""The supervisor: process 1 of the jail, the only one the host talks to.

It starts the zygote before anything else, keeps one judge for each task in
use, gives judges their players, and ends every player with all that it
started. Host frames: a first {"config"}, answered by {"hello"}; then one
{"task": key, "spec"?, "known"?, "program"} at a time, answered by {"suites"},
{"need": key} (send the spec along) or {"fault"}. End of input ends the jail.

A task that is data only (what its reference returns is known) goes to a judge
that serves one such task after another; any other has a judge of its own.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import resource
import select
import shutil
import socket
import sys
import time
from typing import Any, Dict, List, Optional, Set, Tuple

from . import cages, containment, leftovers, scratch, seccomp, warm_compilers, wire
from .judges import Judge, Judges
from .zygotes import START_S, Zygotes

CLEAN_S = 5.0
PREPARE_S = 300.0
MAX_PLAYER_FDS = 1024
LOOK_S = 0.05  # how often the memory of a player is looked at where no kernel limit fits it


def main() -> None:
    """Run until the host closes the channel."""
    host_in, host_out = _private_channel()
    try:
        config = wire.receive(host_in)["config"]
        supervisor = _Supervisor(config, host_in, host_out)
        wire.send(host_out, {"hello": supervisor.hello()})
        while True:
            wire.send(host_out, supervisor.serve(wire.receive(host_in)))
    except wire.Closed:
        os._exit(0)


def _private_channel() -> "tuple[int, int]":
    """Move the host's channel off fds 0 and 1, where nothing else can meet it."""
    host_in, host_out = os.dup(0), os.dup(1)
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    os.close(null)
    return host_in, host_out


class _CannotStart(Exception):
    """A player could not be locked in: a fault of the jail, not of the program."""


class _Supervisor:
    def __init__(self, config: Dict[str, Any], host_in: int, host_out: int) -> None:
        self.config, self.private = config, [host_in, host_out]
        self.host_in = host_in
        self.clean = True
        # Whether a player's files stay for the next one, and the memory that it may have.
        self.kept, self.may_have, self.over = False, 0, False
        self.cage = cages.cage_for(config)
        self.player: Optional[int] = None
        self.ended: Dict[int, Dict[str, Any]] = {}
        resource.setrlimit(resource.RLIMIT_NOFILE, (MAX_PLAYER_FDS, MAX_PLAYER_FDS))
        containment.become_subreaper()
        containment.harden_self()
        self.zygotes = Zygotes(self.cage, config, self.private)
        self.forker, self.needs = self.zygotes.sockets["plain"], "plain"
        # After the zygote, so that no player has it; before any judge, which may not read files.
        self.memory_kills, self.leftovers = leftovers.MemoryKills(), leftovers.Leftovers()
        self.private += self.memory_kills.fds + self.leftovers.fds
        warm_compilers.use(config.get("warm_compilers", ""))
        from . import judge

        self.is_data = judge.is_data
        self.judges = Judges(judge.main, self.cage, config, self._close_ours)
        if not self._clean_scratch(time.monotonic() + CLEAN_S):
            raise SystemExit("the scratch folders are not empty and writable")

    def hello(self) -> Dict[str, Any]:
        """What the host records of this jail."""
        return {
            "python": sys.version.split()[0],
            "numpy": getattr(sys.modules.get("numpy"), "__version__", None),
            "seccomp": seccomp.works(),
            "missing_limits": [*containment.missing_limits(), *self.cage.missing()],
            "not_warm": self.zygotes.not_warm,
            "lacking": self._lacking(),
            "inodes_limited": self.cage.inodes_limited,
            "warm_compilers": warm_compilers.in_use(),
        }

    def _lacking(self) -> Dict[str, List[str]]:
        """What this jail has not of the toolchains that it should have, by language."""
        wanted: Dict[str, List[str]] = self.config.get("toolchains", {})
        found = {
            language: [each for each in names if not (shutil.which(each) or os.path.isfile(each))]
            for language, names in wanted.items()
        }
        return {language: names for language, names in found.items() if names}

    def serve(self, job: Dict[str, Any]) -> Dict[str, Any]:
        """One sample, from program to suites."""
        key = str(job["task"])
        learned: Dict[str, Any] = {}
        if key not in self.judges.held:
            if "spec" not in job:
                return {"need": key}
            learned = self._prepare(key, job)
            if "fault" in learned:
                return learned
        found = self.judges.used(key)
        # A program that imports it without saying so gets it too, later.
        self.needs = "numpy" if "numpy" in job["program"] else "plain"
        try:
            wire.send(found.jobs.fileno(), {"program": job["program"]})
            answer = self._attend(found, time.monotonic() + float(job["deadline_s"]))
            if answer.pop("grown", False):
                self.judges.drop(key)
        except (wire.Closed, wire.Late) as why:
            self.judges.drop(key)
            how = "died" if isinstance(why, wire.Closed) else "stalled"
            answer = {"fault": f"the judge {how}"}
        except _CannotStart as why:
            self.judges.drop(key)
            answer = {"fault": f"no player could be started: {why}"}
        self._stop_player()
        return {**answer, **learned, "clean": self.clean}

    def _prepare(self, key: str, job: Dict[str, Any]) -> Dict[str, Any]:
        """Have a judge take in a task; what it learned ({"blobs"}), or why it could not."""
        found = self.judges.for_task(key, is_data=self.is_data(job))
        task: Dict[str, Any] = {
            name: job[name] for name in ("spec", "known", "blobs") if name in job
        }
        try:
            wire.send(found.jobs.fileno(), task)
            answer = self._attend(found, time.monotonic() + PREPARE_S)
            found.grown = answer.pop("grown", False)
        except (wire.Closed, wire.Late):
            answer = {"fault": "the task could not be prepared: the judge died or stalled"}
        except _CannotStart as why:
            answer = {"fault": f"no player could be started: {why}"}
        if "fault" in answer:
            self.judges.drop(key)
            self._stop_player()
            return {"fault": answer["fault"]}
        return {"blobs": answer["blobs"]} if "blobs" in answer else {}

    def _attend(self, found: Judge, deadline: float) -> Dict[str, Any]:
        """Give the judge players until it answers.

        Raises:
            Closed, Late: the judge died, or did not answer in time.
        """
        while True:
            sockets = (found.jobs, found.control, self.forker)
            watched = [sock.fileno() for sock in sockets] + [self.host_in]
            left = max(0.0, deadline - time.monotonic())
            look_s = min(left, LOOK_S) if self.may_have else left
            ready = select.select(watched, [], [], look_s)[0]
            if not ready:
                if look_s == left:
                    raise wire.Late
                self._watch_memory()
                continue
            if self.host_in in ready:
                os._exit(0)  # the host sends nothing while it waits: it has gone
            if self.forker.fileno() in ready:
                self._note_exit(found)
            if found.jobs.fileno() in ready:
                return wire.receive(found.jobs.fileno(), deadline)
            if found.control.fileno() in ready:
                request, _ = wire.receive_with_fds(found.control)
                if request["op"] == "start":
                    self._start_player(found, request)
                else:
                    stopped = self._stop_player(bool(request["keep"]))
                    if stopped.get("trouble"):
                        raise _CannotStart(stopped["trouble"])
                    wire.send_with_fds(found.control, {"stopped": stopped}, [])

    def _note_exit(self, found: Optional[Judge], deadline: Optional[float] = None) -> None:
        message, _ = wire.receive_with_fds(self.forker, deadline)
        self.ended[message["exit"]] = message
        if found is not None and message["exit"] == self.player:
            wire.send_with_fds(found.control, {"exited": message["status"]}, [])

    def _start_player(self, found: Judge, request: Dict[str, Any]) -> None:
        if self.player is not None:
            self._stop_player()
        if self.kept:
            with self.cage.wearing():
                scratch.keep_usable(time.monotonic() + CLEAN_S)
        self.may_have = int(request["limits"].get("resident_mb", 0)) << 20
        self.over = False
        ours, theirs = socket.socketpair()
        with self.cage.wearing():  # so that a player may reopen its own pipes
            (out_r, out_w), (err_r, err_w) = os.pipe(), os.pipe()
        give, keep = [theirs.fileno(), out_w, err_w], [ours.fileno(), out_r, err_r]
        if request["mode"] in wire.WITH_INPUT:
            read, write = _input_file()
            give.append(read)
            keep.append(write)
        elif request["mode"] == "calls":
            give.append(_progress())
            keep.append(os.dup(give[-1]))
        start = {"op": "start", "mode": request["mode"], "limits": request["limits"]}
        self.forker = self.zygotes.for_mode(request["mode"], self.needs)
        wire.send_with_fds(self.forker, start, give)
        answer: Dict[str, Any] = {}
        while "pid" not in answer:  # before it there may be the end of a player that died late
            answer, _ = wire.receive_with_fds(self.forker, time.monotonic() + START_S)
        self.player = answer["pid"]
        wire.send_with_fds(found.control, {"pid": self.player}, keep)
        for fd in give[1:] + keep[1:]:
            os.close(fd)
        ours.close()
        theirs.close()

    def _watch_memory(self) -> None:
        """End a player whose processes have more memory than they may, all together."""
        if self.player is not None and containment.resident(self._pids()) > self.may_have:
            self.over, self.may_have = True, 0
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.player, 9)

    def _stop_player(self, keep: bool = False) -> Dict[str, Any]:
        """End the player and everything it left; its usage, empty where there was none.

        With `keep` its files stay, until a player after it is stopped.
        """
        if self.player is None:
            if self.kept:
                self.kept = False
                self.clean = self._clean_scratch(time.monotonic() + CLEAN_S) and self.clean
            return {}
        pid, self.player = self.player, None
        if pid not in self.ended:
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                pass  # it ended just now; the zygote is about to say so
        deadline = time.monotonic() + CLEAN_S
        try:
            while pid not in self.ended:
                self._note_exit(None, deadline)
        except wire.Late:
            pass
        usage = self.ended.pop(pid, None)
        self.ended.clear()
        if usage is not None and usage["left"]:
            usage = usage if self._end_left(pid, deadline) else None
        clean = self.cage.end_rest(deadline, self._pids())
        self.kept, self.may_have = keep, 0
        clean = (keep or self._clean_scratch(deadline)) and clean and usage is not None
        self.clean = self.clean and clean
        found = usage or {"status": 9, "cpu_s": 0.0, "peak_mb": 0.0}
        return {**found, "memory": self.memory_kills.more() or self.over}

    def _end_left(self, pid: int, deadline: float) -> bool:
        """End what a player has left in namespaces of its own; whether it has ended."""
        wire.send_with_fds(self.forker, {"op": "end", "pid": pid}, [])
        try:
            return wire.receive_with_fds(self.forker, deadline)[0] == {"gone": pid}
        except wire.Late:
            return False

    def _pids(self) -> Set[int]:
        """The guest's own processes."""
        return {os.getpid(), *self.zygotes.pids, *self.judges.pids()}

    def _close_ours(self) -> None:
        """In a judge: close what is the supervisor's own."""
        for sock in self.zygotes.sockets.values():
            sock.close()
        for fd in self.private:
            os.close(fd)

    def _clean_scratch(self, deadline: float) -> bool:
        return self.cage.empty_scratch(deadline) and self.leftovers.none_left(deadline)


def _input_file() -> Tuple[int, int]:
    """A file in memory, open for the player to read and for the judge to write.

    It is what the judges of contests give: a program may ask how long it is, seek in it, map it
    into memory and open it again, and none of that works with a pipe. The judge seals it.
    """
    write = os.memfd_create("input", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.fchmod(write, 0o444)
    return os.open(f"/proc/self/fd/{write}", os.O_RDONLY | os.O_CLOEXEC), write


def _progress() -> int:
    """Four bytes that player and judge share: which call is under way, for display only."""
    fd = os.memfd_create("progress", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(fd, 4)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK)
    return fd
