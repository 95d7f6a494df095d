"""Grades a plan in a process of its own and prints what was seen as JSON.

`python -m tests.sandbox.harness programs JAIL`, `... catalogue JAIL FOLDER`,
`... second_round JAIL FOLDER DATA` or `... sequence JAIL JSON` (a list of name, task and
code, one after the other in one slot). A process of its own, so that its memory can be
measured, its environment holds bait, and it can run as another user.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import sysconfig
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from opencodeeval.core.types import Grade, Program, Task
from opencodeeval.execution import open_sandbox
from opencodeeval.execution.jails.base import Slot
from tests.sandbox.cases import TRACE

SLOTS = 2
UNPRIVILEGED_UID = 1_712_000_000  # above every uid that a slot takes for its players

Work = list[tuple[str, Task, Program]]


def alive(pid: int) -> bool:
    """Whether a process runs; one that only waits for init to collect it does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def processes(uids: set[int], trace: str = TRACE) -> list[str]:
    """Processes (zombies too) that run as one of `uids` or carry the trace."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "status").read_text().partition("\nUid:")[2].split("\n", 1)[0]
            name = (folder / "cmdline").read_text(errors="replace").replace("\0", " ")
        except OSError:
            continue
        if uids & set(map(int, words.split())) or name.startswith(trace):
            found.append(f"{folder.name} {name}")
    return found


def eventually_none(uids: set[int], seconds: float = 2.0) -> list[str]:
    """Like `processes`, once the kernel has had time to take killed namespaces apart."""
    end = time.monotonic() + seconds
    while True:
        found = [line for line in processes(uids) if alive(int(line.split()[0]))]
        if not found or time.monotonic() > end:
            return found
        time.sleep(0.02)


def as_unprivileged(repo_root: Path) -> list[str]:
    """The beginning of a command: Python, for another user than root."""
    script = repo_root / "tests" / "sandbox" / "unprivileged.sh"
    prefix, packages = os.path.realpath(sys.base_prefix), sysconfig.get_path("purelib")
    name = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    return ["bash", str(script), str(UNPRIVILEGED_UID), prefix, packages, str(repo_root), name]


def remember_uids() -> set[int]:
    """Fills with the uid of every player that a slot of this process uses."""
    uids: set[int] = set()

    original = Slot._cage

    def cage(self: Slot) -> Mapping[str, Any]:
        config = original(self)
        if "player_uid" in config:
            uids.add(int(config["player_uid"]))
        return config

    Slot._cage = cage  # type: ignore[method-assign]
    return uids


def _peak_mb() -> float:
    """Largest resident set of this program: ru_maxrss would count the one that started it."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


async def grade_all(jail: str, work: Work, in_turn: bool = False) -> dict[str, Any]:
    """Grade everything at once, or one after the other in one slot; what came and what was left."""
    slots = 1 if in_turn else SLOTS
    uids, log = remember_uids(), list[str]()
    if jail == "gvisor":
        sandbox = open_sandbox("docker", slots, log.append, runtime="runsc")
    else:
        sandbox = open_sandbox(jail, slots, log.append)
    began = time.monotonic()
    grading = [sandbox.grade(task, program) for _, task, program in work]
    grades = [await each for each in grading] if in_turn else await asyncio.gather(*grading)
    wall = time.monotonic() - began
    left = processes(uids)
    await sandbox.close()
    return {
        "outcomes": {work[i][0]: _outcome(grade) for i, grade in enumerate(grades)},
        "log": log,
        "wall_s": wall,
        "rss_mb": _peak_mb(),
        "uids": sorted(uids),
        "left_before_close": left,
        "left_after_close": eventually_none(uids),
        "pid": os.getpid(),
    }


def _outcome(grade: Grade) -> dict[str, Any]:
    suite, *_ = grade.suites.values()
    return {
        "verdict": suite.verdict.value,
        "verdicts": [each.verdict.value for each in grade.suites.values()],
        "detail": suite.detail,
        "wall_s": suite.wall_s,
        "stderr": grade.stderr[-1500:],
    }


def _work(words: list[str]) -> Work:
    if words[0] == "catalogue":
        from tests.sandbox import catalogue

        samples = catalogue.read(Path(words[2]))
        # Some do their harm only while pids are low: they take that for being contained.
        samples.sort(key=lambda sample: "_contained" not in sample.program.code)
        return [(sample.id, sample.task, sample.program) for sample in samples]
    if words[0] == "second_round":
        from tests.sandbox import second_round

        rows = second_round.read(Path(words[2]), Path(words[3]), words[1])
        return [(row.id, row.task, row.program) for row in rows]
    if words[0] == "sequence":
        from tests.sandbox.cases import TASKS
        from tests.sandbox.cases import program as sample

        given = enumerate(json.loads(words[2]))
        return [(name, TASKS[task], sample(code, task, i)) for i, (name, task, code) in given]
    from tests.sandbox import programs

    return [(job.case.name, job.task, job.program) for job in programs.plan()]


if __name__ == "__main__":
    # Programs of the second round come in sequences, each of them for one slot.
    in_turn = sys.argv[1] in ("second_round", "sequence")
    json.dump(asyncio.run(grade_all(sys.argv[2], _work(sys.argv[1:]), in_turn)), sys.stdout)
