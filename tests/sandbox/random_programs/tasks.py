"""The kinds of task that random programs answer: each with its right core and wrong ones.

No answer can be guessed or computed: a program passes because its core has them, or
because it has cheated.
"""

from __future__ import annotations

import hashlib
import json
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from opencodeeval.core.parts import keep
from opencodeeval.core.types import Style, Task
from opencodeeval.execution.guest import encoded

_MEMORY_MB = 512
_TOTAL_S = 1.5
_ANSWERS = [hashlib.sha256(f"nobody knows {i}".encode()).hexdigest()[:24] for i in range(4)]
_FLOATS = [[0.3217, -81.5], [12.344], [999.7, 0.001, 5.5], []]


@dataclass(frozen=True)
class Kind:
    """A task, and how a core is made a program that answers it.

    A core is the body of a function of `argument` that sets `value`.
    """

    name: str
    task: Task
    right: str
    wrong: tuple[str, ...]
    frame: Callable[[str, str, str], str]


def _function(entry_point: str) -> Callable[[str, str, str], str]:
    def frame(core: str, call: str, returned: str) -> str:
        body = textwrap.indent(f"{core}\n{call}\nreturn {returned}", "    ")
        return f"def {entry_point}(argument):\n{body}\n"

    return frame


def _method(core: str, call: str, returned: str) -> str:
    return "class Solution:\n" + textwrap.indent(
        _function("answer")(core, call, returned).replace("(argument)", "(self, argument)"), "    "
    )


def _script(core: str, call: str, returned: str) -> str:
    return (
        "argument = int(sys.stdin.readline())\n"
        f"{core}\n{call}\nsys.stdout.write(str({returned}) + '\\n')\n"
    )


def _table(answers: list[Any]) -> str:
    return f"value = {json.dumps(answers)}[argument]"


def _wrong(answers: list[Any]) -> tuple[str, ...]:
    """Bodies that answer nothing right, or all but the last."""
    last = json.dumps(answers[:-1])
    return (
        f"value = ({last} + [None])[argument]",
        f"value = ({last} + [0])[argument - 1]",
        "value = argument",
        "value = ''",
        "value = None",
        f"value = {json.dumps(answers)}",
        "value = [argument] * 3",
        "raise LookupError(argument)",
    )


def _limits(**seconds: float) -> dict[str, float]:
    return {"total_s": _TOTAL_S, "memory_mb": _MEMORY_MB, **seconds}


def _kind(
    name: str,
    style: Style,
    tests: Mapping[str, Any],
    answers: list[Any],
    frame: Callable[[str, str, str], str] | None = None,
) -> Kind:
    task = Task(name, style, "", "answer", "", tests)
    right = _table(answers)
    return Kind(name, task, right, _wrong(answers), frame or _function("answer"))


def _calls(name: str, rule: Mapping[str, Any], answers: list[Any], suites: int = 1) -> Kind:
    arguments = [[number] for number in range(len(answers))]
    tests = {
        "kind": "calls",
        "entry_point": "answer",
        "reference": "def answer(argument): raise LookupError",
        "suites": [
            {"name": f"s{i}", "calls": encoded(arguments), "expected": encoded(answers)}
            for i in range(suites)
        ],
        "compare": rule,
        "limits": _limits(min_call_s=0.8, reference_factor=4.0, total_s=1.0, grace_s=0.5),
    }
    return _kind(name, Style.FUNCTION, tests, answers)


def _check() -> Kind:
    answers = [7341, 0.8127, ["q", 91], {"a": [1, 2]}]
    lines = [f"    assert candidate({i}) == {json.dumps(a)}" for i, a in enumerate(answers)]
    lines[1] = f"    assert abs(candidate(1) - {answers[1]}) < 1e-6"
    tests = {
        "kind": "check",
        "entry_point": "answer",
        "helpers": "",
        "test": "def check(candidate):\n" + "\n".join(lines) + "\n",
        "limits": _limits(),
    }
    return _kind("check", Style.FUNCTION, tests, answers)


