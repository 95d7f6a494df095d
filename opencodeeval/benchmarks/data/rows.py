"""A benchmark's rows: found, checked to the byte, and never used when damaged."""

from __future__ import annotations

import gzip
import hashlib
import json
import sys
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from datetime import datetime
from pathlib import Path
from typing import Any

from opencodeeval.benchmarks.cards import Card, DataVersion, Patch
from opencodeeval.benchmarks.data import github
from opencodeeval.benchmarks.data.parts import load_parts
from opencodeeval.core import long_integers
from opencodeeval.core.errors import DataError
from opencodeeval.core.paths import benchmarks_dir
from opencodeeval.core.types import digest

Row = dict[str, Any]


def load_rows(
    card: Card, version: DataVersion, data_dir: Path | None
) -> tuple[list[Row], dict[str, Any]]:
    """The rows of one data version, in the publisher's order, and where they came from.

    With `data_dir` only that folder is searched and nothing touches the
    network. What comes back has the version's checksum.

    Raises:
        DataError: the rows are not available, or what was found is damaged or
            of another version.
    """
    source = version.source
    if source.kind in ("shipped", "folder"):
        shipped = source.kind == "shipped"
        rows = read_jsonl((benchmarks_dir() if shipped else card.folder) / source.dataset)
        origin = "shipped with the package" if shipped else f"folder {card.folder.name}"
        return rows, _provenance(card, version, rows, origin)
    if version.parts:
        return load_parts(card, version, data_dir)
    if data_dir is not None:
        rows, name = _from_folder(card, version, data_dir)
        return rows, _provenance(card, version, rows, f"file {name}")
    if source.kind == "huggingface":
        rows = from_hub(card, version)
        return rows, _provenance(card, version, rows, f"Hugging Face {source.dataset}")
    path, origin = published_file(card, version)
    rows = _checked(card, version, read_bytes(path), path, f"delete {path} and run again")
    return rows, _provenance(card, version, rows, origin)


def read_bytes(path: Path) -> bytes:
    """A file's content, decompressed where the name ends in .gz.

    Raises:
        DataError: it cannot be read, or its compressed data are damaged.
    """
    with _reading(path):
        content = path.read_bytes()
        return gzip.decompress(content) if path.suffix == ".gz" else content


def read_lines(path: Path) -> Iterator[bytes]:
    """A file's lines as `read_bytes` gives them, but never more than one of them at once.

    Raises:
        DataError: it cannot be read, or its compressed data are damaged.
    """
    with _reading(path), gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        yield from file


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    try:
        yield
    except EOFError as error:
        raise DataError(f"{path} is truncated: fetch it again") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path} is damaged ({error}): fetch it again") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error})") from error


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        if not long_integers.too_long(error):
            raise
        if long_integers.allow():
            return _json(text)
        raise ValueError(
            f"an integer has more than {long_integers.MAX_DIGITS:,} digits: write it as a string"
        ) from error


def parse_jsonl(lines: Iterable[bytes], path: Path) -> Iterator[tuple[int, Row]]:
    """The JSON objects of a JSON Lines file with their line numbers, from 1.

    Blank lines are left out.

    Raises:
        DataError: a line is not UTF-8, not JSON, or not an object.
    """
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = _json(line.decode("utf-8-sig" if number == 1 else "utf-8"))
        except UnicodeDecodeError as error:
            raise DataError(f"{path}, line {number} is not UTF-8 ({error.reason})") from error
        except (ValueError, RecursionError) as error:
            cause = (
                f"{error.msg}, column {error.colno}"
                if isinstance(error, json.JSONDecodeError)
                else error
            )
            raise DataError(f"{path}, line {number} is not valid JSON ({cause})") from error
        if not isinstance(row, dict):
            raise DataError(f"{path}, line {number} is not a JSON object")
        yield number, row


def read_jsonl(path: Path) -> list[Row]:
    """The objects of a JSON Lines file, which may be compressed (.gz).

    Raises:
        DataError: it cannot be read or parsed.
    """
    return [row for _, row in parse_jsonl(read_lines(path), path)]


def rows_digest(rows: Sequence[Mapping[str, Any]], fields: Sequence[str] = ()) -> str:
    """Digest of the rows, sorted by task id; of these `fields` only, where any are named."""
    kept = [{name: row.get(name) for name in fields} if fields else row for row in rows]
    return digest(sorted(kept, key=lambda row: str(row.get("task_id"))))


def _provenance(
    card: Card, version: DataVersion, rows: Sequence[Row], origin: str
) -> dict[str, Any]:
    return {
        "origin": origin,
        "dataset": version.source.dataset,
        "revision": version.source.revision,
        "sha256": version.sha256,
        "rows_sha256": version.rows_sha256 or rows_digest(rows, card.fields),
    }


def _from_folder(card: Card, version: DataVersion, folder: Path) -> tuple[list[Row], str]:
    if not folder.is_dir():
        raise DataError(f"--data {folder} is not a folder: name the folder of data files")
    others = []
    for name in version.files:
        if not (folder / name).is_file():
            continue
        content = read_bytes(folder / name)
        other = _other_version(card, version, content)
        if other is None:
            return _checked(card, version, content, folder / name, "fetch it again"), name
        others.append(f"{name} is {other}")
    if version.patch and not others:
        made = _patched(card, version, version.patch, folder)
        if made:
            return made
    looked = "; ".join(others) or f"looked for {', '.join(version.files)}"
    raise DataError(
        f"{card.title} {version.name} is not in {folder} ({looked}): put it there, "
        "or leave out --data to fetch it from its publisher"
    )


