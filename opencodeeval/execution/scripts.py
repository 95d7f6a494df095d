"""Scripts of a virtual environment, whose first line names the Python that runs them.

That is the path where the environment was made. A jail may have nothing there, because the path
is below one of its own folders, because it is another name of the folder (a link), or because the
folder was moved. Programs that start such a script by name would get none, or another of the
system's. A jail therefore shows it with the environment's Python in its first line.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

# As pip and uv write it; in the second form where the path is too long or has spaces.
_FIRST_LINES = (
    re.compile(rb"#![ \t]*(?P<python>/\S*?/python[0-9.]*)(?=\s)"),
    re.compile(
        rb"#!/bin/sh\n'''exec' (?P<quote>[\"']?)(?P<python>/[^\0\n]*?/python[0-9.]*)(?P=quote) "
    ),
)


def with_python(folder: Path, python: str, is_found: Callable[[str], bool]) -> dict[str, bytes]:
    """The scripts in `folder` that need another first line, by name, with `python` in it.

    `is_found` says of the path of a Python whether it can stay as it is.
    """
    found = {}
    for path in sorted(folder.iterdir()):
        if path.is_symlink() or not path.is_file() or not os.access(path, os.R_OK | os.X_OK):
            continue
        with path.open("rb") as file:
            if file.read(2) != b"#!":
                continue
        content = path.read_bytes()
        for first_line in _FIRST_LINES:
            match = first_line.match(content)
            if match and not is_found(os.fsdecode(match["python"])):
                start, end = match.span("python")
                found[path.name] = content[:start] + os.fsencode(python) + content[end:]
    return found
