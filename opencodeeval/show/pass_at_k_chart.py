"""pass@k against k as lines of a drawing: the position of each point (pure)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from opencodeeval.show.ranking import Board, Cell, Group

WIDTH, HEIGHT = 480, 300
LEFT, RIGHT, TOP, BOTTOM = 40, 14, 14, 40
COLOURS = 8


@dataclass(frozen=True)
class Line:
    """One record's curve; `row` is its place on the board, `points` and `band` are for SVG.

    `spoken` is the same in words, for screen readers.
    """

    row: int
    label: str
    colour: int
    dashed: bool
    points: str
    band: str
    dots: tuple[tuple[float, float], ...]
    spoken: str


@dataclass(frozen=True)
class Chart:
    """The curves of one column group, with the marks of the axis of k."""

    group: Group
    place: int
    ks: tuple[tuple[int, float], ...]
    lines: tuple[Line, ...]


def charts(board: Board) -> list[Chart]:
    """A chart for each column group in which a model has several samples per task."""
    found = []
    for place, group in enumerate(board.groups):
        cells = {
            number: row.cells[place]
            for number, row in enumerate(board.rows)
            if place in row.cells and row.cells[place].curve
        }
        if not cells or group.part:
            continue
        last = max(k for cell in cells.values() for k in cell.curve)
        ks = sorted({k for cell in cells.values() for k in cell.curve})
        shown: list[int] = []
        for k in ks:  # leave out marks that would touch, but never the last
            apart = [_x(k, last) - _x(other, last) for other in shown[-1:]]
            if all(distance >= 22 for distance in apart):
                shown.append(k)
        if shown[-1] != last:
            shown[-1] = last
        lines = [
            _line(number, colour, board.rows[number].model, board.rows[number].decoding, cell, last)
            for colour, (number, cell) in enumerate(cells.items())
        ]
        marks = tuple((k, _x(k, last)) for k in shown)
        found.append(Chart(group, place, marks, tuple(lines)))
    return found


def _line(number: int, colour: int, model: str, decoding: str, cell: Cell, last: int) -> Line:
    dots = tuple((_x(k, last), y(score.value)) for k, score in cell.curve.items())
    high = [(_x(k, last), y(score.high)) for k, score in cell.curve.items()]
    low = [(_x(k, last), y(score.low)) for k, score in cell.curve.items()]
    values = ", ".join(f"{100 * score.value:.1f} at k {k}" for k, score in cell.curve.items())
    return Line(
        row=number,
        label=f"{model} ({decoding})",
        colour=colour % COLOURS + 1,
        dashed=colour // COLOURS % 2 == 1,
        points=_path(dots),
        band=_path([*high, *reversed(low)]),
        dots=dots,
        spoken=f"{model}: {values}",
    )


def _x(k: int, last: int) -> float:
    """k on a logarithmic scale from 1 to `last`."""
    return round(LEFT + (WIDTH - LEFT - RIGHT) * math.log(k) / math.log(last), 1)


def y(share: float) -> float:
    """A share of 1 as a height in the drawing, downwards."""
    return round(TOP + (HEIGHT - TOP - BOTTOM) * (1 - share), 1)


def _path(points: list[tuple[float, float]] | tuple[tuple[float, float], ...]) -> str:
    return " ".join(f"{across:g},{down:g}" for across, down in points)
