"""Fixtures that every part of the test suite may use."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# Before torch and NumPy are loaded. Two files are tested at once: with as many threads in each
# process as there are cores, threads wait for each other, and tiny models take ten times as long.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from tests.support.http import flaky_server

__all__ = ["flaky_server"]


def pytest_sessionfinish() -> None:
    """Leave the sockets of ended engines alone, as an interpreter does that ends.

    pytest collects garbage once more before it does, and ZeroMQ then waits, now
    and then for ever, for an engine that a test has killed.
    """
    context = sys.modules.get("zmq.sugar.context")
    if context is not None:
        vars(context)["_exiting"] = True


@pytest.fixture(scope="session")
def repo_root() -> Path:
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data(repo_root: Path) -> Path:
    """The folder of real data files, which is not part of the repository."""
    named = os.environ.get("OPENCODEEVAL_SHARED_DATA")
    folder = Path(named) if named else repo_root.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no data files at {folder}: set OPENCODEEVAL_SHARED_DATA to their folder")
    return folder


@pytest.fixture(scope="session")
def guest_image() -> str:
    """The sandbox image of the guest as it is now, built where it is missing."""
    from opencodeeval.core.errors import SandboxError
    from opencodeeval.execution import images
    from opencodeeval.execution.jails import docker

    name = images.default_image()
    try:
        engine = docker.client()
    except SandboxError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))
    try:
        images.image_id(engine, name)
    except SandboxError:
        images.build_image(os.environ.get("OPENCODEEVAL_BASE_IMAGE"), print)
    return name


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {mounted.stderr.decode()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture(scope="session")
def viewers(repo_root: Path) -> Path:
    """A Python that has Inspect and the types of Every Eval Ever."""
    named = os.environ.get("OPENCODEEVAL_VIEWERS_PYTHON")
    python = Path(named) if named else repo_root / "build/peers/viewers/bin/python"
    if not python.exists():
        pytest.skip(f"no Inspect and Every Eval Ever at {python}: run .ci/viewers.sh")
    return python
