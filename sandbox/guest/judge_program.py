"""Programs in any language whose published tests share the program's file.

A task has its file's name and `tests`, the text behind the program, and `rounds` of
commands: compilers, and last what runs. Every command is a player of its own, in the folder
of the one before. The program passes if one round ends as `passes` says, and if the statement
behind its last test was reached: that prints a word that is new for each run. A compiler runs
in its warm form where there is one (warm_compilers.py).

Tests and program share a process, so a pass is confirmed by a control run: the same program
with `control`, the tests with wrong expected values, each of which has to fail and says so by
another new word. A program under which one of them holds is `forged`.
"""

from __future__ import annotations

import secrets
import shutil
from typing import Any, Dict, List, Optional, Sequence, Tuple

from . import channel, clock, codec, warm_compilers
from .verdicts import Prepared, Result, Total, command_limits, exit_code, how_ended, result

FIRST_LINES = 300  # characters of what a compiler says
START_S = 10.0  # until a command has taken its player's place


def prepare(task: Dict[str, Any], room: channel.Room) -> Prepared:
    """This task, ready for its samples.

    Raises:
        LookupError: the sandbox lacks a program that the task needs.
    """
    for steps in task["rounds"]:
        for step in steps:
            name = step["command"][0]
            if "/" not in name and shutil.which(name) is None:
                raise LookupError(f"{name} for {task['language']} is not in this sandbox")

    def grade(program: str) -> Dict[str, Result]:
        return {"base": _Graded(program, task, room).result()}

    return Prepared(grade)


