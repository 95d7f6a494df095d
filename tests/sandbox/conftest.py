"""Fixtures of the sandbox's tests: jails that are there, and the guest's modules."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from opencodeeval.core.errors import SandboxError
from opencodeeval.core.paths import sandbox_dir
from opencodeeval.execution import images
from opencodeeval.execution.jails import docker, local
from tests.sandbox.harness import as_unprivileged

# So that `import guest` finds what runs inside the jails.
sys.path.insert(0, str(sandbox_dir()))

JAILS = ["docker", "local", "unprivileged", "gvisor"]
RUN_S = 200


def _unless_ci(why: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(why)
    pytest.skip(why)


@pytest.fixture(scope="session")
def docker_image() -> str:
    """The sandbox image for the guest as it is now, built where it is missing."""
    try:
        engine = docker.client()
    except SandboxError as error:
        _unless_ci(str(error))
    name = images.default_image()
    try:
        images.image_id(engine, name)
    except SandboxError:
        images.build_image(os.environ.get("OPENCODEEVAL_BASE_IMAGE"), print)
    return name


@pytest.fixture(scope="session")
def local_jail() -> None:
    """Skips where there is no local jail."""
    why = local.available()
    if why:
        _unless_ci(f"no local jail: {why}")


@pytest.fixture(scope="session")
def require(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """Skips, or fails where everything must be there, unless a jail can be used."""

    def required(jail: str) -> None:
        in_docker = jail in ("docker", "gvisor")
        request.getfixturevalue("docker_image" if in_docker else "local_jail")
        if jail == "gvisor" and "runsc" not in docker.client().info()["Runtimes"]:
            _unless_ci("the engine has no runtime runsc")
        if jail == "unprivileged":
            if os.geteuid() != 0:
                pytest.skip("only root can start a run as another user")
            probe = subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False)
            if probe.returncode:
                pytest.skip("no mount namespace can be made here")

    return required


@pytest.fixture(scope="session")
def run_plan(repo_root: Path) -> Callable[..., dict[str, Any]]:
    """Runs tests/sandbox/harness.py in a jail; what it reports."""

    def run(jail: str, *words: str, environment: Mapping[str, str] | None = None) -> dict[str, Any]:
        what, *more = words
        arguments = ["-m", "tests.sandbox.harness", what, jail.replace("unprivileged", "local")]
        command = [sys.executable, *arguments, *more]
        if jail == "unprivileged":
            command = [*as_unprivileged(repo_root), *arguments, *more]
        done = subprocess.run(
            command,
            cwd=repo_root,
            env={**os.environ, "PYTHONPATH": str(repo_root), **(environment or {})},
            capture_output=True,
            text=True,
            timeout=RUN_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        report: dict[str, Any] = json.loads(done.stdout)
        return report

    return run
