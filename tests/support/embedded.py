"""What a page has in its inert scripts: JSON, and packed blocks of texts."""

from __future__ import annotations

import base64
import gzip
import json
import re
from typing import Any


def embedded(page: str) -> dict[str, Any]:
    """Id -> value of every JSON in the page."""
    found = re.findall(r'<script type="application/json" id="([^"]*)">([^<]*)</script>', page)
    return {name: json.loads(text) for name, text in found}


def unpacked(page: str, of: int = 0) -> list[Any]:
    """The values of the blocks of one run or benchmark, in order."""
    pattern = rf'<script type="text/plain" data-of="{of}" data-first="(\d+)"[^>]*>([^<]*)</script>'
    values: list[Any] = []
    for first, text in re.findall(pattern, page):
        assert int(first) == len(values)
        lines = gzip.decompress(base64.b64decode(text)).decode("utf-8").split("\n")
        values += map(json.loads, lines)
    return values
