"""Published scores on a leaderboard: beside the measured ones of the same model, or alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from opencodeeval.show.ranking import Beside, Board, Cell, Group, Row, ranked, shown_name
from opencodeeval.show.reported import PublishedScore, same_model
from opencodeeval.stats.pass_at_k import Estimate


def with_published(board: Board, published: Sequence[PublishedScore]) -> Board:
    """The board with published scores in the groups that they belong to (pure).

    A score belongs to a group with the same benchmark, protocol, suite, metric and
    data version (an unknown version fits any), but never to a group that has only
    a part of the tasks. A model that was not measured gets a separate row.
    """
    placed = _place(published, board.groups)
    rows = [_beside(row, placed) for row in board.rows] + _alone(board.rows, placed)
    unplaced = len(published) - len({each for _, each in placed})
    return Board(board.groups, tuple(ranked(rows, board.groups)), unplaced)


def _place(
    published: Sequence[PublishedScore], groups: Sequence[Group]
) -> list[tuple[int, PublishedScore]]:
    return [
        (place, each)
        for each in published
        for place, group in enumerate(groups)
        if (each.benchmark, each.protocol) == (group.benchmark, group.protocol)
        and each.data_version in ("", group.data_version)
        and (each.suite, each.metric) in group.columns
        and not group.part
        and group.tasks == max(g.tasks for g in groups if g[:5] == group[:5])
    ]


def _beside(row: Row, placed: Sequence[tuple[int, PublishedScore]]) -> Row:
    cells = dict(row.cells)
    for place, each in placed:
        column = (each.suite, each.metric)
        cell = cells.get(place)
        if cell is None or column not in cell.scores or not same_model(row.model, each.model):
            continue
        there = cell.published.get(column, ())
        beside = Beside(each.score, each.source, bars(cell.scores[column], each.score))
        cells[place] = replace(cell, published={**cell.published, column: (*there, beside)})
    return replace(row, cells=cells)


def bars(measured: Estimate, published: float) -> float:
    """Measured minus published, divided by the error bar's length on that side."""
    difference = measured.value - published
    end = measured.low if difference > 0 else measured.high
    half = abs(measured.value - end)
    # At a score of 0 or 1 the interval has one side only; use that side's length.
    return difference / (half or measured.high - measured.low)


def _alone(measured: Sequence[Row], placed: Sequence[tuple[int, PublishedScore]]) -> list[Row]:
    rows: dict[str, dict[int, dict[tuple[str, str], tuple[Beside, ...]]]] = {}
    for place, each in placed:
        if any(place in row.cells and same_model(row.model, each.model) for row in measured):
            continue
        columns = rows.setdefault(each.model, {}).setdefault(place, {})
        column = (each.suite, each.metric)
        columns[column] = (*columns.get(column, ()), Beside(each.score, each.source))
    return [
        Row(
            shown_name(model),
            "published",
            decoding="",
            identity="",
            cells={place: Cell(published=columns) for place, columns in cells.items()},
        )
        for model, cells in rows.items()
    ]
