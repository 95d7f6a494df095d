"""Packs the files of a finished run with zstd, and unpacks them where the run goes on.

A kill at any instant loses nothing. Packing writes all packed files, then packed.json, and
removes the others last; unpacking writes all files of lines, then removes packed.json, and
the packed ones last. What is left over is removed by whichever comes next.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import NamedTuple

import msgspec

from opencodeeval.core.errors import StoreError, UsageError
from opencodeeval.core.journal import Lock, guarded, replacing, write_atomically
from opencodeeval.core.lines import Packed, PlainFile, blocks, checksum
from opencodeeval.core.lines import pack as pack_file
from opencodeeval.records.reading import read_records, run_folder_of
from opencodeeval.runs.content import Content
from opencodeeval.runs.databases import NAME
from opencodeeval.runs.packed import MANIFEST, SUFFIX, VERSION, Manifest, manifest_of, open_packed

# The other files stay: they are small.
PACKED = ("prompts", "seen", "completions", "programs", "verdicts", "faults")
NAMES = (*(f"{name}.jsonl" for name in PACKED), NAME)


class Packing(NamedTuple):
    """A folder that was packed or unpacked, and its size in bytes before and after."""

    folder: Path
    before: int
    after: int


def pack_runs(runs: Sequence[str | Path], *, unpacked: bool = False) -> Iterator[Packing]:
    """Pack, or unpack, the folders of the finished runs that these paths name, one after another.

    A path is that of a record, a run folder or a folder of results, as for `find_records`.

    Raises:
        UsageError: there is no finished run with its folder.
        StoreError: another process has a run open, or a folder is damaged or cannot be written.
    """
    folders = [run_folder_of(stored) for stored in read_records(runs)]
    found = list(dict.fromkeys(folder.resolve() for folder in folders if folder is not None))
    if not found:
        raise UsageError(
            "no record has its run folder beside it: name a folder of results that has runs/"
        )
    return (_again_plain(folder) if unpacked else pack(folder) for folder in found)


def pack(folder: Path) -> Packing:
    """Pack a run folder; one that is packed already stays as it is.

    Raises:
        StoreError: another process has the run open, or the folder cannot be written.
    """
    lock = Lock(folder / "lock")
    try:
        manifest = manifest_of(folder)
        if manifest is not None:
            _remove(folder, tuple(manifest.files))
            before = sum(each.bytes for each in manifest.files.values())
            return Packing(folder, before, folder_size(folder))
        before = folder_size(folder)
        # Makes the index, if there is none; whoever reads the packed folder needs it.
        Content(folder, writes=True).close()
        known = {name: _packed(folder / name) for name in NAMES if _has_content(folder / name)}
        manifest = Manifest(version=VERSION, files=known)
        write_atomically(folder / MANIFEST, msgspec.to_builtins(manifest))
        _remove(folder, tuple(known))
        return Packing(folder, before, folder_size(folder))
    finally:
        lock.release()


def unpack(folder: Path) -> bool:
    """Unpack a run folder that this process has locked; whether it was packed.

    Raises:
        StoreError: it is damaged, or there is no room: it stays packed then.
    """
    manifest = manifest_of(folder)
    packed = tuple(name + SUFFIX for name in NAMES)
    if manifest is None:
        _remove(folder, (*packed, MANIFEST))
        return False
    try:
        for name in manifest.files:
            _unpacked(folder / name)
    except BaseException:
        _remove(folder, tuple(manifest.files))
        raise
    guarded(folder, (folder / MANIFEST).unlink)
    _remove(folder, packed)
    return True


def _again_plain(folder: Path) -> Packing:
    lock = Lock(folder / "lock")
    try:
        before = folder_size(folder)
        unpack(folder)
        return Packing(folder, before, folder_size(folder))
    finally:
        lock.release()


def folder_size(folder: Path) -> int:
    """The bytes of all files of a folder."""
    return sum(path.stat().st_size for path in folder.iterdir() if path.is_file())


def _has_content(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0


def _packed(path: Path) -> Packed:
    packed = path.with_name(path.name + SUFFIX)

    def write() -> Packed:
        with closing(PlainFile(path)) as file, replacing(packed) as into:
            return pack_file(file, into)

    known = guarded(packed, write)
    stamps = path.stat()
    os.utime(packed, ns=(stamps.st_atime_ns, stamps.st_mtime_ns))
    return known


def _unpacked(path: Path) -> None:
    file = open_packed(path)
    assert file is not None

    def write() -> None:
        crc = 0
        with replacing(path) as into:
            for block in blocks(file):
                crc = zlib.crc32(block, crc)
                into.write(block)
            if crc != checksum(file, file.size):
                raise StoreError(f"{file.path} is damaged: restore it from a copy")

    with closing(file):
        guarded(path, write)
    stamps = file.path.stat()
    os.utime(path, ns=(stamps.st_atime_ns, stamps.st_mtime_ns))


def _remove(folder: Path, names: tuple[str, ...]) -> None:
    """Remove files, and what a killed process has written of them so far."""
    for name in names:
        for path in (folder / name, folder / f".{name}.tmp"):
            guarded(path, partial(path.unlink, missing_ok=True))
