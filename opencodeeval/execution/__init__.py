"""The host side of the sandbox: jails, slots, and the pool that feeds them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from opencodeeval.core.errors import SandboxError, UsageError
from opencodeeval.core.machine import usable_cores
from opencodeeval.execution.base import Sandbox
from opencodeeval.execution.environments import PLAIN, as_asked, read_environment

if TYPE_CHECKING:
    from opencodeeval.execution.jails.base import Wanted

__all__ = ["Sandbox", "build_image", "clean", "open_sandbox", "prepare_local"]

Log = Callable[[str], None]


def open_sandbox(
    kind: str = "auto",
    slots: int | None = None,
    log: Log = lambda _: None,
    image: str | None = None,
    runtime: str | None = None,
    environment: str = "",
) -> Sandbox:
    """A sandbox with its first slot running; `environment` names its installed packages.

    `kind` is the name of a jail ("docker", "local", or one from another package), or
    "auto": Docker if an engine responds and the image exists or can be built, else the
    local jail; the choice and its reason go to `log`.

    Raises:
        UsageError: unknown kind, or slots < 1.
        ExtensionError: another distribution's jail cannot be used.
        SandboxError: the sandbox is not available; the message says what to do.
    """
    from opencodeeval.execution.jails.base import JAILS, Wanted

    jail = None if kind == "auto" else JAILS.load(kind)
    if slots is not None and slots < 1:
        raise UsageError("--slots must be at least 1")
    count = slots or usable_cores()
    wanted = Wanted(count, log, as_asked(read_environment(environment)), image, runtime)
    if jail is None:
        return _open_auto(wanted)
    if (image or runtime) and not jail.takes_images:
        raise UsageError("--image and --runtime need --sandbox docker")
    return jail.open(wanted)


def _open_auto(wanted: Wanted) -> Sandbox:
    from opencodeeval.execution.jails import docker, local

    # An environment takes gigabytes and many minutes, so it is built only on request.
    build = wanted.image is None and wanted.environment == PLAIN
    try:
        return docker.JAIL.open(replace(wanted, build=build))
    except SandboxError as error:
        why = local.available()
        if wanted.image or wanted.runtime or why:
            raise SandboxError(f"{error}; and no local sandbox either: {why}") from None
        wanted.log(f"not using Docker: {error}")
        return local.JAIL.open(wanted)


def build_image(
    base_image: str | None = None, log: Log = lambda _: None, environment: str = ""
) -> str:
    """Build an environment's sandbox image; returns its name. See opencodeeval.execution.images."""
    from opencodeeval.execution import images

    return images.build_image(base_image, log, read_environment(environment))


def prepare_local(environment: str, folder: Path, python: str | None, log: Log) -> Path:
    """Prepare a local jail's folder; returns its path. See opencodeeval.execution.prepared."""
    from opencodeeval.execution import prepared

    wanted = read_environment(environment)
    if wanted.toolchains:
        raise UsageError(
            f"the local jail uses this machine's own toolchains for {environment}, so there is no "
            "folder to prepare: see `opencodeeval doctor` for what to install"
        )
    return prepared.prepare(wanted, folder, python, log).folder


def clean() -> tuple[int, int]:
    """Remove leftovers of killed runs and old versions; returns counts of containers and images."""
    from opencodeeval.execution import images
    from opencodeeval.execution.jails import docker

    engine = docker.client()
    return docker.sweep(engine), images.remove_old_images(engine)