def _patched(
    card: Card, version: DataVersion, patch: Patch, folder: Path
) -> tuple[list[Row], str] | None:
    """The version made from the file of another one; None if that is not there either."""
    other = next(each for each in card.versions if each.name == patch.version)
    name = next((name for name in other.files if (folder / name).is_file()), None)
    if name is None:
        return None
    path = folder / name
    rows = _checked(card, other, read_bytes(path), path, "fetch it again")
    for row in rows:
        if row["task_id"] == patch.task_id:
            row[patch.field] = row[patch.field].replace(patch.old, patch.new)
    found = rows_digest(rows, card.fields)
    if found != version.rows_sha256:
        raise DataError(f"{path} and the patch of {version.name} give other rows: {found}")
    return rows, f"{name} with the change of {version.name}"


def _other_version(card: Card, version: DataVersion, content: bytes) -> str | None:
    found = hashlib.sha256(content).hexdigest()
    others = (each for each in card.versions if each.name != version.name)
    return next((each.name for each in others if each.sha256 == found), None)


def _checked(
    card: Card, version: DataVersion, content: bytes, path: Path, remedy: str
) -> list[Row]:
    try:
        rows = [row for _, row in parse_jsonl(content.split(b"\n"), path)]
    except DataError as error:
        raise DataError(f"{error}: {remedy}") from error
    if len(rows) == 1 and all(isinstance(row, dict) for row in rows[0].values()):
        rows = list(rows[0].values())  # one object of all rows by their ids
    rows = _in_card_terms(version, rows)
    _check_count(card, version, rows, str(path), remedy)
    what, found, wanted = "its SHA-256", hashlib.sha256(content).hexdigest(), version.sha256
    # Of what is published as a table every tool writes another file.
    if found != wanted and (version.source.kind == "huggingface" or not wanted):
        digest_of_rows = rows_digest(rows, card.fields)
        if digest_of_rows == version.rows_sha256:
            return rows
        if not wanted and not version.rows_sha256:
            return rows  # never seen by us: there is nothing to check it by
        if not wanted:
            what, found, wanted = "the digest of its rows", digest_of_rows, version.rows_sha256
    if found != wanted:
        raise DataError(
            f"{path} is not {card.title} {version.name}: {what} is {found}, not {wanted}: {remedy}"
        )
    return rows


def _in_card_terms(version: DataVersion, rows: Sequence[Row]) -> list[Row]:
    """The rows with the card's names of fields, and those that a file may leave out."""
    return [
        {**version.filled, **{version.renamed.get(name, name): each for name, each in row.items()}}
        for row in map(_plain, rows)
    ]


def _plain(row: Row) -> Row:
    """A row as JSON has it: tables have dates."""
    return {
        name: each.isoformat() if isinstance(each, datetime) else each for name, each in row.items()
    }


def _check_count(
    card: Card, version: DataVersion, rows: Sequence[Row], where: str, remedy: str
) -> None:
    if len(rows) != version.tasks:
        raise DataError(
            f"{where} holds {len(rows)} tasks, but {card.title} {version.name} has "
            f"{version.tasks}: {remedy}"
        )


def from_hub(card: Card, version: DataVersion) -> list[Row]:
    """The rows that the datasets library has or fetches from Hugging Face, checked.

    Raises:
        DataError: they are not available, or are not this version's.
    """
    source = version.source
    try:
        with redirect_stdout(sys.stderr):
            from datasets import load_dataset

            table = load_dataset(
                source.dataset,
                source.config or None,
                revision=source.revision,
                split=source.split,
            )
            rows = _in_card_terms(version, [dict(row) for row in table])
    except Exception as error:  # the library raises what its many parts raise
        raise _not_here(card, version, error) from error
    where = f"{source.dataset} at {source.revision} as the datasets library gives it"
    remedy = "delete it from the cache of datasets, or pass --data DIR"
    _check_count(card, version, rows, where, remedy)
    found = rows_digest(rows, card.fields)
    if version.rows_sha256 and found != version.rows_sha256:
        raise DataError(
            f"{where} is not {card.title} {version.name}: the digest of its rows is {found}, "
            f"not {version.rows_sha256}: {remedy}"
        )
    return rows


def published_file(card: Card, version: DataVersion) -> tuple[Path, str]:
    """The file that a publisher's library or repository gives, not checked, and whose it is.

    Raises:
        DataError: it is not available.
    """
    source = version.source
    try:
        if source.kind == "github":
            return github.fetched(source), f"GitHub {source.dataset}"
        with redirect_stdout(sys.stderr):
            from evalplus.data import utils

            # get_human_eval_plus(version=...) would give its newest version whatever is asked.
            url, cached = utils.get_dataset_metadata(source.dataset, source.revision, mini=False)
            utils.make_cache(url, cached)
    except Exception as error:  # the download raises what sockets, HTTP and gzip raise
        raise _not_here(card, version, error) from error
    return Path(cached), f"EvalPlus release {source.dataset}"


def _not_here(card: Card, version: DataVersion, error: Exception) -> DataError:
    cause = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return DataError(
        f"{card.title} {version.name} is not on this machine and its publisher cannot be "
        f"reached ({cause}): connect to the network, or pass --data DIR with "
        f"{version.files[0]} in it"
    )
