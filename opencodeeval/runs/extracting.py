"""A process that extracts programs: reads completions on its input, writes programs to its output.

`python -m opencodeeval.runs.extracting`, started by runs/extraction.py. A message is its length in
four bytes and its content. The first is the benchmark, pickled by the parent; the others are
JSON, in both directions. The process ends with its input, so it never outlives its parent.
"""

from __future__ import annotations

import json
import os
import pickle
import signal
import sys
from typing import BinaryIO

from opencodeeval.core.types import Completion, Program

READY = b"ready"


def framed(content: bytes) -> bytes:
    """A message."""
    return len(content).to_bytes(4, "big") + content


def _read(file: BinaryIO) -> bytes | None:
    """The next message; None at the end."""
    head = file.read(4)
    return file.read(int.from_bytes(head, "big")) if len(head) == 4 else None


def main() -> None:
    """Answer every message until the input ends."""
    # The parent is interrupted too, and ends this process as it sees fit.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What a benchmark's own code prints is no answer.
    output = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    source = sys.stdin.buffer
    first = _read(source)
    if first is None:
        return
    card, rest, model_type = pickle.loads(first)
    if card is not None:
        from opencodeeval.benchmarks.adapter import adapter_of

        # The benchmark's class is in a module that only this makes importable.
        adapter_of(card)
    benchmark = pickle.loads(rest)
    tasks = {task.task_id: task for task in benchmark.tasks}
    output.write(framed(READY))
    while (message := _read(source)) is not None:
        completion = Completion(**json.loads(message))
        try:
            found = benchmark.program(tasks[completion.task_id], completion, model_type)
            answer = json.dumps([found.code, found.found]).encode("ascii")
        except Exception:  # an adapter's error: the parent meets it again, and reports it
            answer = b"null"
        output.write(framed(answer))


def program_in(answer: bytes, completion: Completion) -> Program | None:
    """The program in an answer; None if the benchmark's code raised an error."""
    found = json.loads(answer)
    return None if found is None else Program(completion.task_id, completion.sample_id, *found)


if __name__ == "__main__":
    main()
