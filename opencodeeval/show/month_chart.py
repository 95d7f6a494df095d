"""pass@1 by month of release as a drawing: the position of each mark (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from opencodeeval.records.schema import Record

WIDTH, HEIGHT = 760, 240
LEFT, RIGHT, TOP, BOTTOM = 44, 12, 12, 30
LABEL_PX = 58  # a month's name and a gap


@dataclass(frozen=True)
class Mark:
    """One month: its score with the ends of its interval, in pixels from the top.

    `name` is empty if the axis has no room for it; `late` means after the cut-off
    date; `spoken` is the same in words, for screen readers.
    """

    x: float
    y: float
    low: float
    high: float
    name: str
    late: bool
    spoken: str


@dataclass(frozen=True)
class Months:
    """The marks, the lines of the scale (label, y), and the cut-off date's position, if any."""

    marks: tuple[Mark, ...]
    scale: tuple[tuple[str, float], ...]
    cutoff: float | None
    summary: str


def months_of(record: Record) -> Months | None:
    """The drawing of a record whose tasks have dates; None for others."""
    view = record.contamination
    if not view:
        return None
    rows, cutoff = view["months"], view.get("cutoff")
    step = (WIDTH - LEFT - RIGHT) / len(rows)
    every = max(1, -(-LABEL_PX // max(1, int(step))))
    last = cutoff["cutoff"][:7] if cutoff else ""
    marks = tuple(
        Mark(
            x=round(LEFT + step * (place + 0.5), 1),
            y=_y(row["value"]),
            low=_y(row["low"]),
            high=_y(row["high"]),
            name=row["month"] if place % every == 0 else "",
            late=bool(cutoff) and row["month"] > last,
            spoken=f"{row['month']}: {100 * row['value']:.1f} ({100 * row['low']:.1f} to "
            f"{100 * row['high']:.1f}), {row['tasks']} task{'s' * (row['tasks'] != 1)}",
        )
        for place, row in enumerate(rows)
    )
    early = sum(not mark.late for mark in marks)
    scale = tuple((str(percent), _y(percent / 100)) for percent in (0, 25, 50, 75, 100))
    return Months(
        marks, scale, round(LEFT + step * early, 1) if cutoff else None, _summary(view, cutoff)
    )


def _y(share: float) -> float:
    return round(TOP + (1 - share) * (HEIGHT - TOP - BOTTOM), 1)


def _summary(view: Mapping[str, Any], cutoff: Mapping[str, Any] | None) -> str:
    if "one_side_of" in view:
        return f"All tasks are on one side of {view['one_side_of']}: there is nothing to compare."
    if not cutoff:
        return "Later problems may be harder; --cutoff DATE compares those before and after a date."
    before, after = (100 * cutoff[name]["value"] for name in ("before", "after"))
    return (
        f"Up to {cutoff['cutoff'][:10]} {before:.1f}, after it {after:.1f}: a drop of "
        f"{100 * cutoff['difference']:.1f} ({100 * cutoff['low']:.1f} to "
        f"{100 * cutoff['high']:.1f}), p = {cutoff['p_value']:.4f}."
    )
