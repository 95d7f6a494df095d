"""Many HTTP connections of an event loop to one service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx

# httpx goes through all connections of a client at every request, so hundreds of them in one
# client would take more of the processor than all else.
GROUP = 16


class Connections:
    """At most `most` connections, in clients of a few each; a call waits for a free one.

    `options` are those of `httpx.AsyncClient`. Clients are made as they are needed.
    """

    def __init__(self, most: int, **options: Any) -> None:
        self._free = asyncio.Semaphore(most)
        limits = httpx.Limits(max_connections=GROUP, max_keepalive_connections=GROUP)
        # Reading the certificates takes longer than all else of a client: they are read once.
        self._options = {"limits": limits, "verify": httpx.create_ssl_context(), **options}
        self._groups: list[httpx.AsyncClient] = []
        self._busy: list[int] = []

    @asynccontextmanager
    async def one(self) -> AsyncIterator[httpx.AsyncClient]:
        """A client that has a free connection, for one request."""
        async with self._free:
            # The first that is not full, so that few connections are kept when few are used.
            for number, busy in enumerate(self._busy):  # noqa: B007
                if busy < GROUP:
                    break
            else:
                number = len(self._groups)
                self._groups.append(httpx.AsyncClient(**self._options))
                self._busy.append(0)
            self._busy[number] += 1
            try:
                yield self._groups[number]
            finally:
                self._busy[number] -= 1

    async def close(self) -> None:
        """Close all of them."""
        for each in self._groups:
            await each.aclose()
