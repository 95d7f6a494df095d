"""HumanEval+ and MBPP+ as EvalPlus 0.3.1 prompts, sanitizes and grades them.

The quirks.toml of either lists what of EvalPlus moves scores. They differ in
the prompts that their rows hold, in stop strings, in special cases of the
comparison (sandbox/guest/compare_evalplus.py) and in that MBPP+ has inputs
that JSON cannot carry (benchmarks/mbpp_plus/inputs.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from opencodeeval.benchmarks.card_benchmark import CardBenchmark, as_program
from opencodeeval.benchmarks.cards import ProtocolCard, render
from opencodeeval.benchmarks.data.rows import Row
from opencodeeval.benchmarks.extraction.evalplus_sanitize import sanitize
from opencodeeval.core.types import Completion, ModelType, Program, Style, Task, Verdict
from opencodeeval.execution.guest import encoded


def evalplus_task(
    row: Row, protocol: ProtocolCard, dataset: str, base: Iterable[Any], plus: Iterable[Any]
) -> Task:
    """A row as a task; `base` and `plus` are argument lists, `dataset` EvalPlus's name for it."""
    reference = row["prompt"] + row["canonical_solution"]
    return Task(
        task_id=row["task_id"],
        style=Style.FUNCTION,
        prompt=row["prompt"],
        entry_point=row["entry_point"],
        reference=reference,
        tests={
            "kind": "calls",
            "entry_point": row["entry_point"],
            "reference": reference,
            "suites": [
                {"name": "base", "calls": encoded(base)},
                {"name": "plus", "calls": encoded(plus)},
            ],
            "compare": {"rule": "evalplus", "dataset": dataset, "atol": row["atol"]},
            "limits": dict(protocol.limits),
        },
        fields=row,
    )


class EvalPlus(CardBenchmark):
    """Functions, called with the inputs of the original benchmark (base) and EvalPlus's (plus)."""

    def response_prefix(self, task: Task) -> str:
        """The sentence and the open fence that a chat answer goes on from."""
        return render(self.card, "chat_response_prefix", {})

    def program(self, task: Task, completion: Completion, model_type: ModelType) -> Program:
        """Extract and assemble the program of one completion (pure)."""
        if completion.form == "program":
            return as_program(completion, completion.text, "program")
        if completion.form == "completion":
            return as_program(completion, task.prompt + completion.text, "completion")
        text = completion.text.replace("\t", "    ")
        if model_type == "base":
            text = task.prompt.strip() + "\n" + text
        return as_program(completion, sanitize(text, task.entry_point), "sanitized")

    def passes(self, verdicts: Mapping[str, Verdict]) -> Mapping[str, bool]:
        """Per suite, whether a sample counts as correct: plus only where base does."""
        alone = super().passes(verdicts)
        return {suite: passed and alone.get("base", True) for suite, passed in alone.items()}
