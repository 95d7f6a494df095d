"""The summary that a command prints: a table for people, one JSON object for programs."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from opencodeeval.backends.capabilities import LACKS
from opencodeeval.core import tables
from opencodeeval.core.text import wrapped
from opencodeeval.records import answered
from opencodeeval.records.means import SetMean, set_means
from opencodeeval.records.naming import name_from_text
from opencodeeval.records.reading import StoredRecord
from opencodeeval.records.schema import Record
from opencodeeval.runs import protocol_differences
from opencodeeval.runs.pipeline import RunResult
from opencodeeval.runs.prices import Prices

HEADER = (
    "benchmark",
    "protocol",
    "suite",
    "metric",
    "score",
    "95 % interval",
    "tasks",
    "n",
)
RIGHT_ALIGNED = frozenset({"score", "tasks", "n"})


def summarise(
    model: str, results: Sequence[RunResult], prices: Prices | None = None
) -> dict[str, Any]:
    """The object that --json prints; with `prices`, each benchmark has its cost."""
    stored = [StoredRecord(result.record_path, result.record) for result in results]
    folders = {result.record_path: result.run_folder for result in results}
    summary = summarise_records(model, stored, folders)
    if prices:
        for part, result in zip(summary["benchmarks"], results, strict=True):
            part["cost"] = prices.cost(result.record.totals)
    return summary


def summarise_records(
    model: str, records: Sequence[StoredRecord], folders: Mapping[Path, Path]
) -> dict[str, Any]:
    """The same of records alone; `folders` has the run folders that are there, by record."""
    benchmarks = [_summarise_one(each, folders.get(each.path)) for each in records]
    means = [_mean(each) for each in set_means(each.record for each in records)]
    return {"model": model, "benchmarks": benchmarks, **({"means": means} if means else {})}


def table(summary: Mapping[str, Any]) -> str:
    """The summary as plain text in 80 columns, but for long paths and names."""
    lines = [f"model: {summary['model']}", ""]
    several = len(_adapters(summary)) > 1
    rows = [
        (_adapter_name(part), *row) if several else row
        for part in summary["benchmarks"]
        for row in _rows(part)
    ]
    header = ("adapter", *HEADER) if several else HEADER
    lines += [tables.fitted(header, rows, RIGHT_ALIGNED, lead=3 if several else 2)]
    if any(len(part["pass@k"]) > 1 for part in summary["benchmarks"]):
        lines += ["* headline score"]
    lines += _means(summary)
    for part in summary["benchmarks"]:
        said = [
            *_verdicts(part),
            *(f"  {note}" for note in part["notes"]),
            *(f"  {line}" for line in part["answers"]["lines"]),
            *_cost(part),
            *_sound(part),
            *_kinds(part),
        ]
        lines += [
            "",
            wrapped(_setting(part)),
            *map(wrapped, said),
            *_dated(part["contamination"]),
            f"  record      {part['record']}",
            *_folder(part),
        ]
    for compared in summary.get("differences", ()):
        lines += ["", *protocol_differences.lines(compared)]
    return "\n".join(lines)


def _mean(each: SetMean) -> dict[str, Any]:
    """The mean over the parts of a set as the summary has it."""
    return {**each._asdict(), "parts": list(each.parts), "score": each.score._asdict()}


def _means(summary: Mapping[str, Any]) -> list[str]:
    """A line for each mean over the parts of a set."""
    means = summary.get("means", ())
    several = len({each["model"] for each in means}) > 1
    return [
        f"mean of {len(each['parts'])}{_of(each)}, {each['benchmark']}, {each['protocol']}"
        f"{', ' + each['model'] if several else ''}: "
        f"{100 * each['score']['value']:.1f} ({100 * each['score']['low']:.1f} to "
        f"{100 * each['score']['high']:.1f})"
        for each in means
    ]


def _of(mean: Mapping[str, Any]) -> str:
    return f" of {mean['of']}" if mean["of"] != len(mean["parts"]) else ""


def _summarise_one(stored: StoredRecord, folder: Path | None) -> dict[str, Any]:
    record = stored.content
    adapter = stored.record.model.adapter
    return {
        **({"adapter": adapter} if adapter else {}),
        "benchmark": record["benchmark"]["name"],
        **({"in_set": True} if stored.record.benchmark.description.set else {}),
        "protocol": record["protocol"]["name"],
        "protocol_version": record["protocol"]["version"],
        "data_version": record["benchmark"]["data_version"],
        "tasks": record["benchmark"]["tasks"],
        "tasks_in_version": record["benchmark"].get("tasks_in_version", 0),
        "integrity": record["benchmark"]["integrity"],
        "samples": record["totals"]["samples"],
        "headline": record["benchmark"]["headline"],
        "pass@k": {suite: record["pass@k"][suite] for suite in record["benchmark"]["suites"]},
        "verdicts": record["verdicts"],
        "answers": _answers(stored.record),
        "notes": _notes(stored.record),
        "sound": record.get("sound"),
        "breakdown": record.get("breakdown", {}),
        "contamination": record.get("contamination", {}),
        "sandbox": record["sandbox"],
        "record": str(stored.path),
        "run_folder": str(folder or ""),
    }


def _answers(record: Record) -> dict[str, Any]:
    """The shares of answers that are not whole, and the lines that say so."""
    found = answered.counts(record)
    return {
        "cut_off": found.cut_off_share,
        "prompts_too_long": found.too_long_share,
        "without_code": found.without_code_share,
        "unfinished": found.reasoning.unfinished if found.reasoning else 0,
        "lines": answered.lines(record),
        "warnings": answered.advice(record),
    }


def _notes(record: Record) -> list[str]:
    """What a reader of the score should know."""
    left_out = sum(row.all_samples - row.n for row in record.tasks.values())
    notes = list(record.benchmark.description.notes)
    if left_out:
        notes.append(
            f"{left_out} samples are not counted: their prediction repeats the input, and the "
            "publisher leaves these out, unless all of a task's predictions do so"
        )
    if day := record.model.identity.get("template_date"):
        notes.append(f"the chat template writes the day's date, which was {day} in all prompts")
    if place := record.model.identity.get("system_role"):
        notes.append(f"the chat template has no system role: a system text goes {place}")
    if record.lacks:
        notes.append(f"this backend: {'; '.join(LACKS[name] for name in record.lacks)}")
    return notes


def _adapters(summary: Mapping[str, Any]) -> set[str]:
    return {part["adapter"] for part in summary["benchmarks"] if "adapter" in part}


def _adapter_name(part: Mapping[str, Any]) -> str:
    return name_from_text(part["adapter"])


def _setting(part: Mapping[str, Any]) -> str:
    kinds = sorted(part["integrity"].items())
    worth = [name if len(kinds) == 1 else f"{name} ({count} tasks)" for name, count in kinds]
    adapter = f"{_adapter_name(part)}: " if "adapter" in part else ""
    return (
        f"{adapter}{part['benchmark']} {part['data_version']}, sandbox {part['sandbox']['jail']}, "
        f"verdicts {', '.join(worth)}"
    )


def _verdicts(part: Mapping[str, Any]) -> list[str]:
    """How many samples have each verdict, a line for each suite."""
    lines = []
    for suite, verdicts in part["verdicts"].items():
        counted = sorted(verdicts.items(), key=lambda item: (-item[1], item[0]))
        of_suite = f" ({suite})" if len(part["verdicts"]) > 1 else ""
        shown = ", ".join(f"{count} {name}" for name, count in counted)
        lines.append(f"  verdicts{of_suite}: {shown}")
    return lines


def _folder(part: Mapping[str, Any]) -> list[str]:
    """Where the samples are, and how to look at them."""
    if not part["run_folder"]:
        return []
    return [
        f"  run folder  {part['run_folder']}",
        f"  each sample opencodeeval report {shlex.quote(part['run_folder'])}",
    ]


def _cost(part: Mapping[str, Any]) -> list[str]:
    """What the samples cost, if there is a price list."""
    if "cost" not in part:
        return []
    cost = part["cost"]
    if cost is None:
        return ["  cost: not known, as tokens were not counted"]
    return [f"  cost: {cost['value']:.4f} {cost['currency']} for all samples"]


def _sound(part: Mapping[str, Any]) -> list[str]:
    """The score over the tasks that can be passed according to the errata."""
    sound = part["sound"]
    if sound is None:
        return []
    scores = ", ".join(
        f"{metric} {100 * value:.1f} ({100 * low:.1f} to {100 * high:.1f})"
        for metric, value, low, high in _estimates(sound["pass@k"][part["headline"]])
    )
    count = len(sound["without"])
    return [f"  without {count} tasks that a right program may fail (errata): {scores}"]


def _kinds(part: Mapping[str, Any]) -> list[str]:
    """The score by difficulty and by platform, one line each."""
    lines = []
    for kind, values in part["breakdown"].items():
        cells = []
        for value, found in values.items():
            metric, score, low, high = next(_estimates(found["pass@k"][part["headline"]]))
            interval = f"{100 * low:.1f} to {100 * high:.1f}"
            cells.append(f"{value} {100 * score:.1f} ({interval}; {found['tasks']} tasks)")
        lines.append(f"  {metric} by {kind}: {', '.join(cells)}")
    return lines


def _dated(view: Mapping[str, Any]) -> list[str]:
    """The lines by month if a cut-off date was given."""
    return contamination_lines(view) if {"cutoff", "one_side_of"} & view.keys() else []


def contamination_lines(view: Mapping[str, Any]) -> list[str]:
    """pass@1 by month of release, and before and after the cut-off date if one was given."""
    cutoff = view.get("cutoff")
    lines = ["  month    tasks  pass@1  95 % interval"]
    for row in view["months"]:
        late = cutoff and row["month"] > cutoff["cutoff"][:7]
        mark = "  after the cut-off date" if late else ""
        lines.append(
            f"  {row['month']}  {row['tasks']:5}  {100 * row['value']:6.1f}"
            f"  {100 * row['low']:.1f} to {100 * row['high']:.1f}{mark}"
        )
    if "one_side_of" in view:
        lines.append(f"  all tasks are on one side of {view['one_side_of']}: nothing to compare")
    if not cutoff:
        return lines
    before, after = (
        f"{100 * cutoff[name]['value']:.1f} ({tasks} tasks)"
        for name, tasks in zip(("before", "after"), cutoff["tasks"], strict=True)
    )
    lines.append(
        f"  up to {cutoff['cutoff']} {before}, after it {after}: a drop of "
        f"{100 * cutoff['difference']:.1f} ({100 * cutoff['low']:.1f} to "
        f"{100 * cutoff['high']:.1f}), {100 * cutoff['adjusted']:.1f} within difficulty and "
        f"platform, p = {cutoff['p_value']:.4f}"
    )
    return lines


def _estimates(scores: Mapping[str, Any]) -> Iterator[tuple[str, float, float, float]]:
    for metric, score in scores.items():
        yield metric, score["value"], score["low"], score["high"]


def _rows(part: Mapping[str, Any]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for suite, scores in part["pass@k"].items():
        for metric, score in scores.items():
            row = (
                part["benchmark"] + (f"@{part['data_version']}" if part.get("in_set") else ""),
                f"{part['protocol']} {part['protocol_version']}",
                suite + ("*" if suite == part["headline"] and len(part["pass@k"]) > 1 else ""),
                metric,
                f"{100 * score['value']:.1f}",
                f"{100 * score['low']:.1f} to {100 * score['high']:.1f}",
                _tasks(part),
                f"{part['samples'] / part['tasks']:.4g}",
            )
            rows.append(row)
    return rows


def _tasks(part: Mapping[str, Any]) -> str:
    """The number of tasks; "5 of 164" if only a part of the data version was run."""
    of = part["tasks_in_version"]
    return f"{part['tasks']} of {of}" if of not in (0, part["tasks"]) else str(part["tasks"])
