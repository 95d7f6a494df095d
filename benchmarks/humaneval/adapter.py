"""HumanEval as openai/human-eval grades it.

The publisher fixes the grading: the program is the prompt plus the completion,
and the row's `check` function judges it. Chat models are asked as in
openai/simple-evals; see benchmarks/humaneval/quirks.toml for what differs.
"""

from __future__ import annotations

from dataclasses import replace

from opencodeeval.benchmarks.adapter import Adapter
from opencodeeval.benchmarks.card_benchmark import CardBenchmark, as_program
from opencodeeval.benchmarks.cards import ProtocolCard
from opencodeeval.benchmarks.data.rows import Row
from opencodeeval.benchmarks.extraction.answers import extract
from opencodeeval.benchmarks.extraction.assembly import assemble
from opencodeeval.benchmarks.extraction.opencodeeval_sanitize import refine
from opencodeeval.benchmarks.lm_eval import LmEvalHumanEval
from opencodeeval.benchmarks.opencodeeval import Completing
from opencodeeval.core.types import Completion, ModelType, Program, Style, Task


def to_task(row: Row, protocol: ProtocolCard) -> Task:
    """A row of HumanEval as a task."""
    reference = row["prompt"] + row["canonical_solution"]
    return Task(
        task_id=row["task_id"],
        style=Style.FUNCTION,
        prompt=row["prompt"],
        entry_point=row["entry_point"],
        reference=reference,
        tests={
            "kind": "check",
            "entry_point": row["entry_point"],
            "test": row["test"],
            "helpers": reference,
            "limits": dict(protocol.limits),
        },
        fields=row,
    )


class HumanEval(CardBenchmark):
    """164 functions, each judged by its own `check`."""

    def program(self, task: Task, completion: Completion, model_type: ModelType) -> Program:
        """Extract and assemble the program of one completion (pure)."""
        if completion.form == "program":
            return as_program(completion, completion.text, "program")
        if completion.form == "completion":
            return as_program(completion, task.prompt + completion.text, "completion")
        if model_type == "base":
            continued = task.prompt + completion.text if completion.text.strip() else ""
            return as_program(completion, continued, "completion")
        extraction = extract(completion.text, task.entry_point)
        if not extraction.code:
            return as_program(completion, "", "none")
        code = assemble(task.prompt, task.entry_point, extraction.code)
        return as_program(completion, code, str(extraction.found))


def completing_task(row: Row, protocol: ProtocolCard) -> Task:
    """A row as a task of the protocol `opencodeeval`."""
    return replace(to_task(row, protocol), prompt=refine(row["prompt"]))


ADAPTER = Adapter(
    to_task,
    HumanEval,
    rules={
        "lm-eval": Adapter(to_task, LmEvalHumanEval),
        "opencodeeval": Adapter(completing_task, Completing),
    },
)
