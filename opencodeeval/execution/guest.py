"""What the guest is: digests that tell whether two runs judged alike."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from opencodeeval.resources import sandbox_dir


def _digest(root: Path, paths: list[Path]) -> str:
    total = hashlib.sha256()
    for path in sorted(paths):
        total.update(str(path.relative_to(root)).encode() + b"\0")
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


@cache
def guest_digest() -> str:
    """SHA-256 over the guest's source files: part of every verdict's key."""
    root = sandbox_dir()
    return _digest(root, list((root / "guest").glob("*.py")))


@cache
def image_digest() -> str:
    """SHA-256 over everything that the sandbox image is built from."""
    root = sandbox_dir()
    recipe = [root / "Dockerfile", *root.glob("requirements*.txt")]
    return _digest(root, [*recipe, *(root / "guest").glob("*.py")])
