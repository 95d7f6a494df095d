"""Logs each checkpoint's records to an experiment tracker, by step."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from opencodeeval.core.errors import OpenCodeEvalError
from opencodeeval.records.reading import read_record
from opencodeeval.show.trackers.base import TRACKERS, publish_to
from opencodeeval.watch.loop import Evaluated


@dataclass(frozen=True)
class Tracking:
    """A tracker by its name, its project, and the trainer's own run there, if it is named."""

    tracker: str
    project: str
    run: str = ""

    def check(self) -> None:
        """See that records can be logged to it.

        Raises:
            UsageError: there is no such tracker, its library is not installed, or it does not
                log into a run.
        """
        tracker = TRACKERS.load(self.tracker)
        tracker.check()
        if self.run:
            tracker.into_run(self.tracker)

    def tell(self, result: Evaluated) -> str | None:
        """Log the records of one checkpoint; returns the problem, or None.

        Nothing is raised, because a tracker that is down must not end a watch.
        """
        if not result.records:
            return None
        try:
            records = [read_record(Path(path)) for path in result.records]
            publish_to(self.tracker, records, self.project, self.run, result.step)
        except OpenCodeEvalError as error:
            return f"{result.name} is not logged to {self.tracker}: {error}"
        return None
