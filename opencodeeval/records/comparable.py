"""Which records may be compared: the same tasks, asked and graded in the same way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from opencodeeval.core.errors import UsageError
from opencodeeval.records.reading import StoredRecord

# What makes two scores scores of the same thing, and the words for it.
_SAME = (
    ("data version", ("benchmark", "data_version")),
    ("data (their digest)", ("benchmark", "data_digest")),
    ("protocol", ("protocol", "name")),
    ("version of the protocol", ("protocol", "version")),
    ("suites", ("benchmark", "suites")),
    ("limits of time and memory", ("benchmark", "description", "limits")),
)
# What is said where it differs, and no reason to refuse.
_SAID = (
    ("model type", ("model_type",)),
    ("samples a task", ("sampling", "n")),
    ("temperature", ("sampling", "temperature")),
    ("top-p", ("sampling", "top_p")),
    ("longest answer", ("sampling", "max_tokens")),
    ("jail", ("sandbox", "jail")),
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
    sides = {"baseline": _by_benchmark("baseline", baseline)}
    sides["candidate"] = _by_benchmark("candidate", candidate)
    missing = [name for name in sides["baseline"] if name not in sides["candidate"]]
    if missing:
        raise UsageError(
            f"the candidate has no record of {', '.join(missing)}, which the baseline has: "
            "evaluate it there, or name only the baseline's records to be compared"
        )
    pairs = [Pair(each, sides["candidate"][name]) for name, each in sides["baseline"].items()]
    for pair in pairs:
        check(pair)
    return pairs


def unpaired(baseline: Sequence[StoredRecord], candidate: Sequence[StoredRecord]) -> list[str]:
    """The benchmarks that only the candidate has, which no comparison can use."""
    known = {each.benchmark for each in baseline}
    return [each.benchmark for each in candidate if each.benchmark not in known]


def remarks(pair: Pair) -> list[str]:
    """What differs between two records that may be compared all the same."""
    found = [
        f"{words}: {_show(ours)} in the baseline, {_show(theirs)} in the candidate"
        for words, ours, theirs in _differing(pair, _SAID)
    ]
    if _prompts_unknown(pair):
        found.append("samples drawn by another tool: whether the prompts were alike is not known")
    return found


def _by_benchmark(side: str, records: Sequence[StoredRecord]) -> dict[str, StoredRecord]:
    found: dict[str, StoredRecord] = {}
    for each in records:
        other = found.setdefault(each.benchmark, each)
        if other is not each:
            raise UsageError(
                f"the {side} has two records of {each.benchmark} ({other.path} and {each.path}): "
                "name one of them, or a pattern that only one matches"
            )
    models = {_weights(each): each for each in records}
    if len(models) > 1:
        first, second, *_ = models.values()
        raise UsageError(
            f"the {side}'s records are of different models ({first.model} in {first.path}, "
            f"{second.model} in {second.path}): name the records of one model"
        )
    return found


def _weights(record: StoredRecord) -> str:
    """What tells models apart that may have been called by different paths."""
    model = record.content["model"]
    # The reference solutions and files of samples belong to one benchmark each.
    if model.get("backend") in ("reference", "samples"):
        return str(model["backend"])
    return str(model.get("weights_digest") or model["model"])


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
    same_type = pair.baseline.content.get("model_type") == pair.candidate.content.get("model_type")
    # Models of another type are asked with other templates, which is the protocol's own doing.
    if same_type and not _prompts_unknown(pair):
        prompts = _differing(pair, (("prompts (their digest)", ("protocol", "prompt_digest")),))
        differing += [f"{words} {_show(a)} against {_show(b)}" for words, a, b in prompts]
    ours, theirs = (set(record.content["tasks"]) for record in pair)
    if ours != theirs:
        differing.append(f"tasks: {len(ours - theirs)} only here, {len(theirs - ours)} only there")
    if differing:
        raise UsageError(
            f"{pair.baseline.path} and {pair.candidate.path} cannot be compared, as they differ in "
            f"{'; '.join(differing)}: evaluate one of the models on {name} again as the other was"
        )


def _prompts_unknown(pair: Pair) -> bool:
    return any(record.content["model"].get("backend") == "samples" for record in pair)


def _differing(
    pair: Pair, fields: Sequence[tuple[str, tuple[str, ...]]]
) -> list[tuple[str, Any, Any]]:
    found = []
    for words, keys in fields:
        ours, theirs = (_at(record.content, keys) for record in pair)
        # A sampling that another tool did is not known, which is said once.
        unknown = keys[0] == "sampling" and None in (ours, theirs)
        if ours != theirs and not unknown:
            found.append((words, ours, theirs))
    return found


def _at(content: Mapping[str, Any], keys: Sequence[str]) -> Any:
    value: Any = content
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _show(value: Any) -> str:
    """A value in a sentence; digests by their start."""
    text = str(value)
    return text[:12] if len(text) == 64 and text.isalnum() else text
