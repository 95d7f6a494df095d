"""MBPP+ as EvalPlus grades it, or as OpenCodeEval does: the code is shared with HumanEval+."""

from __future__ import annotations

from dataclasses import replace

from opencodeeval.benchmarks.adapter import Adapter
from opencodeeval.benchmarks.cards import ProtocolCard
from opencodeeval.benchmarks.data.rows import Row
from opencodeeval.benchmarks.evalplus import EvalPlus, evalplus_task
from opencodeeval.benchmarks.extraction.opencodeeval_sanitize import refine
from opencodeeval.benchmarks.opencodeeval import Instructed, in_one_suite
from opencodeeval.core.types import Task

from .inputs import deserialized


def to_task(row: Row, protocol: ProtocolCard) -> Task:
    """A row as a task, with its inputs as they were before they became JSON."""
    base, plus = (deserialized(row["task_id"], row[f"{name}_input"]) for name in ("base", "plus"))
    return evalplus_task(row, protocol, "mbpp", base, plus)


def instructed_task(row: Row, protocol: ProtocolCard) -> Task:
    """The same under `opencodeeval`: the prompt is the text and the first test, not in quotes."""
    task = in_one_suite(to_task(row, protocol), "mbpp")
    question = row["prompt"].strip().removeprefix('"""').removesuffix('"""')
    return replace(task, prompt=refine(question))


ADAPTER = Adapter(to_task, EvalPlus, rules={"opencodeeval": Adapter(instructed_task, Instructed)})
