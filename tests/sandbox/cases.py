"""The tasks of the conformance suite, and what a case of it is."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from opencodeeval.core.types import Program, Style, Task, Verdict
from opencodeeval.execution.guest import encoded

PASSED = frozenset({Verdict.PASSED})
WRONG = frozenset({Verdict.WRONG})
ERROR = frozenset({Verdict.ERROR})
TIMEOUT = frozenset({Verdict.TIMEOUT})
MEMORY = frozenset({Verdict.MEMORY})
FORGED = frozenset({Verdict.FORGED})
REJECTED = WRONG | ERROR | TIMEOUT | MEMORY | FORGED
# For programs that may be right: what counts is what they do to everything else.
ANY = PASSED | REJECTED

# A process that a program starts under this name must be gone when its sample ends. Other tests
# may run the same program at the same time.
TRACE = f"left-by-a-sample-of-{os.getpid()}"

_MEMORY_MB = 512
_CALL_LIMITS = {
    "min_call_s": 0.6,
    "reference_factor": 4.0,
    "total_s": 1.2,
    "grace_s": 0.3,
    "memory_mb": _MEMORY_MB,
}


@dataclass(frozen=True)
class Case:
    """One program, the task that it answers, and the verdicts that are right for it."""

    name: str
    task: str
    code: str
    accept: frozenset[Verdict]


def _digests(count: int) -> list[str]:
    return [hashlib.sha256(f"unguessable {i}".encode()).hexdigest() for i in range(count)]


# No program can compute these answers: one that passes has stolen or forged them.
ORACLE_ANSWERS = _digests(5)

_UNIT_TEST = """
import unittest
from unittest.mock import patch

class TestCases(unittest.TestCase):
    def test_counts(self):
        self.assertEqual(count_words("a b a"), {"a": 2, "b": 1})

    def test_empty(self):
        self.assertEqual(count_words(""), {})

    def test_prints_how_many(self):
        with patch("builtins.print") as printed:
            count_words("x y z")
        printed.assert_called_once_with(3)
"""

UNIT_REFERENCE = """
from collections import Counter

def count_words(text):
    words = text.split()
    print(len(words))
    return dict(Counter(words))
"""

_ARRAY_TEST = """
import unittest
import numpy as np
from numpy.testing import assert_allclose

class Marked:
    def __array__(self, *types, **named):
        return np.array([1.0])

class TestCases(unittest.TestCase):
    def test_close(self):
        assert_allclose(doubled([1, 2]), [2.0, 4.0])

    def test_length(self):
        self.assertEqual(len(doubled([1, 2, 3])), 3)
        self.assertTrue(np.allclose(doubled([3]), [6]))

    @unittest.expectedFailure
    def test_of_what_is_not_promised(self):
        self.assertEqual(doubled("ab"), "aabb")

    def test_class_of_its_own(self):
        # Does not cross by value: these tests stay in the program's process.
        np.testing.assert_allclose(doubled(Marked()), [2.0])
"""

_ARRAY_REFERENCE = """
import numpy as np

def doubled(values):
    return np.array(values) * 2.0
"""


# Counted in the program's process, for `print` is patched.
_ROWS_TEST = """
import unittest
from unittest.mock import patch

class TestCases(unittest.TestCase):
    def test_counted(self):
        self.assertEqual(len(rows(3)), 3)
        self.assertEqual(sum(each["k"] for each in rows(3)), 3)
        self.assertEqual(max(each["k"] for each in rows(3)), 2)
        self.assertEqual(sorted(each["k"] for each in rows(2)), [0, 1])

    def test_prints(self):
        with patch("builtins.print") as printed:
            rows(1)
        printed.assert_called_once_with(1)
"""
_ROWS_REFERENCE = """
def rows(n):
    print(n)
    return [{"k": i} for i in range(n)]
"""

# Apart from the program.
_UPTO_TEST = """
import unittest

class TestCases(unittest.TestCase):
    def test_collection(self):
        found = upto(3)
        self.assertEqual(set(found), {0, 1, 2})
        self.assertEqual(len(found), 3)
        self.assertIn(2, found)
        self.assertNotIn(3, found)
"""
_UPTO_REFERENCE = "def upto(n):\n    return set(range(n))\n"

_ROOT_TEST = """
import unittest

