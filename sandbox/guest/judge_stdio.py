"""Stdin/stdout tasks: each test is a process of its own, with its input in a file.

Task: {"kind": "stdio", "tests": [{"input", "output"}], "compare": {"rule":
"lines", "tol"?}, "limits": {"test_s", "total_s", "memory_mb"}, "every"?}. A test passes
if the printed text is right and the process ended with status 0. The first test that fails is
the last that runs, unless "every" asks how many pass. The rule
"livecodebench" is that of judge_livecodebench.py: programs get the publisher's
imports, and may leave with any status.
"""

from __future__ import annotations

from typing import Any, Dict, Optional

from . import channel, clock, codec, compare, compare_livecodebench
from .verdicts import Prepared, Result, Total, how_ended, player_limits, refused, result, told

LIVECODEBENCH = "livecodebench"
OUTPUT_SPARE = 1 << 20  # bytes beyond eight times the expected output


def prepare(task: Dict[str, Any], room: channel.Room) -> Prepared:
    """This task, ready for its samples."""
    if task["compare"]["rule"] not in ("lines", LIVECODEBENCH):
        raise compare.Unsupported(f"unknown comparison rule {task['compare']['rule']!r}")
    if not task["tests"]:
        raise ValueError("a task without tests cannot be graded")

    def grade(program: str) -> Dict[str, Result]:
        return {"base": _grade(program, task, room)}

    return Prepared(grade)


def _grade(program: str, task: Dict[str, Any], room: channel.Room) -> Result:
    tests, limits = task["tests"], task["limits"]
    end = clock.now() + limits["total_s"]
    total = Total()
    failed: Optional[Result] = None
    passed, starved = "", False
    for index, test in enumerate(tests):
        if failed is not None and clock.now() >= end:
            break
        deadline = min(clock.now() + limits["test_s"], end)
        found = _run(program, test, deadline, task, room)
        total.add(found)
        passed += "1" if found["verdict"] == "passed" else "0"
        starved = starved or bool(found.get("starved"))
        if found["verdict"] != "passed" and failed is None:
            failed = {**found, "failure": {"index": index, **_shown(test, found, task)}}
            if not task.get("every"):
                break
    extra = {"each": passed.ljust(len(tests), "0"), "starved": starved}
    more = {"extra": extra} if task.get("every") else {}
    return {**(failed or found), **total.taken, **more, **_count(passed.count("1"), tests)}


def _shown(test: Dict[str, str], found: Result, task: Dict[str, Any]) -> Dict[str, str]:
    if task["compare"]["rule"] != LIVECODEBENCH:
        given, expected = test["input"][:2000], test["output"][:2000]
        return {"input": given, "expected": expected, "got": found["stdout"]}
    told = {"input": test["input"], "expected": test["output"], "got": found["stdout"]}
    return {name: compare_livecodebench.shown(text) for name, text in told.items()}


def _count(done: int, tests: Any) -> Dict[str, int]:
    return {"tests_run": done, "tests_total": len(tests)}


def _run(
    program: str, test: Dict[str, str], deadline: float, task: Dict[str, Any], room: channel.Room
) -> Result:
    seconds = max(0.0, deadline - clock.now())
    player = room.start("stdio", player_limits(task["limits"], seconds))
    player.collected = bytearray()
    player.give(test["input"].encode("utf-8", "surrogateescape"))
    player.send(codec.encode([program, task["compare"]["rule"] == LIVECODEBENCH]))
    cap = 8 * len(test["output"]) + OUTPUT_SPARE
    found = _wait(player, deadline, cap)
    usage = player.finish()
    if found is None:
        found = _ended(usage, bytes(player.collected), test, task)
    found.update(
        **told(usage, player),
    )
    return found


def _wait(player: channel.Player, deadline: float, cap: int) -> Optional[Result]:
    """Drain until the process ends; a result only if it had to be cut short."""
    try:
        while player.exit is None:
            player.pump(deadline)
            if player.collected is not None and len(player.collected) > cap:
                return result("wrong", "printed far more than the expected output")
    except channel.TimeUp as late:
        return result("timeout", "time limit", starved=late.starved)
    except channel.Garbage as why:
        return refused(why)
    return None


def _ended(
    usage: Dict[str, Any], output: bytes, test: Dict[str, str], task: Dict[str, Any]
) -> Result:
    status = usage["status"]
    if usage.get("memory"):
        return result("memory", "killed for memory")
    if status:
        return result("error", how_ended(status))
    text = output.decode("utf-8", "replace").replace("\r\n", "\n")
    if task["compare"]["rule"] == LIVECODEBENCH:
        wrong = compare_livecodebench.wrong_text(text, test["output"])
        return result("wrong", wrong) if wrong else result("passed")
    if compare.same_lines(text, test["output"], float(task["compare"].get("tol") or 0)):
        return result("passed")
    return result("wrong", "wrong output")
