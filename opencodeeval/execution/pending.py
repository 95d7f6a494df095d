"""Programs that wait for a slot, and which of them is next."""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from itertools import islice
from typing import Generic, TypeVar

T = TypeVar("T")

# So often may others be taken before what has waited longest.
PATIENCE = 256
# So many tasks are compared, those that have waited longest.
COMPARED = 512


class Pending(Generic[T]):
    """Programs by task, for slots with judges that are warm for one task each.

    A slot goes on with its task while programs of it wait. After that it takes up the task
    with the most programs for each slot that has it already: preparing a judge may take longer
    than a program, so slots spread over the tasks, and share one only where it has many more.
    """

    def __init__(self, slots: int) -> None:
        self._waiting: OrderedDict[str, deque[T]] = OrderedDict()
        self._tasks = [""] * slots
        self._slots = Counter(self._tasks)
        self._overtaken = 0

    def __bool__(self) -> bool:
        """Whether a program waits."""
        return bool(self._waiting)

    def put(self, task: str, program: T) -> None:
        """Let a program of this task wait."""
        self._waiting.setdefault(task, deque()).append(program)

    def take(self, slot: int, warm: str) -> T:
        """The next program for a slot, whose judge is warm for the task `warm` ("": for none)."""
        longest = next(iter(self._waiting))
        self._assign(slot, "")
        task = longest if self._overtaken >= PATIENCE else self._best(warm)
        self._overtaken = 0 if task == longest else self._overtaken + 1
        self._assign(slot, task)
        programs = self._waiting[task]
        program = programs.popleft()
        if not programs:
            del self._waiting[task]
        return program

    def _best(self, warm: str) -> str:
        if warm in self._waiting:
            return warm
        compared = islice(self._waiting, COMPARED)
        return max(compared, key=lambda task: len(self._waiting[task]) / (1 + self._slots[task]))

    def _assign(self, slot: int, task: str) -> None:
        before, self._tasks[slot] = self._tasks[slot], task
        self._slots[before] -= 1
        if not self._slots[before]:
            del self._slots[before]
        self._slots[task] += 1
