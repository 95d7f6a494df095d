"""Who listens to a run: progress bars, early stopping, anybody else.

The pipeline tells observers what happens, from the event loop's thread, and does not
know what they do with it. One may end the run by raising StopRun.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from opencodeeval.core.types import Grade
from opencodeeval.records.schema import Record


class StopRun(Exception):
    """An observer needs no more results; the run ends without a record and can be continued."""


@dataclass(frozen=True)
class GradedSample:
    """A sample with its verdicts; `passed` is whether it counts under the headline suite."""

    grade: Grade
    passed: bool


class Observer:
    """Hears of every step of a run; a subclass overrides what it wants to hear."""

    def begin(self, head: Record) -> None:
        """A run is planned; `head` is its record as far as it is known: all but results.

        Raises:
            StopRun: the run is not needed.
            UsageError: this observer cannot follow such a run.
        """

    def order(self, task_ids: Sequence[str]) -> Sequence[str]:
        """The order in which this observer needs results: the given ids, rearranged."""
        return task_ids

    def start(self, title: str, samples: int) -> None:
        """A run begins; `samples` are wanted in all, stored ones included."""

    def generated(self) -> None:
        """One more sample has its completion (stored ones included)."""

    def graded(self, sample: GradedSample) -> None:
        """One more sample has its verdicts (stored ones included).

        Raises:
            StopRun: no more results are needed.
        """

    def finish(self) -> None:
        """The run is over, well or badly."""
