"""Programs that are only run: what they print and how they end goes to whoever asked.

Task: {"kind": "run", "file" (the program's), "compile" and "command" (argument lists; an empty
"compile" for none, an empty "command" for a program in Python, which a warm player runs),
"input", "files" (path: base64), "fetch" (paths of files to be given back), "limits"
{"compile_s", "run_s", "total_s", "memory_mb"}}.

There is no test here, so "passed" says that every command ended with status 0, which a program
may do at will. What it printed is in "extra": bytes in base64, for the host executes none of it.
"""

from __future__ import annotations

import base64
from typing import Any, Dict, List, Optional, Tuple

from . import channel, clock, codec
from .judge_program import wait
from .verdicts import (
    TAKEN,
    Prepared,
    Result,
    command_limits,
    exit_code,
    how_ended,
    player_limits,
    result,
    told,
)

# Bytes that are kept of what a run and a compiler print to each stream; the rest is read and
# thrown away. With FETCHED and base64 they fit into the answer that the host takes.
KEPT, KEPT_OF_COMPILERS = 1 << 20, 1 << 16
# Bytes of all files that are given back.
FETCHED = 2 << 20
FETCH_S = 10.0


class Head(channel.Tail):
    """A stream of which the first bytes are kept."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most, self.kept = most, bytearray()

    def add(self, part: bytes) -> None:
        """Take what was read."""
        super().add(part)
        self.kept += part[: max(0, self.most - len(self.kept))]


def prepare(task: Dict[str, Any], room: channel.Room) -> Prepared:
    """This task, ready for its programs."""
    files = {name: base64.b64decode(text) for name, text in task["files"].items()}

    def grade(program: str) -> Dict[str, Result]:
        return {"base": _Run(program, task, files, room).result()}

    return Prepared(grade)


class _Run:
    """One program, compiled if its language is, and run."""

    def __init__(
        self, program: str, task: Dict[str, Any], files: Dict[str, bytes], room: channel.Room
    ) -> None:
        source = program.encode("utf-8", "surrogatepass")
        self.program, self.task, self.room = program, task, room
        # A warm player writes what it runs by itself.
        self.files = {**files, task["file"]: source} if task["command"] else files

    def result(self) -> Result:
        """The verdict, and in "extra" what each command did."""
        extra: Dict[str, Any] = {"compile": None, "run": None, "files": {}}
        found: Optional[Result] = None
        fetch = self.task["fetch"]
        if self.task["compile"]:
            found, extra["compile"] = self._do("compile", keep=True)
        if found is None or found["verdict"] == "passed":
            # Not of the compiler: only the run is what was asked for.
            found, extra["run"] = self._do("command", keep=bool(fetch))
            if fetch:
                extra["files"] = self._fetched(fetch)
        return {**found, "extra": extra}

    def _do(self, name: str, keep: bool) -> Tuple[Result, Dict[str, Any]]:
        """Run one command in a player of its own; its verdict, and what it did."""
        is_run = name == "command"
        seconds = float(self.task["limits"]["run_s" if is_run else "compile_s"])
        command: List[str] = self.task[name]
        # A program in Python is run by a warm player.
        limits_of = command_limits if command else player_limits
        player = self.room.start("run", limits_of(self.task["limits"], seconds))
        kept = KEPT if is_run else KEPT_OF_COMPILERS
        stdout, stderr = Head(kept), Head(kept)
        player.stdout, player.stderr = stdout, stderr
        player.give(self.task["input"].encode("utf-8", "surrogateescape") if is_run else b"")
        # Compilers leave the program where it is.
        files = self.files if not is_run or not self.task["compile"] else {}
        player.send(codec.encode([files, command, self.program if not command else ""]))
        found = wait(player, seconds)
        usage = player.finish(keep)
        ended = found is None
        if usage.get("memory"):
            found, ended = result("memory", "killed for memory"), True
        if found is None:
            status = usage["status"]
            found = result("error", how_ended(status)) if status else result("passed")
        found.update(told(usage, player))
        # A command that could not be started has said so, but not to its own stderr.
        why = b"" if ended or found["verdict"] == "timeout" else found["detail"].encode() + b"\n"
        return found, {
            "verdict": found["verdict"],
            "status": exit_code(usage["status"]) if ended else None,
            **{name: usage[name] for name in TAKEN},
            "stdout": base64.b64encode(stdout.kept).decode("ascii"),
            "stderr": base64.b64encode(why + bytes(stderr.kept)).decode("ascii"),
        }

    def _fetched(self, names: List[str]) -> Dict[str, str]:
        """Files of the ended program, read with its own rights; those that are there."""
        player = self.room.start("fetch", player_limits(self.task["limits"], FETCH_S))
        player.max_line = 2 * FETCHED + (1 << 20)
        player.send(codec.encode([names, FETCHED]))
        try:
            kind, *body = channel.parse(player.line(clock.now() + FETCH_S))
            found = codec.from_tree(body[0], codec.MAX_NODES) if kind == "v" else {}
        except (channel.TimeUp, channel.Gone, channel.Garbage, codec.Malformed):
            found = {}
        player.finish()
        return {
            name: base64.b64encode(data).decode("ascii")
            for name, data in found.items()
            if name in names and type(data) is bytes
        }
