"""Finds the checkpoints in a folder that a trainer writes to, and checks if they are complete."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opencodeeval.backends.layouts import models_below, shards_in
from opencodeeval.backends.models import ADAPTER_CONFIG, weight_files
from opencodeeval.core.errors import StoreError
from opencodeeval.core.types import digest

INDEXES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
# The safetensors format limits the length of its header.
_LONGEST_HEADER = 100_000_000

# A model that is there counts rather than an adapter beside it.
_DEEPER = ("config.json", ADAPTER_CONFIG)
# Of a reinforcement learner's models, the one that is trained to answer.
_ACTOR, _OTHERS = "actor", frozenset({"critic", "ref", "reward", "rm", "reward_model"})
# The first that a name has counts: "step-1000" of "step-1000-ckpt-2".
_STEPS = tuple(
    re.compile(rf"(?<![A-Za-z])(?:{names})[-_=.]?(\d+)([kK](?![A-Za-z]))?", re.IGNORECASE)
    for names in ("(?:global_?)?steps?", "iter(?:ation)?s?", "ba", "checkpoint|ckpt")
)
_LAST_NUMBER = re.compile(r"(\d+)$")
_TEMPORARY = re.compile(
    r"\.|_*(?:te?mp|incomplete)[-_.]|.*(?:[-_.](?:te?mp|incomplete|partial|writing)|"
    r"orbax-checkpoint-tmp.*)$",
    re.IGNORECASE,
)

# Path below the checkpoint -> size in bytes and modification time in ns.
Snapshot = Mapping[str, tuple[int, int]]


@dataclass(frozen=True)
class Checkpoint:
    """A folder of a model or a LoRA adapter below the watched one.

    `step` is the training step in its name, if any.
    `models` lists its model folders if there are several, so that the right one is unknown.
    """

    path: Path
    name: str
    step: int | None
    models: tuple[str, ...] = ()


def find_checkpoints(folder: Path) -> list[Checkpoint]:
    """The checkpoints below `folder`, the lowest step first.

    A checkpoint is the folder of a model or an adapter directly below it, or the only one
    up to two levels deeper (`global_step_20/actor/huggingface`).

    Raises:
        StoreError: the folder cannot be read.
    """
    found = []
    for path in _folders_in(folder):
        models = [] if _passing(path) else _models_in(path)
        names = tuple(model.relative_to(folder).as_posix() for model in models)
        if len(models) == 1:
            found.append(Checkpoint(models[0], names[0], step_in(names[0])))
        elif models:
            found.append(Checkpoint(path, path.name, step_in(path.name), names))
    return sorted(found, key=lambda each: (each.step is None, each.step or 0, each.name))


def left_out(folder: Path) -> dict[str, str]:
    """The names of folders in `folder` that are no checkpoints, and why each is none.

    Raises:
        StoreError: the folder cannot be read.
    """
    return {
        path.name: reason
        for path in sorted(_folders_in(folder))
        if (reason := _passing(path) or ("" if _models_in(path) else _without_model(path)))
    }


def _folders_in(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.is_dir()]
    except OSError as error:
        raise StoreError(f"{folder} cannot be read ({error.strerror})") from error


def _without_model(path: Path) -> str:
    shards = shards_in(path)
    if shards:
        return f"it holds {shards}"
    deeper = models_below(path)
    return f"its models are deeper: watch {deeper[0].parent}" if deeper else "it has no model"


def _models_in(path: Path) -> list[Path]:
    if is_model(path):
        return [path]
    for name in _DEEPER:
        found = sorted(each.parent for each in (*path.glob(f"*/{name}"), *path.glob(f"*/*/{name}")))
        parts = [set(each.relative_to(path).parts) for each in found]
        if any(_ACTOR in each for each in parts):
            return [each for each, own in zip(found, parts, strict=True) if not own & _OTHERS]
        if found:
            return found
    return []


def step_in(name: str) -> int | None:
    """The number after step, iter, ba or checkpoint in a path's last part that has one.

    Without any it is the number that the first part ends in.
    """
    parts = name.split("/")
    for part in reversed(parts):
        for kind in _STEPS:
            numbers = kind.findall(part)
            if numbers:
                number, thousand = numbers[-1]
                return int(number) * (1000 if thousand else 1)
    last = _LAST_NUMBER.search(parts[0])
    return int(last[1]) if last else None


def _passing(path: Path) -> str:
    """Why a folder is none to evaluate: its name is temporary, or it is a link to another here."""
    if _TEMPORARY.match(path.name):
        return "its name is a temporary one"
    if path.is_symlink() and path.resolve().is_relative_to(path.parent.resolve()):
        return f"it is a link to {path.resolve().name}"
    return ""


def is_model(path: Path) -> bool:
    """Whether a folder has a model's or adapter's configuration or weights directly in it."""
    return (path / "config.json").exists() or is_adapter(path) or bool(weight_files(path))


def is_adapter(path: Path) -> bool:
    """Whether a folder has a LoRA adapter, and no model, directly in it."""
    return (path / ADAPTER_CONFIG).exists() and not (path / "config.json").exists()


def snapshot(checkpoint: Checkpoint) -> Snapshot:
    """Size and modification time of every file; empty if the folder is being deleted."""
    found = {}
    try:
        for path in sorted(checkpoint.path.rglob("*")):
            if path.is_file():
                status = path.stat()
                name = path.relative_to(checkpoint.path).as_posix()
                found[name] = (status.st_size, status.st_mtime_ns)
    except OSError:
        return {}
    return found


def identity(taken: Snapshot) -> str:
    """A short name for the state of a checkpoint's files."""
    return digest(taken)[:16]


