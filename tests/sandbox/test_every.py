"""Tests that go on after the first that failed: which pass is counted, the verdict stays."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from opencodeeval.core.types import Grade, Program, Style, SuiteResult, Task, Verdict
from opencodeeval.execution import open_sandbox
from opencodeeval.execution.guest import encoded

pytestmark = pytest.mark.timeout(120)

# Says that it is in the last call, then stalls: what the judge has not seen does not count.
CLAIMS = """
import mmap, os
def same(n):
    if n == 2:
        for name in os.listdir("/proc/self/fd"):
            pass
        import gc
        for each in gc.get_objects():
            if isinstance(each, mmap.mmap):
                each[:4] = (9).to_bytes(4, "little")
        while True:
            pass
    return n
"""
FORGES = """
import os
def same(n):
    return os.write(3, b'["v",9]\\n["v",9]\\n') if n == 4 else n or 1
"""
# Of ten calls 0 to 9: the function, which of them pass, and the verdict.
CALLS = {
    "right": ("def same(n): return n", "1111111111", Verdict.PASSED),
    "wrong at 3 and 7": ("def same(n): return -1 if n in (3, 7) else n", "1110111011", "wrong"),
    "raises at 0": ("def same(n): return n // bool(n) if n else 1 // n", "0111111111", "error"),
    "wrong, then dies": (
        "import os\ndef same(n): return os._exit(0) if n == 5 else n or 1",
        "0111100000",
        "wrong",
    ),
    "wrong, then forges": (
        FORGES,
        "0111000000",
        "wrong",
    ),
    "stalls at 6": ("def same(n):\n while n == 6: pass\n return n", "1111110000", "timeout"),
    "claims more than it did": (CLAIMS, "1100000000", "timeout"),
    "loads not": ("def other(n): return n", "0000000000", "error"),
}
# Without "every" their calls are answered in a batch, of which the replies are lost or forged.
ODD = ("wrong, then dies", "wrong, then forges", "claims more than it did")
SLEEPS = "import time\nn = input()\ntime.sleep(9 * (n == '0'))\nprint(n)"
SCRIPTS = {
    "right": ("print(input())", "1111", Verdict.PASSED),
    "wrong in 1": ("n = input()\nprint(9 if n == '1' else n)", "1011", "wrong"),
    "slow in 0": (SLEEPS, "0111", "timeout"),
    "slow in all": ("__import__('time').sleep(9)", "0000", "timeout"),
    "ends by itself": ("n = input()\nprint(n, flush=True)\n1 // int(n)", "0111", "error"),
}


def _calls(**more: Any) -> Task:
    limits = {"min_call_s": 0.5, "reference_factor": 0, "total_s": 3.0, "grace_s": 0.2}
    lines = encoded([n] for n in range(10))
    right = encoded(range(10))
    tests = {
        "kind": "calls",
        "entry_point": "same",
        "suites": [{"name": "base", "calls": lines, "expected": right}],
        "compare": {"rule": "value"},
        "limits": {**limits, "memory_mb": 256},
        **more,
    }
    return Task("every", Style.FUNCTION, "", "same", "", tests)


def _stdio(**more: Any) -> Task:
    tests = {
        "kind": "stdio",
        "tests": [{"input": f"{n}\n", "output": f"{n}\n"} for n in range(4)],
        "compare": {"rule": "lines"},
        "limits": {"test_s": 0.7, "total_s": 2.0, "memory_mb": 256},
        **more,
    }
    return Task("every", Style.STDIO, "", "", "", tests)


Pair = tuple[SuiteResult, SuiteResult]


@pytest.fixture(scope="module")
def results(local_jail: None) -> dict[str, Pair]:
    """Of each program its result with every test, and as it is without that."""
    asked = []
    for task, cases in ((_calls, CALLS), (_stdio, SCRIPTS)):
        for name, (code, _, _) in cases.items():
            for every in (True, False):
                asked.append((f"{task.__name__} {name}", task(every=every), code))

    async def run() -> list[Grade]:
        sandbox = open_sandbox("local", 2)
        try:
            programs = [
                Program("every", i, code, "program") for i, (_, _, code) in enumerate(asked)
            ]
            graded = [
                sandbox.grade(task, p) for (_, task, _), p in zip(asked, programs, strict=True)
            ]
            return await asyncio.gather(*graded)
        finally:
            await sandbox.close()

    suites = [grade.suites["base"] for grade in asyncio.run(run())]
    return {asked[at][0]: (suites[at], suites[at + 1]) for at in range(0, len(suites), 2)}


@pytest.mark.parametrize("name", CALLS)
def test_calls_go_on(results: dict[str, Pair], name: str) -> None:
    _, each, verdict = CALLS[name]
    found, plain = results[f"_calls {name}"]
    assert found.extra is not None
    assert found.extra["each"] == each
    assert found.tests_run == each.count("1")
    assert found.verdict is Verdict(verdict)
    assert plain.extra is None
    if name not in ODD:
        assert (plain.verdict, plain.failure) == (found.verdict, found.failure)


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_go_on(results: dict[str, Pair], name: str) -> None:
    _, each, verdict = SCRIPTS[name]
    found, plain = results[f"_stdio {name}"]
    assert found.extra is not None
    assert found.extra["each"] == each
    assert (found.verdict, plain.verdict) == (Verdict(verdict), Verdict(verdict))
    assert (found.tests_run, found.tests_total) == (each.count("1"), 4)
    assert found.failure == plain.failure
