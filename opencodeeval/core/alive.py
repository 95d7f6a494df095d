"""A sign of life while something takes long: how long so far, and where to read more."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TextIO

from opencodeeval.core.sizes import duration

EVERY_S = 10.0

# What the work now done says of itself, as in "vLLM's log is FILE".
_remarks: ContextVar[list[str] | None] = ContextVar("_remarks", default=None)


def remark(text: str) -> None:
    """Add to the signs of life of what is being done, if there are any."""
    known = _remarks.get()
    if known is not None:
        known.append(text)


@contextmanager
def alive(what: str, every_s: float = EVERY_S, stream: TextIO | None = None) -> Iterator[None]:
    """Inside, write "WHAT: 20 s so far" to stderr (or `stream`) every `every_s` seconds.

    Goes on if the work sends this process's own output elsewhere, as engines do.
    """
    remarks: list[str] = []
    token = _remarks.set(remarks)
    done = threading.Event()
    begun = time.monotonic()
    target, close = _kept(sys.stderr if stream is None else stream)

    def say() -> None:
        while not done.wait(every_s):
            more = "".join(f"; {each}" for each in remarks)
            print(
                f"opencodeeval: {what}: {duration(time.monotonic() - begun)} so far{more}",
                file=target,
                flush=True,
            )

    thread = threading.Thread(target=say, name="opencodeeval-alive", daemon=True)
    thread.start()
    try:
        yield
    finally:
        _remarks.reset(token)
        done.set()
        thread.join()
        close()


def _kept(stream: TextIO) -> tuple[TextIO, Callable[[], None]]:
    """A stream to where `stream` leads now, whatever becomes of its descriptor."""
    try:
        copy = os.fdopen(os.dup(stream.fileno()), "w", encoding="utf-8", errors="replace")
    except (OSError, ValueError, AttributeError):
        # A notebook's, or one in memory: it is written to as it is.
        return stream, lambda: None
    return copy, copy.close
