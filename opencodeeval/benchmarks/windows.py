"""Windows of release dates: which tasks count, and where a model's training data end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time

from opencodeeval.core.errors import UsageError
from opencodeeval.core.types import Task

About = Callable[[Task], Mapping[str, str]]


@dataclass(frozen=True)
class Window:
    """Tasks released from `start` to `end`, both included; None where it is open.

    `cutoff` is when a model's training data end: it leaves nothing out, but
    scores before and after it are told apart.
    """

    start: datetime | None = None
    end: datetime | None = None
    cutoff: datetime | None = None

    @classmethod
    def of(cls, described: Mapping[str, str]) -> Window:
        """The window that `describe` has described."""
        return cls(**{name: datetime.fromisoformat(date) for name, date in described.items()})

    def __bool__(self) -> bool:
        """Whether anything was asked for."""
        return any((self.start, self.end, self.cutoff))

    def describe(self) -> dict[str, str]:
        """What was asked for, for the record."""
        dates = {"start": self.start, "end": self.end, "cutoff": self.cutoff}
        return {name: date.isoformat() for name, date in dates.items() if date}

    def has(self, released: datetime) -> bool:
        """Whether a task of this date counts."""
        return (self.start is None or self.start <= released) and (
            self.end is None or released <= self.end
        )


def parse_window(start: str | None, end: str | None, cutoff: str | None) -> Window:
    """The window of `--start-date`, `--end-date` and `--cutoff`.

    A date is the whole day; with a time it is that very moment.

    Raises:
        UsageError: no dates, or an end before the start.
    """
    window = Window(
        _moment("--start-date", start, time.min),
        _moment("--end-date", end, time.max),
        _moment("--cutoff", cutoff, time.max),
    )
    if window.start and window.end and window.end < window.start:
        raise UsageError(f"--end-date {end} is before --start-date {start}: swap them")
    return window


def _moment(option: str, text: str | None, whole_day: time) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is not None:
        raise UsageError(f"{option} {text}: must be a date like 2024-08-31")
    is_day = len(text) <= len("2024-08-31")
    return datetime.combine(moment.date(), whole_day) if is_day else moment


def released(about: Mapping[str, str]) -> datetime:
    """When a task was released."""
    return datetime.fromisoformat(about["contest_date"])


def within(tasks: Sequence[Task], window: Window, about: About | None, name: str) -> list[Task]:
    """The tasks of the window, in their order.

    Raises:
        UsageError: the tasks have no dates, or none is within.
    """
    if not window:
        return list(tasks)
    if about is None:
        raise UsageError(
            f"the tasks of {name} have no dates: leave out --start-date, --end-date and --cutoff"
        )
    dated = [(released(about(task)), task) for task in tasks]
    found = [task for moment, task in dated if window.has(moment)]
    if not found:
        dates = sorted(moment.date() for moment, _ in dated)
        raise UsageError(
            f"no task of {name} is within these dates: its tasks are from {dates[0]} to {dates[-1]}"
        )
    return found
