"""The interface of a sandbox for the pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from opencodeeval.core.types import Grade, Program, Task


class Sandbox(Protocol):
    """A pool of slots that grade programs.

    `jail` is "docker" or "local"; `slots` the number of programs that run at
    once.
    """

    jail: str
    slots: int

    def describe(self) -> Mapping[str, Any]:
        """For the record: jail, runtime, image digest, guest digest, Python
        and NumPy versions, slots, and the guarantees that are weaker."""
        ...

    async def grade(self, task: Task, program: Program) -> Grade:
        """Run one program against its task's tests.

        At most `slots` run at once; further calls wait. A fault of the
        sandbox is retried in another slot; if it persists, every suite is
        `infra_error`. Never raises for anything the program does.
        """
        ...

    async def close(self) -> None:
        """End every slot and all processes that it started."""
        ...
