"""Fixtures that every part of the test suite may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def repo_root() -> Path:
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data(repo_root: Path) -> Path:
    """The folder of real data files, which is not part of the repository."""
    named = os.environ.get("OPENCODEEVAL_SHARED_DATA")
    folder = Path(named) if named else repo_root.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no data files at {folder}: set OPENCODEEVAL_SHARED_DATA to their folder")
    return folder
