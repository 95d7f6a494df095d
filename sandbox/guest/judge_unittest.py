"""Unittest tasks: every test that must run has to report that it passed.

Task: {"kind": "unittest", "entry_point", "test", "reference", "limits":
{"total_s", "memory_mb"}, "must_run"?, "module"?}. The tests that must run are
named in "must_run", or are those that a run of the reference reports, which
must then pass. "module" ({"name", "given", "taken"?}) is what the program is loaded
as: its name, names in it with the dotted path of what they stand for, and
builtins that are None. See unit_player.py for what this can and cannot promise.
"""

from __future__ import annotations

import ast
import hashlib
import hmac
import json
import os
import warnings
from functools import lru_cache
from typing import Any, Dict, List, Optional, Set, Tuple

from . import channel, clock, codec
from .verdicts import Prepared, Result, error_result, player_limits, refused, result, told

_TICK = os.sysconf("SC_CLK_TCK")
# What is known of a task, for another time: whether its tests can run apart from the program.
APART, TOGETHER = b"apart", b"together"
# Apart, but the reference does not pass where tests see what it does to its arguments.
UNSEEN = b"apart, changes unseen"
MAX_REPORT = 1 << 16  # bytes of a report: names of tests are short
CONTROLS = 2  # a control run that did not come to its end is tried again
REFERENCE_FACTOR = 5.0  # the reference run may take this many times a sample's limit


class _Outcome:
    """What one run of the tests reported."""

    def __init__(self) -> None:
        self.statuses: Dict[str, str] = {}
        self.found: Dict[str, Any] = {}
        # Whether a program apart from its tests has changed or returned an argument.
        self.changes = False
        # Processor seconds of the player when it had loaded, and when the tests had ended.
        self.loaded: Optional[float] = None
        self.ended: Optional[float] = None

    def ok(self) -> Set[str]:
        return {name for name, status in self.statuses.items() if status == "ok"}


def prepare(task: Dict[str, Any], room: channel.Room) -> Prepared:
    """This task, ready for its samples; runs the reference to learn the tests' ids."""
    wanted, known = set(task.get("must_run", ())), task.get("known")
    place, passed = (known, set()) if known else _place(task, wanted, room)
    apart = place != TOGETHER
    wanted = wanted or passed or _of_reference(task, room, apart)
    # These do pass where every test is made to fail.
    contrary: Optional[Set[str]] = None if "expectedFailure" in task["test"] else set()

    def grade(program: str) -> Dict[str, Result]:
        nonlocal contrary
        run = _run(program, task, room, apart=apart)
        found = _verdict(run, wanted)
        if found["verdict"] == "passed" and run.changes and place == APART:
            run = _run(program, task, room, apart=True, seen=True)
            found = _seen(found, _verdict(run, wanted))
        if found["verdict"] == "passed" and not apart:
            if contrary is None:
                contrary = _run(task["reference"], task, room, control=True).ok()
            found.update(_controlled(program, task, room, wanted - contrary))
        found.update(tests_run=len(run.ok() & wanted), tests_total=len(wanted), apart=apart)
        return {"base": found}

    return Prepared(grade, None if known else place)


def _place(task: Dict[str, Any], wanted: Set[str], room: channel.Room) -> Tuple[bytes, Set[str]]:
    """Where the tests can run, and those that the reference passes there, if they run apart.

    They run apart where the reference passes all of them, and no others than are wanted.
    """
    run = _run(task["reference"], _patient(task), room, apart=True)
    passed = run.ok()
    if not passed or _verdict(run, wanted or passed)["verdict"] != "passed":
        return TOGETHER, set()
    if run.changes:
        run = _run(task["reference"], _patient(task), room, apart=True, seen=True)
        if _verdict(run, wanted or passed)["verdict"] != "passed":
            return UNSEEN, passed
    return APART, passed


def _seen(blind: Result, seen: Result) -> Result:
    """The verdict about a program that passes tests which do not see what it does to arguments.

    It has to pass those that do see it too. They alone are not enough: a program that empties
    its arguments would pass where a test computes from them what it expects.
    """
    if seen["verdict"] == "passed":
        return {**blind, "control_cpu_s": seen.get("tests_cpu_s", 0.0)}
    return {**seen, "detail": f"where tests see what it does to arguments: {seen['detail']}"}


