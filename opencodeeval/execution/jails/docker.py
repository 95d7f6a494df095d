"""The docker jail: one warm, locked-down container for each slot."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from opencodeeval.core.errors import SandboxError
from opencodeeval.execution import frames, guest, toolchains
from opencodeeval.execution.base import Sandbox
from opencodeeval.execution.environments import PLAIN, Environment
from opencodeeval.execution.jails.base import Jail, Slot, Wanted, lacking, lacks, started
from opencodeeval.execution.jails.local import GUEST, SCRATCH_BYTES, SHM_BYTES, environment

LABEL = "org.opencodeeval.owner"
ENGINE_S = 30  # longest wait for one answer of the engine
KILL_S = 10.0
MEMORY = "6g"  # a player's 4 GiB and the guest
PIDS = 256
PIDS_OF_RUNTIME = 16384  # gVisor traces each process inside with many threads outside
INODES = 16384
# "localhost" names ::1 too, which the engine takes away where the kernel has it.
_HAS_IPV6 = os.path.exists("/proc/sys/net/ipv6")
LOOPBACK = {"net.ipv6.conf.lo.disable_ipv6": "0"} if _HAS_IPV6 else {}
STREAM_HEADER = struct.Struct("!BxxxI")
STDOUT = 1  # a frame's kind; the others are stderr
KEPT_ERRORS = 65536  # bytes, the last ones

T = TypeVar("T")


def client(timeout: float = ENGINE_S) -> Any:
    """A connection to the engine.

    Raises:
        SandboxError: no engine answers.
    """
    import docker
    from docker.errors import DockerException

    try:
        found = docker.from_env(timeout=timeout)
        found.ping()
    except (DockerException, OSError) as error:
        why = str(error).splitlines()[0][:200]
        raise SandboxError(
            f"no Docker engine answers ({why}): start it (e.g. `systemctl start docker`) "
            "or use --sandbox local"
        ) from None
    return found


def ask(question: Callable[[], T]) -> T:
    """The engine's answer.

    Raises:
        SandboxError: it fails, or does not answer in time.
    """
    from docker.errors import DockerException

    try:
        return question()
    except (DockerException, OSError) as error:
        raise SandboxError(f"the Docker engine failed: {error}") from None


class DockerSlot(Slot):
    """A slot whose jail is a container that this process is attached to."""

    def __init__(self, image: str, runtime: str | None, environment: Environment = PLAIN) -> None:
        super().__init__(environment)
        self.image, self.runtime = image, runtime
        self.engine: Any = None
        self.container: Any = None
        self.stream: Any = None
        self.socket: socket.socket | None = None
        self.raw = bytearray()
        self.errors = bytearray()
        self.init_pid = 0

    def _launch(self) -> None:
        from docker.errors import DockerException

        try:
            self.engine = client()
            self.container = self.engine.containers.create(
                self.image,
                ["python3", "-s", "-m", "guest"],
                **restrictions(self._pids(), self.environment.runs_files),
                runtime=self.runtime,
                labels={LABEL: owner()},
            )
            self.stream = self.container.attach_socket(
                params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
            )
            self.socket = getattr(self.stream, "_sock", self.stream)
            self.container.start()
            self.container.reload()
            self.init_pid = int(self.container.attrs["State"]["Pid"])
        except (DockerException, OSError, SandboxError) as error:
            raise frames.SlotFailed(f"the container could not be started: {error}") from None
        assert self.socket
        self.socket.setblocking(False)

    def _pids(self) -> int:
        """How many processes and threads the container may have."""
        if self.runtime:
            return PIDS_OF_RUNTIME
        # A virtual machine's threads are many before its program has any.
        return 2 * PIDS if self.environment.toolchains else PIDS

    def _write(self, data: bytes, deadline: float) -> None:
        assert self.socket
        frames.write_all(self.socket.fileno(), data, deadline)

    def _read(self, deadline: float) -> bytes:
        """Bytes of the guest's stdout from the engine's multiplexed stream."""
        assert self.socket
        while True:
            payload = self._demultiplex()
            if payload:
                return payload
            self.raw += frames.read_some(self.socket.fileno(), 1 << 20, deadline)

    def _demultiplex(self) -> bytes:
        """The next frame of stdout, if it is complete; earlier frames of stderr are kept."""
        at, payload = 0, b""
        while not payload and len(self.raw) - at >= STREAM_HEADER.size:
            kind, size = STREAM_HEADER.unpack_from(self.raw, at)
            if size > frames.MAX_ANSWER:
                raise frames.SlotFailed("the container's stream is not readable")
            start, end = at + STREAM_HEADER.size, at + STREAM_HEADER.size + size
            if len(self.raw) < end:
                break
            if kind == STDOUT:
                payload = bytes(self.raw[start:end])
            else:
                self.errors += self.raw[start:end]
                del self.errors[:-KEPT_ERRORS]
            at = end
        del self.raw[:at]
        return payload

    def kill(self) -> None:
        """End the container without depending on the engine.

        The guest's init is signalled directly if this process has permission, and its
        input is closed, which ends a live guest; the engine is called last, in a
        thread that is waited for at most KILL_S seconds.
        """
        container, self.container = self.container, None
        if container is None:
            return
        if self.init_pid and _belongs(self.init_pid, container.id):
            with contextlib.suppress(OSError):
                os.kill(self.init_pid, 9)
        if self.socket:
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_RDWR)
        worker = threading.Thread(target=_remove, args=(container,), daemon=True)
        worker.start()
        worker.join(KILL_S)

    def release(self) -> None:
        """Close the stream and the connection to the engine."""
        for thing in (self.socket, self.stream, self.engine):
            if thing is not None:
                with contextlib.suppress(OSError):
                    thing.close()

    def last_words(self) -> str:
        """What the guest wrote to standard error."""
        with contextlib.suppress(frames.SlotFailed):
            while self.socket and not self._demultiplex():
                self.raw += frames.read_some(self.socket.fileno(), 65536, time.monotonic() + 0.5)
        return bytes(self.errors).decode("utf-8", "replace")

    def out_of_memory(self) -> bool:
        """Whether the engine saw that the container's memory was used up.

        In gVisor that ends all of the container, whose kernel is one process outside.
        """
        if self.container is None:
            return False
        of_it = {"container": self.container.id, "event": "oom"}
        now = int(time.time())
        try:
            events = ask(
                lambda: list(self.engine.events(since=0, until=now + 1, decode=True, filters=of_it))
            )
        except SandboxError:
            return False
        return bool(events)


def restrictions(pids: int, runs_files: bool = False) -> dict[str, Any]:
    """The restrictions of a slot's container; with `runs_files` files in /tmp may be run."""
    run = "exec" if runs_files else "noexec"
    return {
        "stdin_open": True,
        "user": "0:0",
        "working_dir": GUEST,
        "hostname": "sandbox",
        "environment": environment(),
        "network_mode": "none",
        "read_only": True,
        "tmpfs": {
            "/tmp": f"rw,nosuid,nodev,{run},mode=1777,size={SCRATCH_BYTES},nr_inodes={INODES}",
            "/dev/shm": f"rw,nosuid,nodev,noexec,mode=1777,size={SHM_BYTES},nr_inodes={INODES}",
        },
        "extra_hosts": {"sandbox": "127.0.1.1"},
        # Closed connections would keep their ports beyond their program.
        "sysctls": {"net.ipv4.tcp_max_tw_buckets": "0", **LOOPBACK},
        "ipc_mode": "private",
        "cap_drop": ["ALL"],
        "cap_add": ["SETUID", "SETGID", "KILL", "CHOWN"],  # the last only until it is set up
        "security_opt": ["no-new-privileges"],
        "mem_limit": MEMORY,
        "memswap_limit": MEMORY,
        "pids_limit": pids,
        # Judge and player overlap; a sample with many threads gets no more than this.
        "nano_cpus": int(min(2, os.cpu_count() or 1) * 1e9),
        "log_config": {"Type": "none", "Config": {}},
        "auto_remove": True,
    }


