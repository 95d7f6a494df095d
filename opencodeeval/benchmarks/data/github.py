"""Files that a publisher keeps on GitHub, fetched once and kept."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from opencodeeval.benchmarks.cards import Source
from opencodeeval.core import http
from opencodeeval.core.folders import cache_folder

RAW = "https://raw.githubusercontent.com"
PATIENCE_S = 60.0


def cached(source: Source) -> Path:
    """Where a file is kept, whether it is there or not; a commit's files never change."""
    return cache_folder("data") / source.revision / source.dataset


def fetched(source: Source) -> Path:
    """The file, which is fetched where it is not kept yet; not checked.

    Raises:
        OSError: it cannot be fetched, or not be kept.
    """
    path = cached(source)
    if not path.is_file():
        owner, repository, name = source.dataset.split("/", 2)
        url = f"{RAW}/{owner}/{repository}/{source.revision}/{quote(name)}"
        http.download(url, path, PATIENCE_S)
    return path
