"""HumanEval+ as EvalPlus 0.3.1 prompts, sanitizes and grades it.

benchmarks/humaneval_plus/quirks.toml lists what of EvalPlus moves scores.
"""

from __future__ import annotations

from collections.abc import Mapping

from opencodeeval.adapters.card_benchmark import CardBenchmark, as_program
from opencodeeval.adapters.evalplus_sanitize import sanitize
from opencodeeval.cards import ProtocolCard, render
from opencodeeval.data import Row
from opencodeeval.execution.guest import encoded
from opencodeeval.types import Completion, ModelType, Program, Style, Task, Verdict


def to_task(row: Row, protocol: ProtocolCard) -> Task:
    """A row of HumanEval+ as a task: its inputs are plain JSON, positional arguments a call."""
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
                {"name": "base", "calls": encoded(row["base_input"])},
                {"name": "plus", "calls": encoded(row["plus_input"])},
            ],
            "compare": {"rule": "evalplus", "dataset": "humaneval", "atol": row["atol"]},
            "limits": dict(protocol.limits),
        },
        fields=row,
    )


class HumanEvalPlus(CardBenchmark):
    """164 functions, called with the inputs of HumanEval (base) and EvalPlus (plus)."""

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
