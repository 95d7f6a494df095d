"""The local jail: Linux namespaces through bubblewrap, no container engine needed."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from opencodeeval.core.errors import SandboxError
from opencodeeval.core.paths import sandbox_dir
from opencodeeval.execution import frames, guest, toolchains, warm_compilers
from opencodeeval.execution.base import Sandbox
from opencodeeval.execution.environments import PLAIN, Environment
from opencodeeval.execution.interpreter import (
    Interpreter,
    of_environment,
    out_of_sight,
    own,
    with_paths,
)
from opencodeeval.execution.jails.base import Jail, Slot, Wanted, lacking, lacks, started

GUEST = "/opt/opencodeeval"
SCRATCH_BYTES = 256 << 20
SHM_BYTES = 64 << 20

WEAKER = (
    "no memory cgroup: memory is limited for each process (RLIMIT_AS), not for all together",
    "no pids cgroup: processes are limited by uid (RLIMIT_NPROC)",
    "the host's kernel, /usr and Python interpreter are shared, read-only",
)


INODES_NOT = "scratch is limited in bytes but not in inodes"


def available() -> str | None:
    """Why the local jail cannot be used here, in one sentence; None if it can."""
    if sys.platform != "linux":
        return "the local jail needs Linux"
    if shutil.which("bwrap") is None:
        return "bubblewrap is not installed: apt-get install bubblewrap (or your system's package)"
    # Binding all of / would fail whenever any mount of this machine ends meanwhile, such as that
    # of a container: bubblewrap mounts each one again, read-only.
    jail = ["bwrap", "--unshare-user", "--unshare-pid", "--unshare-net"]
    probe = subprocess.run(
        [*jail, "--ro-bind", "/usr", "/usr", *_system_folders(), "true"],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    if probe.returncode:
        why = (probe.stderr.strip().splitlines() or ["no reason given"])[-1]
        return f"bubblewrap cannot make namespaces here ({why}): use --sandbox docker"
    return None


class LocalSlot(Slot):
    """A slot whose jail is a bubblewrap child of this process."""

    def __init__(self, python: Interpreter | None = None, environment: Environment = PLAIN) -> None:
        super().__init__(environment)
        self.python = python or own(f"{GUEST}/site")
        self.process: subprocess.Popen[bytes] | None = None
        self.init = -1  # a pidfd of the jail's first process
        self.errors = tempfile.TemporaryFile()

    def _cage(self) -> Mapping[str, Any]:
        if os.geteuid() == 0:
            return {**super()._cage(), "die_with_parent": True}
        return {"cage": "namespace", "spare_pids": _own_tasks()}

    def _launch(self) -> None:
        try:
            self.process, init_pid = _launcher.spawn(self.python, self.errors.fileno())
            if init_pid:
                self.init = os.pidfd_open(init_pid)
        except OSError as error:
            raise frames.SlotFailed(f"bubblewrap could not be started: {error}") from None
        assert self.process.stdin and self.process.stdout
        os.set_blocking(self.process.stdin.fileno(), False)
        os.set_blocking(self.process.stdout.fileno(), False)

    def _write(self, data: bytes, deadline: float) -> None:
        assert self.process and self.process.stdin
        frames.write_all(self.process.stdin.fileno(), data, deadline)

    def _read(self, deadline: float) -> bytes:
        assert self.process and self.process.stdout
        return frames.read_some(self.process.stdout.fileno(), 1 << 20, deadline)

    def kill(self) -> None:
        """End the jail; its pid namespace takes every process with it."""
        if self.init >= 0:
            # Not through bubblewrap: the jail's init may have outlived it, or be stopped.
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self.init, signal.SIGKILL)
        if self.process:
            self.process.kill()
            self.process.wait()

    def release(self) -> None:
        """Close the pipes."""
        if self.init >= 0:
            os.close(self.init)
            self.init = -1
        if self.process:
            for stream in (self.process.stdin, self.process.stdout):
                if stream:
                    stream.close()
        self.errors.close()

    def last_words(self) -> str:
        """The guest's standard error."""
        if self.errors.closed:
            return ""
        self.errors.seek(0)
        return self.errors.read(1 << 16).decode("utf-8", "replace")


