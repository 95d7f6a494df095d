"""Files of JSON lines that are read in parts, as they were written or packed.

A packed file (`NAME.zst`) is a sequence of zstd frames, each with `BLOCK` bytes of the
original but for the last, so that any part can be read without the rest; `zstd -d` restores
the whole. Where the frames begin is in a list of their sizes (runs/packing.py keeps it).
"""

from __future__ import annotations

import os
import zlib
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple, Protocol

from backports import zstd

from opencodeeval.core.errors import StoreError

BLOCK = 1 << 20
_OPTIONS: Mapping[int, int] = {
    # Slow enough to find what the answers to one prompt have in common.
    zstd.CompressionParameter.compression_level: 9,
    zstd.CompressionParameter.checksum_flag: 1,
}
# Blocks of a packed file that are kept unpacked: neighbours are mostly asked for one by one.
KEPT_BLOCKS = 8


class LineFile(Protocol):
    """A file of lines, open for reading."""

    path: Path

    @property
    def size(self) -> int:
        """Bytes now, unpacked; a last line that was cut short counts."""
        ...

    def read(self, at: int, size: int) -> bytes:
        """`size` bytes from `at` on; fewer at the end of the file.

        Raises:
            StoreError: the file cannot be read, or is damaged.
        """
        ...

    def close(self) -> None:
        """Close the file; further calls do nothing."""
        ...


class PlainFile:
    """A file as it was written; it may grow meanwhile."""

    def __init__(self, path: Path) -> None:
        """Open it.

        Raises:
            StoreError: it cannot be read.
        """
        self.path = path
        self._descriptor = -1
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise _cannot_read(path, error) from error

    @property
    def size(self) -> int:
        """Bytes now."""
        return os.fstat(self._descriptor).st_size

    def read(self, at: int, size: int) -> bytes:
        """As `LineFile`."""
        try:
            return os.pread(self._descriptor, size, at)
        except OSError as error:
            raise _cannot_read(self.path, error) from error

    def close(self) -> None:
        """As `LineFile`."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __del__(self) -> None:
        self.close()


class Packed(NamedTuple):
    """What is known of a packed file: its original's size and checksum, its frames' sizes."""

    bytes: int
    crc: int
    frames: Sequence[int]


class PackedFile:
    """A packed file, which nobody changes."""

    def __init__(self, path: Path, known: Packed) -> None:
        """Open it.

        Raises:
            StoreError: it cannot be read.
        """
        self._file = PlainFile(path)
        self.path = path
        self.known = known
        self._places = [0]
        for size in known.frames:
            self._places.append(self._places[-1] + size)
        self._blocks: OrderedDict[int, bytes] = OrderedDict()

    @property
    def size(self) -> int:
        """Bytes of the original."""
        return self.known.bytes

    def read(self, at: int, size: int) -> bytes:
        """As `LineFile`."""
        end = min(at + size, self.size)
        if at >= end:
            return b""
        first, last = at // BLOCK, (end - 1) // BLOCK
        found = b"".join(self._block(number) for number in range(first, last + 1))
        return found[at - first * BLOCK : end - first * BLOCK]

    def _block(self, number: int) -> bytes:
        found = self._blocks.get(number)
        if found is None:
            begin, end = self._places[number : number + 2]
            packed = self._file.read(begin, end - begin)
            try:
                found = zstd.decompress(packed)
            except zstd.ZstdError as error:
                raise StoreError(
                    f"{self.path} is damaged ({error}): restore it from a copy"
                ) from error
            self._blocks[number] = found
            if len(self._blocks) > KEPT_BLOCKS:
                self._blocks.popitem(last=False)
        self._blocks.move_to_end(number)
        return found

    def close(self) -> None:
        """As `LineFile`."""
        self._file.close()


def blocks(file: LineFile, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """The content from `start` to `end`, by default all there is now, in blocks.

    Raises:
        StoreError: the file cannot be read, or is damaged.
    """
    end = file.size if end is None else end
    while start < end:
        block = file.read(start, min(BLOCK, end - start))
        if not block:
            return
        start += len(block)
        yield block


def checksum(file: LineFile, end: int) -> int:
    """The CRC-32 of the first `end` bytes."""
    if isinstance(file, PackedFile) and end == file.size:
        return file.known.crc
    crc = 0
    for block in blocks(file, 0, end):
        crc = zlib.crc32(block, crc)
    return crc


def lines_from(file: LineFile, start: int = 0) -> Iterator[tuple[int, bytes]]:
    """Where each whole line from `start` on begins, and the line with its newline.

    What follows the last newline is left out.

    Raises:
        StoreError: the file cannot be read, or is damaged.
    """
    rest, at = b"", start
    for block in blocks(file, start):
        lines = (rest + block).split(b"\n")
        rest = lines.pop()
        for line in lines:
            yield at, line + b"\n"
            at += len(line) + 1


def pack(file: LineFile, into: BinaryIO) -> Packed:
    """Write a file packed; returns what has to be known to read it.

    Raises:
        StoreError: the file cannot be read.
        OSError: `into` cannot be written.
    """
    crc, size, frames = 0, 0, []
    for block in blocks(file):
        frame = zstd.compress(block, options=_OPTIONS)
        into.write(frame)
        frames.append(len(frame))
        crc, size = zlib.crc32(block, crc), size + len(block)
    return Packed(size, crc, frames)


def _cannot_read(path: Path, error: OSError) -> StoreError:
    return StoreError(f"{path} cannot be read ({error.strerror}): name the folder of a run")