class TestCases(unittest.TestCase):
    def test_value(self):
        self.assertEqual(root(9), 3)

    def test_negative(self):
        with self.assertRaises(ValueError) as raised:
            root(-1)
        self.assertIn("negative", str(raised.exception))
"""
_ROOT_REFERENCE = """
def root(n):
    if n < 0:
        raise ValueError("negative")
    return int(n ** 0.5)
"""

_MOMENT_TEST = """
import datetime
import unittest

class TestCases(unittest.TestCase):
    def test_moment(self):
        utc = datetime.timezone.utc
        self.assertEqual(moment(5), datetime.datetime(1970, 1, 1, 0, 0, 5, tzinfo=utc))
        self.assertEqual(moment(5).utcoffset(), datetime.timedelta(0))
"""
_MOMENT_REFERENCE = """
import datetime

def moment(n):
    return datetime.datetime.fromtimestamp(n, datetime.timezone.utc)
"""


def _calls(entry_point: str, reference: str, suite: Mapping[str, Any]) -> Task:
    tests = {
        "kind": "calls",
        "entry_point": entry_point,
        "reference": reference,
        "suites": [{"name": "base", **suite}],
        "compare": {"rule": "value"},
        "limits": _CALL_LIMITS,
    }
    return Task(entry_point, Style.FUNCTION, "", entry_point, reference, tests)


def _stated(entry_point: str, arguments: list[int], expected: list[Any]) -> Task:
    """A task whose expected values come with it."""
    calls = {"calls": encoded([each] for each in arguments), "expected": encoded(expected)}
    return _calls(entry_point, "", calls)


def _stdio(name: str, reference: str, tests: list[dict[str, str]]) -> Task:
    spec = {
        "kind": "stdio",
        "tests": tests,
        "compare": {"rule": "lines"},
        "limits": {"test_s": 1.5, "total_s": 3.0, "memory_mb": _MEMORY_MB},
    }
    return Task(name, Style.STDIO, "", "", reference, spec)


def _check() -> Task:
    reference = "def half(n):\n    return n / 2\n"
    tests = {
        "kind": "check",
        "entry_point": "half",
        "helpers": reference,
        "test": (
            "def check(candidate):\n"
            "    assert abs(candidate(3) - 1.5) < 1e-6\n"
            "    assert candidate(4) == 2\n"
            "    assert [candidate(1)] == [0.5]\n"
        ),
        "limits": {"total_s": 1.5, "memory_mb": _MEMORY_MB},
    }
    return Task("half", Style.FUNCTION, "", "half", reference, tests)


def _unit(entry_point: str, test: str, reference: str) -> Task:
    tests = {
        "kind": "unittest",
        "entry_point": entry_point,
        "test": test,
        "reference": reference,
        "limits": {"total_s": 3.0, "memory_mb": _MEMORY_MB},
    }
    return Task(entry_point, Style.UNITTEST, "", entry_point, reference, tests)


_SUM = "import sys\nprint(sum(map(int, sys.stdin.read().split())))\n"
_TRIPLE = "def triple(n):\n    return n * 3\n"
_ORACLE = f"def oracle(n):\n    return {json.dumps(ORACLE_ANSWERS)}[n]\n"

TASKS: Mapping[str, Task] = {
    "triple": _calls("triple", _TRIPLE, {"calls": encoded([[1], [7], [-4], [100], [3]])}),
    # The reference is no use here: what is expected comes with the task.
    "oracle": _calls(
        "oracle",
        "def oracle(n):\n    raise LookupError\n",
        {"calls": encoded([n] for n in range(5)), "expected": encoded(ORACLE_ANSWERS)},
    ),
    "table": _stated("table", [1, 5], [{"a": 1, "b": 2}, {"a": 5, "b": 10}]),
    "following": _stated("following", [0, 5], [[0, 1], [5, 6]]),
    "word": _stated("word", [0, 3, 2000], ["", "www", "w" * 2000]),
    "half": _check(),
    "sum": _stdio(
        "sum",
        _SUM,
        [{"input": "1 2 3\n", "output": "6\n"}, {"input": "10\n-4\n", "output": "6\n"}],
    ),
    "constant": _stdio("constant", "print(42)", [{"input": "x\n" * 300_000, "output": "42\n"}]),
    "unit": _unit("count_words", _UNIT_TEST, UNIT_REFERENCE),
    "array": _unit("doubled", _ARRAY_TEST, _ARRAY_REFERENCE),
    "rows": _unit("rows", _ROWS_TEST, _ROWS_REFERENCE),
    "upto": _unit("upto", _UPTO_TEST, _UPTO_REFERENCE),
    "root": _unit("root", _ROOT_TEST, _ROOT_REFERENCE),
    "moment": _unit("moment", _MOMENT_TEST, _MOMENT_REFERENCE),
}

# Plain right and plain wrong programs, to be graded between the others.
RIGHT: Mapping[str, str] = {
    "table": "def table(n):\n    return {'a': n, 'b': 2 * n}\n",
    "following": "def following(n):\n    return [n, n + 1]\n",
    "word": "def word(n):\n    return 'w' * n\n",
    "triple": _TRIPLE,
    "oracle": _ORACLE,
    "half": TASKS["half"].reference,
    "sum": _SUM,
    "constant": "print(42)\n",
    "unit": UNIT_REFERENCE,
    "array": _ARRAY_REFERENCE,
    "rows": _ROWS_REFERENCE,
    "upto": _UPTO_REFERENCE,
    "root": _ROOT_REFERENCE,
    "moment": _MOMENT_REFERENCE,
}
BROKEN: Mapping[str, str] = {
    "table": "def table(n):\n    return {'a': n}\n",
    "following": "def following(n):\n    return (n, n + 1)\n",
    "word": "def word(n):\n    return 'w' * n + chr(0)\n",
    "triple": "def triple(n):\n    return n * 3 + (n == 100)\n",
    "oracle": "def oracle(n):\n    return ''\n",
    "half": "def half(n):\n    return n // 2\n",
    "sum": "print(6.5)\n",
    "constant": "print(41)\n",
    "unit": "def count_words(text):\n    return {}\n",
    "array": "import numpy as np\ndef doubled(values):\n    return np.array(values) * 3.0\n",
    "rows": "def rows(n):\n    print(n)\n    return []\n",
    "upto": "def upto(n):\n    return list(range(n + 1))\n",
    "root": "def root(n):\n    return n\n",
    "moment": "def moment(n):\n    return None\n",
}

# Ends a program that sees anything of an earlier sample.
LOOK_AROUND = f"""
import os, sys

