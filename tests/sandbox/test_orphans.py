"""Processes whose parent has gone: ended and collected, whoever ought to have collected them."""

from __future__ import annotations

import asyncio
import importlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest

from opencodeeval.core.types import Program, Verdict
from opencodeeval.execution import open_sandbox
from tests.sandbox.random_programs.tasks import KINDS

cages: Any = importlib.import_module("guest.cages")

APART = next(kind for kind in KINDS if kind.name == "unittest-apart")
UID = 1_700_000_001
# Its last thread ends when it likes, perhaps just while the process of the tests ends too.
MAIN_THREAD_LEAVES = """
import ctypes, threading, time
threading.Thread(target=time.sleep, args=(0.05,)).start()
ctypes.CDLL(None).pthread_exit(None)
"""


class Cage(cages.UidCage):  # type: ignore[misc]
    """A cage whose uid is not taken: a test must not change its own."""

    def wearing(self) -> AbstractContextManager[None]:
        return nullcontext()


def test_an_orphan_that_the_kernel_is_collecting_is_nobodys_trouble(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # As the kernel lists for an instant a process whose former parent ignored its end.
    seen = [[(1, os.getpid(), {UID})], []]

    def listed(_: Any) -> Iterator[tuple[int, int, set[int]]]:
        return iter(seen.pop(0))

    monkeypatch.setattr(cages, "_signal", lambda pid: None)
    monkeypatch.setattr(cages.containment, "processes", listed)
    assert Cage({"player_uid": UID}).end_rest(time.monotonic() + 5, ())
    assert seen == []


@pytest.mark.parametrize("jail", [pytest.param("docker", marks=pytest.mark.docker), "local"])
def test_a_program_whose_main_thread_leaves_beside_its_tests_costs_no_slot(
    jail: str, require: Callable[[str], None]
) -> None:
    require(jail)
    log: list[str] = []

    async def verdicts() -> set[Verdict]:
        sandbox = open_sandbox(jail, 1, log.append)
        try:
            own = Program(APART.task.task_id, 0, MAIN_THREAD_LEAVES, "program")
            grades = [await sandbox.grade(APART.task, own) for _ in range(40)]
            return {each.verdict for grade in grades for each in grade.suites.values()}
        finally:
            await sandbox.close()

    assert asyncio.run(verdicts()) == {Verdict.ERROR}
    assert not [line for line in log if "attempt" in line or "replacing" in line]
