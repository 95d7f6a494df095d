"""All samples of a run executed again: which verdicts are from before, also once interrupted."""

from __future__ import annotations

import json
from pathlib import Path

from opencodeeval.core.errors import StoreError
from opencodeeval.core.journal import guarded, write_atomically

# How many lines of verdicts there were before.
NAME = "again.json"


def begin(folder: Path, lines: int) -> int:
    """The number of lines that no longer count: `lines`, or that of an earlier beginning.

    Raises:
        StoreError: the file with the number is damaged, or cannot be written.
    """
    before = begun_again_after(folder)
    if before is None:
        before = lines
        write_atomically(folder / NAME, {"verdicts_before": before})
    return before


def end(folder: Path) -> None:
    """All samples have been executed again; nothing happens if that was not going on."""
    guarded(folder, lambda: (folder / NAME).unlink(missing_ok=True))


def begun_again_after(folder: Path) -> int | None:
    """The number of verdict lines from before all samples began to be executed again.

    None if that is not going on.

    Raises:
        StoreError: the file with the number is damaged.
    """
    path = folder / NAME
    if not path.exists():
        return None
    try:
        return int(json.loads(path.read_text("ascii"))["verdicts_before"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{path} cannot be read ({error}): delete it") from error
