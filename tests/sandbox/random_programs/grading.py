"""Grades random programs in a jail, and says which rules they have broken.

Every slot has a pool of its own, so that what happens to a slot can be told to be of one
program, and the programs of a slot always come in the same order.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from opencodeeval.core.types import Grade, Program, Verdict
from opencodeeval.execution import open_sandbox
from tests.sandbox import harness
from tests.sandbox.cases import LOOK_AROUND
from tests.sandbox.random_programs.grammar import BLOCK, Core, program
from tests.sandbox.random_programs.tasks import Kind

CONTROL_EVERY = 5  # programs between two that are known to be right
# Only root may let closed connections go; where they stay, the slot is replaced (docs/sandbox.md).
KEEPS_PORTS = frozenset({"ports"})


@dataclass
class Report:
    """What came of the programs; `broken` has a line for each broken rule."""

    verdicts: Counter[str] = field(default_factory=Counter)
    controls: int = 0
    infra_errors: int = 0
    lost_slots: int = 0
    wrong_passes: int = 0
    not_passed: int = 0  # of right programs: controls, and those whose fragments do no harm
    broken: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    seconds: float = 0.0
    slow: list[tuple[float, int, str]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Plain values, for another process."""
        return {**vars(self), "verdicts": dict(self.verdicts.most_common())}


class _Slot:
    """One slot, its log, and the program that it had last."""

    def __init__(self, jail: str, report: Report, seed: int) -> None:
        self.log: list[str] = []
        named = {"runtime": "runsc"} if jail == "gvisor" else {}
        self.sandbox = open_sandbox(
            "docker" if jail == "gvisor" else jail, 1, self.log.append, **named
        )
        self.report, self.seed = report, seed
        unprivileged = jail == "local" and os.geteuid() != 0
        self.lacking = KEEPS_PORTS if unprivileged or jail == "gvisor" else frozenset()

    async def run(self, numbers: Iterable[int]) -> None:
        """Grade these programs in order, with controls between them."""
        for count, number in enumerate(numbers, 1):
            made = program(self.seed, number, self.lacking)
            before = time.monotonic()
            verdict = await self._verdict(number, made.kind, made.code)
            self.report.slow.append((time.monotonic() - before, number, str(made.parts)))
            self.report.verdicts[verdict] += 1
            about = f"program {number}, {made.kind.name}, {made.core.value}: {made.parts}"
            if made.core is Core.WRONG and verdict == Verdict.PASSED:
                self.report.wrong_passes += 1
                self.report.broken.append(f"passed though its values are wrong: {about}")
            if made.core is Core.BENIGN and verdict != Verdict.PASSED:
                self.report.not_passed += 1
                self.report.broken.append(f"{verdict} though it is right: {about}")
            if count % CONTROL_EVERY == 0:
                await self._control(number, made.kind, about)
            if self.report.verdicts.total() % 1000 == 0:
                self.report.slow = sorted(self.report.slow, reverse=True)[:20]
                done = f"{self.report.verdicts.total()} programs"
                print(f"{done}, {len(self.report.broken)} rules broken", file=sys.stderr)

    async def _control(self, number: int, kind: Kind, after: str) -> None:
        """A right program, of every second task one that looks for what is left."""
        code = "import sys\n" + kind.frame(kind.right, "pass", "value")
        # Where open() is a stand-in, nobody can look.
        if number // CONTROL_EVERY % 2 and kind.name != "livecodebench-stdin":
            code = LOOK_AROUND + code
        verdict = await self._verdict(number, kind, code)
        self.report.controls += 1
        if verdict != Verdict.PASSED:
            self.report.not_passed += 1
            self.report.broken.append(f"{verdict} of a control after {after}")

    async def _verdict(self, number: int, kind: Kind, code: str) -> str:
        """The verdict; of several suites the first that is not a pass."""
        seen = len(self.log)
        grade = await self.sandbox.grade(kind.task, Program(kind.task.task_id, number, code, "p"))
        verdict = _of(grade)
        lost = [line for line in self.log[seen:] if "attempt" in line or "replacing" in line]
        if lost:
            self.report.lost_slots += len(lost)
            self.report.broken.append(f"program {number} lost its slot: {' / '.join(lost)}")
        if verdict == Verdict.INFRA_ERROR:
            self.report.infra_errors += 1
            self.report.broken.append(f"program {number} is infra_error")
        return verdict


def _of(grade: Grade) -> str:
    verdicts = [suite.verdict for suite in grade.suites.values()]
    return next((each.value for each in verdicts if each != Verdict.PASSED), "passed")


async def graded(jail: str, seed: int, numbers: Iterable[int], slots: int = 2) -> Report:
    """Grade programs of a seed in a jail; blocks of one task go to the slots in turn."""
    report = Report()
    uids = harness.remember_uids()
    began = time.monotonic()
    made = [_Slot(jail, report, seed) for _ in range(slots)]
    shares: list[list[int]] = [[] for _ in made]
    for number in numbers:
        shares[number // BLOCK % slots].append(number)
    try:
        await asyncio.gather(*(slot.run(share) for slot, share in zip(made, shares, strict=True)))
        report.left = harness.processes(uids)
    finally:
        await asyncio.gather(*(slot.sandbox.close() for slot in made))
    report.left += harness.eventually_none(uids)
    report.slow = sorted(report.slow, reverse=True)[:20]
    report.broken += [f"a process is left: {line}" for line in report.left]
    report.seconds = round(time.monotonic() - began, 1)
    return report
