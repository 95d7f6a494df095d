"""Which records may be compared: the same tasks, asked and graded in the same way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from opencodeeval.core.errors import UsageError
from opencodeeval.core.types import SETTINGS
from opencodeeval.records.answered import cautions
from opencodeeval.records.reading import StoredRecord
from opencodeeval.records.schema import Record

Field = tuple[str, Callable[[Record], Any]]


def _setting(name: str) -> Callable[[Record], Any]:
    return lambda record: record.sampling.setting(name)


# What makes two scores scores of the same thing, and the words for it.
_SAME: tuple[Field, ...] = (
    ("data version", lambda record: record.benchmark.data_version),
    ("data (their digest)", lambda record: record.benchmark.data_digest),
    ("protocol", lambda record: record.protocol.name),
    ("version of the protocol", lambda record: record.protocol.version),
    ("suites", lambda record: list(record.benchmark.suites)),
    ("limits of time and memory", lambda record: dict(record.benchmark.description.limits)),
)
_PROMPTS: Field = ("prompts (their digest)", lambda record: record.protocol.prompt_digest)
# Differences that are reported but allow comparison.
_REPORTED: tuple[Field, ...] = (
    ("model type", lambda record: record.model_type),
    ("jail", lambda record: record.sandbox.get("jail")),
)
# The same, but only where both are known: of samples from a file they are not.
_SAMPLING: tuple[Field, ...] = (
    ("samples a task", lambda record: record.sampling.n),
    ("temperature", lambda record: record.sampling.temperature),
    ("top-p", lambda record: record.sampling.top_p),
    ("longest answer", lambda record: record.sampling.max_tokens),
    *((words, _setting(name)) for name, words in SETTINGS.items()),
)


class Pair(NamedTuple):
    """Two records of one benchmark that may be compared."""

    baseline: StoredRecord
    candidate: StoredRecord


def pair_up(baseline: Sequence[StoredRecord], candidate: Sequence[StoredRecord]) -> list[Pair]:
    """The records of both sides, benchmark by benchmark in the baseline's order.

    Raises:
        UsageError: a side has several records of a benchmark or several
            models, the candidate lacks a benchmark, or two records differ in
            data, prompts or protocol; says in what.
    """
    ours, theirs = _by_spec("baseline", baseline), _by_spec("candidate", candidate)
    found = {spec: _counterpart(each, theirs) for spec, each in ours.items()}
    missing = [spec for spec, other in found.items() if other is None]
    if missing:
        raise UsageError(
            f"the candidate has no record of {', '.join(missing)}, which the baseline has: "
            "evaluate it there, or name only the baseline's records to be compared"
        )
    pairs = [Pair(ours[spec], other) for spec, other in found.items() if other is not None]
    for pair in pairs:
        check(pair)
    return pairs


def _counterpart(record: StoredRecord, others: Mapping[str, StoredRecord]) -> StoredRecord | None:
    """The other side's record of the same data; else one of the same benchmark, if it is alone."""
    same = [each for each in others.values() if each.benchmark == record.benchmark]
    return others.get(record.spec) or (same[0] if len(same) == 1 else None)


def unpaired(baseline: Sequence[StoredRecord], candidate: Sequence[StoredRecord]) -> list[str]:
    """The benchmarks and data versions that only the candidate has."""
    known = {each.benchmark for each in baseline}
    specs = {each.spec for each in baseline}
    return [
        each.spec if each.benchmark in known else each.benchmark
        for each in candidate
        if each.spec not in specs
    ]


def remarks(pair: Pair) -> list[str]:
    """What differs between two records that may be compared all the same."""
    found = [
        f"{words}: {_show(ours)} in the baseline, {_show(theirs)} in the candidate"
        for words, ours, theirs in [*_differing(pair, _REPORTED), *_known(pair, _SAMPLING)]
    ]
    if _prompts_unknown(pair):
        found.append("samples from a file: whether both models got the same prompts is not known")
    if pair.baseline.record.benchmark.part:
        found.append(f"only {pair.baseline.record.benchmark.shown_tasks} tasks were run (--limit)")
    for side, each in zip(("baseline", "candidate"), pair, strict=True):
        found += [f"{side}: {caution}" for caution in cautions(each.record)]
    return found


def _by_spec(side: str, records: Sequence[StoredRecord]) -> dict[str, StoredRecord]:
    models = {_weights(each): each for each in records}
    if len(models) > 1:
        first, second, *_ = models.values()
        raise UsageError(
            f"the {side}'s records are of different models ({first.model} in {first.path}, "
            f"{second.model} in {second.path}): name one of them with --{side}-model NAME"
        )
    found: dict[str, StoredRecord] = {}
    for each in records:
        other = found.setdefault(each.spec, each)
        if other is not each:
            by_name = f", or a model with --{side}-model NAME" if other.model != each.model else ""
            raise UsageError(
                f"the {side} has two records of {each.spec} ({other.path} and {each.path}): "
                f"name one of them, or a pattern that only one matches{by_name}"
            )
    return found


def _weights(record: StoredRecord) -> str:
    """What tells models apart that may have been called by different paths."""
    model = record.record.model
    # The reference solutions and files of samples belong to one benchmark each.
    return model.weights if model.origin in ("engine", "server") else model.origin


def check(pair: Pair) -> None:
    """See that two records may be compared.

    Raises:
        UsageError: they differ in data, prompts, protocol or tasks; says in what.
    """
    name = pair.baseline.benchmark
    differing = [
        f"{words} {_show(ours)} against {_show(theirs)}"
        for words, ours, theirs in _differing(pair, _SAME)
    ]
    same_type = pair.baseline.record.model_type == pair.candidate.record.model_type
    # Models of another type are asked with other templates, which is the protocol's own doing.
    if same_type and not _prompts_unknown(pair):
        prompts = _differing(pair, [_PROMPTS])
        differing += [f"{words} {_show(a)} against {_show(b)}" for words, a, b in prompts]
    ours, theirs = (set(record.record.tasks) for record in pair)
    if ours != theirs:
        differing.append(f"tasks: {len(ours - theirs)} only here, {len(theirs - ours)} only there")
    if differing:
        raise UsageError(
            f"{pair.baseline.path} and {pair.candidate.path} cannot be compared, as they differ in "
            f"{'; '.join(differing)}: evaluate one of the models on {name} again as the other was"
        )


def _prompts_unknown(pair: Pair) -> bool:
    return any(record.record.model.origin == "file" for record in pair)


def _differing(pair: Pair, fields: Sequence[Field]) -> list[tuple[str, Any, Any]]:
    found = []
    for words, value_of in fields:
        ours, theirs = (value_of(each.record) for each in pair)
        if ours != theirs:
            found.append((words, ours, theirs))
    return found


def _known(pair: Pair, fields: Sequence[Field]) -> list[tuple[str, Any, Any]]:
    return [each for each in _differing(pair, fields) if None not in each]


def _show(value: Any) -> str:
    """A value in a sentence; digests by their start."""
    text = str(value)
    return text[:12] if len(text) == 64 and text.isalnum() else text
