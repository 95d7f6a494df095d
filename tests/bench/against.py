"""The same samples graded by another commit of this repository, for a ratio in one run.

The other commit is checked out beside this one and measured by its own
`tests/bench`, in a process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.measures import ROOT, Measure

# What every commit's tests/bench has had: rows that read their samples, and `ours`.
_CHILD = """
import dataclasses, json, sys
from pathlib import Path
from tests.bench.evalplus_rows import ROWS
from tests.bench.measures import ours
tasks, programs = ROWS[sys.argv[1]].read(Path(sys.argv[3]))
print(json.dumps(dataclasses.asdict(ours(sys.argv[2], tasks, programs))))
"""


@contextmanager
def checkout(commit: str, folder: Path) -> Iterator[Path]:
    """A commit's files in a folder of their own, for as long as the context lasts."""
    place = folder / "checkout"
    git = ["git", "-C", str(ROOT), "worktree"]
    subprocess.run([*git, "add", "--quiet", "--detach", str(place), commit], check=True)
    try:
        yield place
    finally:
        subprocess.run([*git, "remove", "--force", str(place)], check=True)


def measured_there(place: Path, row: str, jail: str, data: Path) -> Measure:
    """One round of a row of `tests.bench.evalplus_rows` by the code in `place`."""
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, row, jail, str(data)],
        cwd=place,
        env={**os.environ, "PYTHONPATH": str(place)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return Measure(**json.loads(done.stdout.splitlines()[-1]))
