"""The player of programs in other languages: writes files, then becomes a command.

It runs as any player does, after the cage has closed. Its channel closes when the command
has taken its place; a line on it says why that could not be.
"""

from __future__ import annotations

import os
import shutil
import signal
from typing import Dict, List

from . import codec, player

# Python ignores these, and a command would inherit that.
USUAL = (signal.SIGPIPE, signal.SIGXFSZ)


def run() -> None:
    """Take {files}, [command], {environment}, {whole environment} or None; never returns."""
    files, command, added, environ = player.receive()
    for name, text in files.items():
        with open(name, "w", encoding="utf-8", errors="surrogatepass", newline="") as file:
            file.write(text)
    become(command, {**os.environ, **added} if environ is None else environ)


def become(command: List[str], environ: Dict[str, str]) -> None:
    """Take the command's place, or say on the channel why that could not be; never returns."""
    # By this process's environment: a command may have one without a path to look in.
    program = shutil.which(command[0])
    for number in USUAL:
        signal.signal(number, signal.SIG_DFL)
    try:
        if program is None:
            raise FileNotFoundError(2, "there is no such program")
        os.execve(program, command, environ)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        player.send(codec.encode(f"{command[0]}: {why}"))
        os._exit(127)
