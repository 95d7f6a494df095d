"""JSON as the tools write it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any


def json_lines(rows: Iterable[Mapping[str, Any]]) -> str:
    """One JSON object per line."""
    return "".join(json.dumps(row) + "\n" for row in rows)


def json_text(value: Any) -> str:
    """One JSON value, indented."""
    return json.dumps(value, indent=2) + "\n"
