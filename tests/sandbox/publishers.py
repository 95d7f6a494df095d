"""The publishers' own comparisons, on values in this process that never cross to a judge."""

from __future__ import annotations

import contextlib
import importlib
import types
import warnings
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any

import numpy

# (what the program returned, what is expected, the arguments of the call)
Call = tuple[Any, Any, list[Any]]


@contextlib.contextmanager
def silence(*_: Any, **__: Any) -> Iterator[None]:
    """Neither NumPy's nor Python's warnings about odd values."""
    with warnings.catch_warnings(), numpy.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def evalplus(dataset: str, entry_point: str, calls: Sequence[Call], atol: float) -> list[bool]:
    """What EvalPlus's loop over a suite says of each call, the loop being the installed one.

    Only what is around its comparison is replaced: the guard against programs, the temporary
    folder, the alarm, the captured output, and how the program comes to be a function.
    """
    outputs = iter([out for out, _, _ in calls])
    around = {
        "reliability_guard": lambda **_: None,
        **dict.fromkeys(["create_tempdir", "time_limit", "swallow_io"], silence),
        "exec": lambda _, names: names.update({entry_point: lambda *_: next(outputs)}),
    }
    official = importlib.import_module("evalplus.eval")
    loop = types.FunctionType(official.unsafe_execute.__code__, {**vars(official), **around})
    details: list[Any] = [None] * len(calls)
    loop(
        dataset,
        entry_point,
        "",
        [arguments for _, _, arguments in calls],
        [expected for _, expected, _ in calls],
        [0] * len(calls),
        atol,
        False,
        types.SimpleNamespace(value=0),
        details,
        types.SimpleNamespace(value=0),
    )
    # It leaves no word on a call of find_zero that is right (see test_compare.py).
    return [detail is not False for detail in details]


# From the test programs of the OriginFmt files, as they are there.
ORIGINFMT_FLOATS = """
def is_floats(x) -> bool:
    # check if it is float; List[float]; Tuple[float]
    if isinstance(x, float):
        return True
    if isinstance(x, (list, tuple)):
        return all(isinstance(i, float) for i in x)
    if isinstance(x, np.ndarray):
        return x.dtype == np.float64 or x.dtype == np.float32
    return False
"""
ORIGINFMT = {
    "humaneval": """
def assertion(out, exp, atol):
    exact_match = out == exp

    if atol == 0 and is_floats(exp):
        atol = 1e-6
    if not exact_match and atol != 0:
        assert np.allclose(out, exp, rtol=1e-07, atol=atol)
    else:
        assert exact_match
""",
    "mbpp": """
def assertion(out, exp, atol):
    if atol == 0 and is_floats(exp):
        atol = 1e-6
    if out != exp and atol != 0:
        assert np.allclose(out, exp, rtol=1e-07, atol=atol)
    else:
        assert out == exp, f"out: {out}, exp: {exp}"
""",
    "mbpp as sets": """
def assertion(out, exp, atol):
    if atol == 0 and is_floats(exp):
        atol = 1e-6
    out = set(out)
    exp = set(exp)
    if out != exp and atol != 0:
        assert np.allclose(out, exp, rtol=1e-07, atol=atol)
    else:
        assert out == exp, f"out: {out}, exp: {exp}"
""",
}


def originfmt(kind: str) -> Callable[[Any, Any, float], bool]:
    """The `assertion` of the test programs of one kind."""
    names: dict[str, Any] = {}
    exec("import numpy as np\n" + ORIGINFMT_FLOATS + ORIGINFMT[kind], names)
    return lambda out, expected, atol: passes(lambda: names["assertion"](out, expected, atol))


def passes(assertion: Callable[[], Any]) -> bool:
    """Whether an assertion raises nothing."""
    with silence():
        try:
            assertion()
        except BaseException:  # as broad as the publishers' own
            return False
    return True


def equal(out: Any, expected: Any) -> bool:
    """`assert out == expected`."""

    def assertion() -> None:
        assert out == expected

    return passes(assertion)


def livecodebench_value(out: Any, expected: Any) -> bool:
    """A copy of grade_call_based (lcb_runner/evaluation/testing_util.py)."""

    def assertion() -> None:
        # don't penalize model if it produces tuples instead of lists
        prediction = list(out) if isinstance(out, tuple) else out
        tmp_result = prediction == expected
        assert tmp_result

    return passes(assertion)


def livecodebench_text(out: str, expected: str) -> bool:
    """A copy of grade_stdio (lcb_runner/evaluation/testing_util.py)."""
    try:
        return _stdio(out, expected)
    except Exception:  # a signalling nan cannot be compared
        return False


def _stdio(prediction: str, gt_out: str) -> bool:
    prediction_lines = _get_stripped_lines(prediction)
    gt_lines = _get_stripped_lines(gt_out)
    if len(prediction_lines) != len(gt_lines):
        return False
    for prediction_line, gt_line in zip(prediction_lines, gt_lines, strict=True):
        if prediction_line == gt_line:
            continue
        success, decimal_prediction_line = _convert_line_to_decimals(prediction_line)
        if not success:
            return False
        success, decimal_gt_line = _convert_line_to_decimals(gt_line)
        if not success:
            return False
        if decimal_prediction_line == decimal_gt_line:
            continue
        return False
    return True


def _get_stripped_lines(val: str) -> list[str]:
    val = val.strip()
    return [val_line.strip() for val_line in val.split("\n")]


def _convert_line_to_decimals(line: str) -> tuple[bool, list[Decimal]]:
    try:
        decimal_line = [Decimal(elem) for elem in line.split()]
    except Exception:
        return False, []
    return True, decimal_line