@lru_cache(maxsize=4)  # asked for by every sample of a task
def _tree(test: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of escapes in published strings
        return ast.parse(test)


def _imports(test: str) -> str:
    """The imports at the top of tests, one a line."""
    body = _tree(test).body
    found = [ast.unparse(node) for node in body if isinstance(node, (ast.Import, ast.ImportFrom))]
    return "\n".join(found)


def _imported(test: str) -> List[str]:
    """The modules that tests import, anywhere in them."""
    found: Set[str] = set()
    for node in ast.walk(_tree(test)):
        if isinstance(node, ast.Import):
            found.update(each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
    return sorted(found)


def _controlled(
    program: str, task: Dict[str, Any], room: channel.Room, must_fail: Set[str]
) -> Result:
    """What a second run, in which every test has to fail, changes of a pass.

    That is nothing but what its tests have used, if all of them failed. Whoever reports in the
    tests' place reports a pass here too.
    """
    spent = 0.0
    for _ in range(CONTROLS):
        run = _run(program, task, room, control=True)
        spent += run.found.get("tests_cpu_s", 0.0)
        if run.ok() & must_fail:
            return result("forged", "tests are reported as passed that must fail")
        if run.found["verdict"] in ("passed", "forged"):
            break
    if run.found["verdict"] == "passed":
        return {"control_cpu_s": spent}
    detail = f"in a second run: {run.found['detail']}"
    return result(run.found["verdict"], detail, starved=run.found.get("starved", False))


def _of_reference(task: Dict[str, Any], room: channel.Room, apart: bool) -> Set[str]:
    """The tests that the reference runs, and passes."""
    reference = _run(task["reference"], _patient(task), room, apart=apart)
    wanted = reference.ok()
    if not wanted or wanted != set(reference.statuses) or reference.found["verdict"] != "passed":
        raise ValueError(f"the reference does not pass its own tests: {reference.found}")
    return wanted


def _patient(task: Dict[str, Any]) -> Dict[str, Any]:
    """The task with the time that its reference may take."""
    seconds = task["limits"]["total_s"] * REFERENCE_FACTOR
    return {**task, "limits": {**task["limits"], "total_s": seconds}}


def _verdict(run: _Outcome, wanted: Set[str]) -> Result:
    if run.found["verdict"] != "passed":
        return run.found
    bad = [name for name in sorted(wanted) if run.statuses.get(name) not in ("ok", None)]
    if bad:
        status = run.statuses[bad[0]]
        if status in ("skip", "not run"):
            return {**run.found, "verdict": "forged", "detail": f"{bad[0]}: {status}"}
        kind = {"fail": "wrong", "memory": "memory"}.get(status, "error")
        failure = {"index": sorted(wanted).index(bad[0]), "input": bad[0]}
        detail = f"{bad[0]}: {status[:80]}"
        return {**run.found, "verdict": kind, "detail": detail, "failure": failure}
    if set(run.statuses) != wanted:
        return {**run.found, "verdict": "forged", "detail": "other tests ran than must run"}
    return run.found


def _run(
    program: str,
    task: Dict[str, Any],
    room: channel.Room,
    control: bool = False,
    apart: bool = False,
    seen: bool = False,
) -> _Outcome:
    seconds = task["limits"]["total_s"]
    player = room.start("unittest", player_limits(task["limits"], seconds))
    player.max_line = MAX_REPORT
    outcome = _Outcome()
    end = clock.now() + seconds
    try:
        module = task.get("module", {"name": "solution", "given": {}})
        if apart:
            module = {**module, "apart": _imports(task["test"]), "seen": seen}
        else:
            module = {**module, "imports": _imported(task["test"])}
        asked = [program, task["entry_point"], control, module]
        tests = [task["test"], task["reference"] if apart else ""]
        outcome.found = _talk(player, asked, tests, end, outcome)
    except channel.TimeUp as late:
        outcome.found = result("timeout", "time limit", starved=late.starved)
    except channel.Gone:
        outcome.found = result("error", "ended before all tests had reported")
    except (channel.Garbage, codec.Malformed) as why:
        outcome.found = refused(why)
    usage = player.finish()
    if usage.get("memory") and outcome.found["verdict"] == "error":
        outcome.found = result("memory", "killed for memory")
    if outcome.loaded is not None:
        ended = usage["cpu_s"] if outcome.ended is None else outcome.ended
        outcome.found["tests_cpu_s"] = max(0.0, ended - outcome.loaded)
    outcome.found.update(
        **told(usage, player),
    )
    return outcome


def _talk(
    player: channel.Player,
    asked: List[Any],
    tests: List[str],
    end: float,
    outcome: _Outcome,
) -> Result:
    player.send(codec.encode(asked))
    kind, *body = channel.parse(player.line(end))
    if kind == "tampered":
        return result("forged", "changed the test framework while loading")
    if kind != "loaded" or body:
        return error_result(kind, body)
    if player.lines or player.partial:
        raise channel.Garbage("reports before the tests")
    outcome.loaded = _spent(player.pid)
    key = os.urandom(32)
    test, reference = tests
    player.send(codec.encode([test, key.hex(), reference]))
    for count in range(10_000):
        kind, name, status = _report(player.line(end), key, count)
        if kind == "done":
            outcome.ended, outcome.changes = _spent(player.pid), name == "changes"
            return _done(status)
        if name in outcome.statuses:
            raise channel.Garbage("a test reported twice")
        outcome.statuses[name] = status
    raise channel.Garbage("endless reports")


def _spent(pid: int) -> float:
    """Processor seconds of a process and of its children that ended; at least of its main thread.

    The sum comes in hundredths of a second, rounded down; the main thread's is exact.
    """
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            ticks = sum(map(int, file.read().rpartition(b")")[2].split()[11:15]))
        with open(f"/proc/{pid}/schedstat", "rb") as file:
            main = int(file.read().split()[0])
    except (OSError, ValueError, IndexError):
        return 0.0
    return max(ticks / _TICK, main / 1e9)


def _report(line: bytes, key: bytes, count: int) -> List[str]:
    reply = channel.parse(line)
    if len(reply) != 4 or not all(type(part) is str for part in reply):
        raise channel.Garbage("not a report")
    *said, mac = reply
    right = hashlib.blake2b(key=key, digest_size=16)
    right.update(json.dumps([count, *said]).encode())
    if not hmac.compare_digest(right.hexdigest().encode(), mac.encode("utf-8", "replace")):
        raise channel.Garbage("a report without the key")
    return said


def _done(note: str) -> Result:
    if not note:
        return result("passed")
    if note.startswith(("setUpClass", "tearDownClass", "tests could not")):
        return result("error", note[:200])
    return result("forged", note[:200])
