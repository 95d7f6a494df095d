"""Packed run folders: which files are packed, and how a file is opened either way.

packed.json, which is written last and removed first, says that the packed files count. Where
it is not there, the files of lines do, and what else there is was left by a killed process.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from opencodeeval.core.errors import StoreError
from opencodeeval.core.lines import LineFile, Packed, PackedFile, PlainFile

MANIFEST = "packed.json"
SUFFIX = ".zst"
VERSION = 1


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """packed.json: the packed files by the names that they had."""

    version: int
    files: Mapping[str, Packed]


def manifest_of(folder: Path) -> Manifest | None:
    """What is packed in a folder; None if it is not packed.

    Raises:
        StoreError: the file is damaged, or of a later version.
    """
    path = folder / MANIFEST
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError(f"{path} cannot be read ({error.strerror})") from error
    try:
        found = msgspec.json.decode(content, type=Manifest)
    except msgspec.MsgspecError as error:
        raise StoreError(f"{path} is damaged ({error}): restore the folder from a copy") from error
    if found.version != VERSION:
        raise StoreError(f"{path} was written by a later version of opencodeeval: use that one")
    return found


def open_file(path: Path) -> LineFile:
    """A file of a run folder, packed or not.

    Raises:
        StoreError: it is not there, or cannot be read.
    """
    return open_packed(path) or PlainFile(path)


def open_packed(path: Path) -> PackedFile | None:
    """The packed form of a file, if that counts.

    Raises:
        StoreError: it cannot be read.
    """
    manifest = manifest_of(path.parent)
    if manifest is None or path.name not in manifest.files:
        return None
    return PackedFile(path.with_name(path.name + SUFFIX), manifest.files[path.name])
