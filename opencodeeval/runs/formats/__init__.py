"""The files of other tools: read for grading, written from a finished run.

One module a tool: the kinds of its sample lines, its words for verdicts, and
`files(run)`, which gives file names and their content. Adding a tool is a
module and a row in TOOLS; a benchmark's card says which tools take its samples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from opencodeeval.runs.formats import (
    bigcodebench,
    evalplus,
    human_eval,
    livecodebench,
    opencodeeval,
)
from opencodeeval.runs.formats.kinds import Kind

if TYPE_CHECKING:
    from opencodeeval.runs.finished import FinishedRun


class Tool(NamedTuple):
    """A tool, what its sample lines look like, and what it writes of a run."""

    title: str
    kinds: tuple[Kind, ...]
    files: Callable[[FinishedRun], Mapping[str, str]]


TOOLS = {
    "evalplus": Tool("EvalPlus", evalplus.KINDS, evalplus.files),
    "human-eval": Tool("human-eval", human_eval.KINDS, human_eval.files),
    "bigcodebench": Tool("BigCodeBench", bigcodebench.KINDS, bigcodebench.files),
    "livecodebench": Tool("LiveCodeBench", livecodebench.KINDS, livecodebench.files),
    "opencodeeval": Tool("OpenCodeEval", opencodeeval.KINDS, opencodeeval.files),
}
