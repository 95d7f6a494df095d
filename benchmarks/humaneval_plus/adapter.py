"""HumanEval+ as EvalPlus grades it, or as OpenCodeEval does: the code is shared with MBPP+."""

from __future__ import annotations

from dataclasses import replace

from opencodeeval.benchmarks.adapter import Adapter
from opencodeeval.benchmarks.cards import ProtocolCard
from opencodeeval.benchmarks.data.rows import Row
from opencodeeval.benchmarks.evalplus import EvalPlus, evalplus_task
from opencodeeval.benchmarks.extraction.opencodeeval_sanitize import refine
from opencodeeval.benchmarks.opencodeeval import Completing, in_one_suite
from opencodeeval.core.types import Task


def to_task(row: Row, protocol: ProtocolCard) -> Task:
    """A row as a task: its inputs are plain JSON, positional arguments a call."""
    return evalplus_task(row, protocol, "humaneval", row["base_input"], row["plus_input"])


def completing_task(row: Row, protocol: ProtocolCard) -> Task:
    """A row as a task of the protocol `opencodeeval`."""
    task = in_one_suite(to_task(row, protocol), "humaneval")
    return replace(task, prompt=refine(row["prompt"]))


ADAPTER = Adapter(to_task, EvalPlus, rules={"opencodeeval": Adapter(completing_task, Completing)})
