"""Which of several servers gets the next request, and how many requests each has at once.

The number adapts as in TCP: it grows with every answer, fast until the server first says that
it is busy, then by about one a round, and is halved when the server is busy again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

FIRST_LIMIT = 8.0


@dataclass
class Endpoint:
    """A server; `limit` requests at once at most, none before the time `resumes` (monotonic)."""

    url: str
    client: Any
    most: int
    limit: float = FIRST_LIMIT
    in_flight: int = 0
    resumes: float = 0.0
    throttled: float = 0.0
    probing: bool = True

    def __post_init__(self) -> None:
        self.limit = min(self.limit, float(self.most))

    def answered(self) -> None:
        """One more answer: more requests may be sent at once."""
        more = 1.0 if self.probing else 1.0 / self.limit
        self.limit = min(float(self.most), self.limit + more)

    def busy(self, sent: float) -> None:
        """The server refused a request that was sent at `sent`; a burst of these counts once."""
        self.probing = False
        if sent >= self.throttled:
            self.limit = max(1.0, self.limit / 2)
            self.throttled = time.monotonic()

    def rest(self, seconds: float) -> None:
        """Send nothing for so long."""
        self.resumes = max(self.resumes, time.monotonic() + seconds)


class Endpoints:
    """Spreads requests over servers: the next goes to the one with the smallest load."""

    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        self.all = tuple(endpoints)
        self._waiting: set[asyncio.Future[None]] = set()

    @asynccontextmanager
    async def one(self, failed: Endpoint | None = None) -> AsyncIterator[Endpoint]:
        """Wait for a server that takes a request now, and hold a place there.

        It is another one than `failed`, unless all others rest.
        """
        while (chosen := self._free(failed)) is None:
            await self._change()
        chosen.in_flight += 1
        try:
            yield chosen
        finally:
            chosen.in_flight -= 1
            for each in self._waiting:
                _wake(each)

    def _free(self, failed: Endpoint | None) -> Endpoint | None:
        now = time.monotonic()
        awake = [each for each in self.all if each.resumes <= now]
        others = [each for each in awake if each is not failed]
        free = [each for each in others or awake if each.in_flight < int(each.limit)]
        return min(free, key=lambda e: e.in_flight / e.limit, default=None)

    async def _change(self) -> None:
        """Wait until a place may be free."""
        # Neither a condition nor wait_for: in Python 3.10 and 3.11 both can lose a cancellation.
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        now = time.monotonic()
        rests = [each.resumes - now for each in self.all if each.resumes > now]
        alarm = loop.call_later(min(rests), _wake, waiter) if rests else None
        self._waiting.add(waiter)
        try:
            await waiter
        finally:
            self._waiting.discard(waiter)
            if alarm:
                alarm.cancel()


def _wake(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
