"""What judges learned of tasks, kept between runs: expected values, small.

A judge runs the reference solution to know what is right. Large values are
kept as fingerprints, so a task's file has a few kilobytes. The files are a
cache: any of them may be deleted, and what cannot be read or written is done
without.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from opencodeeval.execution import guest
from opencodeeval.types import digest


def folder() -> Path:
    """Where the files are."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "opencodeeval" / "expected"


def _path(tests: str, python: str) -> Path:
    # What a value is may depend on the interpreter, how it is kept on the guest.
    name = digest([tests, python, guest.guest_digest()])
    return folder() / f"{name[:32]}.json.gz"


def recall(tests: str, python: str) -> Mapping[str, Any] | None:
    """What is known of the task with this digest of its tests, if anything is."""
    try:
        with gzip.open(_path(tests, python), "rt", encoding="ascii") as file:
            known = json.load(file)
    except (OSError, ValueError, EOFError):
        return None
    return known if isinstance(known, dict) else None


def remember(tests: str, python: str, known: Mapping[str, Any]) -> None:
    """Keep what a judge learned."""
    path = _path(tests, python)
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent)
        try:
            with open(descriptor, "wb") as raw, gzip.open(raw, "wt", 1, encoding="ascii") as file:
                json.dump(known, file, separators=(",", ":"))
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
