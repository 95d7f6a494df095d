"""Figures and other objects that stay with the program, where tests run apart."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

from opencodeeval.core.types import Verdict
from opencodeeval.execution.base import Sandbox
from opencodeeval.execution.interpreter import of_environment
from opencodeeval.execution.jails import local
from opencodeeval.execution.jails.base import started
from opencodeeval.execution.pool import SlotPool
from tests.sandbox.test_apart import graded, task

exchange: Any = importlib.import_module("guest.exchange")
exchange_classes: Any = importlib.import_module("guest.exchange_classes")
exchange_objects: Any = importlib.import_module("guest.exchange_objects")

TEST = """
import unittest
import matplotlib.pyplot as plt
from matplotlib.colors import to_hex

class TestCases(unittest.TestCase):
    def tearDown(self):
        plt.close("all")

    def test_axes(self):
        fig, ax = task_func([1, 2, 2])
        self.assertIsInstance(ax, plt.Axes)
        self.assertIsInstance(fig, plt.Figure)
        self.assertIs(ax.figure, fig)
        self.assertEqual(ax.get_title(), "Counts of 3")
        self.assertEqual([each.get_height() for each in ax.patches], [1, 2])
        self.assertEqual(len(ax.patches), 2)
        self.assertEqual(ax.get_xticklabels()[0].get_text(), "1")
        self.assertEqual(to_hex(ax.patches[0].get_facecolor()), "#ff0000")
        self.assertIn("seen", [each.get_text() for each in ax.get_legend().get_texts()])

    def test_figures_in_pyplot(self):
        task_func([1])
        self.assertEqual(len(plt.get_fignums()), 1)
        self.assertEqual(plt.gcf().axes[0].get_title(), "Counts of 1")
        plt.close("all")
        self.assertEqual(plt.get_fignums(), [])

    def test_an_axes_of_the_test(self):
        fig, ax = plt.subplots()
        self.assertIs(task_func([1], ax)[1], ax)
        self.assertIn(ax, fig.axes)

    def test_what_is_not_there(self):
        fig, ax = task_func([1])
        self.assertFalse(hasattr(ax, "no_such_thing"))
        with self.assertRaises(AttributeError):
            ax.no_such_thing
"""
RIGHT = """
from collections import Counter
import matplotlib.pyplot as plt

def task_func(values, ax=None):
    if ax is None:
        fig, ax = plt.subplots()
    counts = sorted(Counter(values).items())
    ax.bar([str(k) for k, v in counts], [v for k, v in counts], color="red", label="seen")
    ax.set_title(f"Counts of {len(values)}")
    ax.legend()
    return ax.figure, ax
