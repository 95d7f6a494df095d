"""The leaderboard's page: a compact table, and what a row opens to as data that is shown then."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any, NamedTuple

from opencodeeval.records.means import SetMean, set_means
from opencodeeval.records.reading import RUNS
from opencodeeval.show import pages
from opencodeeval.show.pass_at_k_chart import charts
from opencodeeval.show.ranking import leading
from opencodeeval.show.standings import ORIGINS, Board, Cell, Group
from opencodeeval.stats.pass_at_k import Estimate

# More columns than this are chosen by the reader.
MOST_COLUMNS = 16


class Column(NamedTuple):
    """One column of the table: a suite and metric of the group at `place`.

    `chosen` says that it is shown before the reader chooses.
    """

    place: int
    suite: str
    metric: str
    chosen: bool


def page(board: Board, results: Path) -> str:
    """The page of a board whose records are below `results`."""
    return pages.render(
        "leaderboard.html.jinja",
        ("leaderboard.js",),
        charts=charts(board),
        table=table_columns(board),
        data=_data(board, results),
        **shown(board, results),
    )


def shown(board: Board, results: Path) -> dict[str, Any]:
    """What the page and the Markdown have in common."""
    measured = [row for row in board.rows if row.origin != "published"]
    return {
        "board": board,
        "numbered": list(enumerate(board.rows)),
        "measured": measured,
        "alone": [row for row in board.rows if row.origin == "published"],
        "whole": [group for group in board.groups if not group.part],
        "parts": [
            (row, board.groups[place], cell)
            for row in measured
            for place, cell in row.measured
            if board.groups[place].part
        ],
        "lead": leading(board.rows, board.groups)[0],
        "origins": ORIGINS,
        "records": sum(len(cell.measured) for row in measured for cell in row.cells.values()),
        "any_sound": any(cell.sound for row in measured for _, cell in row.measured),
        "empty": Cell(),
        "means": means_of(board),
        "sources": _sources(board),
        "link": lambda cell: link(cell, results),
    }


def _sources(board: Board) -> list[str]:
    """Where and when the published scores of a board were published."""
    return sorted(
        {
            each.source
            for row in board.rows
            for cell in row.cells.values()
            for scores in cell.published.values()
            for each in scores
        }
    )


def link(cell: Cell, results: Path) -> str:
    """Where a cell's record is, seen from the folder of results."""
    return cell.record.path.relative_to(results).as_posix() if cell.record else ""


def _run(cell: Cell, results: Path) -> str:
    """Where the folder of its run is, if it is kept: beside the folder of the benchmark."""
    assert cell.record is not None
    folder = cell.record.path.parent.parent / RUNS / cell.record.record.run_id
    return PurePath(os.path.relpath(folder, results)).as_posix()


def table_columns(board: Board) -> list[Column]:
    """All columns of the table; the headline scores of the groups measured most are chosen."""
    first = [place for place in leading(board.rows, board.groups) if not board.groups[place].part]
    chosen = set(first[:MOST_COLUMNS])
    return [
        Column(place, suite, metric, place in chosen and (suite, metric) == group.lead)
        for place, group in enumerate(board.groups)
        if not group.part
        for suite, metric in group.columns
    ]


def means_of(board: Board) -> list[SetMean]:
    """The means over the parts of sets, best first."""
    records = [
        cell.record.record
        for row in board.rows
        for _, cell in row.measured
        if cell.record is not None and not cell.record.record.benchmark.part
    ]
    return sorted(
        set_means(records),
        key=lambda each: (each.benchmark, each.protocol, not each.whole, -each.score.value),
    )


def _data(board: Board, results: Path) -> dict[str, Any]:
    """What the page's script shows on demand."""
    return {
        "groups": [_group(group) for group in board.groups],
        "rows": [
            {
                "model": row.model,
                "link": row.about.link,
                "size": row.about.size,
                "data": row.about.open_data,
                "cells": [
                    {
                        "group": place,
                        "rank": board.ranks.get((number, place)),
                        "measured": [_measured(each, results) for each in cell.measured],
                        "published": [
                            [suite, metric, each.score, each.source, each.bars]
                            for (suite, metric), scores in cell.published.items()
                            for each in scores
                        ],
                    }
                    for place, cell in sorted(row.cells.items())
                ],
            }
            for number, row in enumerate(board.rows)
        ],
    }


def _group(group: Group) -> dict[str, Any]:
    return {
        "title": title(group),
        "protocol": f"{group.protocol} {group.protocol_version}",
        "tasks": group.shown_tasks,
        "suites": group.suites,
        "headline": group.headline,
        "metric": group.metrics[0],
        "part": group.part,
    }


def title(group: Group) -> str:
    """The benchmark's title with the data version."""
    version = "" if group.data_version == "file" else f" {group.data_version}"
    return f"{group.title}{version}"


def _measured(cell: Cell, results: Path) -> dict[str, Any]:
    assert cell.record is not None
    record, answers = cell.record.record, cell.answers
    assert answers is not None
    backend = record.model.backend
    version = record.model.identity.get("versions", {}).get(backend, "")
    return {
        "from": "from a sample file" if cell.origin == "samples" else "",
        "decoding": cell.decoding,
        "n": cell.samples,
        "samples": sum(row.n for row in record.tasks.values()),
        "scores": _scores(cell.scores),
        "sound": [cell.sound_tasks, _scores(cell.sound)] if cell.sound else None,
        "cut_off": answers.cut_off_share,
        "longest": answers.longest,
        "without_code": answers.without_code_share,
        "cautions": cell.cautions,
        "engine": f"{backend} {version}".strip(),
        "jail": record.sandbox.get("jail", ""),
        "finished": record.timing.finished[:10],
        "record": link(cell, results),
        "run": _run(cell, results),
    }


def _scores(scores: Mapping[tuple[str, str], Estimate]) -> list[list[Any]]:
    return [[*column, *(round(each, 4) for each in score)] for column, score in scores.items()]
