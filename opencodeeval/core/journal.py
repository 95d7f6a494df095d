"""Files that are never left half-written."""

from __future__ import annotations

import errno
import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, Generic, TypeVar

import msgspec

from opencodeeval.core.errors import StoreError
from opencodeeval.core.text import validation_words

T = TypeVar("T")
# How much of a file is read at once where its last whole line is looked for, in bytes.
_BACKWARDS = 1 << 16


class Journal(Generic[T]):
    """An append-only file of JSON lines, each a value of one class.

    The class is a msgspec.Struct or a dataclass. A line is written by one system call and
    ends in a newline, so whatever follows the last newline is a write that was cut short,
    and is removed.
    """

    def __init__(self, path: Path, kind: type[T]) -> None:
        self.path = path
        self._kind = kind
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._descriptor = guarded(path, lambda: os.open(path, flags, 0o644))

    def read(self) -> list[T]:
        """All stored lines.

        Raises:
            StoreError: a line is no such value; names file and line.
        """
        data = guarded(self.path, self.path.read_bytes)
        whole = data.rfind(b"\n") + 1
        if whole != len(data):
            guarded(self.path, lambda: os.ftruncate(self._descriptor, whole))
        return parsed_lines(self.path, data[:whole], self._kind)

    def mend(self) -> None:
        """Remove what a killed process has written of a line by half."""
        size = end = guarded(self.path, lambda: os.fstat(self._descriptor).st_size)
        while end:
            begin = max(0, end - _BACKWARDS)
            newline = os.pread(self._descriptor, end - begin, begin).rfind(b"\n")
            if newline >= 0:
                end = begin + newline + 1
                break
            end = begin
        if end != size:
            guarded(self.path, lambda: os.ftruncate(self._descriptor, end))

    def append(self, row: T) -> tuple[int, bytes]:
        """Add one line, entirely or not at all; returns where it begins, and the line.

        Raises:
            StoreError: the line cannot be written, as on a full disk.
        """
        # Not msgspec's own JSON: that refuses the lone surrogates that models and programs print.
        text = json.dumps(msgspec.to_builtins(row), ensure_ascii=True, separators=(",", ":"))
        line = text.encode("ascii") + b"\n"
        end = guarded(self.path, lambda: os.fstat(self._descriptor).st_size)
        try:
            written = os.write(self._descriptor, line)
        except OSError as error:
            raise _cannot_write(self.path, error.strerror or str(error)) from error
        if written != len(line):
            guarded(self.path, lambda: os.ftruncate(self._descriptor, end))
            raise _cannot_write(self.path, "no space left")
        return end, line

    def close(self) -> None:
        """Close the file; further calls do nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def parsed_lines(path: Path, data: bytes, kind: type[T]) -> list[T]:
    """The whole lines of a journal's content; what follows the last newline is left out.

    Raises:
        StoreError: a line is no value of this kind; names file and line.
    """
    parse = parser(path, kind)
    return [parse(line, number) for number, line in enumerate(data.split(b"\n")[:-1], start=1)]


def parser(path: Path, kind: type[T]) -> Callable[[bytes, int], T]:
    """What makes a value of a line, given its number from 1; raises as `parsed_lines`."""
    decoder = msgspec.json.Decoder(kind)

    def parse(line: bytes, number: int) -> T:
        # Five times as fast, but it refuses the lone surrogates that models and programs print.
        try:
            return decoder.decode(line)
        except (ValueError, RecursionError):
            pass
        try:
            return msgspec.convert(json.loads(line), kind)
        except (ValueError, RecursionError) as error:
            raise StoreError(
                f"{path}, line {number} is damaged ({validation_words(error)}): "
                f"delete that line, or the folder {path.parent} to start afresh"
            ) from error

    return parse


def write_atomically(path: Path, value: Mapping[str, Any]) -> None:
    """Write JSON so that readers see the old file or the new one, never a part.

    Raises:
        StoreError: the folder cannot be written; the old file is untouched.
    """
    text = json.dumps(value, indent=1, ensure_ascii=True, allow_nan=False) + "\n"
    try:
        with replacing(path) as file:
            file.write(text.encode("ascii"))
    except OSError as error:
        raise _cannot_write(path, error.strerror or str(error)) from error


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to be written that takes the place of `path` when all of it is on the disk.

    Folders on the way are made. Where anything fails, the old file is untouched.

    Raises:
        OSError: the system refuses.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with open(temporary, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


class Lock:
    """A file that only one holder has: no other process, and nobody else in this one.

    A POSIX record lock, not flock (which filelock and most others use): it belongs
    to the process, so an engine that was forked off and outlives a killed run does
    not keep it. Such a lock does not stop a second holder in the same process, and
    goes when any descriptor of the file is closed; so a process keeps a list of
    what it holds. It ends with the process, however that ends.
    """

    _held: ClassVar[set[tuple[int, int]]] = set()

    def __init__(self, path: Path) -> None:
        """Take the lock.

        Raises:
            StoreError: somebody else has it, or the file cannot be written.
        """
        self._inode: tuple[int, int] | None = None
        guarded(path, lambda: path.touch(exist_ok=True))
        # Before the file is opened: closing that descriptor again would free the lock.
        status = guarded(path, path.stat)
        if (status.st_dev, status.st_ino) in self._held:
            raise StoreError(
                f"this process already has {path.parent} open: close it there first, "
                "or choose another --output"
            )
        self._descriptor = guarded(path, lambda: os.open(path, os.O_RDWR | os.O_CLOEXEC))
        try:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._descriptor)
            if error.errno not in (errno.EACCES, errno.EAGAIN):
                raise _cannot_write(path, error.strerror or str(error)) from error
            raise StoreError(
                f"another process has {path.parent} open: wait for it to end, "
                "or choose another --output"
            ) from error
        self._inode = status.st_dev, status.st_ino
        self._held.add(self._inode)

    def release(self) -> None:
        """Give the lock back; further calls do nothing."""
        if self._inode is not None:
            os.close(self._descriptor)
            self._held.discard(self._inode)
            self._inode = None


def guarded(path: Path, action: Callable[[], T]) -> T:
    """Do something to a file; StoreError in one sentence where the system refuses."""
    try:
        return action()
    except OSError as error:
        raise _cannot_write(path, error.strerror or str(error)) from error


def _cannot_write(path: Path, reason: str) -> StoreError:
    return StoreError(
        f"{path} cannot be written ({reason[:1].lower() + reason[1:]}): make room or choose "
        "another --output; what is stored stays valid, and the same command continues from it"
    )
