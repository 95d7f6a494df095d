"""The training curve: score against step for each benchmark, as one self-contained HTML page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from opencodeeval.stats.pass_at_k import Estimate

if TYPE_CHECKING:
    from jinja2 import Template

WIDTH, HEIGHT = 720, 260
LEFT, RIGHT, TOP, BOTTOM = 48, 16, 12, 34


@dataclass(frozen=True)
class Point:
    """One checkpoint's score on one benchmark; `answer` is the gate's for that benchmark.

    `cut_off` and `without_code` are shares of the model's answers in [0, 1], None if not known;
    `cautions` say what limits the score (records/answered.py).
    """

    name: str
    step: float
    score: Estimate
    answer: str = ""
    cut_off: float | None = None
    without_code: float | None = None
    cautions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Curve:
    """One benchmark: its points by step, and the baseline's score if there is one."""

    title: str
    points: tuple[Point, ...]
    baseline: Estimate | None = None


@dataclass(frozen=True)
class Decided:
    """The gate's answer for a checkpoint over all benchmarks, and its reason."""

    name: str
    answer: str
    why: str


@dataclass(frozen=True)
class Mark:
    """A point with its position in pixels."""

    x: float
    y: float
    low: float
    high: float
    point: Point


@dataclass(frozen=True)
class Tick:
    """A label on an axis."""

    at: float
    text: str


@dataclass(frozen=True)
class Drawing:
    """A curve as the template draws it."""

    curve: Curve
    marks: tuple[Mark, ...]
    steps: tuple[Tick, ...]
    scores: tuple[Tick, ...]
    baseline: float | None
    band: tuple[float, float] | None

    @property
    def line(self) -> str:
        """The points of the polyline."""
        return " ".join(f"{mark.x:.1f},{mark.y:.1f}" for mark in self.marks)


def draw(curve: Curve) -> Drawing:
    """Place a curve in a frame that holds all its error bars."""
    estimates = [point.score for point in curve.points]
    if curve.baseline:
        estimates.append(curve.baseline)
    bottom = math.floor(10 * min(each.low for each in estimates)) / 10
    top = math.ceil(10 * max(each.high for each in estimates)) / 10
    first, last = curve.points[0].step, curve.points[-1].step

    def x(step: float) -> float:
        share = 0.5 if first == last else (step - first) / (last - first)
        return LEFT + 10 + share * (WIDTH - LEFT - RIGHT - 20)

    def y(score: float) -> float:
        return TOP + (top - score) / (top - bottom) * (HEIGHT - TOP - BOTTOM)

    marks = [
        Mark(x(point.step), y(point.score.value), y(point.score.low), y(point.score.high), point)
        for point in curve.points
    ]
    shown = marks[:: max(1, math.ceil(len(marks) / 8))]
    lines = round(10 * (top - bottom))
    base = curve.baseline
    return Drawing(
        curve=curve,
        marks=tuple(marks),
        steps=tuple(Tick(mark.x, f"{mark.point.step:g}") for mark in shown),
        scores=tuple(
            Tick(y(bottom + i / 10), f"{100 * bottom + 10 * i:.0f}") for i in range(lines + 1)
        ),
        baseline=y(base.value) if base else None,
        band=(y(base.high), y(base.low)) if base else None,
    )


def page(
    title: str,
    curves: Sequence[Curve],
    problems: Sequence[str] = (),
    decided: Sequence[Decided] = (),
) -> str:
    """The whole page; it loads nothing from the network."""
    frame = {"width": WIDTH, "height": HEIGHT, "left": LEFT, "right": WIDTH - RIGHT}
    return _template().render(
        title=title,
        drawings=[draw(curve) for curve in curves],
        problems=problems,
        decided=decided,
        **frame,
    )


@cache
def _template() -> Template:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("opencodeeval.show", "pages")
    # The name ends in .html.jinja, which jinja2's own rule would not escape.
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined).get_template(
        "curve.html.jinja"
    )
