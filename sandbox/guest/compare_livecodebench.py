"""How LiveCodeBench holds an output against the expected one (`evaluation/testing_util.py`).

Pure, and in the publisher's words: what is wrong is what its metadata would say.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, List

from . import verdicts
from .compare_bounds import arrays, equal

SHOWN = 300


def shown(value: Any) -> str:
    """A value as the publisher shows it: the first and the last 150 characters of a long one."""
    try:
        text = value if isinstance(value, str) else _printed(value)
    except Exception as error:  # e.g. integers too long to print
        text = f"<{type(value).__name__}: {type(error).__name__}>"
    if len(text) <= SHOWN:
        return text
    return text[: SHOWN // 2] + "...(truncated) ..." + text[-SHOWN // 2 :]


def _printed(value: Any) -> str:
    """Its text, or a shorter one where an array has so many dimensions that NumPy takes minutes."""
    if any(array.ndim > 3 and array.size > SHOWN for array in arrays(value)):
        return verdicts.show(value)
    return str(value)


def wrong_text(out: str, expected: str) -> str:
    """What is wrong with printed text, empty if nothing is.

    Lines are compared without the blanks around them, and blank lines only count
    inside; a line may also be equal number by number, as exact decimals.
    """
    got, want = _lines(out), _lines(expected)
    if len(got) != len(want):
        return "Wrong answer: mismatched output length"
    for index, (line, right) in enumerate(zip(got, want)):
        if line != right and not _same_numbers(line, right):
            return f"Wrong answer at output_line_idx={index}: {shown(line)} != {shown(right)}"
    return ""


def wrong_value(out: Any, expected: Any) -> str:
    """What is wrong with a returned value, empty if nothing is: plain ==, a tuple being a list."""
    try:
        right = bool(equal(list(out) if isinstance(out, tuple) else out, expected))
    except Exception:  # an array of several truths, for one
        right = False
    return "" if right else "Wrong Answer"


def _lines(text: str) -> List[str]:
    return [line.strip() for line in text.strip().split("\n")]


def _same_numbers(line: str, right: str) -> bool:
    got, want = line.split(), right.split()
    if len(got) != len(want):
        return False
    try:
        return all(Decimal(a) == Decimal(b) for a, b in zip(got, want))
    except ArithmeticError:  # not a number, or one that cannot be compared
        return False
