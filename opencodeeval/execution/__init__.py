"""The host side of the sandbox: jails, slots, and the pool that feeds them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from opencodeeval.core.errors import SandboxError, UsageError
from opencodeeval.execution.base import Sandbox
from opencodeeval.execution.environments import PLAIN, Environment, read_environment

__all__ = ["Sandbox", "build_image", "clean", "open_sandbox", "prepare_local"]

Log = Callable[[str], None]


def usable_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0))


def open_sandbox(
    kind: str = "auto",
    slots: int | None = None,
    log: Log = lambda _: None,
    image: str | None = None,
    runtime: str | None = None,
    environment: str = "",
) -> Sandbox:
    """A sandbox with its first slot running; `environment` names what programs find in it.

    `kind` is "docker", "local", or "auto": Docker where an engine answers and
    the image is there or can be built, else the local jail; the choice and its
    reason go to `log`.

    Raises:
        UsageError: unknown kind, or slots < 1.
        SandboxError: that sandbox cannot be had; the message says what to do.
    """
    if kind not in ("auto", "docker", "local"):
        raise UsageError(f"unknown sandbox {kind!r}: choose auto, docker or local")
    if slots is not None and slots < 1:
        raise UsageError("--slots must be at least 1")
    count = slots or usable_cores()
    wanted = read_environment(environment)
    if kind == "docker":
        return _open_docker(count, log, image, runtime, wanted)
    if kind == "local":
        if image or runtime:
            raise UsageError("--image and --runtime go with --sandbox docker")
        return _open_local(count, log, wanted)
    return _open_auto(count, log, image, runtime, wanted)


def _open_auto(
    slots: int, log: Log, image: str | None, runtime: str | None, environment: Environment
) -> Sandbox:
    from opencodeeval.execution.jails import local

    try:
        # An environment takes gigabytes and many minutes: only who asks for it gets it built.
        build = image is None and environment == PLAIN
        return _open_docker(slots, log, image, runtime, environment, build)
    except SandboxError as error:
        why = local.available()
        if image or runtime or why:
            raise SandboxError(f"{error}; and no local sandbox either: {why}") from None
        log(f"not using Docker: {error}")
        return _open_local(slots, log, environment)


def _open_docker(
    slots: int,
    log: Log,
    image: str | None,
    runtime: str | None,
    environment: Environment,
    build: bool = False,
) -> Sandbox:
    from opencodeeval.execution import guest, images
    from opencodeeval.execution.jails import docker
    from opencodeeval.execution.pool import SlotPool

    engine = docker.client()
    name = image or images.default_image(environment)
    try:
        identity = images.image_id(engine, name, environment)
    except SandboxError:
        if not build:
            raise
        images.build_image(os.environ.get("OPENCODEEVAL_BASE_IMAGE"), log)
        identity = images.image_id(engine, name)
    swept = docker.sweep(engine)
    if swept:
        log(f"removed {swept} container(s) that a killed run had left")

    def make() -> docker.DockerSlot:
        return docker.DockerSlot(name, runtime, environment)

    first = _started(make)
    version = docker.ask(engine.version).get("Version", "unknown")
    weaker = _lacking(first)
    log(
        f"sandbox: docker {version}, image {name}, runtime {runtime or 'default'}, "
        f"{slots} slot(s){'; weaker than usual: ' if weaker else ''}{'; '.join(weaker)}"
    )
    about = {
        "runtime": runtime or "default",
        "engine": version,
        "image": name,
        "image_id": identity,
        "guest": guest.guest_digest(),
        "python": first.hello.get("python"),
        "numpy": first.hello.get("numpy"),
        "weaker": weaker,
        "lacks": _lacks(first),
    }
    return SlotPool("docker", slots, make, first, about, log)


def _open_local(slots: int, log: Log, environment: Environment) -> Sandbox:
    from opencodeeval.execution import guest, prepared
    from opencodeeval.execution.interpreter import of_environment
    from opencodeeval.execution.jails import local
    from opencodeeval.execution.pool import SlotPool

    local.require()
    about: dict[str, Any] = {}
    python = None
    if environment != PLAIN:
        found = prepared.find(environment)
        place = f"{local.GUEST}/environment"
        python = of_environment(found.folder, found.base_prefix, place)
        about = {"environment": environment.name, "packages_sha256": found.digest}
        about["not_as_pinned"] = prepared.differences(environment, found)

    def make() -> local.LocalSlot:
        return local.LocalSlot(python, environment)

    first = _started(make)
    weaker = [*local.WEAKER, *_lacking(first)]
    log(f"sandbox: local (bubblewrap), {slots} slot(s); weaker than docker: {'; '.join(weaker)}")
    about |= {
        "runtime": local.version(),
        "weaker": weaker,
        "lacks": _lacks(first),
        "guest": guest.guest_digest(),
        "python": first.hello.get("python"),
        "numpy": first.hello.get("numpy"),
    }
    return SlotPool("local", slots, make, first, about, log)


def _lacking(slot: Any) -> list[str]:
    """What this kernel or runtime lacks of what every jail should have."""
    missing = [f"no {name}: the runtime refuses it" for name in slot.hello["missing_limits"]]
    if slot.hello["not_warm"]:
        missing.append(f"not in the environment: {', '.join(slot.hello['not_warm'])}")
    if not slot.hello["seccomp"]:
        missing.append("no system-call filter: the kernel or runtime does not take one")
    return missing


def _lacks(slot: Any) -> list[str]:
    """The same as codes, which stay what they are when the sentences are reworded."""
    codes = [f"limit:{name}" for name in slot.hello["missing_limits"]]
    codes += [f"module:{name}" for name in slot.hello["not_warm"]]
    return codes if slot.hello["seccomp"] else [*codes, "seccomp"]


def _started(make: Callable[[], Any]) -> Any:
    from opencodeeval.execution.frames import SlotFailed

    slot = make()
    try:
        slot.start()
    except SlotFailed as error:
        raise SandboxError(f"the sandbox does not start: {error}") from None
    return slot


def build_image(
    base_image: str | None = None, log: Log = lambda _: None, environment: str = ""
) -> str:
    """Build the sandbox image of an environment; its name. See opencodeeval.execution.images."""
    from opencodeeval.execution import images

    wanted = read_environment(environment)
    if wanted == PLAIN:
        base_image = base_image or os.environ.get("OPENCODEEVAL_BASE_IMAGE")
    return images.build_image(base_image, log, wanted)


def prepare_local(environment: str, folder: Path, python: str | None, log: Log) -> Path:
    """Prepare a folder for the local jail; where it is. See opencodeeval.execution.prepared."""
    from opencodeeval.execution import prepared

    return prepared.prepare(read_environment(environment), folder, python, log).folder


def clean() -> tuple[int, int]:
    """Remove what killed runs and older versions have left; how many containers and images."""
    from opencodeeval.execution import images
    from opencodeeval.execution.jails import docker

    engine = docker.client()
    return docker.sweep(engine), images.remove_old_images(engine)
