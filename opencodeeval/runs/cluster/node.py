"""What a node of a cluster says of itself: this package there, and the machine."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import opencodeeval
from opencodeeval.core.machine import hardware, usable_cores


class AboutNode(NamedTuple):
    """What a node says of itself: this package there, and the machine."""

    version: str
    sources: str
    hardware: Mapping[str, Any]
    cores: int


@cache
def sources() -> str:
    """A digest of this package's code, so that two nodes of one version can be told apart."""
    content, root = hashlib.sha256(), Path(opencodeeval.__file__).parent
    for path in sorted(root.rglob("*.py")):
        if "_assets" not in path.parts:
            content.update(str(path.relative_to(root)).encode() + path.read_bytes())
    return content.hexdigest()


def about_here() -> AboutNode:
    """What this process says of its node."""
    return AboutNode(opencodeeval.__version__, sources(), hardware(), usable_cores())
