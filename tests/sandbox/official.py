"""EvalPlus' own comparison and this guest's rule, on the same outputs."""

from __future__ import annotations

import contextlib
import importlib
import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

compare: Any = importlib.import_module("guest.compare")

# Runs EvalPlus' own loop on prepared outputs, in one process for all cases:
# program i returns its k-th output on its k-th call.
_EVALPLUS = """
import ast, json, sys
import numpy
from multiprocessing import Array, Value
from evalplus import eval as official

# What guards EvalPlus against programs also takes os.* from this process: not wanted here.
official.reliability_guard = lambda **_: None
names = {"inf": float("inf"), "nan": float("nan"), "array": numpy.array}
results = []
for text in sys.stdin:
    entry_point, dataset, outputs, expected, inputs, atol = eval(text, names)
    code = (
        f"def {entry_point}(*_, _k=[0]):\\n    _k[0] += 1\\n    return OUTPUTS[_k[0] - 1]\\n"
    )
    code = "import numpy, re\\ninf, nan, array = float('inf'), float('nan'), numpy.array\\n" + (
        f"OUTPUTS = {outputs}\\n" + code
    )
    stat, progress = Value("i", 4), Value("i", 0)
    details = Array("b", [False] * len(inputs))
    official.unsafe_execute(
        dataset, entry_point, code, inputs, expected, [9.0] * len(inputs), atol, False,
        stat, details, progress,
    )
    results.append([bool(detail) for detail in details])
json.dump(results, sys.__stdout__)
"""


class Case(NamedTuple):
    """A suite of one sample; `outputs` is the source text of a list."""

    entry_point: str
    dataset: str
    outputs: str
    expected: Sequence[Any]
    inputs: Sequence[Any]
    atol: float


def evalplus_says(cases: Sequence[Case]) -> list[list[bool]]:
    """What EvalPlus says of each output of each case."""
    lines = "".join(repr(tuple(case)).replace("\n", " ") + "\n" for case in cases)
    done = subprocess.run(
        [sys.executable, "-c", _EVALPLUS], input=lines, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]
    answers: list[list[bool]] = json.loads(done.stdout)
    return answers


def ours(
    dataset: str, entry_point: str, calls: Sequence[tuple[Any, Any, Any]], atol: float
) -> list[bool]:
    """What the rule says of each (output, expected, arguments).

    EvalPlus goes on after a failure, with the same sticky tolerance.
    """
    rule = compare.value_rule(
        {"rule": "evalplus", "dataset": dataset, "entry_point": entry_point, "atol": atol}
    )
    said = []
    for out, expected, arguments in calls:
        right = False
        with contextlib.suppress(Exception):
            right = rule(out, expected, arguments)
        said.append(right)
    return said
