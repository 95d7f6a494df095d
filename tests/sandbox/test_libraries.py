"""Programs that change what their tests are made of, where both share a process.

In each test one program returns something wrong and changes a library so that the test would
pass; or it changes something that no test rests on, and is right.
"""

from __future__ import annotations

import importlib
import sys
import types
from typing import Any

import pytest

from opencodeeval.core.types import SuiteResult, Verdict
from tests.sandbox.test_apart import graded, task
from tests.sandbox.test_apart_objects import with_packages

libraries: Any = importlib.import_module("guest.libraries")

TEST = """
import unittest, re, csv, io, datetime, itertools
from unittest.mock import patch
from collections import Counter
import numpy as np
import pandas as pd

class TestCases(unittest.TestCase):
    def test_prints(self):  # because of it the tests cannot run apart
        with patch("builtins.print") as printed:
            task_func("print")
        printed.assert_called_once_with("said")
    def test_equal(self):
        self.assertEqual(task_func("equal"), 3)
    def test_almost(self):
        self.assertAlmostEqual(task_func("almost"), 3.5)
    def test_count(self):
        self.assertCountEqual(task_func("count"), [1, 2])
    def test_regex(self):
        self.assertRegex(task_func("regex"), "ab+c")
    def test_raises(self):
        with self.assertRaisesRegex(ValueError, "bad"):
            task_func("raises")
    def test_logs(self):
        with self.assertLogs("x", "INFO"):
            task_func("logs")
    def test_len(self):
        self.assertEqual(len(task_func("len")), 3)
    def test_counter(self):
        self.assertEqual(Counter(task_func("counter")), Counter([1, 1]))
    def test_search(self):
        self.assertTrue(re.search("ab+c", task_func("search")))
    def test_csv(self):
        self.assertEqual(list(csv.reader(io.StringIO(task_func("csv")))), [["a"]])
    def test_array(self):
        self.assertTrue(np.allclose(task_func("array"), [1, 2]))
        np.testing.assert_allclose(task_func("array"), [1, 2])
    def test_frame(self):
        self.assertTrue(task_func("frame").equals(pd.DataFrame({"a": [1]})))
        self.assertEqual(task_func("frame")["a"].sum(), 1)
    def test_items(self):
        self.assertEqual(task_func("items").tolist(), [1])
    def test_text(self):
        self.assertEqual(task_func("file").read_text(), "x")
    def test_chain(self):
        self.assertEqual(list(itertools.chain(*task_func("chain"))), [1])
    def test_date(self):
        self.assertEqual(datetime.datetime.fromisoformat(task_func("date")).year, 2020)
"""
RIGHT = """
import logging, pathlib, tempfile
import pandas
def task_func(what):
    if what == "print":
        return print("said")
    if what == "raises":
        raise ValueError("bad")
    if what == "logs":
        return logging.getLogger("x").info("hello")
    if what == "file":
        file = pathlib.Path(tempfile.mkdtemp(), "file")
        file.write_text("x")
        return file
    return {
        "equal": 3, "almost": 3.5, "count": [2, 1], "regex": "abbc", "len": "abc",
        "counter": [1, 1], "search": "abbc", "csv": "a", "array": [1, 2],
        "frame": pandas.DataFrame({"a": [1]}), "items": pandas.Series([1]),
        "chain": [[1]], "date": "2020-01-01",
    }[what]
"""
# What is asked for, the wrong answer, and what is changed so that it passes.
CHEATS = {
    "defaults of an assertion": (
        "almost",
        "9.0",
        "import unittest\nunittest.TestCase.assertAlmostEqual.__defaults__ = (None, None, 1e9)\n",
    ),
    "code of an assertion": (
        "raises",
        "1",
        (
            "import unittest.case as c\n"
            "c._AssertRaisesContext.__exit__.__code__ = (lambda *a: True).__code__\n"
        ),
    ),
    "a comparison": (
        "count",
        "[7, 8]",
        "import collections\ncollections.Counter.__eq__ = lambda *a: True\n",
    ),
    "a class": (
        "counter",
        "[7, 8]",
        (
            "import collections\nclass Counter(dict):\n    def __init__(self, *a): pass\n"
            "collections.Counter = Counter\n"
        ),
    ),
    "what an assertion calls": (
        "regex",
        "'z'",
        (
            "import re\nold = re.compile\n"
            "re.compile = lambda p, f=0: old('z' if p == 'ab+c' else p, f)\n"
        ),
    ),
    "what that calls": (
        "search",
        "'z'",
        (
            "import re\nold = re._compile\n"
            "re._compile = lambda p, f: old('z' if p == 'ab+c' else p, f)\n"
        ),
    ),
    "a cache": (
        "search",
        "'z'",
        (
            "import re\nfor name in ('_cache', '_cache2'):\n"
            "    getattr(re, name, {})[str, 'ab+c', 0] = re.compile('z')\n"
        ),
    ),
    "what a test calls": ("search", "'z'", "import re\nre.search = lambda *a: True\n"),
    "a reader": ("csv", "''", "import csv\ncsv.reader = lambda *a: [['a']]\n"),
    "an iterator": (
        "chain",
        "[[7]]",
        (
            "import itertools\nold = itertools.chain\n"
            "itertools.chain = lambda *a: [1] if a == ([7],) else old(*a)\n"
            "itertools.chain.from_iterable = old.from_iterable\n"
        ),
    ),
    "a date": (
        "date",
        "'1999-01-01'",
        (
            "import datetime\nclass Date(datetime.datetime):\n"
            "    fromisoformat = lambda text: Date(2020, 1, 1)\ndatetime.datetime = Date\n"
        ),
    ),
    "code of a library": (
        "array",
        "[5, 6]",
        (
            "import numpy, numpy.testing\n"
            "numpy.testing.assert_allclose = lambda *a: None\n"
            "of_all = numpy.allclose\n"
            "inner = getattr(of_all, '_implementation', None) or of_all.__wrapped__\n"
            "inner.__code__ = (lambda a, b, rtol=0, atol=0, equal_nan=False: True).__code__\n"
        ),
    ),
    "inside a library": (
        "array",
        "[5, 6]",
        (
            "import numpy, sys\nfor name in ('numpy._core.numeric', 'numpy.core.numeric'):\n"
            "    if name in sys.modules:\n"
            "        sys.modules[name].isclose = lambda *a, **k: numpy.array([True])\n"
        ),
    ),
    "a method": (
        "frame",
        "pandas.DataFrame({'a': [0]})",
        (
            "import pandas\npandas.DataFrame.equals.__code__ = (lambda *a: True).__code__\n"
            "pandas.Series.sum = lambda *a: 1\n"
        ),
    ),
    "a method that hides another": (
        "items",
        "pandas.Series([0])",
        "import pandas\npandas.Series.tolist = lambda *a: [1]\n",
    ),
    "a builtin that hides another": (
        "almost",
        "9.0",
        "import unittest.case as case\ncase.round = lambda *a: 0\n",
    ),
    "a method's code": (
        "file",
        "pathlib.Path('nothing')",
        "import pathlib\npathlib.Path.read_text.__code__ = (lambda *a: 'x').__code__\n",
    ),
    "the parser": (
        "len",
        "'z'",
        (
            "import ast\nold = ast.parse\n"
            "ast.parse = lambda text, *a: old(text.replace('self.assertEqual(len(', '((('), *a)\n"
            "def len(x): return sum(1 for _ in x)\n"
        ),
    ),
    "for a moment": (
        "regex",
        "Own('z')",
        """
import re
class Own(str):
    def __init__(self, text):
        re.compile = lambda p, f=0: old('z' if p == 'ab+c' else p, f)
    def __del__(self):
        re.compile = old
old = re.compile
""",
    ),
    "a mock of its own": (
        "regex",
        "changed()",
        """
import re
from unittest.mock import Mock
def changed():
    re.compile = Mock()
    return 'z'
""",
    ),
    "what says that it is a mock": (
        "regex",
        "changed()",
        """
import re
from unittest.mock import Mock
class Own:
    __class__ = Mock
    def __call__(self, *a): return self
    def search(self, text): return True
def changed():
    re.compile = Own()
    return 'z'
""",
    ),
    "the watcher of logs": (
        "logs",
        "1",
        (
            "import unittest._log as l\nl._AssertLogsContext.__exit__.__code__ = "
            "(lambda *a: True).__code__\n"
        ),
    ),
}
# What programs change that were written for other versions, or to be left alone.
HONEST = {
    "names of other versions": """
import collections, collections.abc, inspect
import numpy
import pandas
collections.Mapping = collections.abc.Mapping
inspect.getargspec = inspect.getfullargspec
numpy.int, numpy.float = int, float
pandas.DataFrame.half = lambda self: self / 2
""",
    "how messages are made": """
import logging, warnings
warnings.catch_warnings(record=True).__enter__()
warnings.warn = lambda *a, **k: None
warnings.formatwarning = lambda *a: "warned"
logging.setLoggerClass(type("Own", (logging.Logger,), {}))
logging.setLogRecordFactory(lambda *a, **k: logging.LogRecord(*a, **k))
""",
    "logging loaded again": "import importlib, logging\nimportlib.reload(logging)\n",
    "what libraries do when they are loaded": """
import importlib
import pandas
for name in ("lxml.etree", "matplotlib.pyplot", "requests", "scipy.stats", "tqdm", "yaml"):
    try: importlib.import_module(name)
    except ImportError: pass
pandas.core.groupby.GroupBy.progress_apply = lambda self, f: self.apply(f)
pandas.core.groupby.SeriesGroupBy.progress_apply = lambda self, f: self.apply(f)
""",
    "what no test names": """
import functools, json, random, re, ssl, time
import numpy
json.JSONEncoder.default = lambda self, value: str(value)
time.sleep = lambda seconds: None
ssl._create_default_https_context = ssl._create_unverified_context
random.seed(1)
numpy.random.seed(1)
for n in range(600): re.compile(f"a{n}")
re.compile(re.compile(b"b"))
@functools.lru_cache
def own(n): return n
own(1)
""",
}


