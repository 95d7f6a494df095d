"""What judges learned of tasks, kept between runs: expected values, small.

A judge runs the reference solution to know what is right. Large values are
kept as fingerprints, so a task's file has a few kilobytes. Nothing in them depends
on how fast a machine is or how busy it was, so they may be shared. The files are a
cache: any of them may be deleted, and what cannot be read or written is done
without.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import zlib
from pathlib import Path

from opencodeeval.core.folders import cache_folder
from opencodeeval.core.types import digest
from opencodeeval.execution import guest


def folder() -> Path:
    """Where the files are."""
    return cache_folder("expected")


def _path(tests: str, interpreter: str) -> Path:
    # What a value is may depend on the interpreter and NumPy, how it is kept on the guest.
    name = digest([tests, interpreter, guest.guest_digest()])
    return folder() / f"{name[:32]}.z"


def recall(tests: str, interpreter: str) -> bytes | None:
    """What is known of the task with this digest of its tests, if anything is.

    `interpreter` names the jail's Python and NumPy with their versions.
    """
    try:
        return zlib.decompress(_path(tests, interpreter).read_bytes())
    except (OSError, zlib.error):
        return None


def remember(tests: str, interpreter: str, known: bytes) -> None:
    """Keep what a judge learned, in its own words."""
    path = _path(tests, interpreter)
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent)
        try:
            with open(descriptor, "wb") as file:
                file.write(zlib.compress(known, 1))
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
