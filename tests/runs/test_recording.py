"""What a record says of the program that made it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import opencodeeval
from opencodeeval.runs.recording import harness


def git(folder: Path, *words: str) -> str:
    names = ("-c", "user.name=n", "-c", "user.email=e@example.org")
    done = subprocess.run(
        ["git", "-C", str(folder), *names, *words], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_the_commit_and_whether_tracked_files_differ_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = tmp_path / "opencodeeval" / "__init__.py"
    module.parent.mkdir()
    module.write_text("")
    monkeypatch.setattr(opencodeeval, "__file__", str(module))
    assert (harness().commit, harness().modified) == (None, False)
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "-m", "first")
    assert (harness().commit, harness().modified) == (git(tmp_path, "rev-parse", "HEAD"), False)
    (tmp_path / "untracked").write_text("")
    assert not harness().modified
    module.write_text("changed = True\n")
    assert harness().modified
