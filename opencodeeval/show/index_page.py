"""The page of a folder of results: what is in it, and where it leads."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from opencodeeval.core.errors import StoreError
from opencodeeval.core.own_files import mark_of
from opencodeeval.records.answered import cautions
from opencodeeval.records.reading import RUNS, StoredRecord
from opencodeeval.show import pages, report
from opencodeeval.show.ranking import decoding, shown_name

NAME = "index.html"
# What every run folder has from its start.
_CONFIGURATION = "run.json"
# How much of a page is read for the name of the command that made it.
_BEGINNING = 2048


@dataclass(frozen=True)
class Entry:
    """One record, and where its run and report are, seen from the page; empty if not there."""

    stored: StoredRecord
    model: str
    decoding: str
    cautions: tuple[str, ...]
    record: str
    run: str
    report: str


def index_page(results: Path, records: Sequence[StoredRecord], place: Path) -> str:
    """The page of the folder `results`, which holds the records; the newest come first.

    Links are seen from the folder `place`. The page depends on what is in the folder now: runs,
    reports and other pages that were made there.

    Raises:
        StoreError: a page in the folder cannot be read.
    """
    newest = sorted(
        records, key=lambda each: (each.record.timing.finished, each.record.run_id), reverse=True
    )
    return pages.render(
        "index.html.jinja",
        ("index.js",),
        entries=[_entry(each, place) for each in newest],
        others=_others(results, place),
        unfinished=_unfinished(results, records, place),
        models=len({each.model for each in records}),
    )


def run_folder(stored: StoredRecord) -> Path:
    """Where the folder of a record's run is, if it is kept."""
    return stored.path.parent.parent / RUNS / stored.record.run_id


def _entry(stored: StoredRecord, place: Path) -> Entry:
    run = run_folder(stored)
    page = run / report.NAME
    return Entry(
        stored,
        shown_name(stored.model),
        decoding(stored),
        tuple(cautions(stored.record)),
        _seen_from(stored.path, place),
        _seen_from(run, place) if run.is_dir() else "",
        _seen_from(page, place) if page.is_file() else "",
    )


def _seen_from(path: Path, place: Path) -> str:
    return PurePath(os.path.relpath(path, place)).as_posix()


def _others(results: Path, place: Path) -> list[tuple[str, str]]:
    """The other pages directly in the folder that this tool made, with the command's name."""
    found = []
    for path in sorted(results.glob("*.html")):
        if path.name == NAME:
            continue  # this page
        try:
            with path.open("rb") as file:
                beginning = file.read(_BEGINNING).decode("utf-8", "replace")
        except OSError as error:
            raise StoreError(f"{path} cannot be read ({error.strerror})") from error
        _, mark, rest = beginning.partition(mark_of(""))
        if mark:
            found.append((_seen_from(path, place), rest.split('"', 1)[0].strip()))
    return found


def _unfinished(results: Path, records: Sequence[StoredRecord], place: Path) -> list[str]:
    """The folders of runs without a record, seen from the page."""
    finished = {run_folder(each).resolve() for each in records}
    runs = {results / RUNS, *(each.path.parent.parent / RUNS for each in records)}
    return [
        _seen_from(config.parent, place)
        for folder in sorted(runs)
        for config in sorted(folder.glob(f"*/{_CONFIGURATION}"))
        if config.parent.resolve() not in finished
    ]
