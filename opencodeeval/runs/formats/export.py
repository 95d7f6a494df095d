"""Write a finished run in another tool's files."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator
from pathlib import Path

from opencodeeval.core.errors import StoreError, UsageError
from opencodeeval.core.journal import replacing
from opencodeeval.runs.finished import FinishedRun
from opencodeeval.runs.formats.base import FORMATS


def export(run: FinishedRun, tool_name: str, output: Path, overwrite: bool = False) -> list[Path]:
    """Write the run's files below `output` as the tool would; returns their paths.

    Raises:
        UsageError: the tool has no such benchmark, or a file is already there.
        StoreError: a file cannot be written.
    """
    tool, card = FORMATS.load(tool_name), run.benchmark.card
    if tool_name not in card.formats and card.name not in tool.benchmarks:
        taken = f"use --format {' or '.join(card.formats)}" if card.formats else "nor does another"
        raise UsageError(f"{tool.title} does not support samples of {run.benchmark.name}: {taken}")
    contents = {output / name: pieces for name, pieces in tool.files(run).items()}
    there = [path for path in contents if path.exists()]
    if there and not overwrite:
        raise UsageError(f"{there[0]} is already there: choose another --output, or --overwrite")
    for path, pieces in contents.items():
        try:
            with replacing(path) as file:
                file.writelines(content(path.name, pieces))
        except OSError as error:
            raise StoreError(
                f"{path} cannot be written ({error.strerror or error}): make room or choose "
                "another --output"
            ) from error
    return list(contents)


def content(name: str, pieces: Iterable[str]) -> Iterator[bytes]:
    """The bytes of a file of this name, in pieces: one, compressed, where it ends in .gz."""
    encoded = (each.encode("ascii") for each in ([pieces] if isinstance(pieces, str) else pieces))
    if name.endswith(".gz"):
        # Without a time stamp: the same run makes the same file.
        yield gzip.compress(b"".join(encoded), mtime=0)
    else:
        yield from encoded


def remarks(run: FinishedRun, tool_name: str) -> list[str]:
    """What the tool will refuse or grade differently, one sentence each."""
    found = []
    graded, known = len(run.tasks), len(run.benchmark.known_ids)
    if graded < known:
        found.append(
            f"the run has samples of {graded} of {known} tasks, and the tool's evaluation asks "
            "for all"
        )
    if FORMATS.load(tool_name).prepends:
        late = [each.task.task_id for each in run.samples if "from __future__" in each.solution]
        if late:
            found.append(
                f"{len(late)} samples import from __future__, which is an error where the tool "
                f"puts its own lines first: first {late[0]}"
            )
    return found
