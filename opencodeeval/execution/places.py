"""How many programs run at once, and what room one has that is run again."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

SET_ASIDE = 2  # places of a program that is run again because the processors were shared


class Gate:
    """`places` for programs that run at once, one for each; a program set aside has two.

    A slot has one processor, so that what is set aside has one to spare for its jail,
    and shares none. Whoever waits to be set aside goes before whoever wants to enter.
    """

    def __init__(self, places: int) -> None:
        self.places = places
        self.taken = 0
        self.waiting = 0
        self.changed = asyncio.Condition()

    async def enter(self) -> None:
        """Take a place."""
        async with self.changed:
            await self.changed.wait_for(lambda: self.waiting == 0 and self.taken < self.places)
            self.taken += 1

    async def leave(self) -> None:
        """Give a place back."""
        async with self.changed:
            self.taken -= 1
            self.changed.notify_all()

    @contextlib.asynccontextmanager
    async def set_aside(self) -> AsyncIterator[None]:
        """Have two places instead of one for as long as the context lasts."""
        wanted, held = min(SET_ASIDE, self.places), 0
        async with self.changed:
            self.waiting += 1
            self.taken -= 1
            self.changed.notify_all()
        try:
            async with self.changed:
                try:
                    await self.changed.wait_for(lambda: self.taken + wanted <= self.places)
                    held = wanted
                finally:
                    self.waiting -= 1
                    self.taken += held
                    self.changed.notify_all()
            yield
        finally:
            async with self.changed:
                self.taken += 1 - held
                self.changed.notify_all()