def _belongs(pid: int, container: str) -> bool:
    """Whether a pid is still this container's, as pids are reused."""
    try:
        return container in Path(f"/proc/{pid}/cgroup").read_text()
    except OSError:
        return False


def _remove(container: Any) -> None:
    from docker.errors import DockerException

    with contextlib.suppress(DockerException, OSError):
        container.remove(force=True)


def owner() -> str:
    """This process, in a form from which another run can tell whether it is alive."""
    return f"{_here()}:{os.getpid()}:{_started(os.getpid())}"


def _here() -> str:
    """This machine, or this container: a process of another one cannot be seen from here."""
    return f"{socket.gethostname()}/{os.stat('/proc/self/ns/pid').st_ino}"


def _started(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def sweep(engine: Any) -> int:
    """Remove containers whose harness is dead; returns their number.

    If the engine hangs on a container, it is left to the engine after KILL_S seconds,
    so that no other run waits or fails.
    """
    # Do not inspect each: that may wait as long as the engine is busy with it.
    found = ask(lambda: engine.containers.list(all=True, sparse=True, filters={"label": LABEL}))
    workers = [
        threading.Thread(target=_remove, args=(container,), daemon=True)
        for container in found
        if _is_orphan((container.attrs.get("Labels") or {}).get(LABEL, ""))
    ]
    for worker in workers:
        worker.start()
    end = time.monotonic() + KILL_S
    for worker in workers:
        worker.join(max(0.0, end - time.monotonic()))
    return sum(not worker.is_alive() for worker in workers)


def _is_orphan(label: str) -> bool:
    """Whether a container's owner ran here and is dead."""
    host, pid, started = f"{label}::".split(":")[:3]
    alive = pid.isdigit() and started and _started(int(pid)) == started
    return host == _here() and not alive


def _open(wanted: Wanted) -> Sandbox:
    from opencodeeval.execution import images
    from opencodeeval.execution.pool import SlotPool

    log, engine = wanted.log, client()
    name = wanted.image or images.default_image(wanted.environment)
    try:
        identity = images.image_id(engine, name, wanted.environment)
    except SandboxError:
        if not wanted.build:
            raise
        images.build_image(os.environ.get("OPENCODEEVAL_BASE_IMAGE"), log)
        identity = images.image_id(engine, name)
    swept = sweep(engine)
    if swept:
        log(f"removed {swept} container(s) of a killed run")

    def make() -> DockerSlot:
        return DockerSlot(name, wanted.runtime, wanted.environment)

    first = started(make)
    version = ask(engine.version).get("Version", "unknown")
    weaker = lacking(first)
    log(
        f"sandbox: docker {version}, image {name}, runtime {wanted.runtime or 'default'}, "
        f"{wanted.slots} slot(s){'; weaker than usual: ' if weaker else ''}{'; '.join(weaker)}"
    )
    about = {
        "runtime": wanted.runtime or "default",
        "engine": version,
        "image": name,
        "image_id": identity,
        "guest": guest.guest_digest(),
        "python": first.hello.get("python"),
        "numpy": first.hello.get("numpy"),
        "weaker": weaker,
        "lacks": lacks(first),
    }
    if wanted.environment.toolchains:
        said = images.said_in(engine, name, toolchains.script(wanted.environment))
        about |= toolchains.described(wanted.environment, said, first.hello)
    return SlotPool("docker", wanted.slots, make, first, about, log)


JAIL = Jail(_open, takes_images=True)
