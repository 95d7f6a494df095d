"""The executor `local`: engine and slots on this machine."""

from __future__ import annotations

from collections.abc import Sequence

from opencodeeval.backends import BackendOptions, open_backend
from opencodeeval.backends.base import Backend
from opencodeeval.core.types import Task
from opencodeeval.execution.base import Sandbox
from opencodeeval.runs.executors.base import Opener, Provenance, Setup, on_this_machine


class LocalExecutor:
    """Opens everything here."""

    in_this_process = True

    def __init__(self, setup: Setup) -> None:
        self._setup = setup

    def open_backend(
        self, name: str, model: str, options: BackendOptions, tasks: Sequence[Task]
    ) -> Backend:
        return open_backend(name, model, options, tasks)

    def open_sandbox(self, environment: str) -> Sandbox:
        return self._setup.sandbox.open(environment, self._setup.log)

    def provenance(self) -> Provenance:
        return on_this_machine()

    async def close(self) -> None:
        """Do nothing: what was opened is all there is."""


EXECUTOR = Opener(LocalExecutor)
