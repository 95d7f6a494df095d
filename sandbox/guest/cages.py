"""What keeps a player in, and ends it with all that it started.

Two kinds: another uid, where the jail may change uids (a container, or a local
jail started by root), and namespaces of the player's own, where it may not (a
local jail started by anybody else).
"""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import time
from contextlib import contextmanager, suppress
from typing import Any, Collection, Dict, Iterator, Union

from . import containment, seccomp

KILLER_UID = 65533  # real uid while signalling: shared with no process
JUDGE_UID = 65532
PLAYER_IN_NAMESPACE = 1000

_CLONE_NEWUSER, _CLONE_NEWPID, _CLONE_NEWIPC = 0x10000000, 0x20000000, 0x08000000
_SYS_CLONE = {"x86_64": 56, "aarch64": 220}.get(platform.machine(), 56)


class UidCage:
    """The player has a uid that nothing else has.

    The supervisor is root inside the jail with the capabilities to change uid
    and to signal, and nothing more. It acts on the player's files and processes
    only while wearing the player's uid, so that a mistake there can do no more
    than the player itself could.
    """

    def __init__(self, config: Dict[str, Any]) -> None:
        self.uid = int(config["player_uid"])
        self.tied = bool(config.get("die_with_parent"))
        if self.tied:
            containment.die_with_parent()

    def prepare_zygote(self) -> None:
        """In the zygote: all that players can inherit instead of doing it each by itself."""
        containment.clear_inheritable()
        seccomp.apply()

    def fork(self) -> int:
        """Like os.fork, for a process that will be a player."""
        return os.fork()

    def enter(self, limits: Dict[str, int]) -> None:
        """In the player: take the limits and give up everything else."""
        containment.make_first_victim()
        containment.limit_player(limits)
        containment.become(self.uid)
        containment.become_visible()

    def enter_judge(self) -> None:
        """In a judge: be neither root nor a player."""
        containment.become(JUDGE_UID)
        containment.drop_capabilities()
        containment.harden_self()

    @contextmanager
    def wearing(self) -> Iterator[None]:
        """Act with the player's effective uid, and come back to root."""
        os.setresuid(KILLER_UID, self.uid, 0)
        try:
            yield
        finally:
            os.setresuid(0, 0, 0)
            if self.tied:
                containment.die_with_parent()

    def empty_scratch(self, deadline: float) -> bool:
        """Remove all that the player has written; whether nothing is left."""
        with self.wearing():
            return containment.empty_scratch(deadline)

    def end_rest(self, deadline: float, ours: Collection[int]) -> bool:
        """End what an ended player has left, and say whether nothing is left.

        `ours` are pids that need no look: they are held by processes of the guest.

        kill(-1) reaches all of it at once and a process with a pending SIGKILL
        cannot fork, so none escapes between listing and signalling.
        """
        while True:
            with self.wearing():
                _signal(-1)
            left = [p for p in containment.processes(ours) if self.uid in p[2]]
            if not left:
                return True
            for pid, parent, _ in left:
                if parent == os.getpid():  # an orphan: ours to collect
                    # Not where its former parent ignored its end: the kernel is collecting it.
                    with suppress(ChildProcessError):
                        os.waitpid(pid, os.WNOHANG)
            if time.monotonic() > deadline:
                return False
            time.sleep(0.0005)


class NamespaceCage:
    """The player is in user, pid and IPC namespaces of its own, new for each.

    It has the same uid as the supervisor seen from outside, but can neither
    see nor signal a process outside its pid namespace, and none of ours is
    dumpable, so that /proc gives it nothing either. When the namespace's first
    process ends, the kernel ends all others in it.
    """

    def __init__(self, config: Dict[str, Any]) -> None:
        self.spare_pids = int(config.get("spare_pids", 0))
        self.ids = os.getuid(), os.getgid()

    def prepare_zygote(self) -> None:
        """In the zygote, which must go on making namespaces: nothing can be inherited."""

    def fork(self) -> int:
        """Fork into new namespaces; 0 in the player, which has an init above it."""
        flags = _CLONE_NEWUSER | _CLONE_NEWPID | _CLONE_NEWIPC | signal.SIGCHLD
        libc = ctypes.CDLL(None, use_errno=True)
        # clone(2) without a stack of its own is fork(2) with namespaces.
        pid: int = libc.syscall(_SYS_CLONE, flags, 0, 0, 0, 0)
        if pid < 0:
            number = ctypes.get_errno()
            raise OSError(number, "clone: " + os.strerror(number))
        if pid == 0:
            try:
                _map_ids(*self.ids)
                player = os.fork()
                if player:
                    _be_init_of(player)
            except BaseException as error:  # nothing may unwind into the zygote's loop
                os.write(2, f"no namespace for the player: {error!r}\n".encode())
                os._exit(71)
        return pid

    def enter(self, limits: Dict[str, int]) -> None:
        """In the player: take the limits and give up everything else."""
        containment.make_first_victim()
        containment.limit_player({**limits, "pids": limits["pids"] + self.spare_pids})
        containment.drop_capabilities()
        containment.become_visible()
        seccomp.apply()

    def enter_judge(self) -> None:
        """In a judge: no capabilities, and memory that no player can read."""
        containment.drop_capabilities()
        containment.harden_self()

    @contextmanager
    def wearing(self) -> Iterator[None]:
        """The player's files are this process's own."""
        yield

    def empty_scratch(self, deadline: float) -> bool:
        """Remove all that the player has written, which owned the folders; whether none is left."""
        containment.open_scratch()
        return containment.empty_scratch(deadline)

    def end_rest(self, deadline: float, ours: Collection[int]) -> bool:
        """Nothing is left: the kernel lets a namespace's init go only after all others."""
        return True


def _signal(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except OSError:
        pass  # there was nobody to signal


def _map_ids(uid: int, gid: int) -> None:
    containment.prctl(containment.PR_SET_DUMPABLE, 1)  # else /proc/self is not ours to write
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{PLAYER_IN_NAMESPACE} {uid} 1"),
        ("gid_map", f"{PLAYER_IN_NAMESPACE} {gid} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def _be_init_of(player: int) -> None:
    """Collect the namespace's dead until the player ends, and end with it."""
    containment.drop_capabilities()
    containment.harden_self()
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    while True:
        pid, status = os.wait()
        if pid == player:
            signalled = os.WIFSIGNALED(status)
            os._exit(128 + os.WTERMSIG(status) if signalled else os.WEXITSTATUS(status))


Cage = Union[UidCage, NamespaceCage]


def cage_for(config: Dict[str, Any]) -> Cage:
    """The cage that the host's configuration asks for."""
    return NamespaceCage(config) if config["cage"] == "namespace" else UidCage(config)
