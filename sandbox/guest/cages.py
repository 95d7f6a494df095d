"""What keeps a player in, and ends it with all that it started.

Two kinds: another uid, where the jail may change uids (a container, or a local
jail started by root), and namespaces of the player's own, where it may not (a
local jail started by anybody else).
"""

from __future__ import annotations

import ctypes
import json
import os
import platform
import resource
import signal
import time
from contextlib import contextmanager, suppress
from typing import Any, Collection, Dict, Iterator, List, Tuple, Union

from . import containment, scheduling, scratch, seccomp

KILLER_UID = 65533  # real uid while signalling: shared with no process
JUDGE_UID = 65532
PLAYER_IN_NAMESPACE = 1000

_CLONE_NEWUSER, _CLONE_NEWPID, _CLONE_NEWIPC = 0x10000000, 0x20000000, 0x08000000
_CLONE_NEWNS = 0x00020000
_MS_NOSUID, _MS_NODEV, _MS_NOEXEC = 2, 4, 8
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
        # Where closed connections keep their ports, the network with them ends with its player.
        self.own_network = not containment.keep_no_ports() and self._has_networks()
        self.scheduling = scheduling.Scheduling(self.uid)
        scratch.give_to(self.uid)
        self.inodes_limited = scratch.limit_inodes()
        for capability in (containment.CAP_CHOWN, containment.CAP_SYS_ADMIN):
            containment.give_up(capability)
        self.tied = bool(config.get("die_with_parent"))
        if self.tied:
            containment.die_with_parent()

    def prepare_zygote(self) -> None:
        """In the zygote: all that players can inherit instead of doing it each by itself."""
        containment.clear_inheritable()
        if not self.own_network:
            seccomp.apply()

    def _has_networks(self) -> bool:
        """Whether a player may have a network of its own here, tried in a child."""
        pid = os.fork()
        if pid == 0:
            code = 1
            with suppress(OSError):
                self._enter_own_network()
                code = 0
            os._exit(code)
        return os.waitpid(pid, 0)[1] == 0

    def _enter_own_network(self) -> None:
        containment.become(self.uid)
        containment.become_visible()
        containment.enter_own_network()
        containment.drop_capabilities()

    def fork(self) -> int:
        """Like os.fork, for a process that will be a player."""
        return os.fork()

    def missing(self) -> List[str]:
        """What this kernel or runtime refuses the players of this cage."""
        return []

    def wait(self, pid: int) -> Tuple[Dict[str, Any], bool]:
        """Wait for a player's end; how it ended. What it left has not to be ended by its pid."""
        return _collected(pid), False

    def enter(self, limits: Dict[str, int]) -> None:
        """In the player: take the limits and give up everything else."""
        containment.make_first_victim()
        containment.limit_player(limits)
        if self.own_network:
            self._enter_own_network()
            seccomp.apply()
        else:
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
            scratch.set_back()
            return scratch.empty(deadline)

    def end_rest(self, deadline: float, ours: Collection[int]) -> bool:
        """End what an ended player has left, and say whether nothing is left.

        `ours` are the pids of the guest's own processes, which are set back to what they were.

        kill(-1) reaches all of it at once and a process with a pending SIGKILL
        cannot fork, so none escapes between listing and signalling.
        """
        while True:
            with self.wearing():
                _signal(-1)
            left = [p for p in containment.processes(ours) if self.uid in p[2]]
            if not left:
                return self.scheduling.set_back(ours)
            for pid, parent, _ in left:
                if parent == os.getpid():  # an orphan: ours to collect
                    # Not where its former parent ignored its end: the kernel is collecting it.
                    with suppress(ChildProcessError):
                        os.waitpid(pid, os.WNOHANG)
            if time.monotonic() > deadline:
                return False
            time.sleep(0.0005)


