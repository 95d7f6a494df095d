"""A sandbox's identity in the keys of stored verdicts: everything that affects verdicts.

A sandbox's description (`Sandbox.describe`) is for records and people. Its wording,
the engine's version, the number of slots and the image id of a rebuild from the
same recipe affect no verdict and are not part of the identity.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opencodeeval.core.types import digest

# The fields of a description that count in every jail. `lacks` has the codes of
# missing protections; `packages_sha256` is of a prepared environment.
_FIELDS = ("jail", "guest", "python", "numpy", "environment", "packages_sha256")
# Images that opencodeeval builds are named by the digest of their recipe.
OWN_IMAGES = "opencodeeval-sandbox"


def sandbox_identity(described: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of the fields of a sandbox's description that affect verdicts.

    Descriptions in records of schema 1 have no `lacks`; they count as lacking nothing.
    """
    return digest(_counted(described))


def differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """The fields that affect verdicts and differ between two descriptions."""
    ours, theirs = _counted(one), _counted(other)
    return [name for name in sorted({*ours, *theirs}) if ours.get(name) != theirs.get(name)]


def _counted(described: Mapping[str, Any]) -> dict[str, Any]:
    counted = {name: described.get(name) for name in _FIELDS}
    if described.get("toolchains"):
        counted["toolchains"] = dict(described["toolchains"])
    if described.get("warm_compilers"):
        counted["warm_compilers"] = sorted(described["warm_compilers"])
    counted["lacks"] = sorted(described.get("lacks") or ())
    if described.get("jail") == "docker":
        counted["runtime"] = described.get("runtime")
        image = str(described.get("image", ""))
        own = image.startswith(OWN_IMAGES)
        counted["image"] = image if own else described.get("image_id")
    return counted


def first_identity(described: Mapping[str, Any]) -> str:
    """The identity in version 0.1.0: a digest of the whole description except `slots`."""
    return digest(
        {name: part for name, part in described.items() if name not in ("slots", "lacks")}
    )