class _Graded:
    """One program under one task."""

    def __init__(self, program: str, task: Dict[str, Any], room: channel.Room) -> None:
        self.program, self.task, self.room = program, task, room
        self.passes = task["passes"]
        # Of the published run: what the program took, and what its compilers did.
        self.spent = Total()

    def result(self) -> Result:
        found, passed = self._published()
        why = self._control(passed) if passed else None
        if why is not None:
            found = {**why, "stdout": found["stdout"], "stderr": found["stderr"]}
        return {**found, **self.spent.taken}

    def _published(self) -> "Tuple[Result, List[Dict[str, Any]]]":
        """The result of the published tests, and the round that is to be confirmed, if any."""
        for steps in self.task["rounds"]:
            word = secrets.token_hex(16)
            tests = self._with_word(self.task["tests"], self.task["proof"], word)
            failed, player, usage = self._run(steps, self._source(tests), [word])
            self.spent.add(usage)
            said = {"stdout": player.stdout.text(), "stderr": player.stderr.text()}
            if failed is not None and self._may_be_endless(failed):
                return {**result("passed", "ended by the time limit"), **said}, []
            if failed is None:
                failed = self._fault(player, usage["status"], word)
            if failed is None and not self.task["control"]["times"]:
                return {**result("passed", "its tests assert nothing"), **said}, []
            if failed is None:
                return {**result("passed"), **said}, steps
            if self._may_crash(player, usage["status"], word):
                return {**result("passed", "ended by an exception"), **said}, []
            found = {**failed, **said}
        return found, []

    def _control(self, steps: List[Dict[str, Any]]) -> Optional[Result]:
        """Why the pass of this round is not confirmed; None if it is.

        Of this one alone: a program can tell rounds apart, and behave in another.
        """
        control = self.task["control"]
        word, fell, held = (secrets.token_hex(16) for _ in range(3))
        tests = self._with_word(control["tests"], self.task["proof"], word)
        printed = control["fell"] in tests
        tests = self._with_word(tests, control["fell"], fell)
        sought = fell if printed else control["fell"]
        if control.get("held"):
            tests = self._with_word(tests, control["held"], held)
        failed, player, _ = self._run(steps, self._source(tests), [word, sought, held])
        if failed is not None and failed["verdict"] in ("timeout", "memory"):
            return failed
        if failed is not None or not player.stdout.found[word.encode()]:
            return result("forged", "the tests with wrong values did not come to their end")
        # A word that is new is printed wherever assertions print.
        streams = [player.stdout, player.stderr] if printed else [player.stderr]
        times = control["times"]
        failed_times = sum(each.found[sought.encode()] for each in streams)
        holding = sum(each.found[held.encode()] for each in streams) or times - failed_times
        # A test in a loop or a function runs more often than it is written, where each says so.
        if holding > 0 or (holding and not control.get("held")):
            return result("forged", f"{holding} of {times} tests hold with wrong values too")
        return None

    def _run(
        self, steps: List[Dict[str, Any]], source: str, words: List[str]
    ) -> "Tuple[Optional[Result], channel.Player, Dict[str, Any]]":
        """Run a round's commands: why one failed, and the last player with its usage.

        Of the last command only what its limits say is looked at here.
        """
        files = {self.task["file"]: source}
        lacks = [text for each in self.passes["lacks"].values() for text in each]
        more = [*lacks, self.passes.get("crash", ""), *self.passes.get("wrong", ())]
        sought = [text for text in [*words, *more] if text]
        for place, step in enumerate(steps):
            last = place == len(steps) - 1
            form = None if last else warm_compilers.form_for(step["command"], source)
            if form is not None:
                warm = {**step, "command": form.of(step["command"])}
                failed, player, usage = self._do(warm, files, form.unsure, keep=True)
                said = (player.stdout.found, player.stderr.found)
                if failed is None and usage["status"] and any(any(n.values()) for n in said):
                    form = None
            if form is None:
                failed, player, usage = self._do(step, files, sought, keep=not last)
            if usage.get("memory"):
                failed = result("memory", f"{step['command'][0]} used more memory than it may")
            elif failed is None and not last and usage["status"]:
                failed = result("error", _complaint(step["command"][0], player))
            if failed is not None:
                usage = usage if last else {**usage, **Total().taken}
                return failed, player, usage
            files = {}
        return None, player, usage

    def _source(self, tests: str) -> str:
        """The program's file: the tests stand behind the program unless the task has them first."""
        return tests + self.program if self.task.get("tests_first") else self.program + tests

    def _do(
        self, step: Dict[str, Any], files: Dict[str, str], sought: Sequence[str], keep: bool
    ) -> "Tuple[Optional[Result], channel.Player, Dict[str, Any]]":
        """Run one command: why it had to be ended or never began, its player, and its usage."""
        seconds = float(self.task["limits"][step["limit"]])
        player = self.room.start("command", command_limits(self.task["limits"], seconds))
        texts = [text.encode("utf-8") for text in sought]
        player.stdout, player.stderr = channel.Tail(texts), channel.Tail(texts)
        added = self.task.get("environ", {})
        player.send(codec.encode([files, step["command"], added, step.get("environ")]))
        failed = wait(player, seconds)
        return failed, player, player.finish(keep)

    def _with_word(self, text: str, place: str, word: str) -> str:
        """The text with a word in halves: a program that prints its own file prints no word."""
        half = len(word) // 2
        return text.replace(place, word[:half] + self.task["joint"] + word[half:])

    def _fault(self, player: channel.Player, status: int, word: str) -> Optional[Result]:
        """Why a run that has ended does not pass; None if it does."""
        code, ended = exit_code(status), how_ended(status)
        verdict = "wrong" if self._is_wrong(player, code) else "error"
        if self.passes["status"] and code:
            return result(verdict, ended)
        streams = {"stdout": player.stdout, "stderr": player.stderr}
        for name, texts in self.passes["lacks"].items():
            for text in texts:
                if streams[name].found[text.encode("utf-8")]:
                    return result(verdict, f"{name} has {text!r}")
        proof = player.stdout.found[word.encode()]
        if self.passes["stderr_empty"] and player.stderr.total:
            return result(verdict, "something was printed to stderr")
        if not proof:
            return result(verdict, f"ended before its last test ({ended})")
        if self.passes["stdout_only_proof"] and player.stdout.text().strip() != word:
            return result(verdict, "something was printed to stdout")
        return None

    def _is_wrong(self, player: channel.Player, code: int) -> bool:
        """Whether a test failed, as far as can be told: an assertion says so, or nothing does."""
        told = [text.encode("utf-8") for text in self.passes.get("wrong", ())]
        if any(player.stdout.found[text] or player.stderr.found[text] for text in told):
            return True
        return not told and bool(code) and not player.stderr.total

    def _may_be_endless(self, failed: Result) -> bool:
        """Whether a program that the limit of its run has ended passes, as the publisher has it."""
        return bool(self.passes.get("endless") and failed["verdict"] == "timeout")

    def _may_crash(self, player: channel.Player, status: int, word: str) -> bool:
        """Whether this run passes although it crashed, as the publisher has it."""
        text = self.passes.get("crash", "").encode("utf-8")
        lacking = [each.encode("utf-8") for each in self.passes["lacks"].get("stderr", ())]
        return bool(
            text
            and status
            and player.stderr.found.get(text)
            and not any(player.stderr.found[each] for each in lacking)
            and not player.stdout.found[word.encode()]
        )


def wait(player: channel.Player, seconds: float) -> Optional[Result]:
    """Drain until the process ends; a result only if it had to be cut short or never began.

    Its time begins when the command has taken the player's place.
    """
    try:
        started = clock.now() + START_S
        while player.exit is None and not player.eof:
            player.pump(started)
        player.clock.since()
        deadline = clock.now() + seconds
        while player.exit is None:
            player.pump(deadline)
    except channel.TimeUp as late:
        return result("timeout", "time limit", starved=late.starved)
    except channel.Garbage as why:
        return result("error", str(why))
    if player.lines:
        # From before the command took over: nothing that the program has written.
        said = player.lines[0][:200].decode("ascii", "replace")
        return result("error", f"could not be run: {said}")
    return None


def _complaint(name: str, player: channel.Player) -> str:
    """The first lines of what a compiler says, wherever it says it."""
    said = (player.stderr.head or player.stdout.head).decode("utf-8", "replace")
    return f"{name}: {said.strip()[:FIRST_LINES]}" if said.strip() else f"{name} failed"
