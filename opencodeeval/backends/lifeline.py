"""What an inference engine starts ends with this process, and prints to its log.

An engine runs in processes of its own. Left alone they outlive a parent that
was killed (and keep the GPU's memory), and they write to the terminal and to
stdout, which belongs to `--json`.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from typing import Any

_POLL_S = 0.5


@dataclass(frozen=True)
class _Tied:
    """The body of a process that ends when `parent` (a pid) has ended."""

    body: Callable[..., Any]
    parent: int

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        # A group of its own, so that a Ctrl-C in the terminal reaches only the
        # parent, which ends the engine in order, and so that the engine's own
        # workers can be ended with it.
        os.setpgid(0, 0)
        threading.Thread(target=_end_with, args=(self.parent,), daemon=True).start()
        self.body(*args, **kwargs)


def _end_with(parent: int) -> None:
    # PR_SET_PDEATHSIG would do it without polling, but it fires when the
    # *thread* that started the process ends, which need not be the main one.
    while os.getppid() == parent:
        time.sleep(_POLL_S)
    os.killpg(os.getpid(), signal.SIGKILL)


class Lifeline:
    """Processes that are ended by `end`, or else by the end of this process."""

    def __init__(self) -> None:
        self.processes: list[BaseProcess] = []
        self._ended = threading.Event()

    @contextmanager
    def tied(self) -> Iterator[None]:
        """Tie every process that this thread starts inside.

        They may be started by code that knows nothing of this (through
        `multiprocessing`, by fork or spawn).
        """
        thread = threading.get_ident()
        original = BaseProcess.start

        def start(process: BaseProcess) -> None:
            if threading.get_ident() == thread:
                self._start(process, original)
            else:
                original(process)

        BaseProcess.start = start  # type: ignore[method-assign,assignment]
        try:
            yield
        finally:
            BaseProcess.start = original  # type: ignore[method-assign]

    def _start(self, process: Any, original: Callable[[BaseProcess], None]) -> None:
        if self._ended.is_set():
            raise RuntimeError("the engine is being ended")
        process._target = _Tied(process._target, os.getpid())
        self.processes.append(process)
        original(process)
        if self._ended.is_set():
            self.end()

    def end(self) -> None:
        """Kill what is still alive, with all that it started; nothing can be started anew."""
        self._ended.set()
        for process in self.processes:
            if process.pid is None or not process.is_alive():
                continue
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:  # not yet the leader of its group
                process.kill()
            process.join()


@contextmanager
def output_to(descriptor: int) -> Iterator[None]:
    """Send what this process writes to stdout and stderr to `descriptor`.

    Works on the file descriptors, so that it holds for native code and for the
    processes started inside, for as long as they live.
    """
    saved = os.dup(1), os.dup(2)
    _flush()
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    try:
        yield
    finally:
        _flush()
        for number, copy in zip((1, 2), saved, strict=True):
            os.dup2(copy, number)
            os.close(copy)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
