"""The players of programs that are only run: one runs a program, one reads files that it left.

Both run as any player does, after the cage has closed: what they write and read is what the
program itself could.
"""

from __future__ import annotations

import os
import stat
from typing import Dict, List

from . import codec, command, player


def run() -> None:
    """Take {files}, [command], program; become the command, or run the program. Never returns."""
    files, argv, program = player.receive()
    try:
        for name, data in files.items():
            _write(name, data)
    except OSError as error:
        player.send(codec.encode(f"its files could not be written: {error.strerror}"))
        os._exit(127)
    if argv:
        command.become(argv, dict(os.environ))
    player.run_source(program, livecodebench=False)


def fetch() -> None:
    """Take [paths] and how many bytes they may have in all; answer with those that are there."""
    names, most = player.receive()
    found: Dict[str, bytes] = {}
    for name in names:
        data = _read(name, most)
        if data is not None:
            found[name] = data
            most -= len(data)
    player.send('["v",' + codec.encode(found) + "]")
    os._exit(0)


def _write(name: str, data: bytes) -> None:
    folder = os.path.dirname(name)
    if folder:
        os.makedirs(folder, exist_ok=True)
    with open(name, "wb") as file:
        file.write(data)


def _read(name: str, most: int) -> "bytes | None":
    """A file's bytes; None if it is none, or too long. What is no file must not be waited for."""
    parts: List[bytes] = []
    try:
        fd = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return None
    try:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode) or found.st_size > most:
            return None
        while most >= 0:
            part = os.read(fd, 1 << 16)
            if not part:
                return b"".join(parts)
            parts.append(part)
            most -= len(part)
    except OSError:
        pass
    finally:
        os.close(fd)
    return None
