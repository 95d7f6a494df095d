"""LiveCodeBench: what a sample with ten trivial tests costs, and samples that do harm among them.

The publisher's grader is not on this machine; what it takes for the same was
measured once, alone on a machine of two cores.
"""

from __future__ import annotations

import base64
import hashlib
import json
import pickle
import zlib
from functools import partial

from opencodeeval.benchmarks.cards import read_card
from opencodeeval.core import parts
from opencodeeval.core.types import Program, Style, Task
from tests.bench.measures import ours

SAMPLES = 200
# Processor milliseconds a sample of the publisher's grader (lcb_runner at 28fef95).
PUBLISHED = {"stdin": 50, "function": 30}
HOSTILE = (
    "while True:\n    pass\n",
    "while True:\n    try:\n        while True: pass\n    except BaseException:\n        pass\n",
    "import os\nwhile True:\n    os.fork()\n",
    "while True:\n    print('x' * 10 ** 6)\n",
    "x = [0]\nwhile True:\n    x += x\n",
    "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\nos.kill(-1, signal.SIGKILL)\n",
    'import sys\nsys.stdout.close()\nimport os\nos.write(3, b\'["v","1"]\' * 9)\n',
)


def livecodebench(jails: list[str], rounds: int) -> None:
    """Print the row: processor time a sample, of everything that is not this machine's rest."""
    print(f"\nLiveCodeBench, ten trivial tests a sample ({SAMPLES} samples, best of {rounds})")
    print(f"{'':42} wall s  CPU ms a sample  of it its own  publisher's CPU ms")
    kinds = (
        ("stdin", False, "print(input())\n"),
        ("stdin", True, "print(input())\n"),
        ("function", False, "class Solution:\n    def f(self, x):\n        return x\n"),
    )
    for jail in jails:
        for kind, processes, program in kinds:
            task = _task("f" if kind == "function" else "", processes)
            programs = [
                Program(task.task_id, i, f"{program}#{i}\n", "program") for i in range(SAMPLES)
            ]
            name = f"{jail}, {kind}{', processes' if processes else ''}"
            _print(name, jail, task, programs, rounds, PUBLISHED[kind])
        for processes in (False, True):
            task = _task("", processes)
            programs = [
                Program(task.task_id, i, f"{_mixed(i)}#{i}\n", "program") for i in range(SAMPLES)
            ]
            name = f"{jail}, stdin{', processes' if processes else ''}, 7 of {SAMPLES} hostile"
            _print(name, jail, task, programs, 1, None)


def _mixed(number: int) -> str:
    place, rest = divmod(number, SAMPLES // len(HOSTILE))
    return HOSTILE[place] if rest == 0 and place < len(HOSTILE) else "print(input())\n"


def _print(
    name: str,
    jail: str,
    task: Task,
    programs: list[Program],
    rounds: int,
    published: int | None,
) -> None:
    taken = [ours(jail, [task], programs) for _ in range(rounds)]
    best = min(taken, key=lambda each: each.cpu)
    print(
        f"{name:42} {best.wall:6.2f}  {1000 * best.cpu / len(programs):15.1f}"
        f"  {1000 * best.floor / len(programs):13.1f}  {published or '':>18}",
        flush=True,
    )


def _task(function: str, processes: bool) -> Task:
    tests = [{"input": f"{i}\n" if not function else str(i), "output": str(i)} for i in range(10)]
    private = base64.b64encode(zlib.compress(pickle.dumps(json.dumps(tests[2:]))))
    payload = [json.dumps(tests[:2]).encode(), private]
    digests = [hashlib.sha256(part).hexdigest() for part in payload]
    for sha256, part in zip(digests, payload, strict=True):
        parts.keep(sha256, partial(bytes, part))
    limits = read_card("livecodebench").protocols[0].limits
    spec = {"kind": "livecodebench", "function": function, "processes": processes}
    return Task(
        f"{function}{processes}",
        Style.FUNCTION if function else Style.STDIO,
        "",
        function,
        "",
        {**spec, "sha256": digests, "limits": dict(limits)},
    )