class _Launcher:
    """Spawns jails from one thread that lives as long as the process.

    bubblewrap's --die-with-parent follows the thread that spawned it, so a
    worker thread that ends must not be that thread.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()

    def spawn(self, python: Interpreter, stderr: int) -> tuple[subprocess.Popen[bytes], int]:
        """Start a jail; bubblewrap's process, and the pid of the jail's first one or 0."""
        read, write = os.pipe()
        with self.lock, open(read, "rb") as info:
            passed = [write]
            try:
                passed += [_holding(content) for _, content in python.files]
                process = subprocess.Popen(
                    command(python, *passed),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=stderr,
                    env={},
                    pass_fds=passed,
                    start_new_session=True,
                )
            finally:
                for fd in passed:
                    os.close(fd)
            status = info.read()
        return process, int(json.loads(status)["child-pid"]) if status else 0


_launcher = _Launcher()


def _holding(content: bytes) -> int:
    """A descriptor of which a jail reads this once."""
    fd = os.memfd_create("script")
    with open(fd, "wb", closefd=False) as file:
        file.write(content)
        file.seek(0)
    return fd


def command(python: Interpreter, info: int, *files: int) -> list[str]:
    """The bubblewrap command line of a jail, which writes its status to descriptor `info`.

    It reads what is in `python.files` from the descriptors `files`.

    The only visible files of the host are /usr, the interpreter with its standard
    library, NumPy or the environment's packages, the guest, and the few files of
    /etc that are needed to resolve the host's own name; all are read-only.
    """
    arguments = [
        str(shutil.which("bwrap")),
        *("--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"),
        *("--unshare-cgroup-try", "--die-with-parent", "--as-pid-1", "--new-session"),
        *("--info-fd", str(info), "--hostname", "sandbox", "--clearenv", "--chdir", GUEST),
        *("--cap-drop", "ALL", *_privileges()),
        *("--proc", "/proc", "--dev", "/dev"),
        *("--perms", "1777", "--size", str(SCRATCH_BYTES), "--tmpfs", "/tmp"),
        *("--perms", "1777", "--size", str(SHM_BYTES), "--tmpfs", "/dev/shm"),
        *("--remount-ro", "/dev"),
    ]
    links = [name for name, _ in python.links]
    for parent in _parents([*python.shown, f"{GUEST}/site/numpy", *links]):
        # bubblewrap would make them for its own uid only, but the player has another uid.
        arguments += ["--perms", "0755", "--dir", parent]
    for path in python.shown:
        arguments += ["--ro-bind", path, path]
    arguments += _system_folders()
    for name, value in environment().items():
        arguments += ["--setenv", name, value]
    ours = [(str(sandbox_dir() / "guest"), f"{GUEST}/guest")]
    ours += [(str(path), f"/etc/{path.name}") for path in (sandbox_dir() / "etc").iterdir()]
    for source, target in [*ours, *python.binds]:
        arguments += ["--ro-bind", source, target]
    for name, target in python.links:
        arguments += ["--symlink", target, name]
    for fd, (target, _) in zip(files, python.files, strict=True):
        arguments += ["--perms", "0755", "--ro-bind-data", str(fd), target]
    for folder in python.covered:
        arguments += ["--perms", "0755", "--tmpfs", folder, "--remount-ro", folder]
    arguments += ["--remount-ro", "/"]
    return [*arguments, "--", python.executable, "-s", "-m", "guest"]


def _system_folders() -> list[str]:
    """What shows /bin, /lib and the like, which are links into /usr on most systems."""
    arguments = []
    for link in ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"):
        if os.path.islink(link):
            arguments += ["--symlink", os.readlink(link), link]
        elif os.path.isdir(link):
            arguments += ["--ro-bind", link, link]
    return arguments


def _privileges() -> list[str]:
    """A jail of root may change uids, and own and limit folders until its guest is set up; any
    other user's has a user namespace instead."""
    if os.geteuid() != 0:
        return ["--unshare-user"]
    names = ("SETUID", "SETGID", "KILL", "CHOWN", "SYS_ADMIN")
    return [word for name in names for word in ("--cap-add", f"CAP_{name}")]


def _own_tasks() -> int:
    """Threads of this user on this machine: before Linux 5.14 they count in every namespace."""
    total = 0
    for status in Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            text = status.read_text()
            if int(text.partition("\nUid:")[2].split()[0]) == os.getuid():
                total += int(text.partition("\nThreads:")[2].split()[0])
    return total


def _parents(paths: list[str]) -> list[str]:
    """All folders above the paths, outermost first."""
    found = {str(parent) for path in paths for parent in Path(path).parents}
    return sorted(found - {"/"})


def environment() -> dict[str, str]:
    """The guest's whole environment."""
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "PYTHONHASHSEED": "0",  # verdicts must not depend on the order of sets
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": f"{GUEST}/site",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }


def version() -> str:
    """Name and version of bubblewrap."""
    found = subprocess.run(["bwrap", "--version"], capture_output=True, text=True, check=False)
    return found.stdout.strip()


def require() -> None:
    """Raise the reason that `available` gives, if any.

    Raises:
        SandboxError: the local jail cannot be used here.
    """
    why = available()
    if why:
        raise SandboxError(f"no local sandbox: {why}")


def _open(wanted: Wanted) -> Sandbox:
    from opencodeeval.execution import prepared
    from opencodeeval.execution.pool import SlotPool

    require()
    about: dict[str, Any] = {}
    python = own(f"{GUEST}/site")
    if wanted.environment.toolchains:
        made = warm_compilers.made(wanted.environment, wanted.log)
        python = with_paths(python, wanted.environment, made)
    elif wanted.environment != PLAIN:
        found = prepared.find(wanted.environment)
        python = of_environment(found.folder, found.base_prefix, f"{GUEST}/environment")
        about = {"environment": wanted.environment.name, "packages_sha256": found.digest}
        about["not_as_pinned"] = prepared.differences(wanted.environment, found)
    why = out_of_sight(python)
    if why:
        raise SandboxError(f"no local sandbox: {why}")

    def make() -> LocalSlot:
        return LocalSlot(python, wanted.environment)

    first = started(make)
    if wanted.environment.toolchains:
        said = toolchains.on_this_machine(wanted.environment)
        about = toolchains.described(wanted.environment, said, first.hello)
    inodes = [] if first.hello["inodes_limited"] else [INODES_NOT]
    weaker = [*WEAKER, *inodes, *lacking(first)]
    wanted.log(
        f"sandbox: local (bubblewrap), {wanted.slots} slot(s); weaker than docker: "
        f"{'; '.join(weaker)}"
    )
    about |= {
        "runtime": version(),
        "weaker": weaker,
        "lacks": lacks(first),
        "guest": guest.guest_digest(),
        "python": first.hello.get("python"),
        "numpy": first.hello.get("numpy"),
    }
    return SlotPool("local", wanted.slots, make, first, about, wanted.log)


JAIL = Jail(_open)
