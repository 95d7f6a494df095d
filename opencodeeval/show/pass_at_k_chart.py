"""pass@k against k as lines of a drawing: the position of each point (pure)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from opencodeeval.show.standings import Board, Cell, Group

WIDTH, HEIGHT = 480, 300
LEFT, RIGHT, TOP, BOTTOM = 40, 14, 14, 40
COLOURS = 8
# More lines could not be told apart by colour and dashes.
MOST = 2 * COLOURS


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
    """The curves of one column group, with the marks of the axis of k; `more` have no room."""

    group: Group
    place: int
    ks: tuple[tuple[int, float], ...]
    lines: tuple[Line, ...]
    more: int


def charts(board: Board) -> list[Chart]:
    """A chart for each column group in which a model has several samples per task."""
    found = []
    for place, group in enumerate(board.groups):
        cells = [
            (number, cell)
            for number, row in enumerate(board.rows)
            if place in row.cells
            for cell in row.cells[place].measured
            if cell.curve
        ]
        if not cells or group.part:
            continue
        last = max(k for _, cell in cells for k in cell.curve)
        ks = sorted({k for _, cell in cells for k in cell.curve})
        marks: list[int] = []
        for k in ks:  # leave out marks that would touch, but never the last
            apart = [_x(k, last) - _x(other, last) for other in marks[-1:]]
            if all(distance >= 22 for distance in apart):
                marks.append(k)
        if marks[-1] != last:
            marks[-1] = last
        lines = [
            _line(number, colour, board.rows[number].model, cell, last)
            for colour, (number, cell) in enumerate(cells[:MOST])
        ]
        axis = tuple((k, _x(k, last)) for k in marks)
        found.append(Chart(group, place, axis, tuple(lines), len(cells) - len(lines)))
    return found


def _line(number: int, colour: int, model: str, cell: Cell, last: int) -> Line:
    dots = tuple((_x(k, last), y(score.value)) for k, score in cell.curve.items())
    high = [(_x(k, last), y(score.high)) for k, score in cell.curve.items()]
    low = [(_x(k, last), y(score.low)) for k, score in cell.curve.items()]
    values = ", ".join(f"{100 * score.value:.1f} at k {k}" for k, score in cell.curve.items())
    return Line(
        row=number,
        label=f"{model} ({cell.decoding})",
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