"""
CHEATS = {
    "no figure": "def task_func(values, ax=None):\n    return 1, 2\n",
    "an empty figure": (
        "import matplotlib.pyplot as plt\ndef task_func(values, ax=None):\n"
        "    fig, ax = plt.subplots()\n    return fig, ax\n"
    ),
    "attributes that equal anything": (
        "import matplotlib.pyplot as plt\nfrom matplotlib.axes import Axes\n"
        "class Any:\n __eq__ = lambda s, o: True\n __hash__ = None\n"
        " __len__ = lambda s: 2\n __iter__ = lambda s: iter([s, s])\n"
        " __getitem__ = lambda s, k: s\n __getattr__ = lambda s, n: s\n"
        " __call__ = lambda s, *a, **k: s\n"
        "class Own(Axes):\n def __init__(self): pass\n"
        " __getattribute__ = lambda s, n: Any()\n"
        "def task_func(values, ax=None): return plt.figure(), Own()\n"
    ),
    "looks at its callers": (
        "import gc, sys, matplotlib.pyplot as plt\ndef task_func(values, ax=None):\n"
        "    for each in gc.get_objects():\n"
        "        if type(each).__name__ == 'TestCases':\n"
        "            type(each).assertEqual = lambda *a: None\n"
        "    return plt.subplots()\n"
    ),
    "is a class where a method is asked for": (
        "import matplotlib.pyplot as plt\ndef task_func(values, ax=None):\n"
        "    fig, ax = plt.subplots()\n    ax.get_title = list\n    return fig, ax\n"
    ),
}


def with_packages() -> Sandbox:
    """A local sandbox whose programs have the packages that these tests have."""
    place = f"{local.GUEST}/environment"
    python = of_environment(Path(sys.prefix).resolve(), sys.base_prefix, place)

    def make() -> local.LocalSlot:
        return local.LocalSlot(python)

    first = started(make)
    about = {"environment": "tests", **{each: first.hello[each] for each in ("python", "numpy")}}
    return SlotPool("local", 1, make, first, about, print)


@pytest.fixture(autouse=True)
def _needs_matplotlib(local_jail: None) -> None:
    pytest.importorskip("matplotlib")


def test_figures_are_looked_at_from_where_no_program_is() -> None:
    grades = graded(task(TEST, RIGHT), RIGHT, *CHEATS.values(), opened=with_packages)
    verdicts = [grade.suites["base"].verdict for grade in grades]
    assert verdicts[0] is Verdict.PASSED, grades[0].stderr
    assert Verdict.PASSED not in verdicts[1:]
    assert Verdict.INFRA_ERROR not in verdicts


def test_the_task_of_figures_runs_apart() -> None:
    """Its program finds no test in its own process."""
    look = RIGHT.replace(
        "def task_func(values, ax=None):\n",
        "import gc\ndef task_func(values, ax=None):\n"
        "    print(any(type(o).__name__ == 'TestCases' for o in gc.get_objects()), flush=True)\n",
    )
    (grade,) = graded(task(TEST, RIGHT), look, opened=with_packages)
    assert grade.suites["base"].verdict is Verdict.PASSED
    assert "False" in grade.stdout
    assert "True" not in grade.stdout


ASKS = """
import unittest
class TestCases(unittest.TestCase):
    def test_yes_or_no(self):
        self.assertTrue(task_func().dataLim.contains(0.5, 0.5))
"""
DRAWN = """
import gc
import matplotlib.pyplot as plt
def task_func():
    print(any(type(o).__name__ == "TestCases" for o in gc.get_objects()), flush=True)
    ax = plt.subplots()[1]
    ax.add_patch(plt.Rectangle((0, 0), 1, 1))
    return ax
"""


def test_a_yes_to_what_a_test_expects_is_none() -> None:
    """Such a task runs its tests together with the program, where its library is watched."""
    remote = _remote({"call": True, "get": list})
    assert remote.has_data() is True
    with pytest.raises(TypeError, match="yes or no"):
        remote.contains(3)
    with pytest.raises(TypeError, match="named a class"):
        remote.anything  # noqa: B018 - asks for it
    (grade,) = graded(task(ASKS, DRAWN), DRAWN, opened=with_packages)
    assert grade.suites["base"].verdict is Verdict.PASSED
    assert "True" in grade.stdout


def _remote(answers: dict[str, Any]) -> Any:
    kind = importlib.import_module("matplotlib.axes").Axes
    remotes = exchange_objects.Remotes(lambda verb, *rest: answers[verb])
    return remotes.decoded([0, [[kind.__module__, kind.__qualname__]]], lambda *name: kind)


def test_an_object_of_no_library_that_is_known_is_refused() -> None:
    remotes = exchange_objects.Remotes(lambda *asked: None)
    for name in (["os", "PathLike"], ["builtins", "object"], ["unittest.mock", "Mock"]):
        with pytest.raises(exchange.Malformed):
            remotes.decoded([0, [name]], exchange_classes.class_of)
    with pytest.raises(exchange.Malformed):
        exchange.decode('{"px":[0,[["matplotlib.axes","Axes"]]]}')  # no side is known
