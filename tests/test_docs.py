"""The documentation builds, and what it links to is there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "results/README.md"])
def test_what_is_linked_to_is_there(name: str, repo_root: Path) -> None:
    page = repo_root / name
    for target in LINK.findall(page.read_text("utf-8")):
        if "://" not in target and "%" not in target:
            assert (page.parent / target).exists(), f"{name} links to {target}"


def test_the_site_is_built_without_a_warning(repo_root: Path, tmp_path: Path) -> None:
    pytest.importorskip("material", reason="the documentation needs the extra `docs`")
    pytest.importorskip("mkdocstrings", reason="the documentation needs the extra `docs`")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet"]
    done = subprocess.run(
        [*command, "--site-dir", str(tmp_path)], cwd=repo_root, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    api = (tmp_path / "api" / "index.html").read_text("utf-8")
    assert "Score a model" in api or "evaluate" in api
    outside = re.findall(r'<(?:link|script|img)[^>]+(?:href|src)="(https?://[^"]+)"', api)
    assert [url for url in outside if "opencodeeval" not in url] == []
