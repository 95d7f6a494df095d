"""Unittest tasks inside the player: tests share the process with the sample.

What is reported here is claimed by a process that the sample runs in, so it is
hardened, not forge-proof: the judge knows which tests must report, every
report carries a keyed digest, the key and the tests arrive only after the
program was loaded and found not to have touched what tests are made of
(integrity.py), and that is checked again at the end.
"""

from __future__ import annotations

import builtins
import gc
import hashlib
import json
import sys
import types
import unittest
from functools import partial
from typing import Any, Callable, Dict

from . import builtins_of_tests, codec, control_run, integrity, libraries, player, unit_apart

# Held here so that a sample that replaces the names changes nothing.
_blake2b, _dumps, _type_name, _vars = hashlib.blake2b, json.dumps, codec.type_name, vars
_builtins = builtins
_TestCase, _Loader, _Skip = unittest.TestCase, unittest.TestLoader, unittest.SkipTest
# What a test may set for itself.
_SETTINGS = {"maxDiff", "longMessage", "__module__", "__doc__"}


def run() -> None:
    """Load the program, then the tests, run them one by one and report each.

    Requests: [program, entry_point, control, module], then [test source, key in hex,
    reference], the last where tests run apart.
    Replies: ["loaded"] or ["e", type name], then ["t", id, status, mac] for
    each test and ["done", note, mac]. In a control run every test is made to
    fail, and what the entry point returns is looked at.
    """
    program, entry_point, control, about = player.receive()
    for name in about.get("taken", ()):
        setattr(builtins, name, None)
    if "apart" in about:
        _run_apart(program, entry_point, about)
        return
    libraries.import_ahead(about["imports"])
    watch = integrity.Watch(about["name"], about.get("taken", ()), about["imports"])
    tests = _Tests(watch, control)
    for name in [name for name in sys.modules if name.partition(".")[0] == __package__]:
        del sys.modules[name]  # what the program has no business with
    try:
        namespace = load(program, about["name"], about["given"])
    except BaseException as error:
        player.complain(error)
        player.send('["e",%s]' % codec.encode(_type_name(error)))
        return
    tests.stop_tracing()
    note = tests.watch.changed()
    if note:
        player.send('["tampered",%s]' % codec.encode(note))
        return
    if control and callable(namespace.get(entry_point)):
        tests.probe = control_run.Probe(namespace[entry_point])
        namespace[entry_point] = tests.probe.function
    player.send('["loaded"]')
    test, key, _ = player.receive()
    _run_tests(test, key, namespace, tests)


class _Tests:
    """How a run of the tests is watched."""

    def __init__(self, watch: integrity.Watch, control: bool) -> None:
        self.watch, self.control = watch, control
        self.hidden, self.replaced = builtins_of_tests.hidden_builtins, builtins_of_tests.replaced
        self.with_builtins, self.names_in = builtins_of_tests.with_builtins, integrity.names_in
        self.must_fail, self.stop_tracing = control_run.must_fail, integrity.stop_tracing
        self.probe: Any = None

    def said(self) -> str:
        """What the judge should know of the run besides its outcomes."""
        return ""


def _run_apart(program: str, entry_point: str, about: Dict[str, Any]) -> None:
    """Run the tests where the program is not; requests and replies are those of `run`.

    The reference comes with the tests, when the program's process has been forked off.
    """
    process = unit_apart.start(program, entry_point, about)
    try:
        failed = process.loaded()
        if failed is not None:
            player.send('["e",%s]' % codec.encode(failed))
            return
        player.send('["loaded"]')
        test, key, reference = player.receive()
        # What tests use beside the entry point is the task's own, never the program's.
        namespace = load(reference, about["name"], about["given"])
        add_imports(namespace, about["apart"])
        unit_apart.closed_to_the_program()
        unit_apart.stand_ins(process, entry_point, namespace)
        _run_tests(test, key, namespace, _Apart(process))
    finally:
        process.end()


class _Unchanged:
    """Nothing of the program is where these tests run."""

    def changed(self, named: Any = (), mocks: bool = False) -> str:
        return ""


