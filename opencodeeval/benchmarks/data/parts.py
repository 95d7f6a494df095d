"""Data sets that are published as several large files of JSON Lines.

They may be larger than the memory of a machine, and nearly all of that is one
field. So a file is read through once, and checked; of that field a row keeps
where it is, and it is read again when a judge needs it.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opencodeeval.benchmarks.cards import Card, DataVersion, Part
from opencodeeval.core.errors import DataError
from opencodeeval.core.types import digest

KEPT = 1 << 16  # characters of the heavy field that are no burden


@dataclass(frozen=True)
class Stored:
    """A text that stays in its file: field `name` of the JSON line at `offset`.

    `start` has its first characters, `sha256` is of all of it.
    """

    path: Path
    offset: int
    size: int
    name: str
    start: str
    sha256: str

    def read(self) -> str:
        """The text.

        Raises:
            DataError: the file has changed since it was checked.
        """
        try:
            with self.path.open("rb") as file:
                file.seek(self.offset)
                text = json.loads(file.read(self.size))[self.name]
            if sha256(text) == self.sha256:
                return str(text)
        except (OSError, ValueError, LookupError, TypeError):
            pass
        raise DataError(f"{self.path} has changed while it was in use: run again")


def sha256(text: str) -> str:
    """SHA-256 (hex) of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 (hex) of a file.

    Raises:
        DataError: it cannot be read.
    """
    total = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                total.update(chunk)
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error})") from error
    return total.hexdigest()


def load_parts(
    card: Card, version: DataVersion, data_dir: Path | None
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The rows of a version of several files, and where they came from.

    Raises:
        DataError: a file is not available, or is damaged.
    """
    rows: list[dict[str, Any]] = []
    for part in version.parts:
        path = part_path(card, version, part, data_dir)
        found, content = read_part(path, card.heavy)
        if content != part.sha256:
            raise DataError(
                f"{path} is not the {part.name} of {card.title} at {version.source.revision}: its "
                f"SHA-256 is {content}, not {part.sha256}: fetch it again, or name rows of your "
                f"own with --bench {card.name}@file:PATH"
            )
        rows += found
    names = ", ".join(part.name for part in version.parts)
    of_hub = f"Hugging Face {version.source.dataset}"
    return rows, {
        "origin": of_hub if data_dir is None else f"files {names}",
        "dataset": version.source.dataset,
        "revision": version.source.revision,
        "sha256": [part.sha256 for part in version.parts],
        "rows_sha256": digest([part.sha256 for part in version.parts]),
    }


def part_path(card: Card, version: DataVersion, part: Part, data_dir: Path | None) -> Path:
    """Where a part lies: in the folder, or in the Hub's cache, fetched if need be.

    Raises:
        DataError: it is not available.
    """
    if data_dir is None:
        return from_hub(card, version, part)
    if not data_dir.is_dir():
        raise DataError(f"--data {data_dir} is not a folder: name the folder of data files")
    looked = places(card, part)
    found = next((data_dir / name for name in looked if (data_dir / name).is_file()), None)
    if found is None:
        raise DataError(
            f"{card.title} {version.name} is not in {data_dir} (looked for {', '.join(looked)}): "
            "put it there, or leave out --data to fetch it from its publisher"
        )
    return found


def places(card: Card, part: Part) -> list[str]:
    """The paths below a folder of data files where a part is looked for."""
    return [f"{card.like or card.name}/{part.name}", part.name]


def from_hub(card: Card, version: DataVersion, part: Part) -> Path:
    """The publisher's file as the Hub's library keeps it; not checked.

    Raises:
        DataError: it is not available.
    """
    source = version.source
    try:
        with redirect_stdout(sys.stderr):
            from huggingface_hub import hf_hub_download

            found = hf_hub_download(
                source.dataset, part.name, repo_type="dataset", revision=source.revision
            )
    except Exception as error:  # the library raises what its many parts raise
        cause = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise DataError(
            f"{card.title} {version.name} is not on this machine and its publisher cannot be "
            f"reached ({cause}): connect to the network, or pass --data DIR with "
            f"{card.name}/{part.name} in it"
        ) from error
    return Path(found)


def read_part(path: Path, heavy: str) -> tuple[list[dict[str, Any]], str]:
    """The rows of a file with their heavy field `Stored` where it is long; the file's SHA-256.

    Of a compressed file (.gz) everything is kept.

    Raises:
        DataError: it cannot be read or parsed.
    """
    from opencodeeval.benchmarks.data.rows import parse_jsonl, read_lines

    packed = path.suffix == ".gz"
    content, offset = hashlib.sha256(), 0
    sizes: list[int] = []

    def lines() -> Iterator[bytes]:
        for line in read_lines(path):
            content.update(line)
            sizes.append(len(line))
            yield line

    rows = []
    done = 0
    for number, row in parse_jsonl(lines(), path):
        offset += sum(sizes[done : number - 1])
        text = row.get(heavy)
        if not packed and isinstance(text, str) and len(text) > KEPT:
            size = sizes[number - 1]
            row[heavy] = Stored(path.resolve(), offset, size, heavy, text[:4096], sha256(text))
        offset, done = offset + sizes[number - 1], number
        rows.append(row)
    return rows, content.hexdigest()
