"""How long a run took over all its legs: from its beginning, through every interruption.

The run folder has legs.jsonl, with a line where a leg begins and one where it ends.
A leg that was killed has no second line; it ended with the last line that it stored.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Literal

from opencodeeval.core.journal import Journal
from opencodeeval.records.schema import Timing
from opencodeeval.runs.store import RunStore

NAME = "legs.jsonl"


@dataclass(frozen=True)
class LegRow:
    """A line of legs.jsonl, about all legs up to it.

    `at` is in seconds since 1970; `completions` and `verdicts` are how many were stored
    then. `wall_s`, `generated` and `executed` are the sums over the legs that have ended.
    """

    kind: Literal["begins", "ends"]
    at: float
    completions: int
    verdicts: int
    started: str
    wall_s: float = 0.0
    generated: int = 0
    executed: int = 0


class Legs:
    """Times one leg of a run, and adds it to those before it."""

    def __init__(self, store: RunStore) -> None:
        """Begin a leg.

        Raises:
            StoreError: the run folder cannot be written, or its legs are damaged.
        """
        self._store = store
        self._clock = time.monotonic()
        self._before = _sum_before(store)
        self._write("begins", self._before.wall_s, self._before.generated, self._before.executed)

    def timing(self, generated: int, executed: int) -> Timing:
        """End the leg: the timing of the whole run; the numbers are those of this leg."""
        before = self._before
        # Looking at what is there already is no part of the run.
        spent = time.monotonic() - self._clock if generated or executed else 0.0
        wall_s = round(before.wall_s + spent, 3)
        generated, executed = before.generated + generated, before.executed + executed
        self._write("ends", wall_s, generated, executed)
        return Timing(
            started=before.started,
            finished=_shown(time.time()),
            wall_s=wall_s,
            generated=generated,
            executed=executed,
            resumed=self._store.resumed,
        )

    def _write(
        self, kind: Literal["begins", "ends"], wall_s: float, generated: int, executed: int
    ) -> None:
        journal = Journal(self._store.folder / NAME, LegRow)
        row = LegRow(
            kind,
            time.time(),
            len(self._store.completions),
            len(self._store.verdicts),
            self._before.started,
            wall_s,
            generated,
            executed,
        )
        try:
            journal.append(row)
        finally:
            journal.close()


def _sum_before(store: RunStore) -> LegRow:
    """The sums over all legs before this one."""
    journal = Journal(store.folder / NAME, LegRow)
    try:
        rows = journal.read()
    finally:
        journal.close()
    numbers = len(store.completions), len(store.verdicts)
    if not rows:
        return LegRow("ends", time.time(), *numbers, _shown(time.time()))
    last = rows[-1]
    if last.kind == "ends":
        return last
    # It was killed: what it stored since it began, until the last of its lines.
    ended = max(last.at, store.last_written)
    return LegRow(
        "ends",
        ended,
        *numbers,
        last.started,
        round(last.wall_s + ended - last.at, 3),
        last.generated + max(0, numbers[0] - last.completions),
        last.executed + max(0, numbers[1] - last.verdicts),
    )


def _shown(at: float) -> str:
    return datetime.fromtimestamp(at, timezone.utc).isoformat(timespec="seconds")