class _Apart:
    """A run of tests that need no watching."""

    watch, control, probe = _Unchanged(), False, None

    def __init__(self, process: unit_apart.Program) -> None:
        self.process = process

    def said(self) -> str:
        return "changes" if self.process.changes else ""

    def hidden(self, code: Any, namespace: Any) -> Any:
        return set()

    def names_in(self, code: Any) -> Any:
        return set()

    def replaced(self, namespace: Any) -> bool:
        return False


def load(program: str, name: str, given: Dict[str, str]) -> Dict[str, Any]:
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


def add_imports(namespace: Dict[str, Any], statements: str) -> None:
    """Have a namespace the imports of tests, which programs may use: they would share it."""
    for statement in statements.splitlines():
        try:
            exec(statement, namespace)
        except Exception:  # whoever uses the name will say so
            continue


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


def _run_tests(test: str, key: str, namespace: Dict[str, Any], tests: Any) -> None:
    report = _reporter(key, sys._getframe())
    del key
    try:
        code = compile(test, "test.py", "exec", dont_inherit=True)
        hidden = tests.hidden(code, namespace)
        if hidden:
            code = tests.with_builtins(test, hidden, namespace)
            hidden = tests.hidden(code, namespace)
        # Tests get the interpreter's own, not what the program may have put there.
        namespace["__builtins__"] = _builtins
        exec(code, namespace)
        cases = namespace["TestCases"]
        names = _Loader().getTestCaseNames(cases)
        if tests.probe is not None:
            tests.probe.look = partial(tests.watch.libraries.changes, tests.names_in(code))
        if tests.control:
            tests.must_fail(cases, names)
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
    hidden |= tests.hidden(code, namespace)
    note = tests.watch.changed(tests.names_in(code), mocks=True)
    if not note and namespace.get("__builtins__") is not _builtins:
        note = "builtins of the program's own"
    if not note and tests.replaced(namespace):
        note = "builtins of the program's own"
    if not note and hidden:
        note = f"tests get a {min(hidden)} of the program's own"
    if not note and tests.probe is not None:
        note = tests.probe.note
    report("done", tests.said(), note)


def _outcome(cases: Any, name: str) -> str:
    """Run one test; "ok" only where its method came to its end and nothing else failed.

    Not left to TestCase.run: what that takes for a success can be changed from inside a
    test, and an exception of its own ends a test without any outcome.
    """
    test = cases(name)
    method = getattr(cases, name)
    fails = getattr(method, "__unittest_expecting_failure__", False) or getattr(
        cases, "__unittest_expecting_failure__", False
    )
    if _skipped(cases, method):
        return "skip"
    begin = getattr(test, "_setupAsyncioRunner", None) or getattr(test, "_setupAsyncioLoop", None)
    end = getattr(test, "_tearDownAsyncioRunner", None) or getattr(
        test, "_tearDownAsyncioLoop", None
    )
    if begin is not None:
        begin()
    try:
        status = _part(test._callSetUp)
        if status == "ok":
            status = _part(partial(test._callTestMethod, getattr(test, name)))
            if fails:
                status = "ok" if status in ("fail", "error") else "fail"
            status = _worse(status, _part(test._callTearDown))
        while test._cleanups:
            status = _worse(status, _part(partial(_clean_up, test, *test._cleanups.pop())))
    finally:
        if end is not None:
            end()
    return "not run" if _altered(test, cases) else status


def _clean_up(test: Any, function: Any, args: Any, kwargs: Any) -> None:
    test._callCleanup(function, *args, **kwargs)


def _part(work: Callable[[], Any]) -> str:
    """How a part of a test ended."""
    try:
        work()
    except _Skip:
        return "skip"
    except MemoryError as error:
        player.complain(error)
        return "memory"
    except _TestCase.failureException as error:
        player.complain(error)
        return "fail"
    except BaseException as error:
        player.complain(error)
        return "error"
    return "ok"


def _worse(status: str, other: str) -> str:
    return other if status == "ok" else status


def _skipped(cases: Any, method: Any) -> bool:
    return bool(
        getattr(cases, "__unittest_skip__", False) or getattr(method, "__unittest_skip__", False)
    )


def _altered(test: Any, cases: Any) -> bool:
    """Whether an instance has something of its own where tests find the framework's methods."""
    own = _vars(test).keys() & (_vars(_TestCase).keys() - _SETTINGS)
    return type(test) is not cases or bool(own)
