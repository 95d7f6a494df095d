"""Predicted inputs: a sample says what to call a known function with, and is gone when it runs.

Task: {"kind": "input", "entry_point", "source", "function", "expected",
"limits": {"total_s", "memory_mb"}}. Calling the program's `entry_point` gives
the predicted arguments, [positional, named]. They are carried by value to a
second player, which has `source` alone and calls its `function` with them; what
that returns is compared with `expected` (encoded). So whatever the prediction
redefines or patches is gone, and an object that answers as it likes is none any more.
"""

from __future__ import annotations

from typing import Any, Dict, List

from . import channel, clock, codec, compare
from .judge_check import Candidate, Ended
from .verdicts import Prepared, Result, Total, error_result, player_limits, result, show

# What the second player executes after the source, and calls.
_SPREAD = "\n_called_with = lambda given, named: {name}(*given, **named)\n"


def prepare(task: Dict[str, Any], room: channel.Room) -> Prepared:
    """This task, ready for its samples."""
    expected = codec.decode(task["expected"], codec.MAX_NODES)
    source = task["source"] + _SPREAD.format(name=task["function"])

    def grade(program: str) -> Dict[str, Result]:
        run = _Run(room, task["limits"])
        try:
            arguments = _arguments(run.value(program, task["entry_point"], []))
            value = run.value(source, "_called_with", arguments)
            run.told["tests_run"] = 1
            found = _held_against(expected, value, _shown(arguments))
        except Ended as ended:
            found = ended.found
        return {"base": {**run.told, **run.total.taken, **found}}

    return Prepared(grade)


def _arguments(predicted: Any) -> List[Any]:
    """The positional and the named arguments that were predicted.

    Raises:
        Ended: this is no such pair, so nothing was called.
    """
    pair = type(predicted) is list and list(map(type, predicted)) == [list, dict]
    if pair and all(type(name) is str for name in predicted[1]):
        return list(predicted)
    raise Ended(result("wrong", "the prediction is not a call"))


def _held_against(expected: Any, value: Any, call: str) -> Result:
    try:
        right = compare.same_value(value, expected, 0)
    except Exception:  # an odd value that cannot even be compared is not the expected one
        right = False
    if right:
        return result("passed")
    failure = {"index": 0, "input": call, "expected": show(expected), "got": show(value)}
    return result("wrong", "wrong answer", failure=failure)


def _shown(arguments: List[Any]) -> str:
    given, named = arguments
    parts = [*map(show, given), *(f"{name}={show(value)}" for name, value in named.items())]
    return ", ".join(parts)[:2000]


class _Run:
    """The players of one sample, one after the other, in one time limit."""

    def __init__(self, room: channel.Room, limits: Dict[str, Any]) -> None:
        self.room, self.limits = room, limits
        self.left = float(limits["total_s"])
        self.told: Result = {"tests_run": 0, "tests_total": 1, "stdout": "", "stderr": ""}
        self.total = Total()

    def value(self, program: str, entry_point: str, arguments: List[Any]) -> Any:
        """What a program's function returns, in a player of its own.

        Raises:
            Ended: nothing; carries the suite's result.
        """
        began = clock.now()
        player = self.room.start("calls", player_limits(self.limits, self.left))
        candidate = Candidate(player, began + self.left)
        try:
            candidate.load(program, entry_point)
            return candidate(*arguments)
        except Ended as ended:
            found = ended.found
        except codec.TooBig:
            found = result("wrong", "the predicted arguments are too deep")
        except Exception:  # stands for the one that the function has raised
            found = error_result("e", [candidate.raised])
        finally:
            usage = self._finish(player)
            self.left = max(0.0, self.left - (clock.now() - began))
        if found["detail"] == "died" and usage.get("memory"):
            found = result("memory", "killed for memory")
        raise Ended(found)

    def _finish(self, player: channel.Player) -> Dict[str, Any]:
        usage = player.finish()
        self.total.add(usage)
        self.told["stdout"] += player.stdout.text()
        self.told["stderr"] += player.stderr.text()
        return usage
