"""Ctrl-C and SIGTERM end a run in good order: everything is closed first."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, TypeVar

from opencodeeval.core.interrupted import Interrupted

T = TypeVar("T")

ENDING = (signal.SIGINT, signal.SIGTERM)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine; SIGINT and SIGTERM raise Interrupted in what it does.

    Such an exception may come at any point of ordinary code, as while a model
    is loaded, but must not come between the turns of an event loop: the part
    that awaits other tasks belongs under `cancelling`.

    Raises:
        Interrupted: a signal came.
    """
    previous = {number: signal.signal(number, _interrupt) for number in ENDING}
    try:
        return asyncio.run(work)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextmanager
def cancelling() -> Iterator[None]:
    """Within, a SIGINT or SIGTERM cancels the current task; the next one ends the process.

    Raises:
        Interrupted: a signal came.
    """
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    caught: list[int] = []

    def end(number: int) -> None:
        caught.append(number)
        for each in ENDING:
            loop.remove_signal_handler(each)
            signal.signal(each, signal.SIG_DFL)
        if task is not None:
            task.cancel()

    for number in ENDING:
        loop.add_signal_handler(number, end, number)
    try:
        yield
    except BaseException as error:
        # Whatever broke while the run was being ended, the signal was the cause.
        if caught:
            raise Interrupted(caught[0]) from error
        raise
    finally:
        for number in ENDING:
            if loop.remove_signal_handler(number):
                signal.signal(number, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise Interrupted(number)
