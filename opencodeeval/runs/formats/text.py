"""JSON as the tools write it, in pieces."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from opencodeeval.core.json_pieces import json_pieces


def json_lines(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """One JSON object per line."""
    for row in rows:
        yield json.dumps(row) + "\n"


def json_text(value: Any) -> Iterator[str]:
    """One JSON value, indented; `Listed` and `Keyed` of core/json_pieces.py may be in it."""
    yield from json_pieces(value, indent=2)
    yield "\n"
