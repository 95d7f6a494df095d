"""bigcode-evaluation-harness: `--save_generations`, a list of programs for each task in order.

The first list belongs to the benchmark's first task.
"""

from __future__ import annotations

from opencodeeval.runs.formats.base import PLACE, Format, Kind

KINDS = (
    Kind(
        "bigcode-evaluation-harness generations",
        (PLACE, "generations"),
        "generations",
        "program",
        task=PLACE,
        many=True,
    ),
)
FORMAT = Format("bigcode-evaluation-harness", KINDS, rank=10)
