"""Sandbox images: naming them, building them, and removing old ones."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Callable
from typing import Any

from opencodeeval.core.errors import SandboxError
from opencodeeval.core.paths import sandbox_dir
from opencodeeval.execution import guest
from opencodeeval.execution.environments import PLAIN, Environment, names, read_environment
from opencodeeval.execution.identity import OWN_IMAGES
from opencodeeval.execution.jails.docker import ask, client

# In an image: the downloads that its build could not reach, one per line.
NOT_INSTALLED = "/opt/opencodeeval/environment/not-installed"
# What Docker prints below a step that it does not run again.
_REUSED = " ---> Using cache"


class ImageMissing(SandboxError):
    """A sandbox image is not on this machine; it could be built, or brought from another."""


def default_image(environment: Environment = PLAIN) -> str:
    """The image's name for this version of the guest."""
    name = "-".join(filter(None, [OWN_IMAGES, environment.name]))
    return f"{name}:{guest.image_digest(environment)[:12]}"


def image_id(engine: Any, image: str, environment: Environment = PLAIN) -> str:
    """The image's id.

    Raises:
        ImageMissing: it does not exist.
        SandboxError: the engine fails.
    """
    from docker.errors import DockerException, ImageNotFound

    try:
        return str(engine.images.get(image).id)
    except ImageNotFound:
        raise ImageMissing(
            f"the sandbox image {image} is not built: run `opencodeeval sandbox build"
            f"{' ' + environment.name if environment.name else ''}`, or use --sandbox local"
        ) from None
    except (DockerException, OSError) as error:
        raise SandboxError(f"the Docker engine failed: {error}") from None


def build_image(
    base_image: str | None, log: Callable[[str], None], environment: Environment = PLAIN
) -> str:
    """Build the environment's sandbox image; returns its name.

    Raises:
        SandboxError: the build failed; the message has its last lines.
    """
    engine = client(timeout=1800 if environment == PLAIN else 7200)
    name = default_image(environment)
    if not environment.python:
        # Any Python will do.
        base_image = base_image or os.environ.get("OPENCODEEVAL_BASE_IMAGE")
    arguments = {"BASE_IMAGE": base_image} if base_image else {}
    if environment.toolchains:
        arguments["ENVIRONMENT"] = environment.name
    log(f"building {name}" + (f" from {base_image}" if base_image else ""))
    reused = _build(engine, environment, name, arguments)
    if reused and _not_installed(engine, name):
        # What an earlier build could not reach may be reached now.
        log("an earlier build lacked downloads: building all of it again")
        _build(engine, environment, name, arguments, nocache=True)
    for line in _not_installed(engine, name):
        log(f"{name} lacks downloads that could not be reached: {line}")
    return name


def _build(
    engine: Any,
    environment: Environment,
    name: str,
    arguments: dict[str, str],
    nocache: bool = False,
) -> bool:
    """Build an image; whether what an earlier build had run was used again.

    Raises:
        SandboxError: as `build_image`.
    """
    from docker.errors import APIError, BuildError, DockerException

    try:
        _, said = engine.images.build(
            path=str(sandbox_dir()),
            dockerfile=str(environment.dockerfile),
            tag=name,
            rm=True,
            forcerm=True,
            buildargs=arguments,
            nocache=nocache,
        )
    except BuildError as error:
        words = [str(line.get("stream", "")).strip() for line in error.build_log]
        tail = " | ".join([word for word in words if word][-3:])
        raise SandboxError(f"the sandbox image could not be built: {error.msg}: {tail}") from None
    except APIError as error:
        raise SandboxError(
            f"the sandbox image could not be built: {error.explanation}; if no image can be "
            "pulled, pass --base-image NAME (or OPENCODEEVAL_BASE_IMAGE) of a local image "
            "with Python 3, or use --sandbox local"
        ) from None
    except (DockerException, OSError) as error:
        raise SandboxError(f"the sandbox image could not be built: {error}") from None
    lines = "".join(str(each.get("stream", "")) for each in said).splitlines()
    steps = [line for line in lines if line.startswith(("Step ", _REUSED))]
    return any(
        " : RUN " in step and after.startswith(_REUSED) for step, after in itertools.pairwise(steps)
    )


def packed_image(image: str) -> bytes:
    """An image with its name, for another machine's engine; some hundred megabytes.

    Raises:
        SandboxError: it is not here, or the engine fails.
    """
    engine = client(timeout=1800)
    image_id(engine, image)
    return ask(lambda: b"".join(engine.images.get(image).save(named=image)))


def unpack_image(packed: bytes) -> None:
    """Take an image that another machine's engine packed; it keeps its name and its id.

    Raises:
        SandboxError: the engine fails.
    """
    engine = client(timeout=1800)
    ask(lambda: engine.images.load(packed))


def said_in(engine: Any, image: str, script: str) -> str:
    """What a shell script prints in an image, without a network."""
    output = ask(
        lambda: engine.containers.run(image, ["sh", "-c", script], network_mode="none", remove=True)
    )
    return bytes(output).decode("utf-8", "replace")


def _not_installed(engine: Any, image: str) -> list[str]:
    return said_in(engine, image, f"cat {NOT_INSTALLED} 2>/dev/null || true").splitlines()


def remove_old_images(engine: Any) -> int:
    """Remove sandbox images of other versions of the guest; returns their number."""
    from docker.errors import DockerException

    removed = 0
    for wanted in (PLAIN, *map(read_environment, names())):
        current = default_image(wanted)
        for image in engine.images.list(name=current.partition(":")[0]):
            if current not in image.tags:
                # The image of a running container cannot be removed.
                with contextlib.suppress(DockerException, OSError):
                    engine.images.remove(image.id, force=True)
                    removed += 1
    return removed