class NamespaceCage:
    """The player is in user, pid, IPC and mount namespaces of its own, new for each.

    It has the same uid as the supervisor seen from outside, but can neither
    see nor signal a process outside its pid namespace, and none of ours is
    dumpable, so that /proc gives it nothing either. When the namespace's first
    process ends, the kernel ends all others in it.
    """

    def __init__(self, config: Dict[str, Any]) -> None:
        self.spare_pids = int(config.get("spare_pids", 0))
        self.inodes_limited = False  # nobody here may say so
        with suppress(OSError):  # where it is refused, leftovers.py sees what is left
            containment.enter_own_network()
        self.ids = os.getuid(), os.getgid()
        self.told = -1  # in the zygote: where the namespace's init tells of the player's end
        containment.keep_no_ports()
        containment.drop_capabilities()
        self.own_proc = True
        self.own_proc = self._starts()

    def _starts(self) -> bool:
        """Whether a player can be started as this cage is now."""
        pid = self.fork()
        if pid == 0:
            os._exit(0)
        return os.waitpid(pid, 0)[1] == 0

    def missing(self) -> List[str]:
        """What this kernel or runtime refuses the players of this cage."""
        return [] if self.own_proc else ["/proc of its own"]

    def prepare_zygote(self) -> None:
        """In the zygote, which must go on making namespaces: nothing can be inherited."""

    def fork(self) -> int:
        """Fork into new namespaces; 0 in the player, which has an init above it."""
        flags = _CLONE_NEWUSER | _CLONE_NEWPID | _CLONE_NEWIPC | _CLONE_NEWNS | signal.SIGCHLD
        libc = ctypes.CDLL(None, use_errno=True)
        if self.told >= 0:
            os.close(self.told)
        self.told, tell = os.pipe()
        # clone(2) without a stack of its own is fork(2) with namespaces.
        pid: int = libc.syscall(_SYS_CLONE, flags, 0, 0, 0, 0)
        if pid < 0:
            number = ctypes.get_errno()
            raise OSError(number, "clone: " + os.strerror(number))
        if pid == 0:
            try:
                containment.become_visible()  # else /proc/self is not ours to write
                containment.map_ids(*((PLAYER_IN_NAMESPACE, own) for own in self.ids))
                if self.own_proc:
                    _list_own_processes(libc)
                # Before there is a player, which can see this process in /proc.
                containment.drop_capabilities()
                containment.harden_self()
                player = os.fork()
                if player:
                    _be_init_of(player, tell)
            except BaseException as error:  # nothing may unwind into the zygote's loop
                os.write(2, f"no namespace for the player: {error!r}\n".encode())
                os._exit(71)
        os.close(tell)
        return pid

    def wait(self, pid: int) -> Tuple[Dict[str, Any], bool]:
        """Wait for a player's end; how it ended, and whether processes of it are left.

        Where some are, `pid` is that of their init, which has to be ended.
        """
        said = os.read(self.told, 4096)
        if said:
            return json.loads(said), True
        return _collected(pid), False

    def enter(self, limits: Dict[str, int]) -> None:
        """In the player: take the limits and give up everything else."""
        containment.become_visible()
        containment.make_first_victim()
        containment.limit_player({**limits, "pids": limits["pids"] + self.spare_pids})
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
        scratch.set_back()
        return scratch.empty(deadline)

    def end_rest(self, deadline: float, ours: Collection[int]) -> bool:
        """Nothing is left: the kernel lets a namespace's init go only after all others."""
        return True


def _signal(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except OSError:
        pass  # there was nobody to signal


def _list_own_processes(libc: Any) -> None:
    """Have /proc list the processes of this pid namespace, by the pids that they have here.

    Raises:
        OSError: the kernel refuses it.
    """
    flags = _MS_NOSUID | _MS_NODEV | _MS_NOEXEC
    if libc.mount(b"proc", b"/proc", b"proc", flags, None):
        number = ctypes.get_errno()
        raise OSError(number, "mount: " + os.strerror(number))


def _be_init_of(player: int, tell: int) -> None:
    """Collect the namespace's dead until the last has ended.

    The player's end is told where others go on without it: they may have its channel.
    """
    os.dup2(tell, 3)
    os.closerange(4, os.sysconf("SC_OPEN_MAX"))
    code = 0
    while True:
        try:
            pid, status = os.wait()
        except ChildProcessError:
            os._exit(code)
        if pid == player:
            signalled = os.WIFSIGNALED(status)
            code = 128 + os.WTERMSIG(status) if signalled else os.WEXITSTATUS(status)
            if _others_run():
                usage = resource.getrusage(resource.RUSAGE_CHILDREN)
                os.write(3, json.dumps(_ending(code << 8, usage)).encode())


def _others_run() -> bool:
    """Whether any process of this one's namespace, which is its init, has not ended yet."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def _collected(pid: int) -> Dict[str, Any]:
    """Wait for a child's end; how it ended."""
    _, status, usage = os.wait4(pid, 0)
    return _ending(status, usage)


def _ending(status: int, usage: resource.struct_rusage) -> Dict[str, Any]:
    return {
        "status": status,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "peak_mb": usage.ru_maxrss / 1024,
    }


Cage = Union[UidCage, NamespaceCage]


def cage_for(config: Dict[str, Any]) -> Cage:
    """The cage that the host's configuration asks for."""
    return NamespaceCage(config) if config["cage"] == "namespace" else UidCage(config)
