"""Function-call tasks: the judge calls the player by value and compares.

Task: {"kind": "calls", "entry_point", "reference"?, "setup"?, "suites":
[{"name", "calls", "expected"?}], "compare", "limits"}. `calls` has one line for
each call, the encoding of its argument list; `expected` as many lines, the
encodings of what they must return. Without it the reference solution is run
once, here, to get that, unless an earlier judge's bytes come along ("known").
`setup` is source that the player executes after the program: it makes the entry
point out of what the program defines, and knows nothing of what is expected.

A call may take `min_call_s`, or `reference_factor` times what the reference takes
where that is more. Few references are that slow, so the reference is timed only when a
sample has met a limit that a slow reference would raise: once a judge and suite, on
this machine, in this run. Then that sample runs again under the limits that follow.

The first call that fails is the last that counts, unless the task has "every": then the calls
go on, and "extra" has which of them passed. The verdict is that of the first failure all the
same. A program that ends, stalls or forges a reply passes no more calls.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional

from . import apart, channel, clock, codec, compare, expected, fingerprint
from .call_suites import Suite
from .verdicts import Prepared, Result, error_result, player_limits, refused, result, show, told

# The first batch is small, so that a program that is wrong at once runs little more than that.
FIRST_BATCH, MAX_BATCH = 8, 256
SLACK_S = 0.05  # replies of one batch may be this late
# What a run that goes on in a process of its own has to bring back.
CARRIED = ("done", "failed", "first", "late", "shown", "starved")


def needs_reference(task: Dict[str, Any]) -> bool:
    """Whether preparing this task runs its reference solution."""
    return "known" not in task and any("expected" not in suite for suite in task["suites"])


def prepare(task: Dict[str, Any], room: channel.Room) -> Prepared:
    """This task, ready for its samples."""
    reference = expected.Reference(task.get("reference", ""), task["entry_point"])
    learning = needs_reference(task)
    known = expected.load(task["known"]) if "known" in task else {}
    rule = {**task["compare"], "entry_point": task["entry_point"]}
    like = compare.value_rule(rule)
    for spec in task["suites"]:
        if spec["name"] not in known:
            known[spec["name"]] = _learned(spec, reference, like)
    suites = [Suite(spec, known[spec["name"]], task) for spec in task["suites"]]

    def grade(program: str) -> Dict[str, Result]:
        found = {}
        for place, suite in enumerate(suites):
            judged = _grade_suite(suite, program, task, rule, reference, room)
            if judged["late"] and not suite.timed:
                suite = suites[place] = suite.with_times(reference)
                if suite.slow:
                    judged = _grade_suite(suite, program, task, rule, reference, room)
            del judged["late"]
            found[suite.name] = judged
        return found

    return Prepared(grade, expected.dump(known) if learning else None)


def _learned(
    spec: Dict[str, Any], reference: expected.Reference, rule: compare.Rule
) -> expected.Expected:
    calls = spec["calls"].split("\n") if spec["calls"] else []
    if "expected" in spec:
        texts = spec["expected"].split("\n") if spec["expected"] else []
        values = (codec.decode(text, codec.MAX_NODES) for text in texts)
        return expected.of_values(values, rule.reflexive)
    returned = map(rule.kept, reference.values(calls))
    return expected.of_values(returned, rule.reflexive)


def _grade_suite(
    suite: Suite,
    program: str,
    task: Dict[str, Any],
    rule: Dict[str, Any],
    reference: expected.Reference,
    room: channel.Room,
) -> Result:
    player = room.start("calls", player_limits(task["limits"], suite.total_s))
    player.max_line = suite.max_line
    run = _Run(suite, player, compare.value_rule(rule), reference, bool(task.get("every")))
    found = run.outcome(program + task.get("setup", ""), task["entry_point"])
    usage = player.finish()
    found.update(
        tests_run=run.passed(),
        tests_total=len(suite.calls),
        late=run.late,
        **told(usage, player),
    )
    if found["verdict"] == "error" and found["detail"] == "died" and usage.get("memory"):
        found.update(verdict="memory", detail="killed for memory")
    if run.every:
        found["extra"] = {"each": run.each(), "starved": run.late and run.starved}
    return found


def _is_of(claimed: Any, tree: Any) -> bool:
    """Whether a fingerprint is that of the value that `tree` encodes."""
    mark = fingerprint.fingerprint(codec.from_tree(tree, codec.MAX_NODES, widen=False))
    return mark is not None and mark.digest == claimed


class _Run:
    def __init__(
        self,
        suite: Suite,
        player: channel.Player,
        rule: compare.Rule,
        reference: expected.Reference,
        every: bool = False,
    ) -> None:
        self.suite, self.player, self.rule, self.every = suite, player, rule, every
        # Of the first failure, where calls go on after one; the calls that failed.
        self.first: Result = {}
        self.failed: List[int] = []
        self.late = self.starved = False
        # The call that a program which did not answer in time says it was in.
        self.shown: Optional[int] = None
        self.reference = reference
        self.right = suite.right
        self.done = 0
        self.sent = 0
        # One by one where each counts: of a batch, replies may be lost.
        self.batch = 1 if every else FIRST_BATCH
        self.end = clock.now() + suite.total_s

    def outcome(self, program: str, entry_point: str) -> Result:
        """Load the program, make the calls, stop at the first that is not right."""
        found = self._guarded(lambda: self._load(program, entry_point) or self._calls())
        return self.first or found

    def passed(self) -> int:
        """How many calls passed; of a program that did not answer in time, as it says itself."""
        if self.shown is not None and not self.every:
            return self.shown
        return self.done - len(self.failed)

    def each(self) -> str:
        """Which calls passed: "1" or "0" for each."""
        failed = set(self.failed)
        passed = "".join("0" if index in failed else "1" for index in range(self.done))
        return passed.ljust(len(self.suite.calls), "0")

    def _guarded(self, work: Callable[[], Result]) -> Result:
        try:
            return work()
        except channel.TimeUp as late:
            # Replies of fast calls may still have been on their way.
            self.shown = min(max(self.done, self.player.under_way()), max(self.sent - 1, 0))
            where = f"call {self.shown}" if self.sent else "loading the program"
            self.late, self.starved = True, late.starved
            return result("timeout", f"time limit in {where}", starved=late.starved, **self._at())
        except channel.Gone:
            return result("error", "died", **self._at())
        except (channel.Garbage, codec.Malformed) as why:
            return {**refused(why), **self._at()}

    def _load(self, program: str, entry_point: str) -> Result:
        self.player.send(codec.encode([program, entry_point, self.suite.marks]))
        kind, *body = channel.parse(self.player.line(self.end))
        if kind == "ready" and not body:
            return {}
        return error_result(kind, body)

    def _calls(self) -> Result:
        last = clock.now()
        while self.done < len(self.suite.calls):
            if self.sent == self.done:
                self._send_batch()
                self.player.clock.since()
                last = clock.now()
            limit = min(last + self.suite.limit(self.done) + SLACK_S, self.end)
            lines = [self.player.line(limit), *self.player.lines]
            self.player.lines.clear()
            last = clock.now()
            if len(lines) > self.sent - self.done:
                raise channel.Garbage("more replies than calls")
            found = {} if self._as_expected(lines) else self._one_by_one(lines, limit)
            if found:
                return found
        if self.player.lines or self.player.partial:
            return result("forged", "channel: more replies than calls")
        return result("passed")

    def _send_batch(self) -> None:
        if self.player.lines or self.player.partial:
            raise channel.Garbage("a reply before the call")
        start = self.sent
        self.sent = self.suite.batch_end(start, self.batch)
        self.batch = 1 if self.every else min(self.batch * 8, MAX_BATCH)
        self.player.send("[" + ",".join(self.suite.calls[start : self.sent]) + "]")

    def _as_expected(self, lines: List[bytes]) -> bool:
        """Whether all these replies are the expected lines, where that settles it; counts them."""
        start, end = self.done, self.done + len(lines)
        if lines != self.right.lines[start:end] or "-" in self.right.same[start:end]:
            return False
        if not self.rule.identical("f" in self.right.floats[start:end]):
            return False
        if lines[-1].startswith(b'["h"'):
            self.player.send("0")
        self.done = end
        return True

    def _one_by_one(self, lines: List[bytes], limit: float) -> Result:
        """Judge replies in turn; the result that ends the suite, if one does."""
        for number, line in enumerate(lines):
            if self._as_expected([line]):
                continue
            if self.suite.text(self.done) is None and self.reference.function is None:
                return self._apart(lines[number:], limit)
            wrong = self._judge(line, limit)
            if wrong:
                wrong = {**wrong, **self._at(wrong.pop("got", None))}
                if not self.every or wrong["verdict"] == "forged":
                    return wrong
                self.first = self.first or wrong
                self.failed.append(self.done)
            self.done += 1
        return {}

    def _apart(self, lines: List[bytes], limit: float) -> Result:
        """Go on in a process of its own: the reference must run, which may change anything."""

        def work() -> Dict[str, Any]:
            self.reference.loaded()
            found = self._guarded(lambda: self._one_by_one(lines, limit) or self._calls())
            kept = {name: getattr(self, name) for name in CARRIED}
            return {"found": found, "kept": kept, "printed": self.player.printed()}

        told = apart.run(work)
        for name in CARRIED:
            setattr(self, name, told["kept"][name])
        self.player.take_printed(told["printed"])
        found: Result = told["found"]
        return found

    def _judge(self, line: bytes, limit: float) -> Result:
        kind, *body = channel.parse(line)
        claimed = body[0] if kind == "h" and len(body) == 1 and self.suite.marks else None
        if claimed is not None:
            self.player.send("1")
            kind, *body = channel.parse(self.player.line(limit))
        if kind != "v" or len(body) != 1:
            return error_result(kind, body)
        value = codec.from_tree(body[0], self.suite.max_hashed)
        arguments = codec.decode(self.suite.calls[self.done], codec.MAX_NODES)
        try:
            right = self.rule(value, self._expected(self.done), arguments)
        except Exception:  # an odd value that cannot even be compared is not the expected one
            right = False
        if not right:
            return {**result("wrong", "wrong answer"), "got": show(value)}
        if claimed is not None and not _is_of(claimed, body[0]):
            # Else a program could guess twice, and learn in between that it was wrong.
            return result("forged", "the value is not the one that was claimed before")
        return {}

    def _expected(self, index: int) -> Any:
        text = self.suite.text(index)
        if text is None:
            return self.reference(self.suite.calls[index])
        return codec.decode(text, codec.MAX_NODES)

    def _at(self, got: Any = None) -> Dict[str, Any]:
        """The call under way as display text."""
        index = self.done if self.shown is None else self.shown
        if index >= len(self.suite.calls) or not self.sent:
            return {}
        arguments = codec.decode(self.suite.calls[index], codec.MAX_NODES)
        failure = {
            "index": index,
            "input": ", ".join(map(show, arguments))[:2000],
            "expected": self._text_of(index),
        }
        if got is not None:
            failure["got"] = got
        return {"failure": failure}

    def _text_of(self, index: int) -> str:
        if self.suite.text(index) is None and self.reference.function is None:
            shown: str = apart.run(lambda: {"shown": show(self._expected(index))})["shown"]
            return shown
        return show(self._expected(index))
