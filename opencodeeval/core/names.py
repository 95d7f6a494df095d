"""What a model's folder is called."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

# Folders in which trainers put a checkpoint's model: they say nothing of which it is.
_SAY_NOTHING = frozenset({"huggingface", "hf", "hf_model", "hf_ckpt", "actor", "policy", "model"})


def name_of_folder(folder: Path) -> str:
    """The name of a folder on this machine, the same however its path is spelt."""
    return last_parts(folder.resolve().as_posix())


def last_parts(path: str) -> str:
    """The last two parts of a path, but for those that only say that a model is there."""
    parts = [part for part in PurePosixPath(path).parts if part not in ("/", ".", "~")]
    while len(parts) > 2 and parts[-1].lower() in _SAY_NOTHING:
        parts.pop()
    return "/".join(parts[-2:]) or path
