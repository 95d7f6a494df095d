"""Extracts the programs of a run: in a thread, or in processes where that would take long.

A thread is enough for most runs. With many samples of a benchmark that parses its answers
at length (BigCodeBench: 10 ms each), one thread would take longer than everything else.
"""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from opencodeeval.benchmarks.base import Benchmark
from opencodeeval.core.errors import SandboxError
from opencodeeval.core.machine import usable_cores
from opencodeeval.core.syntax import undisturbed
from opencodeeval.core.types import Completion, ModelType, Program, Task
from opencodeeval.runs.extracting import READY, framed, program_in

# Processes are started where the thread would need longer than this for what is left, in
# seconds; each takes a second or two to start, and about 100 MB.
WORTH_S = 30.0
# Samples after which it is known how long one takes.
MEASURED = 50
MOST_PROCESSES = 16
# How often an answer is tried whose process was ended.
ATTEMPTS = 4
# What is said of a completion that ends the process which extracts from it, twice.
CRASHED = "extracting a program from the answer ended the process that did it"


class Extraction:
    """Extracts programs; `expected` is how many samples there are to do."""

    def __init__(self, benchmark: Benchmark, model_type: ModelType) -> None:
        self.expected = 0
        self._benchmark, self._model_type = benchmark, model_type
        self._tasks = {task.task_id: task for task in benchmark.tasks}
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="extraction")
        self._pool: _Pool | None = None
        self._in_thread_only = usable_cores() < 2
        self._done, self._seconds = 0, 0.0

    async def program(self, completion: Completion) -> Program:
        """The program of a completion; whatever the benchmark's code raises is raised here."""
        self._start_processes_if_worth_it()
        if (pool := self._pool) is not None:
            try:
                program = await pool.program(completion)
            except _Unusable:
                await pool.close()
                self._pool, self._in_thread_only = None, True
            else:
                if program is not None:
                    return program
        # In a thread: extraction from a long answer must not block the stream.
        task = self._tasks[completion.task_id]
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._extract, task, completion)

    async def close(self) -> None:
        """End the processes, and what waits for the thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        if self._pool is not None:
            await self._pool.close()

    def _extract(self, task: Task, completion: Completion) -> Program:
        def extract() -> Program:
            began = time.perf_counter()
            program = self._benchmark.program(task, completion, self._model_type)
            self._seconds += time.perf_counter() - began
            self._done += 1
            return program

        # The other runs of the command extract in threads of their own.
        return undisturbed(extract)

    def _start_processes_if_worth_it(self) -> None:
        if self._pool is not None or self._in_thread_only or self._done < MEASURED:
            return
        if self._seconds / self._done * (self.expected - self._done) <= WORTH_S:
            return
        pickled = self._pickled()
        if pickled is None:
            self._in_thread_only = True
        else:
            self._pool = _Pool(pickled)

    def _pickled(self) -> bytes | None:
        """The benchmark for another process; None if it cannot be sent."""
        card = getattr(self._benchmark, "card", None)
        try:
            return pickle.dumps((card, pickle.dumps(self._benchmark), self._model_type))
        except Exception:  # as a benchmark's own values like to
            return None


class _Unusable(Exception):
    """The benchmark cannot be loaded in another process."""


class _Pool:
    """Processes that extract, each started when it is needed."""

    def __init__(self, pickled: bytes) -> None:
        self._pickled = pickled
        self._processes: set[Process] = set()
        self._free: asyncio.Queue[Process | None] = asyncio.Queue()
        for _ in range(min(MOST_PROCESSES, usable_cores())):
            self._free.put_nowait(None)

    async def program(self, completion: Completion) -> Program | None:
        """The program; None if the benchmark's code raised an error.

        Raises:
            _Unusable: the benchmark cannot be loaded in another process.
            SandboxError: the processes are killed from outside, again and again.
        """
        crashes = 0
        for _ in range(ATTEMPTS):
            process = await self._free.get()
            whole = False
            try:
                if process is None or process.returncode is not None:
                    process = await self._start()
                found = await self._ask(process, completion)
                whole = True
                return found
            except (EOFError, OSError):
                assert process is not None
                # Killed from outside, as where memory is short: that says nothing of the answer.
                crashes += await process.wait() not in (-signal.SIGKILL, -signal.SIGTERM)
                if crashes == 2:
                    break
            finally:
                # Interrupted in the middle, it would give the next one this one's answer.
                if process is not None and not whole:
                    _end(process)
                self._free.put_nowait(process if whole else None)
        if crashes < 2:
            raise SandboxError(
                f"a process that extracts programs was killed {ATTEMPTS} times: make room in "
                "memory, and give the same command again, which continues"
            )
        return Program(completion.task_id, completion.sample_id, "", CRASHED)

    async def close(self) -> None:
        """End all processes."""
        for process in self._processes:
            _end(process)
        await asyncio.gather(*map(_ended, self._processes), return_exceptions=True)

    async def _start(self) -> Process:
        path = os.pathsep.join(each for each in sys.path if each)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "opencodeeval.runs.extracting"),
            stdin=PIPE,
            stdout=PIPE,
            env={**os.environ, "PYTHONPATH": path},
        )
        self._processes.add(process)
        try:
            ready = await _exchange(process, self._pickled)
        except (EOFError, OSError) as error:
            _end(process)
            raise _Unusable from error
        except BaseException:
            _end(process)
            raise
        assert ready == READY
        return process

    async def _ask(self, process: Process, completion: Completion) -> Program | None:
        message = json.dumps(vars(completion)).encode("ascii")
        return program_in(await _exchange(process, message), completion)


def _end(process: Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()


async def _ended(process: Process) -> None:
    """Wait until a process has ended, and its pipes are closed."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    await process.stdout.read()
    await process.wait()


async def _exchange(process: Process, message: bytes) -> bytes:
    """Send a message, and receive the answer.

    Raises:
        EOFError, OSError: the process has ended.
    """
    source: Any = process.stdout
    assert process.stdin is not None
    process.stdin.write(framed(message))
    await process.stdin.drain()
    size = int.from_bytes(await source.readexactly(4), "big")
    answer: bytes = await source.readexactly(size)
    return answer
