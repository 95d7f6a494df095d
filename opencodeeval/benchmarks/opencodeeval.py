"""HumanEval, HumanEval+, MBPP and MBPP+ as OpenCodeEval runs them, for OpenCoder's paper.

Every benchmark's quirks.toml says at its end what of it moves scores. The two
classes are OpenCodeEval's types of prompt. For HumanEval+ and MBPP+ it executes
the test programs of EvalPlus's OriginFmt files: those hold the inputs of base
and plus, each once, with what the canonical solution returns, so the tasks are
made here from the inputs themselves.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from opencodeeval.benchmarks.card_benchmark import CardBenchmark, as_program
from opencodeeval.benchmarks.cards import prompt_sources
from opencodeeval.benchmarks.data.rows import Row
from opencodeeval.benchmarks.extraction.opencodeeval_sanitize import refine, sanitize
from opencodeeval.core.types import Completion, ModelType, Program, Task, digest

IMPORTS = """import math
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


def shown(row: Row) -> dict[str, Any]:
    """What a prompt shows of a row of MBPP."""
    return {
        "text": refine(row["text"]).rstrip("\n"),
        "tests": [test.replace("\t", "    ") for test in row["test_list"]],
        "code": refine(row["code"]).rstrip("\n"),
    }


def in_one_suite(task: Task, dataset: str) -> Task:
    """A task of EvalPlus's with all of its inputs in one suite, none of them twice."""
    suites = task.tests["suites"]
    lines = [line for suite in suites for line in suite["calls"].split("\n") if suite["calls"]]
    given = [each for suite in suites for each in task.fields[f"{suite['name']}_input"]]
    distinct = dict(_first(zip(lines, given, strict=True)))
    tests = {
        **task.tests,
        "suites": [{"name": "plus", "calls": "\n".join(distinct)}],
        "compare": {**task.tests["compare"], "rule": "originfmt"},
    }
    return replace(task, tests=tests, fields={**task.fields, "plus_input": [*distinct.values()]})


def _first(pairs: Iterable[tuple[str, Any]]) -> Iterable[tuple[str, Any]]:
    """The pairs whose key no earlier one has."""
    seen: set[str] = set()
    for key, value in pairs:
        if key not in seen:
            seen.add(key)
            yield key, value


class OpenCodeEval(CardBenchmark):
    """What the two types of prompt have in common."""

    def template(self, task: Task, model_type: ModelType) -> str:
        """The protocol has templates of its own."""
        return f"opencodeeval_{model_type}"

    def prompt_digest(self, model_type: ModelType) -> str:
        """Digest of the prompt templates and stop strings in use."""
        return digest(prompt_sources(self.card, self.protocol_card, f"opencodeeval_{model_type}"))

    def program(self, task: Task, completion: Completion, model_type: ModelType) -> Program:
        """Extract and assemble the program of one completion (pure)."""
        text, found = completion.text, str(completion.form)
        if completion.form == "completion":
            text = self._continued(task, text)
        elif completion.form == "answer":
            if model_type == "base":
                text = f"{self.prompt(task, model_type).text}\n\n{text}"
            text, found = self._sanitized(task, text), "sanitized"
        program = as_program(completion, text, found)
        if not program.code:
            return program
        return as_program(completion, f"{self._before(task)}{text}\n", found)

    def solution(self, task: Task, code: str) -> str:
        """The program without the lines that are put before every one."""
        return code.removeprefix(self._before(task))

    @abstractmethod
    def _before(self, task: Task) -> str:
        """What stands before a sample's code."""

    @abstractmethod
    def _continued(self, task: Task, text: str) -> str:
        """The code of a completion that continues the publisher's prompt."""

    @abstractmethod
    def _sanitized(self, task: Task, text: str) -> str:
        """The code in an answer, of a base model with its prompt before it."""


class Completing(OpenCodeEval):
    """Functions to be completed: HumanEval and HumanEval+."""

    def _before(self, task: Task) -> str:
        return f"{IMPORTS}{task.fields['prompt']}\n    pass\n\n"

    def _continued(self, task: Task, text: str) -> str:
        return str(task.fields["prompt"]) + text

    def _sanitized(self, task: Task, text: str) -> str:
        return sanitize(text, task.entry_point)


class Instructed(OpenCodeEval):
    """Functions to be written from a sentence: MBPP and MBPP+."""

    def _before(self, task: Task) -> str:
        return f"{IMPORTS}{task.fields.get('test_setup_code') or ''}\n"

    def _continued(self, task: Task, text: str) -> str:
        return text

    def _sanitized(self, task: Task, text: str) -> str:
        if "shots" in task.fields:
            # Else a solution of a shot or the question's assertions, if longer, were the answer.
            text = text.removeprefix(self.prompt(task, "base").text)
        return sanitize(text)
