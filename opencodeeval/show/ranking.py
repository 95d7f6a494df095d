"""Which records share a row of a leaderboard, and which scores may share a column.

A column group is one benchmark in one data version with the same number of tasks,
under one protocol in one version: all its scores were measured in the same way. A
row is one model. If a model has several records in a group (another seed, other sampling,
samples from a file), its cell shows one of them and holds the others.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from opencodeeval.core.errors import DataError, UsageError
from opencodeeval.core.types import DEFAULT, SETTINGS
from opencodeeval.records.naming import WITH_ADAPTER
from opencodeeval.records.reading import StoredRecord
from opencodeeval.show.standings import Board, Cell, Group, Rank, Row
from opencodeeval.stats.metrics import CONSISTENCY, Metric, estimate, in_order, parse_metrics
from opencodeeval.stats.pass_at_k import Estimate, estimate_pass_at_k

# The k of a curve, up to the number of samples, which is added.
CURVE_KS = (1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000)


def make_board(records: Iterable[StoredRecord], metrics: Sequence[Metric] = ()) -> Board:
    """The leaderboard of these records (pure).

    `metrics` are shown beside those of the records, for the records whose counts allow it.

    Raises:
        DataError: a record's scores do not match its counts.
        UsageError: one of the metrics can be computed for no record.
    """
    records = sorted(records, key=lambda each: each.record.run_id)
    for metric in metrics:
        if not any(_allows(record, metric) for record in records):
            raise UsageError(
                f"no record has the samples that {metric} needs, at least {metric.samples} per "
                "task" + (" with answers to agree on" if metric == CONSISTENCY else "")
            )
    groups = _groups(records, metrics)
    places = {group.key: place for place, group in enumerate(groups)}
    rows: dict[tuple[str, str], dict[int, list[Cell]]] = {}
    for record, key in zip(records, _keys(records), strict=True):
        place = places[_group(record).key]
        rows.setdefault(key, {}).setdefault(place, []).append(_cell(record, metrics))
    return ordered(
        groups,
        [
            Row(*key, {place: _one(cells) for place, cells in found.items()})
            for key, found in rows.items()
        ],
    )


def ordered(groups: tuple[Group, ...], rows: Iterable[Row], unplaced: int = 0) -> Board:
    """The board of these rows: those that were measured most first, then the best scores."""
    ranked = tuple(_ranked(rows, groups))
    return Board(groups, ranked, unplaced, _ranks(groups, ranked))


def _keys(records: Sequence[StoredRecord]) -> list[tuple[str, str]]:
    """The row of each record: a name and weights; samples from a file join a name's only row."""
    names = [shown_name(record.model) for record in records]
    weights: dict[str, set[str]] = {}
    for name, record in zip(names, records, strict=True):
        found = weights.setdefault(name, set())
        if record.record.model.origin != "file":
            found.add(_weights(record))
    return [
        (name, _weights(record))
        if record.record.model.origin != "file"
        else (name, next(iter(weights[name])) if len(weights[name]) == 1 else "")
        for name, record in zip(names, records, strict=True)
    ]


def _weights(record: StoredRecord) -> str:
    model = record.record.model
    return model.adapter_digest + str(model.identity.get("weights_digest") or model.revision)


def _one(cells: Sequence[Cell]) -> Cell:
    """The cell of several records: never the best one, but what is most often published."""

    def plainest(cell: Cell) -> tuple[Any, ...]:
        greedy = cell.decoding.startswith("greedy")
        return cell.origin == "samples", cell.decoding != "greedy", not greedy, -cell.n[1]

    first, *others = sorted(cells, key=plainest)
    return replace(first, also=tuple(others))


def shown_name(model: str) -> str:
    """A model's name without the machine: a hub id, or the last two parts of a path.

    It depends on the text alone, so a leaderboard is the same on every machine.
    """
    return WITH_ADAPTER.join(_last_parts(each) for each in model.split(WITH_ADAPTER))


def _last_parts(path: str) -> str:
    parts = [part for part in path.split("/") if part not in ("", ".", "..", "~")]
    return "/".join(parts[-2:]) or path


def decoding(record: StoredRecord) -> str:
    """The sampling settings, as far as they are known."""
    sampling = record.record.sampling
    if sampling.temperature is None:
        return "settings unknown"
    parts = ["greedy" if sampling.temperature == 0 else f"T {sampling.temperature}"]
    if sampling.temperature and sampling.top_p not in (None, 1):
        parts.append(f"top-p {sampling.top_p}")
    for name, words in SETTINGS.items():
        value = getattr(sampling, name)
        if value != getattr(DEFAULT, name):
            parts.append(words if value is True else f"{words} {value}")
    for key, value in sampling.chat_template_args.items():
        parts.append(f"{key}={json.dumps(value, ensure_ascii=False)}")
    if sampling.reasoning_effort:
        parts.append(f"reasoning effort {sampling.reasoning_effort}")
    return ", ".join(parts)


