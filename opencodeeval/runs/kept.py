"""The record of a run in which nothing was left to do: the one that is there stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from opencodeeval.core.errors import OpenCodeEvalError
from opencodeeval.records import schema
from opencodeeval.records.reading import read_record
from opencodeeval.records.schema import Record

# Parts of a record that are about the process that wrote it.
_OF_THE_PROCESS = frozenset({"digest", "executor", "hardware", "harness", "sandbox", "timing"})


def stored_before(path: Path) -> Record | None:
    """The record that is there already, if it can be read."""
    try:
        return read_record(path).record
    except OpenCodeEvalError:
        return None


def kept(before: Record, record: Record) -> Record:
    """The record of a run in which nothing was left to do, where there was a record before.

    It is the one before, whose samples were generated and executed then and there, unless
    more is to be said of them (other metrics, other errata); then with the time of that one.
    """

    def said(each: Record) -> dict[str, Any]:
        content = schema.content_of(each)
        return {name: part for name, part in content.items() if name not in _OF_THE_PROCESS}

    if said(before) == said(record):
        return before
    return schema.sealed(msgspec.structs.replace(record, timing=before.timing))
