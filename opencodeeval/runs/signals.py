"""Ctrl-C and SIGTERM end a run cleanly: everything is closed first."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, TypeVar

from opencodeeval.core.interrupted import Interrupted

T = TypeVar("T")

ENDING = (signal.SIGINT, signal.SIGTERM)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end; SIGINT and SIGTERM raise Interrupted in it.

    If an event loop is already running, as in a notebook, the coroutine runs in a
    separate thread with its own loop, and an interrupt cancels it there. In a
    thread other than the main one, signals are not handled.

    The exception may be raised at any point of ordinary code, for example while a
    model is loaded, but must not be raised between the steps of an event loop: put
    the part that awaits other tasks under `cancelling`.

    Raises:
        Interrupted: a signal came.
    """
    if _loop_is_running():
        return _in_a_thread(work)
    if threading.current_thread() is not threading.main_thread():
        return asyncio.run(work)
    previous = {number: signal.signal(number, _interrupt) for number in ENDING}
    try:
        with _answering():
            return asyncio.run(work)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


# Where answers to a signal go: an engine may have stderr for its log meanwhile.
_terminal: list[int] = []
_ANSWER = b"opencodeeval: interrupted: closing what is open; once more ends at once\n"


@contextmanager
def _answering() -> Iterator[None]:
    try:
        copy = os.dup(2)
    except OSError:  # stderr is closed
        yield
        return
    _terminal.append(copy)
    try:
        yield
    finally:
        _terminal.remove(copy)
        os.close(copy)


def _answer() -> None:
    """Answer a signal at once; closing an engine or a sandbox may take seconds."""
    # Not print: the handler may have interrupted it.
    with suppress(OSError):
        os.write(_terminal[-1] if _terminal else 2, _ANSWER)


def _loop_is_running() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _in_a_thread(work: Coroutine[Any, Any, T]) -> T:
    done: Future[T] = Future()
    ready: Future[tuple[asyncio.AbstractEventLoop, asyncio.Task[T]]] = Future()

    async def tracked() -> T:
        task = asyncio.ensure_future(work)
        ready.set_result((asyncio.get_running_loop(), task))
        return await task

    def body() -> None:
        try:
            done.set_result(asyncio.run(tracked()))
        except BaseException as error:
            done.set_exception(error)

    thread = threading.Thread(target=body, name="opencodeeval")
    thread.start()
    try:
        return done.result()
    except KeyboardInterrupt:
        loop, task = ready.result()
        loop.call_soon_threadsafe(task.cancel)
        raise
    finally:
        thread.join()


@contextmanager
def cancelling() -> Iterator[None]:
    """Inside, a SIGINT or SIGTERM cancels the current task; the next one ends the process.

    Raises:
        Interrupted: a signal came.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread gets signals: `run` cancels this thread's work
        return
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    caught: list[int] = []

    def end(number: int) -> None:
        _answer()
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
        # An error while the run was being ended: the signal was the cause.
        if caught:
            raise Interrupted(caught[0]) from error
        raise
    finally:
        for number in ENDING:
            if loop.remove_signal_handler(number):
                signal.signal(number, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    _answer()
    for each in ENDING:
        signal.signal(each, signal.SIG_DFL)
    raise Interrupted(number)
