"""Whether the programs that may run at once fit into the memory that is free."""

from __future__ import annotations

from collections.abc import Sequence

from opencodeeval.core.machine import usable_memory
from opencodeeval.core.types import Task


def short_of_memory(slots: int, tasks: Sequence[Task], free: int | None = None) -> str:
    """A remark if `slots` programs at their memory limit need more than is free; else empty.

    `free` is in bytes, by default what the machine and the cgroups of this process leave.
    """
    limits = (task.tests.get("limits", {}).get("memory_mb", 0) for task in tasks)
    each = max(limits, default=0) << 20
    free = usable_memory() if free is None else free
    if slots * each <= free or slots == 1:
        return ""
    return (
        f"{slots} programs at once may take {each / 2**30:.3g} GiB each, and "
        f"{free / 2**30:.3g} GiB of memory are free: if programs need much, use "
        f"--slots {max(1, free // each)}"
    )
