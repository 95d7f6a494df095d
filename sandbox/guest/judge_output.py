"""Programs that are judged by what they print: it has to be what a reference prints.

Task: {"kind": "output", "language", "file" (the program's), "command" (an argument list that
runs it), "reference" (a program of the same kind), "files" (path: base64, given to each),
"limits" {"run_s", "total_s", "memory_mb"}}.

The reference runs as a player does, in a folder of its own, before the first program; what it
printed stays with the judge. The program finds the same files in an empty folder, and neither
the reference nor its output. A program passes if it ends and its stdout has the same bytes;
stderr and its exit status do not count.
"""

from __future__ import annotations

import base64
import shutil
from typing import Any, Dict, Optional, Tuple

from . import channel, codec
from .judge_program import wait
from .judge_run import Head
from .verdicts import Prepared, Result, command_limits, how_ended, result, told

# Bytes of stdout that are compared; a reference may not print more.
COMPARED = 1 << 20
# Characters of an output that a verdict shows.
SHOWN = 200


class _Stdout(Head):
    """The first bytes of what a program prints, which are compared."""

    def __init__(self) -> None:
        super().__init__(COMPARED)


def prepare(task: Dict[str, Any], room: channel.Room) -> Prepared:
    """This task, ready for its programs.

    Raises:
        LookupError: the sandbox lacks a program that the task needs.
        RuntimeError: the reference did not come to its end.
    """
    name = task["command"][0]
    if shutil.which(name) is None:
        raise LookupError(f"{name} for {task['language']} is not in this sandbox")
    return Prepared(_Judge(task, room).grade)


class _Judge:
    """One task: what its reference prints, and what its programs do."""

    def __init__(self, task: Dict[str, Any], room: channel.Room) -> None:
        self.task, self.room = task, room
        self.files = {name: base64.b64decode(text) for name, text in task["files"].items()}
        self.expected = self._reference()

    def grade(self, program: str) -> Dict[str, Result]:
        """The verdict of a program."""
        found, stdout, usage, player = self._run(program)
        if found is None:
            found = _compared(stdout, self.expected, usage["status"])
        return {"base": {**found, **told(usage, player)}}

    def _reference(self) -> bytes:
        found, stdout, usage, player = self._run(self.task["reference"])
        if found is not None or usage["status"] or stdout.total > COMPARED:
            why = found["detail"] if found else how_ended(usage["status"])
            said = player.stderr.text().strip()[:SHOWN]
            raise RuntimeError(f"its reference printed {stdout.total} bytes: {why}: {said}")
        return bytes(stdout.kept)

    def _run(
        self, program: str
    ) -> Tuple[Optional[Result], _Stdout, Dict[str, Any], channel.Player]:
        """Run a program: why it had to be ended, if it had, and what it printed and took."""
        seconds = float(self.task["limits"]["run_s"])
        player = self.room.start("run", command_limits(self.task["limits"], seconds))
        stdout = _Stdout()
        player.stdout = stdout
        player.give(b"")
        source = program.encode("utf-8", "surrogatepass")
        player.send(
            codec.encode([{**self.files, self.task["file"]: source}, self.task["command"], ""])
        )
        found = wait(player, seconds)
        usage = player.finish()
        if usage.get("memory"):
            found = result("memory", "killed for memory")
        return found, stdout, usage, player


def _compared(stdout: _Stdout, expected: bytes, status: int) -> Result:
    """The result of a program that has ended."""
    if stdout.total == len(expected) and bytes(stdout.kept) == expected:
        return result("passed")
    if status:
        return result("error", how_ended(status))
    return result("wrong", f"printed {_shown(bytes(stdout.kept))}, not {_shown(expected)}")


def _shown(text: bytes) -> str:
    """The beginning of an output, for people."""
    return repr(text[:SHOWN].decode("utf-8", "replace")) + ("..." if text[SHOWN:] else "")
