"""Programs that do not know the answer and want to be counted as right: tests and scripts."""

from __future__ import annotations

from tests.sandbox.cases import ERROR, FORGED, REJECTED, WRONG, Case

_WRONG_COUNT = "def count_words(text):\n    return None\n"
# Counts right, and does not print how many words there are.
_NO_PRINT = """
from collections import Counter
def count_words(text):
    return dict(Counter(text.split()))
"""

UNITTESTS = (
    Case(
        "test_case_run_replaced_at_import",
        "unit",
        "import unittest\nunittest.TestCase.run = lambda self, result: result.startTest(self)\n"
        + _WRONG_COUNT,
        FORGED,
    ),
    Case(
        "assertions_replaced_during_a_test",
        "unit",
        """
import unittest
def count_words(text):
    unittest.TestCase.assertEqual = lambda *a: None
    unittest.mock.NonCallableMock.assert_called_once_with = lambda *a: None
    unittest.TestCase._baseAssertEqual = lambda *a: None
""",
        REJECTED,
    ),
    Case(
        "result_class_replaced",
        "unit",
        "import unittest\nunittest.TestResult.addFailure = lambda *a: None\n"
        "unittest.TestResult.addError = lambda *a: None\n" + _WRONG_COUNT,
        FORGED,
    ),
    Case(
        "class_building_hooked",
        "unit",
        """
import builtins
build = builtins.__build_class__
def hooked(body, name, *bases, **more):
    made = build(body, name, *bases, **more)
    if name == "TestCases":
        for test in [n for n in vars(made) if n.startswith("test")]:
            setattr(made, test, lambda self: None)
    return made
builtins.__build_class__ = hooked
"""
        + _WRONG_COUNT,
        FORGED,
    ),
    Case(
        "exit_status_zero_in_a_test",
        "unit",
        "import os\ndef count_words(text):\n    os._exit(0)\n",
        ERROR,
    ),
    Case(
        "every_test_skipped",
        "unit",
        "import unittest\ndef count_words(text):\n    raise unittest.SkipTest\n",
        FORGED,
    ),
    Case(
        "mock_assertions_replaced_at_import",
        "unit",
        "import unittest.mock as m\n"
        "m.NonCallableMock.assert_called_once_with = lambda *a, **k: None\n" + _WRONG_COUNT,
        FORGED,
    ),
    Case(
        "equality_of_dictionaries_answered_by_the_sample",
        "unit",
        "def count_words(text):\n    print(len(text.split()))\n    return Any()\n"
        "class Any(dict):\n    pass\n",
        WRONG,
    ),
    *(
        Case(
            f"{name}_asserts_nothing",
            "unit",
            f"import unittest.mock\nunittest.mock.{name}.assert_called_once_with = print\n"
            + _NO_PRINT,
            FORGED,
        )
        for name in ("Mock", "MagicMock", "CallableMixin")
    ),
    Case(
        "calls_equal_to_any",
        "unit",
        "import unittest.mock\nunittest.mock._Call.__eq__ = lambda *_: True\n" + _NO_PRINT,
        FORGED,
    ),
    Case(
        "text_in_memory_replaced",
        "unit",
        "import io\nclass Text(io.StringIO): pass\nio.StringIO = Text\n" + _NO_PRINT,
        FORGED,
    ),
    Case(
        "tracing_while_tests_run",
        "unit",
        "import sys\nsys.settrace(lambda *a: None)\n" + _WRONG_COUNT,
        WRONG,
    ),
    Case(
        "reports_written_without_the_key",
        "unit",
        """
import json, os
def count_words(text):
    for name in ("test_counts", "test_empty", "test_prints_how_many"):
        os.write(3, json.dumps(["t", name, "ok", "0" * 32]).encode() + b"\\n")
    os.write(3, json.dumps(["done", "", "", "0" * 32]).encode() + b"\\n")
    os._exit(0)
""",
        FORGED,
    ),
    Case(
        "report_under_construction_edited",
        "unit",
        """
import sys
def count_words(text):
    frame = sys._getframe()
    while frame:
        found = frame.f_locals.get("found") or frame.f_locals.get("result")
        for name in ("addError", "addFailure", "addSubTest"):
            try: setattr(found, name, lambda *a: None)
            except Exception: pass
        frame = frame.f_back
""",
        REJECTED,
    ),
    Case(
        "reporter_taken_from_the_frames",
        "unit",
        """
import os, sys
def count_words(text):
    frame = sys._getframe()
    while frame:
        report = frame.f_locals.get("report")
        if report:
            for name in frame.f_locals["names"]:
                report("t", name, "ok")
            report("done", "", "")
            os._exit(0)
        frame = frame.f_back
""",
        REJECTED,
    ),
    Case(
        "reporter_taken_from_the_collector",
        "unit",
        """
import gc, os
def count_words(text):
    for thing in gc.get_objects():
        if type(thing).__name__ == "_Reporter":
            for name in ("test_counts", "test_empty", "test_prints_how_many"):
                thing("t", name, "ok")
            thing("done", "", "")
            os._exit(0)
""",
        REJECTED,
    ),
    Case(
        "key_dug_out_of_the_reporter",
        "unit",
        """
import hashlib, json, os, sys
def count_words(text):
    frame = sys._getframe()
    while "report" not in frame.f_locals:
        frame = frame.f_back
    cells = dict(zip(frame.f_locals["report"].__code__.co_freevars,
                     frame.f_locals["report"].__closure__))
    base, count = cells["base"].cell_contents, cells["count"].cell_contents
    done = set()
    names = frame.f_locals["names"]
    reports = [("t", name, "ok") for name in names[count:]] + [("done", "", "")]
    for number, said in enumerate(reports, count):
        mac = base.copy()
        mac.update(json.dumps([number, *said]).encode())
        os.write(3, json.dumps([*said, mac.hexdigest()]).encode() + b"\\n")
    os._exit(0)
""",
        FORGED,
    ),
    Case(
        "unittest_replaced_in_the_table_of_modules",
        "unit",
        """
import sys, types, unittest
class TestCase(unittest.TestCase):
    def assertEqual(self, *a): pass
fake = types.ModuleType("unittest")
fake.__dict__.update(vars(unittest), TestCase=TestCase)
sys.modules["unittest"] = fake
def count_words(text):
    print(len(text.split()))
""",
        FORGED,
    ),
    Case(
        "returns_what_equals_anything",
        "unit",
        """
class Anything:
    def __eq__(self, other): return True
def count_words(text):
    print(len(text.split()))
    return Anything()
""",
        FORGED,
    ),
    Case(
        "returns_the_any_of_mocks",
        "unit",
        "from unittest.mock import ANY\n"
        "def count_words(text):\n    print(len(text.split()))\n    return ANY\n",
        FORGED,
    ),
    Case(
        "returns_a_dictionary_that_equals_any_other",
        "unit",
        """
class Liar(dict):
    def __eq__(self, other): return isinstance(other, dict)
def count_words(text):
    print(len(text.split()))
    return Liar()
""",
        FORGED,
    ),
    Case(
        "comparison_of_arrays_replaced",
        "array",
        "import numpy.testing\nnumpy.testing.assert_allclose = lambda *a, **k: None\n"
        "import numpy\nnumpy.allclose = lambda *a, **k: True\n"
        "def doubled(values):\n    return list(values)\n",
        FORGED,
    ),
    Case(
        "comparison_of_arrays_replaced_during_a_test",
        "array",
        """
import numpy
def doubled(values):
    numpy.allclose = lambda *a, **k: True
    return numpy.array(values) * (2.0 if len(values) > 1 else 1.0)
""",
        FORGED,
    ),
    Case(
        "length_as_the_program_has_it",
        "array",
        """
import numpy
def len(values): return 3
def doubled(values):
    found = numpy.array(values) * 2.0
    return found if found.size != 3 else found[:2]
""",
        WRONG,
    ),
    Case(
        "builtins_of_the_tests_replaced",
        "rows",
        """
def len(values): return values.__len__()
def sum(values): return 0
def rows(n):
    for name in list(globals()):
        if name.endswith(('len', 'sum', 'max', 'sorted')):
            globals()[name] = lambda *_: {'len': 3, 'sum': 3, 'max': 2, 'ted': [0, 1]}[name[-3:]]
    print(n)
    return [{'k': 7}] * 9
""",
        FORGED | WRONG,
    ),
    Case(
        "module_of_comparisons_replaced",
        "array",
        """
import sys, types
import numpy
fake = types.ModuleType("numpy.testing")
fake.assert_allclose = lambda *a, **k: None
sys.modules["numpy.testing"] = fake
def doubled(values):
    return numpy.array(values) * (2.0 if len(values) != 2 else 1.0)
""",
        FORGED,
    ),
)

SCRIPTS = (
    Case(
        "wrong_text_and_exit_status_zero",
        "sum",
        "import os\nos.write(1, b'all tests passed\\n')\nos._exit(0)\n",
        WRONG,
    ),
    Case(
        "right_text_then_killed_by_itself",
        "sum",
        "import os, sys\nprint(sum(map(int, sys.stdin.read().split())), flush=True)\n"
        "os.kill(os.getpid(), 9)\n",
        ERROR,
    ),
    Case(
        "text_written_to_ancestors_descriptors",
        "sum",
        """
import glob
for path in glob.glob("/proc/[0-9]*/fd/*"):
    if not path.startswith("/proc/self"):
        try:
            with open(path, "wb", 0) as file: file.write(b"6\\n")
        except OSError: pass
print("nothing")
""",
        WRONG,
    ),
    Case(
        "exit_status_lost_in_an_exit_hook",
        "sum",
        "import atexit, os\natexit.register(os._exit, 0)\n"
        "print('no answer')\nraise SystemExit(3)\n",
        WRONG | ERROR,
    ),
)

CASES = UNITTESTS + SCRIPTS
