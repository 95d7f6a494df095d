"""What a command prints of its records: a table for people, one object for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from opencodeeval import differences
from opencodeeval.pipeline import RunResult

HEADER = (
    "benchmark",
    "protocol",
    "suite",
    "metric",
    "score",
    "95 % interval",
    "tasks",
    "n",
    "verdicts",
)
RIGHT_ALIGNED = frozenset({"score", "tasks", "n"})


def summarise(model: str, results: Sequence[RunResult]) -> dict[str, Any]:
    """The object that --json prints."""
    return {"model": model, "benchmarks": [_summarise_one(result) for result in results]}


def table(summary: Mapping[str, Any]) -> str:
    """The summary as aligned plain text, with the paths of records and run folders."""
    lines = [f"model: {summary['model']}", ""]
    rows = [HEADER, *(row for part in summary["benchmarks"] for row in _rows(part))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER))]
    lines += [_line(row, widths) for row in rows]
    if any(len(part["pass@k"]) > 1 for part in summary["benchmarks"]):
        lines += ["* the suite whose score is the benchmark's"]
    for part in summary["benchmarks"]:
        lines += [
            "",
            _setting(part),
            *_sound(part),
            f"  record      {part['record']}",
            f"  run folder  {part['run_folder']}",
        ]
    for compared in summary.get("differences", ()):
        lines += ["", *differences.lines(compared)]
    return "\n".join(lines)


def _summarise_one(result: RunResult) -> dict[str, Any]:
    record = result.record
    return {
        "benchmark": record["benchmark"]["name"],
        "protocol": record["protocol"]["name"],
        "protocol_version": record["protocol"]["version"],
        "data_version": record["benchmark"]["data_version"],
        "tasks": record["benchmark"]["tasks"],
        "integrity": record["benchmark"]["integrity"],
        "samples": record["totals"]["samples"],
        "headline": record["benchmark"]["headline"],
        "pass@k": {suite: record["pass@k"][suite] for suite in record["benchmark"]["suites"]},
        "verdicts": record["verdicts"],
        "sound": record.get("sound"),
        "sandbox": record["sandbox"],
        "record": str(result.record_path),
        "run_folder": str(result.run_folder),
    }


def _setting(part: Mapping[str, Any]) -> str:
    kinds = sorted(part["integrity"].items())
    worth = [name if len(kinds) == 1 else f"{name} ({count} tasks)" for name, count in kinds]
    return (
        f"{part['benchmark']} {part['data_version']}, sandbox {part['sandbox']['jail']}, "
        f"verdicts {', '.join(worth)}"
    )


def _sound(part: Mapping[str, Any]) -> list[str]:
    """What the score is over the tasks whose own solution passes in a jail."""
    sound = part["sound"]
    if sound is None:
        return []
    scores = ", ".join(
        f"{metric} {100 * value:.1f} ({100 * low:.1f} to {100 * high:.1f})"
        for metric, value, low, high in _estimates(sound["pass@k"][part["headline"]])
    )
    count = len(sound["without"])
    return [f"  without {count} tasks whose own solution cannot pass here: {scores}"]


def _estimates(scores: Mapping[str, Any]) -> Iterator[tuple[str, float, float, float]]:
    for metric, score in scores.items():
        yield metric, score["value"], score["low"], score["high"]


def _rows(part: Mapping[str, Any]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for suite, scores in part["pass@k"].items():
        counted = sorted(part["verdicts"][suite].items(), key=lambda item: (-item[1], item[0]))
        verdicts = ", ".join(f"{count} {name}" for name, count in counted)
        for metric, score in scores.items():
            row = (
                part["benchmark"],
                f"{part['protocol']} {part['protocol_version']}",
                suite + ("*" if suite == part["headline"] and len(part["pass@k"]) > 1 else ""),
                metric,
                f"{100 * score['value']:.1f}",
                f"{100 * score['low']:.1f} to {100 * score['high']:.1f}",
                str(part["tasks"]),
                f"{part['samples'] / part['tasks']:.4g}",
                verdicts,
            )
            rows.append(row)
            verdicts = ""
    return rows


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [
        cell.rjust(width) if name in RIGHT_ALIGNED else cell.ljust(width)
        for name, cell, width in zip(HEADER, row, widths, strict=True)
    ]
    return "  ".join(cells).rstrip()
