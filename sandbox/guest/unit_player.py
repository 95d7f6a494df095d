"""Unittest tasks inside the player: tests share the process with the sample.

What is reported here is claimed by a process that the sample runs in, so it is
hardened, not forge-proof: the judge knows which tests must report, every
report carries a keyed digest, the key and the tests arrive only after the
program was loaded and found not to have touched unittest, builtins or tracing,
and that is checked again at the end.
"""

from __future__ import annotations

import builtins
import gc
import hashlib
import json
import sys
import types
import unittest
import unittest.case
import unittest.loader
import unittest.mock
import unittest.result
import unittest.suite
from typing import Any, Callable, Dict, List, Tuple

from . import codec, player

_WATCHED: Tuple[Any, ...] = (
    unittest,
    unittest.case,
    unittest.loader,
    unittest.result,
    unittest.suite,
    unittest.TestCase,
    unittest.TestResult,
    unittest.TestLoader,
    unittest.TestSuite,
    unittest.case._Outcome,  # type: ignore[attr-defined]
    unittest.case._AssertRaisesContext,
    unittest.case._AssertRaisesBaseContext,
    unittest.mock.NonCallableMock,
    builtins,
)

# Held here so that a sample that replaces the names changes nothing.
_blake2b, _dumps, _type_name, _vars = hashlib.blake2b, json.dumps, codec.type_name, vars
_TestCase, _Loader = unittest.TestCase, unittest.TestLoader
# Written by unittest itself, or by the interpreter, in honest runs.
_VOLATILE = {"__warningregistry__", "_", "__cached__", "_results", "_classSetupFailed"}
_EXTENSIONS = "__pybind11_internals_"  # extension modules keep what they share in builtins


def _snapshot() -> List[Dict[str, Any]]:
    return [
        {
            k: v
            for k, v in dict(_vars(thing)).items()
            if k not in _VOLATILE and not k.startswith(_EXTENSIONS)
        }
        for thing in _WATCHED
    ] + [
        {k: v.__code__ for k, v in _vars(thing).items() if type(v) is types.FunctionType}
        for thing in _WATCHED
    ]


def _tampered(before: List[Dict[str, Any]]) -> str:
    """What differs from the pristine state, or an empty string."""
    if sys.gettrace() is not None or sys.getprofile() is not None:
        return "tracing is on"
    for thing, old, new in zip(_WATCHED * 2, before, _snapshot()):
        if old.keys() != new.keys() or any(old[key] is not new[key] for key in old):
            return f"{getattr(thing, '__name__', 'module')} was changed"
    return ""


def run() -> None:
    """Load the program, then the tests, run them one by one and report each.

    Requests: [program, entry_point, decoy, module], then [test source, key in hex].
    Replies: ["loaded"] or ["e", type name], then ["t", id, status, mac] for
    each test and ["done", note, mac]. With `decoy` the entry point is replaced
    by a function that raises: an honest run of the tests must notice.
    """
    program, entry_point, decoy, about = player.receive()
    for name in about.get("taken", ()):
        setattr(builtins, name, None)
    before = _snapshot()
    try:
        namespace = _load(program, about["name"], about["given"])
    except BaseException as error:
        player.complain(error)
        player.send('["e",%s]' % codec.encode(_type_name(error)))
        return
    note = _tampered(before)
    if note:
        player.send('["tampered",%s]' % codec.encode(note))
        return
    if decoy:
        namespace[entry_point] = _decoy
    player.send('["loaded"]')
    test, key = player.receive()
    _run_tests(test, key, namespace, before)


def _load(program: str, name: str, given: Dict[str, str]) -> Dict[str, Any]:
    """Execute the program as the module that the task asks for; its namespace."""
    module = player.new_module(name)
    for short, path in given.items():
        top, *rest = path.split(".")
        found = __import__(top)
        for part in rest:
            found = getattr(found, part)
        setattr(module, short, found)
    player.execute(program, module)
    return module.__dict__


def _decoy(*_: Any, **__: Any) -> Any:
    raise RuntimeError("the decoy was called")


def _reporter(key: str, owner: types.FrameType) -> Callable[[str, str, str], None]:
    """Sends each outcome with a keyed digest over it and its place in the order.

    Only the frame `owner` may report: whoever else finds the function in
    memory and calls it gives itself away.
    """
    base, count = _blake2b(key=bytes.fromhex(key), digest_size=16), 0
    caller, dumps, send, leave = sys._getframe, _dumps, player.send, player._exit

    def report(kind: str, name: str, status: str) -> None:
        nonlocal count
        if caller(1) is not owner:
            send('["tampered"]')
            leave(0)
        mac = base.copy()
        mac.update(dumps([count, kind, name, status]).encode())
        count += 1
        send(dumps([kind, name, status, mac.hexdigest()]))

    return report


def _run_tests(
    test: str, key: str, namespace: Dict[str, Any], before: List[Dict[str, Any]]
) -> None:
    report = _reporter(key, sys._getframe())
    del key
    try:
        exec(compile(test, "test.py", "exec"), namespace)
        cases = namespace["TestCases"]
        names = _Loader().getTestCaseNames(cases)
    except BaseException as error:
        player.complain(error)
        report("done", "", f"tests could not be loaded: {_type_name(error)}")
        return
    try:
        cases.setUpClass()
    except BaseException as error:
        player.complain(error)
        report("done", "", f"setUpClass: {_type_name(error)}")
        return
    for name in names:
        report("t", name, _outcome(cases, name))
    try:
        cases.tearDownClass()
    except BaseException as error:
        player.complain(error)
        report("done", "", f"tearDownClass: {_type_name(error)}")
        return
    gc.collect()
    report("done", "", _tampered(before))


class _Result(unittest.TestResult):
    """Remembers whether anything but success happened, and prints why."""

    def __init__(self) -> None:
        super().__init__()
        self.status = "ok"

    def addError(self, test: Any, err: Any) -> None:
        self.status = "memory" if err[0] is MemoryError else "error"
        player.complain(err[1])

    def addFailure(self, test: Any, err: Any) -> None:
        self.status = "fail"
        player.complain(err[1])

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        if err is not None:
            self.addFailure(test, err)

    def addSkip(self, test: Any, reason: str) -> None:
        self.status = "skip"

    def addUnexpectedSuccess(self, test: Any) -> None:
        self.status = "fail"


def _outcome(cases: Any, name: str) -> str:
    found = _Result()
    fields = set(_vars(found))
    try:
        _TestCase.run(cases(name), found)
    except BaseException as error:
        player.complain(error)
        return "error"
    if type(found) is not _Result or set(_vars(found)) != fields:
        return "not run"
    return found.status if found.testsRun == 1 else "not run"
