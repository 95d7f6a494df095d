"""Records of earlier schemas in the form of today's.

Schema 1 had no field for the model's name (it was made from what was typed, which
may be a path), for where samples came from, for clusters (they were among what is
known `about` a task) and for errata in force.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opencodeeval.records.naming import name_from_text
from opencodeeval.records.schema import ESTIMATOR, ESTIMATOR_VERSION, SCHEMA

_ORIGINS = {"samples": "file", "reference": "reference"}


def from_schema_1(content: Mapping[str, Any]) -> dict[str, Any]:
    """The content of a record of schema 1 as schema 2 has it; its digest stays what it was.

    Raises:
        LookupError, TypeError, AttributeError: it is not such a record.
    """
    identity = content["model"]
    model = {
        "name": name_from_text(str(identity["model"])),
        "origin": _ORIGINS.get(identity.get("backend", ""), "engine"),
        "identity": identity,
    }
    tasks = {task_id: _task(row) for task_id, row in content["tasks"].items()}
    estimator = {"estimator": ESTIMATOR, "estimator_version": ESTIMATOR_VERSION}
    return {**content, **estimator, "schema": SCHEMA, "model": model, "tasks": tasks}


def _task(row: Mapping[str, Any]) -> dict[str, Any]:
    about = dict(row.get("about", {}))
    cluster = about.pop("cluster", "")
    kept = {name: part for name, part in row.items() if name != "about"}
    return {
        **kept,
        **({"cluster": cluster} if cluster else {}),
        **({"about": about} if about else {}),
    }
