"""Files that a command writes where the user says: never over a file that it did not make.

Each carries the command's mark near its beginning ("made by opencodeeval report"), or
begins in a way that only the command's files do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from opencodeeval.core.errors import StoreError, UsageError
from opencodeeval.core.journal import replacing

# How much of a file is read for its mark.
_BEGINNING = 4096
# How files of earlier versions, and those in which a mark has no place, can be told.
_ALSO_KNOWN_BY = {
    "leaderboard": (
        "made from the records by `opencodeeval leaderboard`",
        '{\n "schema": 1,\n "groups": [',
        "<title>Leaderboard: opencodeeval</title>",
    ),
    "report": (": opencodeeval</title>",),
    "gate": (
        *("## ✅ pass: ", "## ❌ regression: ", "## ❔ inconclusive: "),
        '{\n "schema": 1,\n "answer": ',
        'name="opencodeeval gate: ',
    ),
    "publish": ("model,revision,benchmark,data_version,",),
    "watch": ("--grid: #8884; --pass: ",),
}


def mark_of(command: str) -> str:
    """The mark of a command's files."""
    return f"made by opencodeeval {command}"


def check_own(paths: Iterable[Path], command: str) -> None:
    """Check that no path has a file that the command did not make; empty ones may be replaced.

    Raises:
        UsageError: one has.
        StoreError: one cannot be read.
    """
    for path in paths:
        if path.is_file() and not _is_own(path, command):
            raise UsageError(
                f"{path} was not made by `opencodeeval {command}`, so it is not overwritten, and "
                "nothing was written: rename it, or choose another place"
            )


def write_own(files: Mapping[Path, Iterable[str]], command: str) -> None:
    """Write a command's text files, each whole or not at all; no other file is overwritten.

    A text is one string, or pieces that are made while they are written.

    Raises:
        UsageError: a path has a file that the command did not make; nothing is written.
        StoreError: one cannot be written.
    """
    check_own(files, command)
    for path, text in files.items():
        pieces = [text] if isinstance(text, str) else text
        try:
            _write(path, (piece.encode("utf-8") for piece in pieces))
        except OSError as error:
            raise StoreError(
                f"{path} cannot be written ({error.strerror or error}): make room, or name a "
                "writable folder"
            ) from error


def _write(path: Path, pieces: Iterable[bytes]) -> None:
    if path.exists() and not path.is_file():
        # A pipe or a device (/dev/stdout) is written to, not replaced.
        with path.open("wb") as file:
            file.writelines(pieces)
        return
    # What a link leads to is replaced, not the link.
    with replacing(path.resolve() if path.is_symlink() else path) as file:
        file.writelines(pieces)


def _is_own(path: Path, command: str) -> bool:
    try:
        with path.open("rb") as file:
            beginning = file.read(_BEGINNING)
    except OSError as error:
        raise StoreError(f"{path} cannot be read ({error.strerror})") from error
    marks = (
        mark_of(command),
        f'"made_by": "opencodeeval {command}"',
        *_ALSO_KNOWN_BY.get(command, ()),
    )
    return not beginning or any(mark.encode("utf-8") in beginning for mark in marks)
