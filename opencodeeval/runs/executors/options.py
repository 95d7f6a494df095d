"""Which executor a run uses, as a value, for Python and for the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from opencodeeval.core.errors import UsageError
from opencodeeval.core.suggest import unknown

if TYPE_CHECKING:
    from opencodeeval.runs.executors.base import Executor
    from opencodeeval.runs.options import SandboxOptions


@dataclass(frozen=True)
class ExecutorOptions:
    """An executor and its arguments: `ExecutorOptions("ray", {"engines": "4"})`.

    Executors are "local" (this machine), "ray" (a Ray cluster), or from another package.
    docs/scale.md lists the arguments.
    """

    name: str = "local"
    args: Mapping[str, str] = field(default_factory=dict)

    def check(self) -> None:
        """See that there is such an executor, and that it takes these arguments.

        Raises:
            UsageError: there is none, or it does not.
            ExtensionError: another distribution's executor cannot be used.
        """
        from opencodeeval.runs.executors.base import EXECUTORS

        if self == ExecutorOptions():
            return
        takes = EXECUTORS.load(self.name).args
        for name in self.args:
            if not takes:
                raise UsageError(f"the executor {self.name} takes no arguments: leave {name} out")
            if name not in takes:
                raise UsageError(unknown(f"the executor {self.name} has no argument", name, takes))

    def open(self, sandbox: SandboxOptions, log: Callable[[str], None]) -> Executor:
        """Open the executor; nothing is started yet.

        Raises:
            UsageError, ExtensionError: as `check`; or it cannot be used here.
        """
        from opencodeeval.runs.executors.base import EXECUTORS, Setup

        self.check()
        return EXECUTORS.load(self.name).open(Setup(self.args, sandbox, log))
