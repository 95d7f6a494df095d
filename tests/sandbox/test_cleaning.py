"""Emptying the folders that a program could write."""

from __future__ import annotations

import importlib
import os
import time
from pathlib import Path
from typing import Any

scratch: Any = importlib.import_module("guest.scratch")


def filled(root: Path) -> None:
    """Folders within folders, and whatever a cleaner could have named its own."""
    (root / "a" / "b" / "c").mkdir(parents=True)
    for number in range(1, 9):
        taken = root / f".rm{os.getpid()}-{number}" / "kept"
        taken.mkdir(parents=True)
        (taken / "file").write_text("")


def test_no_name_that_a_program_takes_stops_the_cleaner(tmp_path: Path) -> None:
    filled(tmp_path)
    assert scratch._emptied(str(tmp_path), time.monotonic() + 60)
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_done_by_the_deadline_is_said_to_be_left(tmp_path: Path) -> None:
    filled(tmp_path)
    assert not scratch._emptied(str(tmp_path), time.monotonic() - 1)
