"""Docker images for nodes that lack them, from a node that has them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

from opencodeeval.core.errors import SandboxError
from opencodeeval.execution.environments import read_environment
from opencodeeval.execution.images import default_image, packed_image
from opencodeeval.runs.cluster import connection
from opencodeeval.runs.options import SandboxOptions

# To pack, send and unpack some hundred megabytes.
BRINGS_S = 600.0


def bring(
    giver: Any | None,
    takers: Mapping[str, Any],
    environment: str,
    options: SandboxOptions,
    check: Callable[[], None],
) -> list[str]:
    """Bring an environment's image to nodes; returns the ids of those that have it now.

    `giver` is the actor of a node that has it; None: it comes from this machine's engine.
    An image keeps its name and its id, so that a sandbox made of it is the same.
    """
    import ray

    if giver is not None:
        reference = giver.give_image.remote(environment, options)
    else:
        try:
            image = options.image or default_image(read_environment(environment))
            reference = ray.put(packed_image(image))
        except SandboxError:
            return []
    taken = connection.answers_of(
        {key: actor.take_image.remote([reference]) for key, actor in takers.items()},
        BRINGS_S,
        check,
    )
    with contextlib.suppress(Exception):
        ray.internal.free([reference])
    return [key for key, answer in taken.items() if answer is None]
