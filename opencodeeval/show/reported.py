"""Scores that others have published, shown beside measured ones and never mixed with them.

Three kinds of file are read, recognised by their content: one of ours,

    {"source": "where the scores were published", "scores": [
      {"model": "Qwen/Qwen2.5-Coder-1.5B", "benchmark": "humaneval_plus",
       "data_version": "v0.1.9", "protocol": "evalplus",
       "suite": "base", "metric": "pass@1", "score": 43.9}, ...]}

(scores in percent; leave out `data_version` if it is unknown), and
the `results.json` of the EvalPlus and BigCodeBench leaderboards.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opencodeeval.core.errors import DataError, UsageError

_KINDS = (
    "a file of scores as in README.md, or results.json of the EvalPlus or BigCodeBench leaderboard"
)

# Key of the leaderboard's file -> benchmark, protocol and suite here.
_EVALPLUS = {
    "humaneval": ("humaneval_plus", "evalplus", "base"),
    "humaneval+": ("humaneval_plus", "evalplus", "plus"),
    "mbpp": ("mbpp_plus", "evalplus", "base"),
    "mbpp+": ("mbpp_plus", "evalplus", "plus"),
}
_BIGCODEBENCH = {
    "complete": ("bigcodebench", "bigcodebench", "base"),
    "instruct": ("bigcodebench", "bigcodebench-instruct", "base"),
}


@dataclass(frozen=True)
class PublishedScore:
    """One published score, as a share of 1; an empty `data_version` is unknown."""

    model: str
    benchmark: str
    data_version: str
    protocol: str
    suite: str
    metric: str
    score: float
    source: str


def same_model(one: str, other: str) -> bool:
    """Whether two names mean one model: owners are compared only if both names have one."""
    one, other = one.casefold(), other.casefold()
    if "/" in one and "/" in other:
        return one == other
    return one.rsplit("/", 1)[-1] == other.rsplit("/", 1)[-1]


def read_published(path: Path) -> list[PublishedScore]:
    """All scores of one file.

    Raises:
        UsageError: it does not exist, or is of no known kind.
        DataError: a score is invalid, or appears twice.
    """
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path} cannot be read ({error.strerror}): name {_KINDS}") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not JSON ({error}): name {_KINDS}") from error
    try:
        scores = _scores(content)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        raise DataError(
            f"{path} is damaged ({type(error).__name__}: {error}): name {_KINDS}"
        ) from error
    seen: dict[tuple[str, ...], PublishedScore] = {}
    for each in scores:
        key = (each.model, each.benchmark, each.data_version, each.protocol, each.suite)
        if seen.setdefault((*key, each.metric), each) is not each:
            raise DataError(
                f"{path} has two scores of {each.model} on {each.benchmark} ({each.protocol}, "
                f"{each.suite}, {each.metric}): remove one"
            )
    return scores


def _scores(content: Any) -> list[PublishedScore]:
    if not isinstance(content, Mapping) or not content:
        raise TypeError("it holds no object")
    if "scores" in content:
        source = content["source"]
        return [_own(row, source) for row in content["scores"]]
    keys = {key for row in content.values() for key in row["pass@1"]}
    if keys <= _EVALPLUS.keys():
        return _leaderboard(content, _EVALPLUS, "EvalPlus leaderboard")
    if keys <= _BIGCODEBENCH.keys():
        return _leaderboard(content, _BIGCODEBENCH, "BigCodeBench leaderboard")
    raise ValueError(f"there is no leaderboard with {', '.join(sorted(map(str, keys)))}")


def _own(row: Mapping[str, Any], source: Any) -> PublishedScore:
    return PublishedScore(
        model=_text(row["model"]),
        benchmark=_text(row["benchmark"]),
        data_version=_text(row["data_version"]) if "data_version" in row else "",
        protocol=_text(row["protocol"]),
        suite=_text(row["suite"]),
        metric=_text(row["metric"]),
        score=_share(row["score"]),
        source=_text(row.get("source", source)),
    )


def _leaderboard(
    content: Mapping[str, Any], keys: Mapping[str, tuple[str, str, str]], source: str
) -> list[PublishedScore]:
    return [
        PublishedScore(
            _text(model), benchmark, "", protocol, suite, "pass@1", _share(score), source
        )
        for model, row in content.items()
        for key, score in row["pass@1"].items()
        if score is not None
        for benchmark, protocol, suite in [keys[key]]
    ]


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{value!r} is not a name")
    return value


def _share(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 100:
        raise ValueError(f"{value!r} is not a score in percent")
    return value / 100
