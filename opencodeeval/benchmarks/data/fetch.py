"""Data sets as files of a folder: what there is, and how they get there."""

from __future__ import annotations

import gzip
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from opencodeeval.benchmarks.cards import Card, DataVersion, families, read_card
from opencodeeval.benchmarks.data import github
from opencodeeval.benchmarks.data.parts import file_digest, places
from opencodeeval.benchmarks.data.parts import from_hub as part_from_hub
from opencodeeval.benchmarks.data.rows import Row, from_hub, load_rows, published_file, read_bytes
from opencodeeval.core.errors import DataError, StoreError, UsageError
from opencodeeval.core.journal import replacing
from opencodeeval.core.suggest import unknown

_DIGITS = 12


class Listed(NamedTuple):
    """One data version; `here` says where it is, empty where it is not. Nothing is verified."""

    benchmark: str
    version: str
    tasks: int
    bytes: int | str
    licence: str
    source: str
    checksum: str
    here: str


def named(specs: Sequence[str]) -> list[tuple[Card, DataVersion]]:
    """The versions of NAME[@VERSION]; without a version the newest, and `all` of every benchmark.

    Raises:
        UsageError: there is no such benchmark or version.
    """
    names = [name for spec in specs for name in (families() if spec == "all" else [spec])]
    return [_named(spec) for spec in dict.fromkeys(names)]


def _named(spec: str) -> tuple[Card, DataVersion]:
    name, at, wanted = spec.partition("@")
    if name not in families():
        raise UsageError(unknown("there is no benchmark", name, families()))
    card = read_card(name)
    versions = {version.name: version for version in card.versions}
    if at and wanted not in versions:
        raise UsageError(unknown(f"{name} has no version", wanted, versions))
    return card, versions[wanted] if at else card.versions[0]


def inventory(folder: Path | None) -> list[Listed]:
    """All data versions, and which of them are in the folder, or without one in a cache."""
    return [
        Listed(
            card.name,
            version.name,
            version.tasks,
            version.bytes or "-",
            card.licence,
            _source(version),
            _checksum(version),
            _here(card, version, folder),
        )
        for card in map(read_card, families())
        for version in card.versions
    ]


def _source(version: DataVersion) -> str:
    source = version.source
    split = f", {source.split}" if source.split else ""
    return f"{source.kind}:{source.dataset}@{source.revision[:_DIGITS]}{split}"


def _checksum(version: DataVersion) -> str:
    if version.parts:
        return f"sha256 of {len(version.parts)} files"
    if version.sha256:
        return f"sha256:{version.sha256[:_DIGITS]}"
    return f"rows:{version.rows_sha256[:_DIGITS]}" if version.rows_sha256 else "-"


def _here(card: Card, version: DataVersion, folder: Path | None) -> str:
    if version.source.kind in ("shipped", "folder"):
        return "in the package"
    if folder is not None and version.parts:
        found = [
            next((name for name in places(card, part) if (folder / name).is_file()), "")
            for part in version.parts
        ]
        return ", ".join(found) if all(found) else ""
    if folder is not None:
        origin = version.patch.version if version.patch else ""
        made_from = [name for each in card.versions if each.name == origin for name in each.files]
        names = [*version.files, *made_from]
        return next((name for name in names if (folder / name).is_file()), "")
    return "in the cache" if _cached(version).exists() else ""


def _cached(version: DataVersion) -> Path:
    """Where the publisher's library keeps what it has fetched, by its rules."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    source = version.source
    if source.kind == "github":
        return github.cached(source)
    if source.kind == "evalplus":
        return cache / "evalplus" / f"{source.dataset}-{source.revision}.jsonl"
    hub = Path(os.environ.get("HF_HOME") or cache / "huggingface")
    if source.kind == "files":
        files = Path(os.environ.get("HF_HUB_CACHE") or hub / "hub")
        return files / f"datasets--{source.dataset.replace('/', '--')}"
    tables = Path(os.environ.get("HF_DATASETS_CACHE") or hub / "datasets")
    return tables / source.dataset.replace("/", "___")


def fetch(card: Card, version: DataVersion, folder: Path) -> str:
    """Have a version in a folder, so that --data takes it; says what was done.

    Raises:
        DataError: its publisher cannot be reached, or gives something else.
        StoreError: the folder cannot be written.
    """
    if version.source.kind in ("shipped", "folder"):
        return "is in the package, and needs no file"
    if version.parts:
        return _fetch_parts(card, version, folder)
    path = folder / version.files[0]
    if path.is_file():
        try:
            load_rows(card, version, folder)
        except DataError:
            pass  # damaged, or of another version: to be replaced
        else:
            return f"is already there, {path}"
    try:
        with replacing(path) as file:
            # Only here: a folder that cannot be written shows before anything is loaded.
            file.write(_content(card, version, path))
    except OSError as error:
        raise StoreError(
            f"{path} cannot be written ({error.strerror or error}): make room, or choose another "
            "folder with --data"
        ) from error
    load_rows(card, version, folder)
    return f"fetched, {path}"


def _fetch_parts(card: Card, version: DataVersion, folder: Path) -> str:
    fetched = []
    for part in version.parts:
        path = folder / places(card, part)[0]
        if path.is_file() and file_digest(path) == part.sha256:
            continue
        source = part_from_hub(card, version, part)
        try:
            with replacing(path) as file, source.open("rb") as original:
                shutil.copyfileobj(original, file)
        except OSError as error:
            raise StoreError(
                f"{path} cannot be written ({error.strerror or error}): make room, or choose "
                "another folder with --data"
            ) from error
        fetched.append(part.name)
    load_rows(card, version, folder)
    return f"fetched, {', '.join(fetched)}" if fetched else f"is already there, {folder}"


def _content(card: Card, version: DataVersion, path: Path) -> bytes:
    """The file as it is to lie in the folder, checked."""
    if version.source.kind != "huggingface":
        load_rows(card, version, None)
        text = read_bytes(published_file(card, version)[0])
    else:
        text = _as_text(from_hub(card, version), path)
    # Without a time stamp: the same data make the same file.
    return gzip.compress(text, 6, mtime=0) if path.suffix == ".gz" else text


def _as_text(rows: Sequence[Row], path: Path) -> bytes:
    """A table as JSON Lines, or in a file named .json as one object of all rows by their ids."""
    if ".json" in path.suffixes:
        return json.dumps({row["task_id"]: row for row in rows}, default=str).encode()
    return "".join(json.dumps(row, default=str) + "\n" for row in rows).encode()
