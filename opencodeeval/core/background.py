"""Work in a thread that nobody has to wait for: at the end of the process it is left alone."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def in_background(work: Callable[[], T]) -> Future[T]:
    """The result of `work`, as it will be.

    Unlike an executor's, the thread is a daemon: an interrupt ends the process at once.
    """
    result: Future[T] = Future()

    def body() -> None:
        try:
            result.set_result(work())
        except BaseException as error:
            result.set_exception(error)

    threading.Thread(target=body, name="opencodeeval-background", daemon=True).start()
    return result
