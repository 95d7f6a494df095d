"""Distributions of other people, installed as an installer does it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest


def install(
    site: Path, name: str, points: Mapping[str, Mapping[str, str]], patch: pytest.MonkeyPatch
) -> Path:
    """Write a distribution's metadata into `site`, which becomes a place to import from.

    `points` has its entry points: group -> name -> value. Returns the folder of the
    package `name`, which is empty.
    """
    for each in [each for each in sys.modules if each.partition(".")[0] == name]:
        del sys.modules[each]  # of another test
    package = site / name
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    metadata = site / f"{name}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "".join(
            f"[{group}]\n" + "".join(f"{point} = {value}\n" for point, value in named.items())
            for group, named in points.items()
        )
    )
    patch.syspath_prepend(str(site))
    return package
