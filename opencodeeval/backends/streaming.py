"""Many requests at once, a few at a time, each result the moment it is there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from typing import TypeVar

from opencodeeval.core.types import digest

Item = TypeVar("Item")
Result = TypeVar("Result")


async def as_finished(
    items: Iterable[Item], work: Callable[[Item], Awaitable[Result]], limit: int
) -> AsyncGenerator[Result, None]:
    """Yield `work(item)` of every item in the order of finishing.

    At most `limit` items are worked on at once, and an item is taken when its turn comes.
    The first failure is raised to the consumer. Then, and where the consumer stops early,
    what is still running is cancelled before the generator ends.
    """
    finished: asyncio.Queue[Result | _Failure | _NoMore] = asyncio.Queue()
    pending = iter(items)

    async def take_turns() -> None:
        try:
            for item in pending:
                finished.put_nowait(await work(item))
            finished.put_nowait(_NoMore())
        except BaseException as error:
            finished.put_nowait(_Failure(error))
            raise

    workers = [asyncio.ensure_future(take_turns()) for _ in range(limit)]
    working = len(workers)
    try:
        while working:
            result = await finished.get()
            if isinstance(result, _Failure):
                raise result.error
            if isinstance(result, _NoMore):
                working -= 1
            else:
                yield result
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)


class _NoMore:
    """A worker has found no item any more."""


class _Failure:
    def __init__(self, error: BaseException) -> None:
        self.error = error


def request_seed(seed: int, task_id: str, sample_id: int) -> int:
    """The seed of one sample: 63 bits, the same in every run and on every machine."""
    return int(digest([seed, task_id, sample_id])[:16], 16) >> 1
