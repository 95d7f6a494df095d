"""LiveCodeBench's code execution: what a function returns, predicted by the model.

What the model wrote is parsed here and evaluated in the sandbox only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from opencodeeval.benchmarks.adapter import Adapter
from opencodeeval.benchmarks.card_benchmark import as_program
from opencodeeval.benchmarks.cards import ProtocolCard
from opencodeeval.benchmarks.data.rows import Row
from opencodeeval.core.errors import DataError
from opencodeeval.core.syntax import literal
from opencodeeval.core.types import Completion, Grade, ModelType, Program, Style, Task
from opencodeeval.execution.guest import encoded

from ..livecodebench.adapter import about
from ..livecodebench_testoutput.adapter import (
    ENTRY_POINT,
    TestOutput,
    compared,
    value_tests,
)

REPEATS = "the prediction repeats the input, which is not counted"
_TEXTS = ("id", "code", "input", "output")

# What the publisher imports, but for pandas, which no program of the data needs.
IMPORTS = """\
import bisect, collections, copy, functools, heapq, itertools, math, operator, random, re, string
import sys
import numpy as np
from bisect import bisect, bisect_left, bisect_right, insort
from collections import Counter, OrderedDict, defaultdict, deque
from copy import deepcopy
from functools import cache, lru_cache, partial, reduce
from heapq import heapify, heappop, heappush, merge
from itertools import accumulate, chain, combinations, count, cycle, groupby, islice, permutations
from itertools import product, repeat, zip_longest
from math import ceil, comb, floor, gcd, inf, isqrt, log, log10, log2, prod, sqrt
from operator import iand, itemgetter, sub
from os.path import commonprefix
from random import randrange, shuffle
from re import search as re_search
from string import ascii_lowercase
from typing import Any, Callable, Dict, Generator, Iterable, Iterator, List, Optional, Set, Tuple
from typing import Union
"""


def select(rows: Sequence[Row], protocol: ProtocolCard) -> list[Row]:
    """The rows in the publisher's order, by the number in their ids."""

    def number(row: Row) -> int:
        last = str(row.get("id")).rpartition("_")[2]
        return int(last) if last.isdecimal() else -1

    return sorted(rows, key=number)


def to_task(row: Row, protocol: ProtocolCard) -> Task:
    """A row as a task.

    Raises:
        DataError: a field is not what the publisher writes.
    """
    for name in _TEXTS:
        if not isinstance(row.get(name), str):
            raise DataError(f'it needs "{name}", a string')
    try:
        expected = encoded([literal(row["output"])])
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        raise DataError(f'its "output" is no literal: {row["output"][:100]}') from None
    return Task(
        task_id=row["id"],
        style=Style.FUNCTION,
        prompt=row["code"],
        entry_point=ENTRY_POINT,
        reference=f"def {ENTRY_POINT}():\n    return {row['output']}\n",
        tests=value_tests(expected, protocol.limits),
        fields={**row, "thought": protocol.options["thought"]},
    )


def extract_prediction(text: str, thought: bool) -> str:
    """The publisher's rule: what follows ==, up to the closing tag or the end of the line."""
    if thought and "[ANSWER]" in text:
        text = text.split("[ANSWER]")[1].strip()
    if "==" in text:
        text = text.split("==")[1].strip()
    return text.split("[/ANSWER]" if "[/ANSWER]" in text else "\n")[0].strip()


class Execution(TestOutput):
    """Functions whose value is to be said."""

    def template(self, task: Task, model_type: ModelType) -> str:
        """One template for answers at once, one for a chain of thought."""
        return f"{model_type}_{'thought' if task.fields['thought'] else 'direct'}"

    def program(self, task: Task, completion: Completion, model_type: ModelType) -> Program:
        """A program that evaluates the prediction beside the function (pure)."""
        text = completion.text
        if text == task.reference:
            return as_program(completion, text, "program")
        if completion.form == "answer":
            text = extract_prediction(text, task.fields["thought"])
        if task.fields["input"] in text:
            return replace(as_program(completion, "", "none"), found=REPEATS)
        expression = compared(f"assert x == {text}", alone=True)
        if not expression:
            return as_program(completion, "", "none")
        body = f"def {ENTRY_POINT}():\n    return (\n{expression}\n    )\n"
        return as_program(completion, f"{IMPORTS}\n{task.fields['code']}\n\n\n{body}", "prediction")

    def prediction(self, task: Task, answer: str) -> str:
        """What an answer predicts, as the publisher extracts it."""
        return extract_prediction(answer, task.fields["thought"])

    def counted(self, grades: Sequence[Grade]) -> Sequence[Grade]:
        """All samples but those that repeat the input, unless all of them do."""
        kept = [each for each in grades if each.suites["base"].detail != REPEATS]
        return kept or grades


ADAPTER = Adapter(to_task, Execution, select, about)
