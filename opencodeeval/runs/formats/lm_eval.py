"""lm-evaluation-harness: the lines that `--log_samples` writes, read as the programs it runs.

`filtered_resps` has them, by sample of one question; `doc` is the data set's row.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opencodeeval.runs.formats.base import Format, Kind


def read(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with its task's id beside its programs, in one list."""
    doc = row["doc"] if isinstance(row["doc"], Mapping) else {}
    named = next((doc[name] for name in ("task_id", "question_id", "id") if name in doc), None)
    return {"task_id": named, "filtered_resps": _flat(row["filtered_resps"])}


def _flat(value: Any) -> Any:
    """Lists of lists of texts as one list; anything else as it is, to be refused."""
    if not isinstance(value, list):
        return value
    return [text for each in value for text in (_flat(each) if isinstance(each, list) else [each])]


KINDS = (
    Kind(
        "lm-evaluation-harness samples",
        ("doc_id", "doc", "filtered_resps"),
        "filtered_resps",
        "program",
        many=True,
        read=read,
    ),
)
FORMAT = Format("lm-evaluation-harness", KINDS, rank=9)
