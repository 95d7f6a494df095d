"""Scores that others have published, shown beside measured ones and never mixed with them.

Four kinds of file are read, recognised by their content: one of ours,

    {"source": "where the scores were published", "date": "2024-11-09", "scores": [
      {"model": "Qwen/Qwen2.5-Coder-1.5B", "benchmark": "humaneval_plus",
       "data_version": "v0.1.9", "protocol": "evalplus",
       "suite": "base", "metric": "pass@1", "score": 43.9,
       "size": 1.5, "link": "https://...", "open_data": "none"}, ...]}

(scores in percent, sizes in billions of parameters; leave out what is unknown: `date`,
`data_version`, `size`, `link`, `open_data`), the `results.json` of the EvalPlus and
BigCodeBench leaderboards, and tables of OpenCoder's paper. These name no date: it is taken
from the file's name (`evalplus-2025-01-16.json`) or the paper's number.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from opencodeeval.core.errors import DataError, UsageError
from opencodeeval.show.standings import About

_KINDS = (
    "a file of scores as in README.md, results.json of the EvalPlus or BigCodeBench leaderboard, "
    "or OpenCoder's tables"
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
# Column of a table of OpenCoder's paper -> benchmark, data version, protocol and suite. Left out:
# MBPP_3shot and LiveCodeBench_avg, as the paper does not say enough of how they were measured;
# of table 8 Python, which is HumanEval again, and the average that it is in.
_OPENCODER = {
    "HumanEval": ("humaneval_plus", "", "evalplus", "base"),
    "HumanEval+": ("humaneval_plus", "", "evalplus", "plus"),
    "MBPP": ("mbpp_plus", "", "evalplus", "base"),
    "MBPP+": ("mbpp_plus", "", "evalplus", "plus"),
    "BigCodeBench_full_complete": ("bigcodebench", "", "bigcodebench", "base"),
    "BigCodeBench_hard_complete": ("bigcodebench_hard", "", "bigcodebench", "base"),
    "BigCodeBench_full_instruct": ("bigcodebench", "", "bigcodebench-instruct", "base"),
    "BigCodeBench_hard_instruct": ("bigcodebench_hard", "", "bigcodebench-instruct", "base"),
    **{
        column: ("multipl_e_humaneval", language, "qwen-instruct", "base")
        for column, language in {
            "Java": "java",
            "C++": "cpp",
            "C#": "cs",
            "TS": "ts",
            "JS": "js",
            "PHP": "php",
            "Bash": "sh",
        }.items()
    },
}
_OPENCODER_TABLES = {
    "table6_base_models": "table 6",
    "table7_instruct_models": "table 7",
    "table8_multipl_e_instruct": "table 8",
}
_DATE = re.compile(r"(?<!\d)20\d\d-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12]\d|3[01]))?(?!\d)")
_ARXIV = re.compile(r"arXiv[: ](\d\d)(0[1-9]|1[0-2])\.\d{4,5}", re.IGNORECASE)
_OPENNESS = ("full", "partial", "none")


@dataclass(frozen=True)
class PublishedScore:
    """One published score, as a share of 1; an empty `data_version` or `date` is unknown."""

    model: str
    benchmark: str
    data_version: str
    protocol: str
    suite: str
    metric: str
    score: float
    source: str
    date: str = ""
    about: About = field(default_factory=About)

    @property
    def dated_source(self) -> str:
        """Where it was published, with the date where it is known."""
        return f"{self.source}, {self.date}" if self.date else self.source


def bare_name(model: str) -> str:
    """A model's name without its owner, in small letters."""
    return model.casefold().rsplit("/", 1)[-1]


def same_model(one: str, other: str) -> bool:
    """Whether two names mean one model: owners are compared only if both names have one."""
    if "/" in one and "/" in other:
        return one.casefold() == other.casefold()
    return bare_name(one) == bare_name(other)


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
        named = _DATE.search(path.stem)
        scores = [
            each if each.date or not named else replace(each, date=named[0])
            for each in _scores(content)
        ]
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
        date = _date(content["date"]) if "date" in content else ""
        return [_own(row, content["source"], date) for row in content["scores"]]
    if not _OPENCODER_TABLES.keys().isdisjoint(content):
        return _opencoder(content)
    keys = {key for row in content.values() for key in row["pass@1"]}
    if keys <= _EVALPLUS.keys():
        return _leaderboard(content, _EVALPLUS, "EvalPlus leaderboard")
    if keys <= _BIGCODEBENCH.keys():
        return _leaderboard(content, _BIGCODEBENCH, "BigCodeBench leaderboard")
    raise ValueError(f"there is no leaderboard with {', '.join(sorted(map(str, keys)))}")


def _own(row: Mapping[str, Any], source: Any, date: str) -> PublishedScore:
    return PublishedScore(
        model=_text(row["model"]),
        benchmark=_text(row["benchmark"]),
        data_version=_text(row["data_version"]) if "data_version" in row else "",
        protocol=_text(row["protocol"]),
        suite=_text(row["suite"]),
        metric=_text(row["metric"]),
        score=_share(row["score"]),
        source=_text(row.get("source", source)),
        date=_date(row["date"]) if "date" in row else date,
        about=_about(row, "open_data"),
    )


def _leaderboard(
    content: Mapping[str, Any], keys: Mapping[str, tuple[str, str, str]], source: str
) -> list[PublishedScore]:
    return [
        PublishedScore(
            *(_text(model), benchmark, "", protocol, suite, "pass@1", _share(score), source),
            about=_about(row, "open-data"),
        )
        for model, row in content.items()
        for key, score in row["pass@1"].items()
        if score is not None
        for benchmark, protocol, suite in [keys[key]]
    ]


def _opencoder(content: Mapping[str, Any]) -> list[PublishedScore]:
    paper = _text(content["paper"])
    number = _ARXIV.search(paper)
    date = f"20{number[1]}-{number[2]}" if number else ""
    return [
        PublishedScore(
            *(_text(model), *_OPENCODER[key], "pass@1"),
            score=_share(score),
            source=f"{paper}, {words}",
            date=date,
            about=_about({"size": str(row.get("size", "")).removesuffix("B")}, ""),
        )
        for table, words in _OPENCODER_TABLES.items()
        for model, row in content.get(table, {}).items()
        for key, score in row.items()
        if key in _OPENCODER and score is not None
    ]


def _about(row: Mapping[str, Any], open_key: str) -> About:
    """What a row says of its model; None and empty texts say nothing."""
    size, link = row.get("size"), row.get("link") or ""
    if size in (None, ""):
        size = None
    elif isinstance(size, bool) or not 0 < float(size) < 1e6:
        raise ValueError(f"{size!r} is not a size in billions of parameters")
    open_data = str(row.get(open_key) or "").lower()
    if open_data and open_data not in _OPENNESS:
        raise ValueError(f"{open_data!r} does not say how open data is: {', '.join(_OPENNESS)}")
    # Any other link could run a script where it is shown.
    if link and not _text(link).startswith(("https://", "http://")):
        raise ValueError(f"{link!r} is not a link")
    return About(None if size is None else float(size), link, open_data)


def _date(value: Any) -> str:
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        raise ValueError(f"{value!r} is not a date such as 2024-11-09 or 2024-11")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError(f"{value!r} is not a name")
    return value


def _share(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 100:
        raise ValueError(f"{value!r} is not a score in percent")
    return value / 100
