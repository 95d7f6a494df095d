"""LiveCodeBench's tasks: its tests, its rules, and its way to run a program or a better one.

Task: {"kind": "livecodebench", "function", "processes", "limits": {"test_s",
"spare_s", "total_s", "memory_mb"}} with the publisher's public and private
tests beside it ("payload"). `function` is the method that is called, empty
where programs read stdin. Such a program runs as the publisher runs it, all
tests in one process with stand-ins for stdin and stdout (livecodebench.py in
the player), or with `processes` as a process with real pipes for each test.

Either way the first test that fails ends the sample, and of a test the player
gets the input alone, when its turn comes.
"""

from __future__ import annotations

import json
from typing import Any, Dict, List

from . import channel, clock, codec, compare_livecodebench, judge_stdio, livecodebench_tests
from .verdicts import Prepared, Result, player_limits, refused, result, told

TIMEOUT = "TimeoutException"
# A program that caught its alarm has the publisher's complaint in its output: it cannot pass.
SLACK_S = 1.0
MAX_LINE = 64 << 20


def prepare(task: Dict[str, Any], room: channel.Room) -> Prepared:
    """This task, ready for its samples.

    Raises:
        ValueError: it has no tests.
        Damaged: its tests are not in the publisher's form.
    """
    public, private = (text.decode("utf-8") for text in task.pop("payload"))
    tests = livecodebench_tests.tests_of(public, private)
    if not tests:
        raise ValueError("a task without tests cannot be graded")
    if task["processes"] and not task["function"]:
        script = {**task, "tests": tests, "compare": {"rule": "livecodebench"}}
        return judge_stdio.prepare(script, room)
    try:
        cases = [_case(test, task["function"]) for test in tests]
    except (ValueError, RecursionError) as error:
        unreadable = f"a test cannot be read, which fails every program: {error}"[:300]
        return Prepared(lambda program: {"base": result("error", unreadable)})

    def grade(program: str) -> Dict[str, Result]:
        return {"base": _grade(program, cases, task, room)}

    return Prepared(grade)


class _Case:
    """One test: the arguments of its call, and what is expected of it."""

    def __init__(self, arguments: List[Any], expected: Any, size: int) -> None:
        self.request = codec.encode(arguments)
        self.arguments, self.expected = arguments, expected
        self.max_line = min(MAX_LINE, 6 * size + (1 << 20))

    def wrong(self, value: Any) -> str:
        """What is wrong with a value, empty if nothing is."""
        if isinstance(self.expected, _Text):
            if type(value) is not str:
                return "Wrong Answer"
            return compare_livecodebench.wrong_text(value, self.expected)
        return compare_livecodebench.wrong_value(value, self.expected)

    def shown(self) -> Dict[str, str]:
        """The test as display text, as long as the publisher's."""
        text = isinstance(self.expected, _Text)
        given = self.arguments[0] if text else self.arguments
        show = compare_livecodebench.shown
        return {"input": show(given), "expected": show(self.expected)}


class _Text(str):
    """What is to be printed, as against a string to be returned."""


def _case(test: Dict[str, str], function: str) -> _Case:
    given, expected = test["input"], test["output"]
    if not function:
        return _Case([given], _Text(expected), len(expected))
    arguments = [json.loads(line) for line in given.split("\n")]
    return _Case(arguments, json.loads(expected), len(expected))


def _grade(program: str, cases: List[_Case], task: Dict[str, Any], room: channel.Room) -> Result:
    limits = task["limits"]
    # The publisher's cap on the whole process: reached by programs that catch the alarm.
    seconds = (limits["test_s"] + 1) * len(cases) + limits["spare_s"]
    seconds = min(seconds, limits["total_s"])
    player = room.start("livecodebench", player_limits(limits, seconds))
    run = _Run(player, cases, clock.now() + seconds, limits["test_s"])
    found = run.outcome(program, task["function"])
    usage = player.finish()
    if found["verdict"] == "error" and found["detail"] == "died" and usage.get("memory"):
        found.update(verdict="memory", detail="killed for memory")
    if found["verdict"] != "passed" and run.sent:
        failing = {"index": run.done, **cases[run.done].shown()}
        found["failure"] = {**failing, **found.pop("failure", {})}
    found.update(
        tests_run=run.done,
        tests_total=len(cases),
        **told(usage, player),
    )
    return found


class _Run:
    def __init__(self, player: channel.Player, cases: List[_Case], end: float, test_s: int) -> None:
        self.player, self.cases, self.end, self.test_s = player, cases, end, test_s
        self.done = 0
        self.sent = False  # whether the test `done` has been sent

    def outcome(self, program: str, function: str) -> Result:
        """Load the program and make the calls, up to the first that is not right."""
        self.patient = bool(function)
        try:
            return self._load(program, function) or self._calls()
        except channel.TimeUp as late:
            what = "the whole process" if self.patient else "one test"
            return result("timeout", f"time limit of {what}", starved=late.starved)
        except channel.Gone:
            return result("error", "died")
        except (channel.Garbage, codec.Malformed) as why:
            return refused(why)

    def _reply(self) -> List[Any]:
        soon = clock.now() + self.test_s + SLACK_S
        return channel.parse(self.player.line(self.end if self.patient else min(soon, self.end)))

    def _load(self, program: str, function: str) -> Result:
        self.player.send(codec.encode([program, function, self.test_s]))
        kind, *body = self._reply()
        if kind == "ready" and not body:
            return {}
        found = self._error(kind, body)
        if found["verdict"] != "timeout":
            found["detail"] = f"Error during testing: {found['detail']}"[:300]
        return found

    def _calls(self) -> Result:
        for case in self.cases:
            if self.player.lines or self.player.partial:
                return result("forged", "channel: more replies than calls")
            self.player.max_line = case.max_line
            self.player.clock.since()
            self.player.send(case.request)
            self.sent = True
            kind, *body = self._reply()
            if kind != "v" or len(body) != 1:
                return self._error(kind, body)
            value = codec.from_tree(body[0], codec.MAX_HASHED + codec.hashed_parts(case.expected))
            wrong = case.wrong(value)
            if wrong:
                got = {"got": compare_livecodebench.shown(value)}
                return {**result("wrong", wrong), "failure": got}
            self.done += 1
            self.sent = False
        if self.player.lines or self.player.partial:
            return result("forged", "channel: more replies than calls")
        return result("passed")

    def _error(self, kind: str, body: List[Any]) -> Result:
        if kind != "e" or len(body) != 2 or not all(type(part) is str for part in body):
            raise channel.Garbage("not a reply")
        name, told = (part.encode("utf-8", "replace").decode() for part in body)
        failure = {"failure": {"error": told[:1000]}} if self.sent else {}
        if TIMEOUT.lower() in told.lower() or name == TIMEOUT:
            starved = self.player.clock.starved()
            return {**result("timeout", "Time Limit Exceeded", starved=starved), **failure}
        if name == "MemoryError":
            return {**result("memory", name), **failure}
        return {**result("error", name[:80]), **failure}