def _seen():
    found = [os.path.join(".", name) for name in os.listdir(".")]
    for root in ("/tmp", "/dev/shm", "/dev/mqueue", "/var/tmp"):
        if os.path.isdir(root):
            found += [os.path.join(root, name) for name in os.listdir(root)]
    for root in ("/tmp", "/dev/shm"):
        if not os.access(root, os.W_OK | os.X_OK):
            found.append(root + " is closed")
    scheduled = set()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            scheduled.add((os.getpriority(0, int(pid)), str(os.sched_getaffinity(int(pid)))))
            with open("/proc/" + pid + "/status") as file:
                uid = file.read().partition("Uid:")[2].split()[0]
            with open("/proc/" + pid + "/cmdline") as file:
                name = file.read()
        except OSError:
            continue
        # In namespaces of its own a player has uid 1000, and so has the guest.
        # The parent of a program whose tests run apart is the process that holds them.
        known = str(os.getpid()), str(os.getppid())
        mine = uid == str(os.getuid()) != "1000" and pid not in known
        if mine or {TRACE!r} in name:
            found.append("process " + pid + " " + name)
    if len(scheduled) != 1:
        found.append("priorities and processors " + repr(scheduled))
    for kind in ("shm", "sem", "msg"):
        try:
            with open("/proc/sysvipc/" + kind) as file:
                found += file.read().splitlines()[1:]
        except OSError:
            pass
    return [name for name in found if name not in ("/tmp/work", "./solution.py")]

_FOUND = _seen()
if _FOUND:
    print("seen:", repr(_FOUND)[:2000], file=sys.stderr)
    raise SystemExit("something of another sample is here")
"""


def observer(task: str) -> str:
    """A program that is right only where nothing of an earlier sample can be seen."""
    return LOOK_AROUND + RIGHT[task]


def program(code: str, task: str, number: int) -> Program:
    return Program(TASKS[task].task_id, number, code, "program")
