"""A Docker engine of a test's own, so that it may be killed."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

START_S = 60


class Engine:
    """A dockerd with a folder of its own, and what it started."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.address = f"unix://{folder}/engine.sock"
        self.process: subprocess.Popen[bytes] | None = None

    def mount(self) -> None:
        """Keep its images in memory: the machine's own engine waits for every write to the disk."""
        data = self.folder / "data"
        data.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(data)], check=True)

    def start(self) -> None:
        """Start it, and wait until it answers."""
        # What a killed one left of itself keeps the next from starting.
        for name in ("engine.pid", "engine.sock"):
            (self.folder / name).unlink(missing_ok=True)
        (self.folder / "config.json").write_text("{}")  # not the machine's own
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    # In a network of its own: one without a bridge takes the machine's away.
                    *("unshare", "--net", "dockerd", "--data-root", str(self.folder / "data")),
                    *("--exec-root", str(self.folder / "exec")),
                    *("--pidfile", str(self.folder / "engine.pid"), "--host", self.address),
                    *("--config-file", str(self.folder / "config.json")),
                    *("--bridge", "none", "--iptables=false", "--ip6tables=false"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        end = time.monotonic() + START_S
        while self.docker("info").returncode:
            if self.process.poll() is not None or time.monotonic() > end:
                raise RuntimeError((self.folder / "log").read_text()[-2000:])
            time.sleep(0.2)

    def kill(self) -> None:
        """SIGKILL for dockerd and its containerd, as when the machine runs out of memory."""
        assert self.process
        self.process.kill()
        self.process.wait()
        for pid in self._processes():
            if "containerd-shim" not in _command(pid):
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)

    def docker(
        self, *words: str, stdin: Any = subprocess.DEVNULL
    ) -> subprocess.CompletedProcess[str]:
        """The client's answer from this engine."""
        command = ["docker", "--host", self.address, *words]
        return subprocess.run(command, stdin=stdin, capture_output=True, text=True, check=False)

    def end(self) -> None:
        """End it with everything that it started."""
        if self.process and self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(20)
            self.process.kill()
            self.process.wait()
        for pid in self._processes():
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for mount in sorted(mounts, reverse=True):
            if mount.startswith(f"{self.folder}/"):
                subprocess.run(["umount", "-l", mount], check=False)

    def _processes(self) -> list[int]:
        """Processes of this engine: its folder is in their command lines."""
        pids = [int(path.name) for path in Path("/proc").glob("[0-9]*")]
        return [pid for pid in pids if pid != os.getpid() and f"{self.folder}/" in _command(pid)]


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").replace("\0", " ")
    except OSError:
        return ""


@contextlib.contextmanager
def engine_of_its_own(folder: Path) -> Iterator[Engine]:
    """An engine in this folder without images; the test is skipped where there can be none."""
    if os.geteuid() != 0 or not shutil.which("dockerd") or not shutil.which("docker"):
        pytest.skip("an engine of its own needs root, dockerd and the docker command")
    made = Engine(folder)
    try:
        made.mount()
        made.start()
        yield made
    finally:
        made.end()


@contextlib.contextmanager
def engine_with(image: str, folder: Path) -> Iterator[Engine]:
    """An engine in this folder that has the image, as `engine_of_its_own`."""
    with engine_of_its_own(folder) as made:
        with subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE) as saved:
            loaded = made.docker("load", stdin=saved.stdout)
        assert loaded.returncode == 0, loaded.stderr
        yield made
