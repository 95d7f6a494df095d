"""The user's folders: what may be deleted at any time, and what was put there on purpose.

Where they are is the system's convention (platformdirs; on Linux XDG_CACHE_HOME and
XDG_DATA_HOME are heeded).
"""

from __future__ import annotations

from pathlib import Path

import platformdirs

NAME = "opencodeeval"


def cache_folder(name: str) -> Path:
    """A folder of files that may be deleted: "data", "expected"."""
    return platformdirs.user_cache_path(NAME) / name


def data_folder(name: str) -> Path:
    """A folder of what commands have prepared: "environments"."""
    return platformdirs.user_data_path(NAME) / name
