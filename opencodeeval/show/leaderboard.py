"""The leaderboard as text: Markdown, JSON and a page, all from the same board only."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from opencodeeval.core.errors import OpenCodeEvalError, StoreError, UsageError
from opencodeeval.records.answered import counts
from opencodeeval.records.means import SetMean, set_means
from opencodeeval.records.reading import read_records
from opencodeeval.records.schema import Record
from opencodeeval.show import pages
from opencodeeval.show.pass_at_k_chart import charts
from opencodeeval.show.ranking import ORIGINS, Beside, Board, Cell, Group, Row, leading, make_board
from opencodeeval.show.ranking_with_reported import with_published
from opencodeeval.show.reported import PublishedScore, read_published
from opencodeeval.stats.metrics import Metric
from opencodeeval.stats.pass_at_k import Estimate

SCHEMA = 1
FILES = ("README.md", "leaderboard.json", "leaderboard.html")
PUBLISHED = "published.json"


class StaleError(OpenCodeEvalError):
    """The leaderboard's files do not match the records."""


def leaderboard(
    results: Path, published: Sequence[Path] = (), metrics: Sequence[Metric] = ()
) -> dict[Path, str]:
    """The files of a leaderboard, path -> text, from the records below `results`.

    Published scores are read from the files in `published`, and from published.json
    in `results` if it exists. `metrics` are columns beside the records' own. Writes nothing.

    Raises:
        UsageError: there is no such folder, it holds no record, or none allows a metric.
        DataError, StoreError: a record or a file of scores is not to be used.
    """
    if not results.is_dir():
        raise UsageError(f"{results} is not a folder: name the folder with the records")
    own = results / PUBLISHED
    files = list(dict.fromkeys([*([own] if own.exists() else []), *published]))
    scores: list[PublishedScore] = [score for path in files for score in read_published(path)]
    board = with_published(
        make_board(read_records([results]), metrics), list(dict.fromkeys(scores))
    )
    texts = (_markdown(board, results), _json(board, results), _page(board, results))
    return {results / name: text for name, text in zip(FILES, texts, strict=True)}


def check(files: Mapping[Path, str]) -> None:
    """Check that the files on the disk are the same.

    Raises:
        StaleError: one is not there or is another; names it.
        StoreError: one cannot be read.
    """
    stale = []
    for path, text in files.items():
        try:
            if not path.exists():
                stale.append(f"{path} is missing")
            elif path.read_bytes() != text.encode("utf-8"):
                stale.append(f"{path} does not match the records")
        except OSError as error:
            raise StoreError(f"{path} cannot be read ({error.strerror})") from error
    if stale:
        raise StaleError(
            f"{' and '.join(stale)}: run `opencodeeval leaderboard {next(iter(files)).parent}`"
        )


def _markdown(board: Board, results: Path) -> str:
    template = pages.environment(autoescape=False).get_template("leaderboard.md.jinja")
    return template.render(**_values(board, results))


def _page(board: Board, results: Path) -> str:
    return pages.render(
        "leaderboard.html.jinja", "leaderboard.js", charts=charts(board), **_values(board, results)
    )


def _values(board: Board, results: Path) -> dict[str, Any]:
    measured = [row for row in board.rows if row.origin != "published"]

    def link(cell: Cell) -> str:
        return cell.record.path.relative_to(results).as_posix() if cell.record else ""

    return {
        "board": board,
        "measured": measured,
        "whole": [group for group in board.groups if not group.part],
        "parts": [
            (row, board.groups[place], cell)
            for row in measured
            for place, cell in sorted(row.cells.items())
            if board.groups[place].part
        ],
        "lead": leading(board.rows, board.groups)[0],
        "origins": ORIGINS,
        "told_of": {p for row in board.rows for p, cell in row.cells.items() if cell.published},
        "any_sound": any(cell.sound for row in measured for cell in row.cells.values()),
        "empty": Cell(),
        "means": _means(board),
        "link": link,
        "records": [
            (row, place, cell)
            for row in measured
            for place, cell in sorted(row.cells.items())
            if cell.record is not None
        ],
    }


def _json(board: Board, results: Path) -> str:
    value = {
        "schema": SCHEMA,
        "made_by": "opencodeeval leaderboard",
        "groups": [_group(group) for group in board.groups],
        "rows": [_row(row, board, results) for row in board.rows],
    }
    if means := _means(board):
        value["means"] = [
            {**each._asdict(), "parts": list(each.parts), "score": _rounded(each.score)}
            for each in means
        ]
    return json.dumps(value, indent=1, ensure_ascii=True, allow_nan=False) + "\n"


def _means(board: Board) -> list[SetMean]:
    """The means over the parts of sets, best first."""
    records = [
        cell.record.record
        for row in board.rows
        for cell in row.cells.values()
        if cell.record is not None and not cell.record.record.benchmark.part
    ]
    return sorted(
        set_means(records),
        key=lambda each: (each.benchmark, each.protocol, not each.whole, -each.score.value),
    )


def _group(group: Group) -> dict[str, Any]:
    return {**group._asdict(), "suites": list(group.suites), "metrics": list(group.metrics)}


def _row(row: Row, board: Board, results: Path) -> dict[str, Any]:
    return {
        "model": row.model,
        "origin": row.origin,
        "decoding": row.decoding,
        "identity": row.identity,
        "cells": [_cell(place, cell, results) for place, cell in sorted(row.cells.items())],
    }


def _cell(place: int, cell: Cell, results: Path) -> dict[str, Any]:
    value: dict[str, Any] = {"group": place}
    if cell.record is not None:
        value |= {
            "record": cell.record.path.relative_to(results).as_posix(),
            "digest": cell.record.record.digest,
            "n": list(cell.n),
            "answers": _answers(cell.record.record),
            "scores": _by_suite(cell.scores),
            "curve": {str(k): _rounded(score) for k, score in cell.curve.items()},
        }
    if cell.sound:
        value["sound"] = _by_suite(cell.sound)
    if cell.published:
        value["published"] = [
            {"suite": suite, "metric": metric, **_beside(each)}
            for (suite, metric), all_of_them in cell.published.items()
            for each in all_of_them
        ]
    return value


def _answers(record: Record) -> dict[str, float | None]:
    """The shares of answers that were cut off, have no prompt that fits, and hold no code."""
    found = counts(record)
    cut_off = found.cut_off_share
    return {
        "cut_off": None if cut_off is None else round(cut_off, 9),
        "prompts_too_long": round(found.too_long_share, 9),
        "without_code": round(found.without_code_share, 9),
    }


def _by_suite(scores: Mapping[tuple[str, str], Estimate]) -> dict[str, Any]:
    suites: dict[str, Any] = {}
    for (suite, metric), score in scores.items():
        suites.setdefault(suite, {})[metric] = _rounded(score)
    return suites


def _rounded(score: Estimate) -> dict[str, float]:
    # Rounded so that any two machines agree: the files are compared byte by byte.
    return {name: round(value, 9) for name, value in score._asdict().items()}


def _beside(each: Beside) -> dict[str, Any]:
    bars = None if each.bars is None else round(each.bars, 3)
    return {"score": round(each.score, 9), "source": each.source, "bars": bars}
