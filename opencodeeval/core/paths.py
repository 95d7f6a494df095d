"""Where the folders that ship beside the code are."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent


def benchmarks_dir() -> Path:
    """The folder with one folder per benchmark family: cards, templates, data that ship."""
    return _shipped("benchmarks")


def presets_dir() -> Path:
    """The folder with the presets of families of models."""
    return _shipped("presets")


def sandbox_dir() -> Path:
    """The folder of what goes inside the jail: image recipe and guest."""
    return _shipped("sandbox")


def _shipped(name: str) -> Path:
    # A wheel carries the folders inside the package; a checkout beside it.
    inside = _PACKAGE / "_assets" / name
    return inside if inside.is_dir() else _PACKAGE.parent / name
