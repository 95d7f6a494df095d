"""Samples of a finished run, as a benchmark may need them that goes on from one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from opencodeeval.core.types import SuiteResult, Task


@dataclass(frozen=True)
class FinishedSample:
    """One sample of a finished run.

    `answer` is the model's text, and `bare` that without reasoning; `program` the code
    that was executed, and `solution` what of it is the sample's. `passes` says per
    suite whether the sample counts as correct.
    """

    task: Task
    sample_id: int
    answer: str
    program: str
    solution: str
    suites: Mapping[str, SuiteResult]
    passes: Mapping[str, bool]
    bare: str
