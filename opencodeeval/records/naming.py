"""Names: what a model is called in tables, and the files that records are in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from opencodeeval.core.names import last_parts, name_of_folder
from opencodeeval.records.schema import Record

# Between the names of a model and of an adapter on it.
WITH_ADAPTER = " + "


def name_of_identity(identity: Mapping[str, Any]) -> str:
    """The name of what a backend's identity describes: a model, or a model with an adapter."""
    named = [str(identity.get("name") or "") or name_of_model(str(identity["model"]))]
    if "lora" in identity:
        named.append(name_of_model(str(identity["lora"]["adapter"])))
    return WITH_ADAPTER.join(named)


def name_of_model(model: str) -> str:
    """The name of a model that is about to be recorded: of a folder the last parts of its path.

    Asks the file system, so that a folder has one name however its path is
    spelt; what is recorded is not asked again.
    """
    folder = Path(model).expanduser()
    return name_of_folder(folder) if folder.is_dir() else name_from_text(model)


def name_from_text(model: str) -> str:
    """The name as far as the text tells: a hub id as it is, the last parts of a path."""
    is_path = model.startswith(("/", ".", "~")) or model.count("/") > 1
    return last_parts(model) if is_path else model


def record_path(output: Path, record: Record) -> Path:
    """Where a record belongs: <benchmark>/<model>--<protocol>--<run_id>.json."""
    name = f"{slug(record.model.name)}--{slug(record.protocol.name)}--{record.run_id}.json"
    return output / slug(record.benchmark.name) / name


def slug(name: str) -> str:
    """A name as one path component, at most 100 characters; `/` becomes `--`."""
    parts = [re.sub(r"[^A-Za-z0-9._-]+", "-", part) for part in name.split("/")]
    joined = "--".join(part for part in parts if part.strip("."))
    return joined[-100:].lstrip("-.") or "unnamed"
