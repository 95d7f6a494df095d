"""The training curve: score against step for each benchmark, as one self-contained HTML page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from opencodeeval.show import pages
from opencodeeval.stats.pass_at_k import Estimate

WIDTH, HEIGHT = 720, 280
LEFT, RIGHT, TOP, BOTTOM = 62, 20, 16, 40
# More labels than these would touch each other on a phone.
MOST_STEPS, MOST_SCORES = 7, 6


# The gate's answers, in the order of the legend.
ANSWERS = ("pass", "regression", "inconclusive")


@dataclass(frozen=True)
class Point:
    """One checkpoint's score on one benchmark; `answer` is the gate's for that benchmark.

    `cut_off` and `without_code` are shares of the model's answers in [0, 1], None if not known;
    `cautions` say what limits the score (records/answered.py). `links` are names and addresses
    of its record, run and report, as far as they are there.
    """

    name: str
    step: float
    score: Estimate
    answer: str = ""
    cut_off: float | None = None
    without_code: float | None = None
    cautions: tuple[str, ...] = ()
    links: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Curve:
    """One benchmark: its points by step, and the baseline's score if there is one.

    `about` says what the curve is of, where the title does not.
    """

    title: str
    points: tuple[Point, ...]
    baseline: Estimate | None = None
    about: str = ""


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
    tens = round(10 * (top - bottom))
    every = max(1, math.ceil(tens / (MOST_SCORES - 1)))
    base = curve.baseline
    return Drawing(
        curve=curve,
        marks=tuple(marks),
        steps=tuple(Tick(mark.x, short_number(mark.point.step)) for mark in _apart(marks)),
        scores=tuple(
            Tick(y(bottom + i / 10), f"{100 * bottom + 10 * i:.0f}")
            for i in range(0, tens + 1, every)
        ),
        baseline=y(base.value) if base else None,
        band=(y(base.high), y(base.low)) if base else None,
    )


def _apart(marks: Sequence[Mark]) -> list[Mark]:
    """The marks whose steps are written: as many as have room, the last one always."""
    room = (WIDTH - LEFT - RIGHT) / MOST_STEPS
    found: list[Mark] = []
    for mark in reversed(marks):
        if not found or found[-1].x - mark.x >= room:
            found.append(mark)
    return found[::-1]


def short_number(number: float) -> str:
    """A step as an axis shows it: 1500 is "1.5k", 2000000 is "2M"."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size and number % (size / 100) == 0:
            return f"{number / size:g}{letter}"
    return f"{number:.12g}"


def page(
    title: str,
    curves: Sequence[Curve],
    problems: Sequence[str] = (),
    decided: Sequence[Decided] = (),
) -> str:
    """The whole page; it loads nothing from the network."""
    return pages.render(
        "curve.html.jinja",
        title=title,
        drawings=[draw(curve) for curve in curves],
        problems=problems,
        decided=decided,
        answers=[
            answer
            for answer in ANSWERS
            if any(point.answer == answer for curve in curves for point in curve.points)
        ],
        width=WIDTH,
        height=HEIGHT,
        left=LEFT,
        right=WIDTH - RIGHT,
    )
