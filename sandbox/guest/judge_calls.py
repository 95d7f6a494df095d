"""Function-call tasks: the judge calls the player by value and compares.

Task: {"kind": "calls", "entry_point", "reference", "suites": [{"name",
"inputs": [[argument, ...], ...], "expected"?}], "compare", "limits"}.
Without "expected" the reference solution is run once, here, to get it.
"""

from __future__ import annotations

import copy
import time
from typing import Any, Callable, Dict, List

from . import channel, codec, compare
from .expected import Oracle
from .verdicts import Prepared, Result, error_result, player_limits, refused, result, show

MAX_BATCH = 256
MAX_BATCH_BYTES = 1 << 18
SLACK_S = 0.05  # replies of one batch may be this late


class _Suite:
    """One suite's calls, their expected values and what each may cost."""

    def __init__(self, spec: Dict[str, Any], reference: Callable[..., Any], task: Dict[str, Any]):
        self.name = spec["name"]
        self.inputs: List[List[Any]] = spec["inputs"]
        self.encoded = [codec.encode(arguments) for arguments in self.inputs]
        self.oracle = Oracle(spec, reference, task.get("known", {}).get(self.name))
        expected, limits = self.oracle.all, task["limits"]
        factor, least = limits["reference_factor"], limits["min_call_s"]
        self.limits = [max(least, factor * each.seconds) for each in expected]
        self.total_s = min(limits["total_s"], sum(self.limits)) + limits["grace_s"]
        size = max((each.size for each in expected), default=0)
        # A right answer is never much longer than the expected one.
        self.max_line = min(channel.MAX_LINE, 4 * size + (1 << 20))
        hashed = max((each.hashed for each in expected), default=0)
        self.max_hashed = hashed + codec.MAX_HASHED


def prepare(task: Dict[str, Any], room: channel.Room) -> Prepared:
    """This task, ready for its samples."""
    namespace: Dict[str, Any] = {"__name__": "reference"}
    exec(compile(task["reference"], "<reference>", "exec"), namespace)
    suites = [_Suite(spec, namespace[task["entry_point"]], task) for spec in task["suites"]]
    rule = {**task["compare"], "entry_point": task["entry_point"]}
    compare.value_rule(rule)

    def grade(program: str) -> Dict[str, Result]:
        return {suite.name: _grade_suite(suite, program, task, rule, room) for suite in suites}

    computed = [suite for suite in suites if suite.oracle.computed]
    return Prepared(grade, {suite.name: suite.oracle.all for suite in computed} or None)


def _grade_suite(
    suite: _Suite, program: str, task: Dict[str, Any], rule: Dict[str, Any], room: channel.Room
) -> Result:
    player = room.start("calls", player_limits(task["limits"], suite.total_s))
    player.max_line = suite.max_line
    run = _Run(suite, player, compare.value_rule(rule))
    found = run.outcome(program, task["entry_point"])
    usage = player.finish()
    found.update(
        tests_run=run.done,
        tests_total=len(suite.inputs),
        wall_s=usage["wall_s"],
        cpu_s=usage["cpu_s"],
        stdout=player.stdout.text(),
        stderr=player.stderr.text(),
    )
    if found["verdict"] == "error" and found["detail"] == "died" and usage.get("memory"):
        found.update(verdict="memory", detail="killed for memory")
    return found


class _Run:
    def __init__(self, suite: _Suite, player: channel.Player, rule: compare.Rule) -> None:
        self.suite, self.player, self.rule = suite, player, rule
        self.done = 0
        self.sent = 0
        self.batch = 1
        self.end = time.monotonic() + suite.total_s

    def outcome(self, program: str, entry_point: str) -> Result:
        """Load the program, make the calls, stop at the first that is not right."""
        try:
            return self._load(program, entry_point) or self._calls()
        except channel.TimeUp as late:
            # Replies of fast calls may still have been on their way.
            self.done = min(max(self.done, self.player.under_way()), max(self.sent - 1, 0))
            where = f"call {self.done}" if self.sent else "loading the program"
            return result("timeout", f"time limit in {where}", starved=late.starved, **self._at())
        except channel.Gone:
            return result("error", "died", **self._at())
        except (channel.Garbage, codec.Malformed) as why:
            return {**refused(why), **self._at()}

    def _load(self, program: str, entry_point: str) -> Dict[str, Any]:
        self.player.send(codec.encode([program, entry_point, True]))
        kind, *body = channel.parse(self.player.line(self.end))
        if kind == "ready" and not body:
            return {}
        return error_result(kind, body)

    def _calls(self) -> Result:
        last = time.monotonic()
        while self.done < len(self.suite.inputs):
            if self.sent == self.done:
                self._send_batch()
                self.player.clock.since()
                last = time.monotonic()
            limit = min(last + self.suite.limits[self.done] + SLACK_S, self.end)
            wrong = self._judge(self.player.line(limit), limit)
            last = time.monotonic()
            if wrong:
                got = wrong.pop("got", None)
                return {**wrong, **self._at(got)}
            self.done += 1
        if self.player.lines or self.player.partial:
            return result("forged", "channel: more replies than calls")
        return result("passed")

    def _send_batch(self) -> None:
        if self.player.lines or self.player.partial:
            raise channel.Garbage("a reply before the call")
        start, size = self.sent, 0
        while self.sent < len(self.suite.encoded) and self.sent - start < self.batch:
            size += len(self.suite.encoded[self.sent])
            if size > MAX_BATCH_BYTES and self.sent > start:
                break
            self.sent += 1
        self.batch = min(self.batch * 4, MAX_BATCH)
        self.player.send("[" + ",".join(self.suite.encoded[start : self.sent]) + "]")

    def _judge(self, line: bytes, limit: float) -> Dict[str, Any]:
        expected = self.suite.oracle.all[self.done]
        if expected.exact and line == expected.line and self.rule.identical(expected.floats):
            return {}
        kind, *body = channel.parse(line)
        if kind == "h" and len(body) == 1:
            if body[0] == expected.mark and self.rule.identical(expected.floats):
                self.player.send("0")
                return {}
            self.player.send("1")
            kind, *body = channel.parse(self.player.line(limit))
        if kind != "v" or len(body) != 1:
            return error_result(kind, body)
        value = codec.from_tree(body[0], self.suite.max_hashed)
        arguments = copy.deepcopy(self.suite.inputs[self.done])
        try:
            right = self.rule(value, self.suite.oracle.value(self.done), arguments)
        except Exception:  # an odd value that cannot even be compared is not the expected one
            right = False
        return {} if right else {**result("wrong", "wrong answer"), "got": show(value)}

    def _at(self, got: Any = None) -> Dict[str, Any]:
        """The call under way as display text."""
        if self.done >= len(self.suite.inputs) or not self.sent:
            return {}
        arguments = ", ".join(map(show, self.suite.inputs[self.done]))
        failure = {
            "index": self.done,
            "input": arguments[:2000],
            "expected": show(self.suite.oracle.value(self.done)),
        }
        if got is not None:
            failure["got"] = got
        return {"failure": failure}
