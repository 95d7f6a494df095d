"""Observers of a run: progress bars, early stopping, and the caller's own.

The pipeline calls them at every step, from the event loop's thread. An observer may
end the run by raising StopRun.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from opencodeeval.core.types import Grade, SampleId
from opencodeeval.records.schema import Record


class StopRun(Exception):
    """An observer needs no more results; the run ends without a record and can be continued."""


@dataclass(frozen=True)
class GradedSample:
    """A sample with its verdicts; `passed` is whether it counts under the headline suite."""

    grade: Grade
    passed: bool

    @property
    def task_id(self) -> str:
        """The sample's task."""
        return self.grade.task_id


class StoredSample(GradedSample):
    """A sample that the run folder had already; its grade is read when it is asked for."""

    def __init__(self, where: SampleId, passed: bool, read: Callable[[], Grade]) -> None:
        object.__setattr__(self, "passed", passed)
        object.__setattr__(self, "_where", where)
        object.__setattr__(self, "_read", read)

    @cached_property
    def grade(self) -> Grade:
        """The grade; StoreError if it can no longer be read."""
        grade: Grade = vars(self)["_read"]()
        return grade

    @property
    def task_id(self) -> str:
        """The sample's task."""
        return str(vars(self)["_where"].task_id)


class Observer:
    """Is called at every step of a run; a subclass overrides the methods it needs.

    The runs of one command overlap: the next one begins while the last samples of the one
    before are written and graded. An observer that keeps something for each run
    overrides `for_run`.
    """

    def for_run(self) -> Observer:
        """The observer of one run, asked for before the run begins; by default this one."""
        return self

    def begin(self, head: Record) -> None:
        """A run is planned; `head` is its record so far: everything except results.

        Raises:
            StopRun: the run is not needed.
            UsageError: this observer cannot follow such a run.
        """

    def order(self, task_ids: Sequence[str]) -> Sequence[str]:
        """The given ids in the order in which this observer needs results."""
        return task_ids

    def start(self, title: str, samples: int) -> None:
        """A run begins; `samples` is their total number, stored ones included."""

    def generated(self) -> None:
        """One more sample has its completion (stored ones included)."""

    def graded(self, sample: GradedSample) -> None:
        """One more sample has its verdicts (stored ones included).

        Raises:
            StopRun: no more results are needed.
        """

    def finish(self) -> None:
        """The run is over, whether it succeeded or failed."""


def orders(observer: Observer) -> bool:
    """Whether the observer needs the results in an order of its own."""
    return type(observer).order is not Observer.order
