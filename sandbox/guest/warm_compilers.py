"""Warm forms of compilers: the same command, with what it reads every time read once before.

A form has a precompiled header, a snapshot or an archive of classes beside it, made before any
program was there (make_warm_compilers.py). Each program still has a compiler's process of its
own, and none can change these files.
"""

from __future__ import annotations

import json
import os
import re
from typing import Any, Dict, List, NamedTuple, Optional

MANIFEST = "forms.json"
PATH = "/usr/local/bin:/usr/bin:/bin"
MADE = "{made}"  # in a form's words: the folder of what was made


class Form(NamedTuple):
    """One form, for the plain commands and the programs that its two patterns match.

    `instead` stands for a command's first word. Where the compiler fails and says one of the
    texts `unsure`, the plain command might say it in other words.
    """

    name: str
    command: "re.Pattern[str]"
    begins: "re.Pattern[str]"
    instead: List[str]
    unsure: List[str]

    def of(self, command: List[str]) -> List[str]:
        """The warm form of a command."""
        return [*self.instead, *command[1:]]


_in_use: List[Form] = []


def form_of(name: str, table: Dict[str, Any], folder: str) -> Form:
    """A form as a table declares it, with its files in `folder`."""
    return Form(
        name,
        re.compile(table["command"]),
        re.compile(table.get("begins", "")),
        [word.replace(MADE, folder) for word in table["instead"]],
        [folder, *table.get("unsure", ())],
    )


def read(folder: str) -> List[Form]:
    """The forms that were made in a folder; none where there is no folder."""
    path = os.path.join(folder, MANIFEST)
    if not folder or not os.path.isfile(path):
        return []
    with open(path, encoding="utf-8") as file:
        found = json.load(file)["forms"]
    return [form_of(name, table, folder) for name, table in found.items()]


def use(folder: str) -> None:
    """Take the forms of a folder from now on, in this process and in those that it forks."""
    _in_use[:] = read(folder)


def in_use() -> List[str]:
    """The names of the forms that are taken."""
    return sorted(form.name for form in _in_use)


def form_for(command: List[str], program: str) -> Optional[Form]:
    """The form of a command for a program, if there is one."""
    text = " ".join(command)
    return next(
        (each for each in _in_use if each.command.fullmatch(text) and each.begins.match(program)),
        None,
    )


def state_of(path: str) -> List[int]:
    """What changes when a file does: its size and its time; nothing where it is not there."""
    try:
        status = os.stat(path)
    except OSError:
        return []
    return [status.st_size, status.st_mtime_ns]
