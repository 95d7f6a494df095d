"""How many cores a process may use: its affinity and the quotas of its cgroups."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from opencodeeval.core import machine

ASK = "from opencodeeval.core.machine import usable_cores; print(usable_cores())"
V1, V2 = Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup")


@pytest.fixture
def group() -> Iterator[Path]:
    """A cgroup of our own that may limit processors."""
    v1 = (V1 / "cpu.cfs_period_us").exists()
    folder = (V1 if v1 else V2) / f"opencodeeval-test-{os.getpid()}"
    try:
        folder.mkdir()
    except OSError as error:
        pytest.skip(f"no cgroup can be made here: {error}")
    try:
        if not (folder / ("cpu.cfs_quota_us" if v1 else "cpu.max")).exists():
            pytest.skip("cgroups here have no processor controller")
        yield folder
    finally:
        folder.rmdir()


def limited(group: Path, quota: int) -> int:
    """The usable cores of a process in a cgroup with so many microseconds of each 100,000."""
    if (group / "cpu.cfs_quota_us").exists():
        (group / "cpu.cfs_period_us").write_text("100000")
        (group / "cpu.cfs_quota_us").write_text(str(quota))
    else:
        (group / "cpu.max").write_text(f"{quota if quota > 0 else 'max'} 100000")
    enter = f"open({str(group / 'cgroup.procs')!r}, 'w').write('0')\n"
    done = subprocess.run(
        [sys.executable, "-c", enter + ASK], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


def test_a_quota_limits_the_cores(group: Path) -> None:
    all_of_them = len(os.sched_getaffinity(0))
    assert limited(group, 150_000) == 1
    assert limited(group, 50_000) == 1
    assert limited(group, 100_000 * 4096) == all_of_them
    assert limited(group, -1) == all_of_them


def test_affinity_limits_the_cores() -> None:
    one = min(os.sched_getaffinity(0))
    pin = f"import os; os.sched_setaffinity(0, [{one}])\n"
    done = subprocess.run([sys.executable, "-c", pin + ASK], capture_output=True, check=True)
    assert int(done.stdout) == 1


@pytest.mark.parametrize(
    ("file", "text", "cores"),
    [
        ("cpu.max", "250000 100000\n", 2.5),
        ("cpu.max", "max 100000\n", float("inf")),
        ("cpu.max", "nonsense", float("inf")),
        ("cpu.cfs_quota_us", "300000", 3.0),
    ],
)
def test_quotas_of_both_versions_are_read(
    tmp_path: Path, file: str, text: str, cores: float
) -> None:
    """Files as the kernel writes them, in a folder of ours: a machine has one version."""
    (tmp_path / "cpu.cfs_period_us").write_text("100000\n")
    (tmp_path / file).write_text(text)
    assert machine._quota_of(tmp_path) == cores