def outcomes(*programs: str) -> list[SuiteResult]:
    grades = graded(task(TEST, RIGHT), *programs, opened=with_packages)
    return [each.suites["base"] for each in grades]


@pytest.fixture(autouse=True)
def _needs_packages(local_jail: None) -> None:
    pytest.importorskip("pandas")


def test_no_program_passes_that_changes_a_library_for_its_tests() -> None:
    programs = []
    for what, wrong, change in CHEATS.values():
        head = "def task_func(what):\n"
        lie = f"{head}    if what == {what!r}:\n        return {wrong}\n"
        programs.append(RIGHT.replace(head, change + lie))
    right, *found = outcomes(RIGHT, *programs)
    assert (right.verdict, right.apart) == (Verdict.PASSED, False), right
    verdicts = {name: each.verdict for name, each in zip(CHEATS, found, strict=True)}
    assert verdicts == dict.fromkeys(CHEATS, Verdict.FORGED), found


def test_what_is_looked_at_runs_nothing_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """As settings of Django, which raise until they are made, whatever they are asked."""

    class Lazy:
        @property  # type: ignore[misc]
        def __class__(self) -> Any:
            raise RuntimeError("not made yet")

    module = types.ModuleType("lazy_settings")
    vars(module)["settings"] = Lazy()
    monkeypatch.setitem(sys.modules, "lazy_settings", module)
    looked = libraries.Libraries(["lazy_settings"])
    assert list(looked.changes({"settings"})) == []


def test_programs_may_change_what_no_test_rests_on() -> None:
    found = outcomes(*(change + RIGHT for change in HONEST.values()))
    verdicts = {name: each.verdict for name, each in zip(HONEST, found, strict=True)}
    assert verdicts == dict.fromkeys(HONEST, Verdict.PASSED), found
