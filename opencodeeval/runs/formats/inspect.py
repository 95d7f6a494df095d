"""inspect: its logs, as JSON or as an .eval archive; each sample's answer and epoch."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from backports.zstd import zipfile

from opencodeeval.core.errors import DataError
from opencodeeval.runs.formats.base import Format, Kind

ARCHIVE = ".eval"
# Characters of an error message of inspect's that are shown.
_SHOWN = 200


def objects(value: Mapping[str, Any]) -> list[Mapping[str, Any]] | None:
    """The samples of a log; None if it is none."""
    samples = value.get("samples")
    if "eval" not in value or not isinstance(samples, list):
        return None
    return [each for each in samples if isinstance(each, dict)]


def archived(path: Path) -> list[Mapping[str, Any]]:
    """The samples of an archive, by name.

    Raises:
        DataError: it is damaged, or compressed in a way that is not known.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            names = [each for each in archive.namelist() if each.startswith("samples/")]
            return [json.loads(archive.read(each)) for each in sorted(names)]
    except NotImplementedError as error:
        raise DataError(
            f"{path} is compressed in a way that is not known here: make JSON of it with "
            "`inspect log convert --to json`"
        ) from error
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} is not an archive of inspect's ({error})") from error


def read(row: Mapping[str, Any]) -> dict[str, Any]:
    """A sample with its answer as a text.

    Raises:
        DataError: it failed before there was an answer; its output is an empty text then.
    """
    output = row["output"] if isinstance(row["output"], Mapping) else {}
    if row.get("error") and not output.get("choices"):
        error = row["error"] if isinstance(row["error"], Mapping) else {}
        why = next(iter(str(error.get("message", "")).splitlines()), "")[:_SHOWN]
        raise DataError(
            f"(sample {row['id']}, epoch {row['epoch']}) failed and has no answer ({why}): let "
            "inspect run it again with `inspect eval-retry LOG`"
        )
    text = output.get("completion")
    if text is None:
        choices = output.get("choices") or [{}]
        text = _text(choices[0].get("message", {}).get("content", ""))
    return {"id": row["id"], "epoch": row["epoch"], "output": text}


def _text(content: Any) -> Any:
    """The text of a message, whose content may be parts."""
    if not isinstance(content, list):
        return content
    return "".join(str(each.get("text", "")) for each in content if each.get("type") == "text")


KINDS = (
    Kind(
        "inspect logs",
        ("id", "epoch", "output"),
        "output",
        "answer",
        task="id",
        number="epoch",
        read=read,
    ),
)
FORMAT = Format("inspect", KINDS, rank=11, objects=objects, archives={ARCHIVE: archived})
