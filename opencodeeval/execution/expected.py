"""A cache of expected values between runs.

A judge runs the reference solution to get the expected values. Large values are
kept as fingerprints, so a task's file has a few kilobytes. The files do not depend
on the machine's speed or load, so they may be shared. Any of them may be deleted;
files that cannot be read or written are ignored.
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
    """The folder of the files."""
    return cache_folder("expected")


def _path(tests: str, interpreter: str) -> Path:
    # A value may depend on the interpreter and NumPy, its stored form on the guest.
    name = digest([tests, interpreter, guest.guest_digest()])
    return folder() / f"{name[:32]}.z"


def recall(tests: str, interpreter: str) -> bytes | None:
    """The stored values of the task with this digest of its tests, if there are any.

    `interpreter` names the jail's Python and NumPy with their versions.
    """
    try:
        return zlib.decompress(_path(tests, interpreter).read_bytes())
    except (OSError, zlib.error):
        return None


def remember(tests: str, interpreter: str, known: bytes) -> None:
    """Store a judge's values in the judge's own format."""
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
