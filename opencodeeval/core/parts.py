"""Parts: contents that are named by their digests and read where they are needed.

Whoever knows where a part lies says so once (`keep`, or a source of their own); whoever
needs it asks for it by its digest, and gets that content or an error.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Protocol

from opencodeeval.core.errors import DataError


class PartSource(Protocol):
    """A place where parts lie: a file of a data set, a folder, another machine."""

    def read(self, sha256: str) -> bytes | None:
        """The part of this digest (SHA-256, hex); None if it does not lie here.

        Raises:
            DataError: it lies here and cannot be read.
        """
        ...


class _Kept:
    """The parts of data sets that this process has loaded."""

    def __init__(self) -> None:
        self.readers: dict[str, Callable[[], bytes]] = {}

    def read(self, sha256: str) -> bytes | None:
        reader = self.readers.get(sha256)
        return reader() if reader else None


_kept = _Kept()
_sources: list[PartSource] = [_kept]


def keep(sha256: str, reader: Callable[[], bytes]) -> None:
    """Say how a part can be read in this process."""
    _kept.readers[sha256] = reader


def add_source(source: PartSource) -> None:
    """Look for parts there too, where nobody before has them."""
    _sources.append(source)


def read_part(sha256: str) -> bytes:
    """The part of this digest.

    Raises:
        DataError: no source has it, or what a source gave has another digest.
    """
    for source in _sources:
        found = source.read(sha256)
        if found is not None:
            if hashlib.sha256(found).hexdigest() != sha256:
                raise DataError(f"part {sha256[:12]} of a task has changed while it was in use")
            return found
    raise DataError(f"part {sha256[:12]} of a task is not here: load its benchmark first")
