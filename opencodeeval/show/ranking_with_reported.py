"""Published scores on a leaderboard: beside the measured ones of the same model, or alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace
from functools import reduce

from opencodeeval.show.ranking import ordered, shown_name
from opencodeeval.show.reported import PublishedScore, bare_name, same_model
from opencodeeval.show.standings import About, Beside, Board, Cell, Group, Row
from opencodeeval.stats.pass_at_k import Estimate

# The scores of one model, by the place of their group.
_Placed = Mapping[int, Sequence[PublishedScore]]


def with_published(board: Board, published: Sequence[PublishedScore]) -> Board:
    """The board with published scores in the groups that they belong to (pure).

    A score belongs to a group with the same benchmark, protocol, suite, metric and
    data version, but never to a group that has only a part of the tasks. One of an unknown
    version stands beside what was measured of its model, else in the groups of all versions.
    A model that was not measured gets a separate row. Every row has what is published of its
    model's size, link and training data.
    """
    placed = _place(published, board.groups)
    rows: list[Row] = list(board.rows)
    for names in _models(placed, board.rows):
        about = reduce(About.completed, [each.about for each in published if each.model in names])
        scores = _merged(placed[name] for name in names)
        own = [at for at, row in enumerate(board.rows) if same_model(row.model, names[0])]
        if not own and scores:
            rows.append(_with(Row(shown_name(names[0]), "", {}, about), scores))
        for number in own:
            row = rows[number]
            here = {place: each for place, each in scores.items() if place in row.cells}
            # What none of the rows of this name was measured on stands in the first.
            if number == own[0]:
                here |= _elsewhere(scores, {place for i in own for place in board.rows[i].cells})
            rows[number] = replace(_with(row, here), about=row.about.completed(about))
    there = {each for scores in placed.values() for of in scores.values() for each in of}
    return ordered(board.groups, rows, len(published) - len(there))


def _place(published: Sequence[PublishedScore], groups: Sequence[Group]) -> dict[str, _Placed]:
    """The scores by model and group."""
    found: dict[str, dict[int, list[PublishedScore]]] = {each.model: {} for each in published}
    most: dict[tuple[object, ...], int] = {}
    for group in groups:
        most[group[:5]] = max(group.tasks, most.get(group[:5], 0))
    for place, group in enumerate(groups):
        if group.part or group.tasks != most[group[:5]]:
            continue
        for each in published:
            if (
                (each.benchmark, each.protocol) == (group.benchmark, group.protocol)
                and each.data_version in ("", group.data_version)
                and (each.suite, each.metric) in group.columns
            ):
                found[each.model].setdefault(place, []).append(each)
    return dict(found)


def _models(names: Iterable[str], measured: Sequence[Row]) -> list[list[str]]:
    """The published names, those of one model together.

    A name without an owner belongs to the only owner of that name, and stands alone where
    there are several.
    """
    owners: dict[str, set[str]] = {}
    spelt: dict[str, list[str]] = {}
    for name in names:
        spelt.setdefault(name.casefold(), []).append(name)
    for name in [*spelt, *(row.model.casefold() for row in measured)]:
        if "/" in name:
            owners.setdefault(bare_name(name), set()).add(name)
    found: dict[str, list[str]] = {}
    for name in sorted(spelt, key=lambda name: ("/" not in name, name)):
        known = owners.get(name, set()) if "/" not in name else set()
        whole = next(iter(known)) if len(known) == 1 else name
        found.setdefault(whole, []).extend(spelt[name])
    return list(found.values())


def _merged(parts: Iterable[_Placed]) -> _Placed:
    found: dict[int, list[PublishedScore]] = {}
    for part in parts:
        for place, scores in part.items():
            found.setdefault(place, []).extend(scores)
    return found


def _elsewhere(scores: _Placed, measured: Set[int]) -> dict[int, list[PublishedScore]]:
    """The scores in groups that were not measured.

    One of an unknown data version that stands beside a measured score is left out: it is most
    likely of that version.
    """
    beside = {each for place in measured for each in scores.get(place, ()) if not each.data_version}
    found = {
        place: [each for each in published if each not in beside]
        for place, published in scores.items()
        if place not in measured
    }
    return {place: published for place, published in found.items() if published}


def _with(row: Row, scores: _Placed) -> Row:
    cells = dict(row.cells)
    for place, published in scores.items():
        cell = cells.get(place, Cell())
        columns: dict[tuple[str, str], tuple[Beside, ...]] = {}
        for each in published:
            column = (each.suite, each.metric)
            measured = cell.scores.get(column)
            apart = None if measured is None else bars(measured, each.score)
            beside = Beside(each.score, each.dated_source, apart)
            columns[column] = (*columns.get(column, ()), beside)
        cells[place] = replace(cell, published={**cell.published, **columns})
    return replace(row, cells=cells)


def bars(measured: Estimate, published: float) -> float:
    """Measured minus published, divided by the error bar's length on that side."""
    difference = measured.value - published
    end = measured.low if difference > 0 else measured.high
    half = abs(measured.value - end)
    # At a score of 0 or 1 the interval has one side only; use that side's length.
    return difference / (half or measured.high - measured.low)
