"""LeetCode problems as OpenCodeEval asks, sanitizes and grades them.

The contest problems were in OpenCoder's paper; the 200 test problems of
LeetCodeDataset came with later versions, which also have other rules.
benchmarks/leetcode/quirks.toml lists what of them moves scores.
"""

from __future__ import annotations

from typing import Any

from opencodeeval.benchmarks.adapter import Adapter
from opencodeeval.benchmarks.card_benchmark import CardBenchmark, as_program
from opencodeeval.benchmarks.cards import ProtocolCard
from opencodeeval.benchmarks.data.rows import Row
from opencodeeval.benchmarks.extraction.opencodeeval_sanitize import refine, sanitize
from opencodeeval.core.errors import DataError
from opencodeeval.core.types import Completion, ModelType, Program, Style, Task
from opencodeeval.execution.guest import encoded

from .published_tests import (
    ENTRY_POINT,
    Calls,
    check_calls,
    contest_calls,
)

# What stands before every program, and what later versions have added.
IMPORTS = """\
import math
import re
import sys
import copy
import datetime
import itertools
import collections
import heapq
import functools
import hashlib
import numpy
import numpy as np
import string
from typing import *
from collections import *
"""
LATER_IMPORTS = """\
from typing import *
from functools import *
from collections import *
from itertools import *
from heapq import *
from bisect import *
from string import *
from operator import *
from math import *
import math
import datetime
inf = float('inf')
"""


def to_task(row: Row, protocol: ProtocolCard) -> Task:
    """A row of either file as a task.

    Raises:
        DataError: a field is missing, or its test is of no known form.
    """
    contest = "prompt_sft" in row
    try:
        meta = row["meta"]
        number = int(meta["questionId" if contest else "question_id"])
        calls = (
            contest_calls(row["test"]) if contest else check_calls(row["test"], row["entry_point"])
        )
        asked, told = (
            (row["prompt"], row["prompt_sft"]) if contest else (meta["query"], meta["query"])
        )
        opening = row["prompt"] if contest else meta["lang_code"]
        solution = "" if contest else row["completion"]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(f"it is no row of LeetCode's ({error!r}): fetch the data again") from error
    later = not contest or protocol.options["rules"] == "later"
    head = (IMPORTS + LATER_IMPORTS if later else IMPORTS) + "\n"
    if not contest:
        head += f"{opening}\n        pass\n\n"
    return Task(
        task_id=f"LeetCode/{number}",
        style=Style.FUNCTION,
        prompt=refine(asked),
        entry_point="Solution" if contest else row["entry_point"],
        reference=head + solution if solution else "",
        tests=_tests(calls, protocol),
        fields={**row, "question": refine(told), "opening": opening, "head": head, "later": later},
    )


def _tests(calls: Calls, protocol: ProtocolCard) -> dict[str, Any]:
    return {
        "kind": "calls",
        "entry_point": ENTRY_POINT,
        "setup": calls.setup,
        "suites": [
            {
                "name": "base",
                "calls": encoded([arguments] for arguments in calls.arguments),
                "expected": encoded(calls.expected),
            }
        ],
        "compare": {"rule": "value"},
        "limits": dict(protocol.limits),
    }


class LeetCode(CardBenchmark):
    """Methods of a class Solution, each called with the published inputs."""

    def program(self, task: Task, completion: Completion, model_type: ModelType) -> Program:
        """Extract and assemble the program of one completion (pure)."""
        text, found = completion.text, str(completion.form)
        if completion.form == "completion":
            text = str(task.fields["opening"]) + text
        elif completion.form == "answer":
            whole = f"{task.prompt}\n\n{text}" if model_type == "base" else text
            text = self._sanitized(task, whole)
            found = "sanitized"
        program = as_program(completion, text, found)
        head = str(task.fields["head"])
        if not program.code or text.startswith(head):
            return program
        return as_program(completion, head + text + "\n", found)

    def solution(self, task: Task, code: str) -> str:
        """The program without what is put before every one."""
        return code.removeprefix(str(task.fields["head"]))

    def _sanitized(self, task: Task, text: str) -> str:
        if task.fields["later"]:
            return sanitize(text, "Solution", later=True)
        return sanitize(text)


ADAPTER = Adapter(to_task, LeetCode)