def _stdio() -> Kind:
    tests = {
        "kind": "stdio",
        "tests": [{"input": f"{i}\n", "output": f"{_ANSWERS[i]}\n"} for i in (2, 3)],
        "compare": {"rule": "lines"},
        "limits": _limits(test_s=1.0),
    }
    return _kind("stdio", Style.STDIO, tests, _ANSWERS, _script)


def _livecodebench(name: str, function: str, answers: list[Any]) -> Kind:
    own = [{"input": str(i), "output": json.dumps(each)} for i, each in enumerate(answers)]
    if not function:
        own = [{"input": f"{i}\n", "output": f"{each}\n"} for i, each in enumerate(answers)]
    parts = [json.dumps(own[:1]).encode(), json.dumps(own[1:]).encode()]
    digests = [hashlib.sha256(part).hexdigest() for part in parts]
    for sha256, part in zip(digests, parts, strict=True):
        keep(sha256, lambda part=part: part)  # type: ignore[misc]
    tests = {
        "kind": "livecodebench",
        "function": function,
        "processes": False,
        "limits": _limits(test_s=1, spare_s=0.5),
        "sha256": digests,
    }
    style = Style.FUNCTION if function else Style.STDIO
    return _kind(name, style, tests, answers, _method if function else _script)


def _input() -> Kind:
    digest = "hashlib.sha256(b'%d' % number).hexdigest()"
    source = f"import hashlib\ndef known(number):\n    return {digest}\n"
    tests = {
        "kind": "input",
        "entry_point": "answer",
        "source": source,
        "function": "known",
        "expected": encoded([hashlib.sha256(b"8127").hexdigest()]),
        "limits": _limits(),
    }
    task = Task("input", Style.FUNCTION, "", "answer", "", tests)
    wrong = (
        "value = [[8128], {}]",
        "value = [[-8127], {}]",
        "value = [[], {'number': '8127'}]",
        "value = 8127",
        "value = None",
    )

    def frame(core: str, call: str, returned: str) -> str:
        return _function("answer")(core, call, returned).replace("(argument)", "()")

    return Kind("input", task, "value = [[8127], {}]", wrong, frame)


_APART = """
import unittest

class TestCases(unittest.TestCase):
    def test_first(self):
        self.assertEqual(answer(0), 7341)
    def test_second(self):
        self.assertAlmostEqual(answer(1), 0.8127)
    def test_third(self):
        self.assertEqual(answer(2), ["q", 91])
        self.assertIn("a", answer(3))
        self.assertEqual(answer(3)["a"], [1, 2])
"""
_TOGETHER = _APART.replace(
    "import unittest", "import unittest\nfrom unittest.mock import patch"
) + (
    """
    def test_printed(self):
        # Looks at what the program calls: such tests share its process.
        with patch("builtins.print") as printed:
            answer(0)
        printed.assert_called_with(7341)
"""
)


def _unittest(name: str, test: str, first: str) -> Kind:
    answers = [7341, 0.8127, ["q", 91], {"a": [1, 2]}]
    reference = f"def answer(argument):\n    {_table(answers)}\n    {first}\n    return value\n"
    tests = {
        "kind": "unittest",
        "entry_point": "answer",
        "test": test,
        "reference": reference,
        "limits": _limits(total_s=2.0),
    }

    def frame(core: str, call: str, returned: str) -> str:
        return _function("answer")(f"{core}\n{first}", call, returned)

    return _kind(name, Style.UNITTEST, tests, answers, frame)


KINDS = (
    _calls("calls", {"rule": "value"}, list(_ANSWERS)),
    _stdio(),
    _unittest("unittest-apart", _APART, "pass"),
    _calls(
        "evalplus", {"rule": "evalplus", "dataset": "humaneval", "atol": 1e-6}, list(_FLOATS), 2
    ),
    _livecodebench("livecodebench", "answer", [[3, 918, 5], "qj", 77.125, [["x", 4]]]),
    _check(),
    _unittest("unittest-together", _TOGETHER, "print(value)"),
    _livecodebench("livecodebench-stdin", "", list(_ANSWERS)),
    _input(),
)