def missing(checkpoint: Checkpoint) -> str | None:
    """Why a checkpoint is not complete yet (a missing or truncated file), or None.

    Unchanged sizes alone cannot tell a stalled copy from a finished one.
    """
    if checkpoint.models:
        return _several(checkpoint)
    try:
        config = ADAPTER_CONFIG if is_adapter(checkpoint.path) else "config.json"
        if not (checkpoint.path / config).exists() and (shards := shards_in(checkpoint.path)):
            return f"it holds {shards}"
        json.loads((checkpoint.path / config).read_bytes())
        named = _named_weights(checkpoint.path)
        if not named:
            shards = shards_in(checkpoint.path)
            return f"it has no weights, but {shards}" if shards else "it has no weights yet"
        for path in named:
            if not path.is_file():
                return f"{path.name} is not there yet"
            if path.suffix == ".safetensors" and not _is_whole(path):
                return f"{path.name} is incomplete"
            if path.stat().st_size == 0:
                return f"{path.name} is empty"
    except OSError as error:
        name = Path(str(error.filename)).name
        return f"{name} cannot be read yet ({(error.strerror or '').lower()})"
    except (ValueError, LookupError, TypeError, struct.error):
        return "one of its files is incomplete"
    return None


def _several(checkpoint: Checkpoint) -> str:
    shown = ", ".join(checkpoint.models)
    inside = {Path(model).parent for model in checkpoint.models}
    stepped = all(step_in(Path(model).name) is not None for model in checkpoint.models)
    if len(inside) == 1 and stepped:
        below = checkpoint.path.parent / inside.pop()
        return f"it holds several checkpoints ({shown}): watch {below}"
    return f"it holds several models ({shown}): evaluate the right one with `opencodeeval --model`"


def _named_weights(path: Path) -> list[Path]:
    """The weight files: those that an index names, else those in the folder."""
    for name in INDEXES:
        index = path / name
        if index.exists():
            return [path / file for file in sorted(set(_weight_map(index).values()))]
    return weight_files(path)


def _weight_map(index: Path) -> Mapping[str, str]:
    table: dict[str, str] = json.loads(index.read_bytes())["weight_map"]
    return table


def _is_whole(path: Path) -> bool:
    """Whether a safetensors file is as long as its header says."""
    with path.open("rb") as file:
        length = int(struct.unpack("<Q", file.read(8))[0])
        if length > _LONGEST_HEADER:
            return False
        header: dict[str, Any] = json.loads(file.read(length))
    tensors = [each for name, each in header.items() if name != "__metadata__"]
    end: int = max((each["data_offsets"][1] for each in tensors), default=0)
    return path.stat().st_size == 8 + length + end
