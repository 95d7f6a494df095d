"""McEval's AWK: commands, judged by what they print beside the publisher's.

Both are run with the files of commands.toml. The tasks name files by paths like /etc/passwd,
which say something else on every machine and next to nothing in a sandbox; such a path becomes
one below the working folder, in the reference and in the program alike.
"""

from __future__ import annotations

import base64
import re
import sys
from functools import cache
from pathlib import Path

from opencodeeval.benchmarks.cards import ProtocolCard
from opencodeeval.benchmarks.data.rows import Row
from opencodeeval.benchmarks.programs.grading import check_texts
from opencodeeval.core.types import Completion, Style, Task

from .answers import block

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

NAME, ROWS = "awk", "AWK"
TEXTS = ("task_id", "prompt", "canonical_solution", "instruction")


@cache
def _table() -> dict[str, dict[str, str]]:
    return tomllib.loads(Path(__file__).with_name("commands.toml").read_text("utf-8"))


def is_command(task_id: str) -> bool:
    """Whether a task is graded by what a command prints."""
    return task_id.startswith(f"{ROWS}/")


def to_task(row: Row, protocol: ProtocolCard, seconds: float) -> Task:
    """A row of AWK as a task; its command may run so many seconds.

    Raises:
        DataError: a field is missing.
    """
    check_texts(row, TEXTS)
    files = {
        name: base64.b64encode(text.encode()).decode() for name, text in _table()["files"].items()
    }
    reference = moved(row["canonical_solution"].strip()) + "\n"
    return Task(
        task_id=row["task_id"],
        style=Style.PROGRAM,
        prompt=row["prompt"],
        entry_point="",
        reference=reference,
        tests={
            "kind": "output",
            "language": NAME,
            "file": "command.sh",
            "command": ["sh", "command.sh"],
            "reference": reference,
            "files": files,
            "limits": {"run_s": seconds, "total_s": seconds, **protocol.limits},
        },
        fields=row,
    )


def command(completion: Completion, model_type: str) -> tuple[str, str]:
    """The command of one completion, and how it was found (pure)."""
    text, found = completion.text, str(completion.form)
    if completion.form == "answer" and model_type == "chat":
        text, found = block(text, NAME)
    return (moved(text.strip()) + "\n" if text.strip() else ""), found


def moved(text: str) -> str:
    """A command that reads the files here."""
    for old, new in _table()["moved"].items():
        text = re.sub(rf"(?<![\w./-]){re.escape(old)}(?![\w/-])", new, text)
    return text
