"""The leaderboard as text: Markdown, JSON and a page, all from the same board only."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from opencodeeval.core.errors import OpenCodeEvalError, StoreError, UsageError
from opencodeeval.records.answered import counts
from opencodeeval.records.reading import read_records
from opencodeeval.records.schema import Record
from opencodeeval.show import pages
from opencodeeval.show.leaderboard_page import link, means_of, page, shown, table_columns
from opencodeeval.show.ranking import make_board
from opencodeeval.show.ranking_with_reported import with_published
from opencodeeval.show.reported import PublishedScore, read_published
from opencodeeval.show.standings import Beside, Board, Cell, Group, Row
from opencodeeval.stats.metrics import Metric
from opencodeeval.stats.pass_at_k import Estimate

SCHEMA = 2
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
    texts = (_markdown(board, results), _json(board, results), page(board, results))
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
    measured = [row for row in board.rows if row.origin != "published"]
    template = pages.environment(autoescape=False).get_template("leaderboard.md.jinja")
    return template.render(
        **shown(board, results),
        tables=[
            (group, [(row, each) for row in measured for at, each in row.measured if at == place])
            for place, group in enumerate(board.groups)
            if not group.part
        ],
        overview=[column for column in table_columns(board) if column.chosen],
    )


def _json(board: Board, results: Path) -> str:
    value = {
        "schema": SCHEMA,
        "made_by": "opencodeeval leaderboard",
        "groups": [_group(group) for group in board.groups],
        "rows": [_row(number, row, board, results) for number, row in enumerate(board.rows)],
    }
    if means := means_of(board):
        value["means"] = [
            {**each._asdict(), "parts": list(each.parts), "score": _rounded(each.score)}
            for each in means
        ]
    return json.dumps(value, indent=1, ensure_ascii=True, allow_nan=False) + "\n"


def _group(group: Group) -> dict[str, Any]:
    return {**group._asdict(), "suites": list(group.suites), "metrics": list(group.metrics)}


def _row(number: int, row: Row, board: Board, results: Path) -> dict[str, Any]:
    return {
        "model": row.model,
        "origin": row.origin,
        "weights": row.weights,
        **{name: value for name, value in asdict(row.about).items() if value},
        "cells": [
            {**_cell(place, cell, results), **_rank(board, number, place)}
            for place, cell in sorted(row.cells.items())
        ],
    }


def _rank(board: Board, number: int, place: int) -> dict[str, Any]:
    """The rank of the headline score; that of a part has none."""
    rank = board.ranks.get((number, place))
    return {"rank": rank._asdict()} if rank and not board.groups[place].part else {}


def _cell(place: int, cell: Cell, results: Path) -> dict[str, Any]:
    value: dict[str, Any] = {"group": place}
    if cell.record is not None:
        value |= {
            "record": link(cell, results),
            "digest": cell.record.record.digest,
            "origin": cell.origin,
            "decoding": cell.decoding,
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
    if cell.also:
        value["also"] = [_cell(place, each, results) for each in cell.also]
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
