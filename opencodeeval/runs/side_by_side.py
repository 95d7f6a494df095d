"""Several protocols for one benchmark: verdicts side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from opencodeeval.core.journal import write_atomically
from opencodeeval.core.types import digest
from opencodeeval.records.naming import slug
from opencodeeval.records.reading import DIFFERENCES
from opencodeeval.runs.jobs import Finished
from opencodeeval.runs.protocol_differences import Side, compare
from opencodeeval.runs.store import RUN_ID_LENGTH, read_run


def compare_protocols(output: Path, finished: Sequence[Finished]) -> list[dict[str, Any]]:
    """The differences between each benchmark's protocols, each also written to a file.

    Raises:
        StoreError: the file cannot be written.
    """
    by_benchmark: dict[tuple[str, str, str], list[Finished]] = {}
    for each in finished:
        benchmark = each.job.benchmark
        place = (benchmark.name, benchmark.data_version, each.job.adapter)
        by_benchmark.setdefault(place, []).append(each)
    compared = []
    for group in by_benchmark.values():
        if len(group) < 2:
            continue
        records = [each.result.record for each in group]
        names = [slug(records[0].model.name)]
        names += [slug(record.protocol.name) for record in records]
        run_ids = [record.run_id for record in records]
        names.append(digest(run_ids)[:RUN_ID_LENGTH])
        path = output / DIFFERENCES / slug(group[0].job.benchmark.name)
        # Not as records are named, which are looked for in the whole folder of results.
        path /= f"{'--'.join(names)}.differences.json"
        sides = [Side(job.benchmark, read_run(result.run_folder)) for job, result in group]
        found = {"run_ids": run_ids, **compare(sides)}
        write_atomically(path, found)
        compared.append({**found, "file": str(path)})
    return compared