def _allows(record: StoredRecord, metric: Metric) -> bool:
    """Whether a metric can be computed from a record."""
    if metric == CONSISTENCY and not all(row.answers for row in record.record.tasks.values()):
        return False
    return metric.fits(list(record.counts(record.headline, (), metric).values()))


def _metrics(record: StoredRecord, more: Sequence[Metric]) -> list[Metric]:
    """A record's own metrics, and those of others that it allows."""
    own = parse_metrics(list(record.record.scores[record.headline]))
    return in_order([*own, *(metric for metric in more if _allows(record, metric))])


def _groups(records: Sequence[StoredRecord], more: Sequence[Metric]) -> tuple[Group, ...]:
    groups: dict[tuple[Any, ...], Group] = {}
    for record in records:
        group = _group(record)
        known = groups.setdefault(group.key, group)
        metrics = in_order([*parse_metrics(known.metrics), *_metrics(record, more)])
        groups[group.key] = known._replace(metrics=tuple(map(str, metrics)))
    return tuple(groups[key] for key in sorted(groups, key=lambda key: (groups[key].part, key)))


def _group(record: StoredRecord) -> Group:
    benchmark, protocol = record.record.benchmark, record.record.protocol
    return Group(
        benchmark=benchmark.name,
        data_version=benchmark.data_version,
        data_digest=benchmark.data_digest,
        protocol=protocol.name,
        protocol_version=protocol.version,
        tasks=benchmark.tasks,
        title=benchmark.description.title or benchmark.name,
        suites=record.suites,
        headline=record.headline,
        metrics=tuple(record.record.scores[record.headline]),
        of=0 if benchmark.whole else benchmark.tasks_in_version,
        part=benchmark.part,
    )


def _cell(record: StoredRecord, more: Sequence[Metric]) -> Cell:
    scores, sound = {}, {}
    unsound = record.record.unsound
    metrics = _metrics(record, more)
    for suite in record.suites:
        samples = list(record.counts(suite).values())
        for metric in metrics:
            name = str(metric)
            counted = samples
            if metric == CONSISTENCY:
                counted = list(record.counts(suite, (), metric).values())
            score = estimate(counted, metric)
            _check_stored(record, suite, name, score)
            scores[suite, name] = score
            if unsound:
                rest = record.counts(suite, unsound, metric)
                sound[suite, name] = estimate(list(rest.values()), metric)
        if suite == record.headline:
            headline = samples
    fewest, most = min(n for n, _ in headline), max(n for n, _ in headline)
    ks = sorted({k for k in CURVE_KS if k <= fewest} | {fewest}) if fewest > 1 else []
    return Cell(
        scores=scores,
        sound=sound,
        curve={k: estimate_pass_at_k(headline, k) for k in ks},
        n=(fewest, most),
        record=record,
        origin="samples" if record.record.model.origin == "file" else "generated",
        decoding=decoding(record),
    )


def _check_stored(record: StoredRecord, suite: str, metric: str, score: Estimate) -> None:
    stored = record.record.scores[suite].get(metric)
    if stored is None:
        return
    if any(abs(one - other) > 1e-6 for one, other in zip(stored.estimate, score, strict=True)):
        raise DataError(
            f"{record.path} says {metric} is {stored.value} ({suite}), and its counts say "
            f"{score.value}: repeat the command of its run, which rewrites it"
        )


def leading(rows: Iterable[Row], groups: Sequence[Group]) -> list[int]:
    """The indexes of the groups: whole ones, and those with the most measured models first."""
    measured = Counter(
        place for row in rows for place, cell in row.cells.items() if cell.record is not None
    )
    return sorted(range(len(groups)), key=lambda place: (groups[place].part, -measured[place]))


def _ranked(rows: Iterable[Row], groups: Sequence[Group]) -> list[Row]:
    """The rows measured on most benchmarks first, then by their headline scores, best first."""
    rows = list(rows)
    places = leading(rows, groups)

    def rank(row: Row) -> tuple[Any, ...]:
        measured = sum(
            cell.record is not None and not groups[place].part for place, cell in row.cells.items()
        )
        values: list[float] = []
        for place in places:
            score = row.cells[place].score(groups[place].lead) if place in row.cells else None
            values.append(1.0 if score is None else -score)
        return (-measured, *values, row.model, row.weights)

    return sorted(rows, key=rank)


def _ranks(groups: Sequence[Group], rows: Sequence[Row]) -> dict[tuple[int, int], Rank]:
    found = {}
    for place, group in enumerate(groups):
        scores = {
            number: score
            for number, row in enumerate(rows)
            if place in row.cells and (score := row.cells[place].score(group.lead)) is not None
        }
        order = sorted(scores.values(), reverse=True)
        first = {score: order.index(score) + 1 for score in set(order)}
        for number, score in scores.items():
            found[number, place] = Rank(first[score], len(scores))
    return found
