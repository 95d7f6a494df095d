"""Published test code runs here, the function that it tests elsewhere.

Task: {"kind": "check", "entry_point", "test", "asserts"?, "helpers", "setup"?,
"limits": {"total_s", "memory_mb"}}. `test` defines `check(candidate)`, as
HumanEval's does; where `asserts` is true it consists of assertions that call
the function by its name, as MBPP's do. `helpers` is the prompt with its
canonical solution: tests use functions of the prompt beside the candidate
(HumanEval/32, 38, 50), and those must come from the task, never from the
sample. `setup` is source that the player executes after the program, for tests
about objects of the sample's own making (Mbpp/367).
"""

from __future__ import annotations

import builtins
import contextlib
import signal
from typing import Any, Dict, Iterator

from . import channel, clock, codec
from .compare_bounds import few_alike
from .verdicts import Prepared, Result, error_result, player_limits, refused, result, show, told

START_S = 0.25  # the fork and its set-up are not the sample's time
# Processor seconds that a test may take beyond the sample's limit, and those after which what
# no signal can interrupt is ended with its judge.
TEST_CPU_S, SPARE_CPU_S = 2.0, 3.0


class Ended(BaseException):
    """The player cannot go on; carries the suite's result out of the test code."""

    def __init__(self, found: Result) -> None:
        super().__init__()
        self.found = found


def prepare(task: Dict[str, Any], room: channel.Room) -> Prepared:
    """This task, ready for its samples."""
    helpers = compile(task["helpers"], "<helpers>", "exec", dont_inherit=True)
    test = compile(task["test"], "<test>", "exec", dont_inherit=True)

    def grade(program: str) -> Dict[str, Result]:
        limits = task["limits"]
        player = room.start("calls", player_limits(limits, limits["total_s"]))
        candidate = Candidate(player, clock.now() + limits["total_s"])
        try:
            candidate.load(program + task.get("setup", ""), task["entry_point"])
            found = _check(helpers, test, task, candidate)
        except Ended as ended:
            found = ended.found
        usage = player.finish()
        if found["detail"] == "died" and usage.get("memory"):
            found = result("memory", "killed for memory")
        if found["verdict"] != "passed" and candidate.last:
            found["failure"] = candidate.last
        found.update(
            tests_run=candidate.calls,
            **told(usage, player),
        )
        return {"base": found}

    return Prepared(grade)


def _check(helpers: Any, test: Any, task: Dict[str, Any], candidate: "Candidate") -> Result:
    namespace: Dict[str, Any] = {"__name__": "check"}
    exec(helpers, namespace)
    # Some tests call the function by its name (HumanEval/33), others as `candidate`.
    namespace[task["entry_point"]] = candidate
    asserts = task.get("asserts", False)
    if not asserts:
        exec(test, namespace)
    try:
        with _in_time(float(task["limits"]["total_s"]) + TEST_CPU_S):
            if asserts:
                exec(test, namespace)
            else:
                namespace["check"](candidate)
    except _TooLong:
        return result("wrong", "the test takes too long with what was returned")
    except AssertionError:
        return result("wrong", "assertion failed")
    except _Raised as error:
        return error_result("e", [error.name])
    except Exception as error:
        if candidate.raised:
            return error_result("e", [candidate.raised])
        return result("wrong", f"{type(error).__name__} in the test")
    return result("passed")


class _TooLong(BaseException):
    """A test has used all the processor time that it may."""


@contextlib.contextmanager
def _in_time(seconds: float) -> Iterator[None]:
    """Bound the processor time of a published test: no right answer keeps it busy.

    What a signal can interrupt ends the test; what it cannot (a comparison within the
    interpreter) ends this judge, and a program that ends two of them is at fault.
    """
    before = signal.signal(signal.SIGVTALRM, _ring)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    signal.setitimer(signal.ITIMER_PROF, seconds + SPARE_CPU_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGVTALRM, before)


def _ring(number: int, frame: Any) -> None:
    raise _TooLong


class _Raised(Exception):
    """The candidate raised something that is no built-in exception."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Candidate:
    """Stands for a player's function where the judge calls it, until `end` (of clock.now)."""

    def __init__(self, player: channel.Player, end: float) -> None:
        self.player, self.end = player, end
        self.calls = 0
        self.raised = ""
        self.last: Dict[str, Any] = {}

    def load(self, program: str, entry_point: str) -> None:
        """Have the player execute the program."""
        self.player.send(codec.encode([program, entry_point, False]))
        kind, *body = self._reply()
        if kind != "ready" or body:
            raise Ended(self._error(kind, body))

    def __call__(self, *arguments: Any) -> Any:
        """The sample's function, by value.

        Raises the built-in exception of the name that the sample raised, so
        that tests of exceptions read as published.
        """
        if self.player.lines or self.player.partial:
            raise Ended(result("forged", "channel: a reply before the call"))
        shown = ", ".join(map(show, arguments))[:2000]
        self.last = {"index": self.calls, "input": shown}
        self.raised = ""
        self.player.send("[" + codec.encode(list(arguments)) + "]")
        kind, *body = self._reply()
        if kind == "v" and len(body) == 1:
            self.calls += 1
            return self._value(body[0])
        found = self._error(kind, body)
        self.raised = str(body[0])
        known = getattr(builtins, self.raised, None)
        if isinstance(known, type) and issubclass(known, Exception):
            raise known(found["detail"])
        raise _Raised(self.raised)

    def _value(self, tree: Any) -> Any:
        try:
            value = codec.from_tree(tree)
            few_alike(value)
        except codec.Malformed as why:
            raise Ended(refused(why)) from None
        self.last["got"] = show(value)
        return value

    def _error(self, kind: str, body: Any) -> Result:
        try:
            return error_result(kind, body)
        except channel.Garbage as why:
            raise Ended(refused(why)) from None

    def _reply(self) -> Any:
        try:
            return channel.parse(self.player.line(self.end + START_S))
        except channel.TimeUp as late:
            raise Ended(result("timeout", "time limit", starved=late.starved)) from None
        except channel.Gone:
            raise Ended(result("error", "died")) from None
        except channel.Garbage as why:
            raise Ended(refused(why)) from None
