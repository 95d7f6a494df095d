"""Programs under unittest that are unusual but right: these must pass, tests apart or not."""

from __future__ import annotations

from tests.sandbox.cases import PASSED, UNIT_REFERENCE, Case

# What a program changes before its function, of what tests do not rest on.
_BEFORE = {
    "print_that_flushes": """
import builtins, functools
builtins.print = functools.partial(print, flush=True)
""",
    "input_and_exit_replaced": """
import builtins, sys
builtins.input, builtins.exit = lambda *_: '', sys.exit
""",
    "tracing_left_on": "import sys\nsys.settrace(lambda *_: None)\n",
    "profiling_left_on": "import cProfile\ncProfile.Profile().enable()\n",
    "name_of_python_2_for_an_assertion": """
import unittest
unittest.TestCase.assertItemsEqual = unittest.TestCase.assertCountEqual
""",
    "part_of_a_testing_package_imported": """
import importlib, pkgutil
import numpy.testing
for each in pkgutil.iter_modules(numpy.testing.__path__):
    try: importlib.import_module('numpy.testing.' + each.name)
    except Exception: pass
""",
}

_ROWS = "def rows(n):\n    print(n)\n    return [{'k': i} for i in range(n)]\n"
# Its tests count with `len`, `sum`, `max` and `sorted`.
_COUNTED = {
    "sum_of_its_own": """
def sum(values):
    total = 0
    for each in values: total += each
    return total
""",
    "sorted_of_its_own": """
import builtins
def sorted(values, **more):
    return builtins.sorted(values, **more)
""",
    "len_as_a_lambda": "len = lambda value: value.__len__()\n",
    "max_as_a_partial": "import functools\nmax = functools.partial(max)\n",
}

# Collections of 0, 1 and 2, of which tests ask what all of them can answer.
_COLLECTED = {
    "keys": "dict.fromkeys(range(n)).keys()",
    "values": "dict(enumerate(range(n))).values()",
    "frozen_subclass": "type('Own', (frozenset,), {})(range(n))",
    "bytes_subclass": "type('Own', (bytes,), {})(range(n))",
    "bytearray_subclass": "type('Own', (bytearray,), {})(range(n))",
    "deque_subclass": "type('Own', (collections.deque,), {})(range(n))",
    "ordered_subclass": "type('Own', (collections.OrderedDict,), {}).fromkeys(range(n))",
    "user_list": "collections.UserList(range(n))",
    "user_dict": "collections.UserDict(dict.fromkeys(range(n)))",
    "chain": "collections.ChainMap(dict.fromkeys(range(n)))",
    "proxy": "types.MappingProxyType(dict.fromkeys(range(n)))",
    "memoryview": "memoryview(bytes(range(n)))",
    "factory_of_its_own": "collections.defaultdict(lambda: 7, dict.fromkeys(range(n)))",
    "array_subclass": "numpy.arange(n).view(type('Own', (numpy.ndarray,), {}))",
}

_NEGATIVE = "def root(n):\n    if n < 0: {}\n    return int(n ** 0.5)\n"
# Ways to raise a ValueError that says "negative".
_RAISED = {
    "text_of_its_own": "class E(ValueError):\n    def __str__(self): return 'negative'\n",
    "keyword_only": "class E(ValueError):\n    def __init__(self, *, n=0): self.n = n\n"
    "    def __str__(self): return 'negative'\n",
    "decoding": "E = lambda: UnicodeDecodeError('utf-8', b'x', 0, 1, 'negative')\n",
    "group": "class E(ExceptionGroup, ValueError):\n"
    "    def __new__(cls): return super().__new__(cls, 'negative', [ValueError()])\n",
}

_IMPORTS = "import collections, types\nimport numpy\n"
CASES = (
    *(Case(f"unit_{name}", "unit", c + UNIT_REFERENCE, PASSED) for name, c in _BEFORE.items()),
    *(Case(f"unit_{name}", "rows", code + _ROWS, PASSED) for name, code in _COUNTED.items()),
    *(
        Case(f"apart_{name}", "upto", f"{_IMPORTS}def upto(n):\n    return {value}\n", PASSED)
        for name, value in _COLLECTED.items()
    ),
    *(
        Case(f"apart_raises_{name}", "root", code + _NEGATIVE.format("raise E()"), PASSED)
        for name, code in _RAISED.items()
    ),
    Case(
        "apart_moment_in_a_zone_of_its_own",
        "moment",
        """
import datetime
class Own(datetime.tzinfo):
    def utcoffset(self, moment): return datetime.timedelta(0)
    def dst(self, moment): return datetime.timedelta(0)
class Moment(datetime.datetime): pass
def moment(n):
    return Moment(1970, 1, 1, 0, 0, n, tzinfo=Own())
""",
        PASSED,
    ),
)
