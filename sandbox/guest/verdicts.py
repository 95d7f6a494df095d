"""What the judges of every kind of task have in common: results and their words, and limits."""

from __future__ import annotations

import os
import reprlib
import signal
from itertools import islice
from typing import Any, Callable, Dict, List, NamedTuple, Optional

from . import channel, codec

Result = Dict[str, Any]
# Of a player: seconds, and MiB of memory that the largest of its processes had at once.
TAKEN = ("wall_s", "cpu_s", "peak_mb")
# Of a command: a virtual machine's threads, and those of the program.
PIDS = 256
STACK_MB = 8  # as usual outside
Grader = Callable[[str], Dict[str, Result]]


class Prepared(NamedTuple):
    """A task made ready: how to grade its samples, and what was learned on the way.

    `known` is for the host to keep and to send with the task another time,
    where it comes as task["known"].
    """

    grade: Grader
    known: Optional[bytes] = None


class _Repr(reprlib.Repr):
    """Short texts of large values, in bounded time."""

    def repr_ndarray(self, value: Any, level: int) -> str:
        """An array's first elements: its own repr takes long where it has many dimensions."""
        first = value.reshape(-1)[: self.maxlist].tolist() if value.size else []
        shown = ", ".join(self.repr1(each, level - 1) for each in first)
        more = ", ..." if value.size > self.maxlist else ""
        return f"array of {value.dtype} {value.shape}: [{shown}{more}]"

    def repr_set(self, value: Any, level: int) -> str:
        """Reprlib sorts all elements first, which takes minutes where they are deep tuples."""
        return super().repr_set(value if _is_flat(value) else self._some(value), level)

    def repr_frozenset(self, value: Any, level: int) -> str:
        """As of a set."""
        return super().repr_frozenset(value if _is_flat(value) else self._some(value), level)

    def repr_dict(self, value: Any, level: int) -> str:
        """As of a set, by keys."""
        some = value if _is_flat(value) else dict(islice(value.items(), self.maxdict + 1))
        return super().repr_dict(some, level)

    def _some(self, value: Any) -> Any:
        return type(value)(islice(value, self.maxset + 1))


def _is_flat(values: Any) -> bool:
    return codec.SCALARS.issuperset(map(type, values))


_repr = _Repr()
_repr.maxstring = _repr.maxother = 300
_repr.maxlist = _repr.maxtuple = _repr.maxset = _repr.maxdict = 20
_repr.maxlevel = 4
_repr.maxlong = 80


def show(value: Any) -> str:
    """A value as short display text."""
    try:
        return _repr.repr(value)[:600]
    except Exception as error:  # e.g. integers too long to print
        return f"<{type(value).__name__}: {type(error).__name__}>"


def result(verdict: str, detail: str = "", **more: Any) -> Result:
    """One suite's result; see opencodeeval.core.types.SuiteResult for the fields."""
    return {"verdict": verdict, "detail": detail, **more}


def told(usage: Dict[str, Any], player: channel.Player) -> Result:
    """What a result tells of a player that has ended: what it took, and the end of its output."""
    taken = {name: usage[name] for name in TAKEN}
    return {**taken, "stdout": player.stdout.text(), "stderr": player.stderr.text()}


class Total:
    """What several players took, one after the other."""

    def __init__(self) -> None:
        self.taken = dict.fromkeys(TAKEN, 0.0)

    def add(self, usage: Dict[str, Any]) -> None:
        """Count a player's usage, or what the result of one tells."""
        for name in ("wall_s", "cpu_s"):
            self.taken[name] += usage[name]
        self.taken["peak_mb"] = max(self.taken["peak_mb"], usage["peak_mb"])


def player_limits(limits: Dict[str, Any], seconds: float) -> Dict[str, int]:
    """The limits of a player that may run `seconds` of wall time."""
    return {
        "memory_mb": int(limits.get("memory_mb", 4096)),
        "pids": int(limits.get("pids", 128)),
        # Several threads may burn several seconds of processor in one of wall time.
        "cpu_s": int(seconds * 4) + 2,
        "digits": int(limits.get("digits", 0)),
    }


def command_limits(limits: Dict[str, Any], seconds: float) -> Dict[str, int]:
    """The limits of a player that becomes a command, which may run `seconds` of wall time.

    Virtual machines reserve address space that they never use: what counts is what they have.
    """
    return {
        "memory_mb": 0,
        "resident_mb": int(limits["memory_mb"]),
        "pids": PIDS,
        "stack_mb": STACK_MB,
        "cpu_s": int(seconds * 4) + 2,
    }


def how_ended(status: int) -> str:
    """How a process has ended, from what wait(2) says of it."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        # Those between the ones that have a name are numbers.
        known = {each.value: each.name for each in signal.Signals}
        return f"ended by {known.get(number, f'signal {number}')}"
    return f"exit status {os.WEXITSTATUS(status)}"


def exit_code(status: int) -> int:
    """The exit status as a shell gives it, from what wait(2) says."""
    return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def error_result(kind: str, body: List[Any]) -> Result:
    """The result for a reply that reports an exception by its type's name.

    Raises:
        Garbage: it is no such reply either.
    """
    if kind != "e" or len(body) != 1 or type(body[0]) is not str:
        raise channel.Garbage("not a reply")
    name = body[0].encode("ascii", "replace").decode()[:80]
    return result("memory" if name == "MemoryError" else "error", name)


def refused(why: Exception) -> Result:
    """The result for a reply that cannot be taken as a value."""
    if isinstance(why, (channel.TooLong, codec.TooMany)):
        return result("wrong", str(why))
    return result("forged", f"channel: {why}")
