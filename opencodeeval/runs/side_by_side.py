"""Several protocols for one benchmark: shared answers, verdicts side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from opencodeeval.core.journal import write_atomically
from opencodeeval.core.types import digest
from opencodeeval.records.naming import slug
from opencodeeval.runs.jobs import Finished, Opened
from opencodeeval.runs.protocol_differences import Side, compare
from opencodeeval.runs.sharing import draw_alike, take_answers
from opencodeeval.runs.store import RUN_ID_LENGTH, read_run


def compare_protocols(output: Path, finished: Sequence[Finished]) -> list[dict[str, Any]]:
    """The differences between each benchmark's protocols, each also written to a file.

    Raises:
        StoreError: the file cannot be written.
    """
    by_benchmark: dict[tuple[str, str], list[Finished]] = {}
    for each in finished:
        benchmark = each.job.benchmark
        by_benchmark.setdefault((benchmark.name, benchmark.data_version), []).append(each)
    compared = []
    for group in by_benchmark.values():
        if len(group) < 2:
            continue
        records = [each.result.record for each in group]
        names = [slug(records[0].model.name)]
        names += [slug(record.protocol.name) for record in records]
        run_ids = [record.run_id for record in records]
        names.append(digest(run_ids)[:RUN_ID_LENGTH])
        path = output / "differences" / slug(group[0].job.benchmark.name)
        path /= f"{'--'.join(names)}.json"
        sides = [Side(job.benchmark, read_run(result.run_folder)) for job, result in group]
        found = {"run_ids": run_ids, **compare(sides)}
        write_atomically(path, found)
        compared.append({**found, "file": str(path)})
    return compared


def share(each: Opened, others: Sequence[Opened], log: Callable[[str], None]) -> None:
    """Take answers from other runs of the same model, and log what each job generates."""
    job, backend, store = each
    asked_too = [other for other in others if other.backend is backend]
    if not asked_too:
        return
    sources = [other.store for other in asked_too if draw_alike(other.job.sampling, job.sampling)]
    taken = take_answers(job.benchmark, backend.model_type, job.sampling, store, sources)
    lacking = job.sampling.n * len(job.benchmark.tasks) - len(store.completions)
    if taken:
        log(
            f"{job.title}: reuses {taken} answers that other runs of this command got to the "
            "same prompts"
        )
    if lacking:
        log(f"{job.title}: generating {lacking} answers")
