"""The interface of an experiment tracker: one run per record, or all in a run that exists.

A tracker is a module beside this one that ends with `TRACKER = Tracker(...)`, or that of
another distribution with an entry point of the group `opencodeeval.trackers`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING

from opencodeeval.core.errors import OpenCodeEvalError, UsageError
from opencodeeval.core.extensions import Seam

if TYPE_CHECKING:
    from opencodeeval.records.reading import StoredRecord


class TrackerError(OpenCodeEvalError):
    """The tracker cannot be reached, or does not take the record."""


@dataclass(frozen=True)
class Tracker:
    """An experiment tracker.

    `log(record, project, step)` logs a record as one run of the tracker's project (its
    experiment), at a training step if one is known, and returns the run's location. A
    record that is logged again goes into the same run. Raises UsageError if the
    tracker's library is not installed, and TrackerError if the tracker refuses.

    `log_into(record, project, run, step)` logs a record's scores into a run that exists,
    such as the trainer's own, which stays as it is otherwise; raises the same.
    `requires` is the library's name.
    """

    log: Callable[[StoredRecord, str, int | None], str]
    log_into: Callable[[StoredRecord, str, str, int | None], str] | None = None
    requires: str = ""

    def check(self) -> None:
        """Raise UsageError unless the tracker's library is installed."""
        if self.requires:
            library(self.requires)

    def into_run(self, name: str) -> Callable[[StoredRecord, str, str, int | None], str]:
        """`log_into` of the tracker called `name`.

        Raises:
            UsageError: it has none.
        """
        if self.log_into is None:
            raise UsageError(f"{name} makes a run of each record: leave out --tracker-run")
        return self.log_into


_LONGEST = 160
_LOGIN = re.compile(r"://[^/@\s]*@")

TRACKERS = Seam("tracker", "opencodeeval.show.trackers", "TRACKER", Tracker)


def publish_to(
    name: str, records: Sequence[StoredRecord], project: str, run: str, step: int | None
) -> list[str]:
    """Log records to a tracker, into the run `run` or each into its own; their locations.

    Raises:
        UsageError: there is no such tracker, or its library is not installed.
        TrackerError: the tracker refuses.
    """
    tracker = TRACKERS.load(name)
    if not run:
        return [tracker.log(record, project, step) for record in records]
    into = tracker.into_run(name)
    return list(dict.fromkeys(into(record, project, run, step) for record in records))


def library(name: str) -> ModuleType:
    """A tracker's own library.

    Raises:
        UsageError: it is not installed.
    """
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError as error:
        raise UsageError(
            f"{name} is not installed: run `pip install 'opencodeeval[{name}]'`"
        ) from error


@contextmanager
def refusals(title: str, kinds: tuple[type[Exception], ...], advice: str) -> Iterator[None]:
    """Turn the errors that a tracker's library raises into one sentence.

    Raises:
        TrackerError: one was raised.
    """
    try:
        yield
    except kinds as error:
        said = str(error).strip().splitlines() or [type(error).__name__]
        # Libraries end in pages of causes, and URLs may have passwords in them.
        text = _LOGIN.sub("://", said[0])
        shown = text[:_LONGEST].rstrip(".")
        raise TrackerError(f"{title} does not take the record ({shown}): {advice}") from error
