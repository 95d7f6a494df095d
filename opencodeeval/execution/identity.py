"""What of a sandbox decides verdicts: its identity in the keys under which verdicts are stored.

A sandbox's description (`Sandbox.describe`) is for records and people. Its wording,
the engine's version, the number of slots and the id that an image gets when the
same recipe is built again decide nothing and are not part of the identity.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opencodeeval.core.types import digest

# The fields of a description that count in every jail. `lacks` has the codes of
# missing protections; `packages_sha256` is of a prepared environment.
_FIELDS = ("jail", "guest", "python", "numpy", "environment", "packages_sha256")
# Our own images are named by the digest of their recipe.
OWN_IMAGES = "opencodeeval-sandbox"


def sandbox_identity(described: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of what counts in a sandbox's description.

    Descriptions of records of schema 1, which have no `lacks`, count as lacking nothing.
    """
    return digest(_counted(described))


def differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """The fields in which two descriptions differ so that verdicts may."""
    ours, theirs = _counted(one), _counted(other)
    return [name for name in sorted({*ours, *theirs}) if ours.get(name) != theirs.get(name)]


def _counted(described: Mapping[str, Any]) -> dict[str, Any]:
    counted = {name: described.get(name) for name in _FIELDS}
    counted["lacks"] = sorted(described.get("lacks") or ())
    if described.get("jail") == "docker":
        counted["runtime"] = described.get("runtime")
        image = str(described.get("image", ""))
        own = image.startswith(OWN_IMAGES)
        counted["image"] = image if own else described.get("image_id")
    return counted


def first_identity(described: Mapping[str, Any]) -> str:
    """The identity as version 0.1.0 made it: a digest of the whole description but `slots`."""
    return digest(
        {name: part for name, part in described.items() if name not in ("slots", "lacks")}
    )
