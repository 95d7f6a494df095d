"""The interface of an executor: it opens the backend and the sandboxes of a run, and closes them.

An executor is a module beside this one that ends with `EXECUTOR = Opener(...)`, or that of
another distribution with an entry point of the group `opencodeeval.executors`. What a run
does is the same with each: the same samples, the same verdicts, the same record but for
its provenance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from opencodeeval.backends.base import Backend
from opencodeeval.backends.options import BackendOptions
from opencodeeval.core.extensions import Seam
from opencodeeval.core.machine import hardware
from opencodeeval.core.types import Task
from opencodeeval.execution.base import Sandbox
from opencodeeval.runs.options import SandboxOptions


@dataclass(frozen=True)
class Provenance:
    """Where a run was made, for its record.

    `hardware` is the machine that generated (core/machine.py). `executor` is what an executor
    other than `local` says of itself and its nodes; it is not part of the record's digest.
    """

    hardware: Mapping[str, Any]
    executor: Mapping[str, Any] = field(default_factory=dict)


def on_this_machine() -> Provenance:
    """The provenance of a run that this process made alone."""
    return Provenance(hardware())


class Executor(Protocol):
    """Opens what runs need; each backend and sandbox is closed by whoever asked for it.

    `in_this_process` says that the backend is loaded here, so that what it is can be
    known without loading it again.
    """

    in_this_process: bool

    def open_backend(
        self, name: str, model: str, options: BackendOptions, tasks: Sequence[Task]
    ) -> Backend:
        """Open the backend called `name`; may take minutes.

        Raises:
            UsageError, ExtensionError, BackendError: as `backends.open_backend`; or the executor
                has no place for it.
        """
        ...

    def open_sandbox(self, environment: str) -> Sandbox:
        """A sandbox with the packages of an environment ("" for Python and NumPy alone).

        Raises:
            UsageError, SandboxError: as `SandboxOptions.open`; or the executor has no place
                for it.
        """
        ...

    def provenance(self) -> Provenance:
        """Where the runs were made, as far as is known now."""
        ...

    async def close(self) -> None:
        """End whatever else was started, after all backends and sandboxes; may be called twice."""
        ...


@dataclass(frozen=True)
class Setup:
    """What an executor is opened with: its own arguments, the options of sandboxes, the log."""

    args: Mapping[str, str]
    sandbox: SandboxOptions
    log: Callable[[str], None]


@dataclass(frozen=True)
class Opener:
    """An executor that is chosen by its name.

    `open(setup)` is quick: it checks the arguments and what has to be installed. It raises
    UsageError if the executor cannot be used so. `args` are the names of the arguments
    that it takes.
    """

    open: Callable[[Setup], Executor]
    args: tuple[str, ...] = ()


EXECUTORS = Seam("executor", "opencodeeval.runs.executors", "EXECUTOR", Opener)
