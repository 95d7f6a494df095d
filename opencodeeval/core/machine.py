"""The machine that a run was made on, for records and reports."""

from __future__ import annotations

import contextlib
import math
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

CGROUPS = Path("/sys/fs/cgroup")


def usable_cores() -> int:
    """Cores that this process may use: its CPU affinity, and whole cores of its cgroup's quota.

    Of a quota of 1.5 cores, one is usable: programs that run on a part of one would wait.
    """
    return max(1, int(min(len(os.sched_getaffinity(0)), _quota(CGROUPS))))


def _quota(root: Path) -> float:
    """Cores that the strictest cgroup of this process allows; infinite for no limit."""
    return min(map(_quota_of, _groups(root, "cpu")), default=math.inf)


def usable_memory() -> int:
    """Bytes of memory that are free for this process: the machine's, and its cgroups'."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        lines = []
    named = dict(line.split(":", 1) for line in lines if ":" in line)
    kilobytes = named.get("MemAvailable", "").split()
    free = int(kilobytes[0]) * 1024 if kilobytes else math.inf
    least = min([free, *map(_room_in, _groups(CGROUPS, "memory"))])
    return sys.maxsize if least == math.inf else max(0, int(least))


def _groups(root: Path, controller: str) -> list[Path]:
    """The folders of the cgroups that this process is in, and of those above them.

    Of version 2 and of version 1, mounted at `root`. In a container the path of the
    cgroup is that of the host, and `root` shows the container's own.
    """
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    found: list[Path] = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:  # version 2, alone or beside version 1
            tops = [root, root / "unified"]
        elif controller in controllers.split(","):
            tops = [root / controllers, root / controller]
        else:
            continue
        below = PurePosixPath(path.lstrip("/"))
        found += [top / each for top in tops for each in (below, *below.parents)]
    return found


def _room_in(group: Path) -> float:
    """Bytes that one cgroup leaves; infinite where it has no limit."""
    for limit, used in (
        ("memory.max", "memory.current"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes"),
    ):
        with contextlib.suppress(OSError, ValueError):
            return int((group / limit).read_text()) - int((group / used).read_text())
    return math.inf


def _quota_of(group: Path) -> float:
    """Cores that one cgroup allows; infinite where it says nothing."""
    for names in (("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us")):
        with contextlib.suppress(OSError, ValueError):
            quota, period = " ".join((group / name).read_text() for name in names).split()
            if quota not in ("max", "-1"):
                return int(quota) / int(period)
    return math.inf


def hardware() -> dict[str, Any]:
    """The machine: CPU model, cores, memory in GiB, and GPUs by name."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "machine": platform.machine(),
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "memory_gib": round(memory / 2**30, 1),
        "gpus": gpus(),
    }


def gpus() -> list[str]:
    """Name and memory of each NVIDIA GPU that the driver reports."""
    if shutil.which("nvidia-smi") is None:
        return []
    query = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"]
    return (output_of(query) or "").splitlines()


def cpu_model() -> str:
    """The processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())


def output_of(command: Sequence[str]) -> str | None:
    """What a command prints; None where it is missing, fails or hangs."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
