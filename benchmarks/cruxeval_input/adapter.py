"""CRUXEval as facebookresearch/cruxeval asks, extracts and grades it.

There is a function and a call of it. Either its output is to be predicted
(cruxeval_output), or, from the output, an input that leads to it
(cruxeval_input). A prediction is an expression, and hostile code like any
other: it is parsed here, and evaluated only by a player.
benchmarks/cruxeval_input/quirks.toml lists what moves scores.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from opencodeeval.benchmarks.adapter import Adapter
from opencodeeval.benchmarks.card_benchmark import CardBenchmark, as_program
from opencodeeval.benchmarks.cards import ProtocolCard, render
from opencodeeval.benchmarks.data.rows import Row
from opencodeeval.core.errors import DataError
from opencodeeval.core.syntax import literal
from opencodeeval.core.types import Completion, Message, ModelType, Program, Prompt, Style, Task
from opencodeeval.execution.guest import encoded

from .predictions import (
    ENTRY_POINT,
    FUNCTION,
    input_program,
    needs_functions,
    output_program,
    predicted,
)


def input_task(row: Row, protocol: ProtocolCard) -> Task:
    """A row as the task of finding an input.

    The judge carries the predicted arguments to a function of its own. Functions cannot be
    carried: where the published input has one, the call is made where the prediction is evaluated,
    which could patch what the function uses: such a pass is hardened, not forge-proof.

    Raises:
        DataError: it is no row of CRUXEval's.
    """
    expected = _expected(row)
    call = f"{FUNCTION}({row['input']})"
    tests: dict[str, Any] = {"entry_point": ENTRY_POINT, "limits": dict(protocol.limits)}
    if needs_functions(call):
        tests |= _returned(expected)
    else:
        tests |= {"kind": "input", "source": row["code"], "function": FUNCTION}
        tests["expected"] = encoded([expected])
    carried = tests["kind"] == "input"
    task = _task(row, tests, input_program(row["code"], call, carried))
    return task if carried else replace(task, in_process=True)


def output_task(row: Row, protocol: ProtocolCard) -> Task:
    """A row as the task of predicting the output.

    Raises:
        DataError: it is no row of CRUXEval's.
    """
    tests = {"entry_point": ENTRY_POINT, **_returned(_expected(row))}
    tests["limits"] = dict(protocol.limits)
    return _task(row, tests, output_program(row["code"], row["output"]))


def _task(row: Row, tests: dict[str, Any], reference: str) -> Task:
    if not reference:
        raise DataError("its code, input and output are no Python: fetch the data again")
    return Task(row["task_id"], Style.FUNCTION, row["code"], FUNCTION, reference, tests, row)


def _returned(expected: Any) -> dict[str, Any]:
    """One call of the entry point, and what it must return."""
    suite = {"name": "base", "calls": encoded([[]]), "expected": encoded([expected])}
    return {"kind": "calls", "suites": [suite], "compare": {"rule": "value"}}


def _expected(row: Row) -> Any:
    for name in ("code", "input", "output"):
        if not isinstance(row.get(name), str):
            raise DataError(f'it needs "{name}", a string: fetch the data again')
    try:
        return literal(row["output"])
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as error:
        raise DataError(
            f"its output is no literal, so nothing can be held against it: {row['output'][:100]}"
        ) from error


class CruxEval(CardBenchmark):
    """Assertions of which one side is to be predicted."""

    @property
    def scenario(self) -> str:
        """What is to be predicted: "input" or "output"."""
        return str(self.protocol_card.options["scenario"])

    @property
    def thought(self) -> bool:
        """Whether the answer comes after a chain of thought."""
        return bool(self.protocol_card.options["thought"])

    @property
    def has_answers(self) -> bool:
        """Predictions can agree."""
        return True

    def template(self, task: Task, model_type: ModelType) -> str:
        """One template for each scenario, with a chain of thought or without."""
        return f"{model_type}_{self.scenario}{'_cot' if self.thought else ''}"

    def prompt(self, task: Task, model_type: ModelType) -> Prompt:
        """The question put to the model (pure); chat models are told their profession before."""
        asked = super().prompt(task, model_type)
        if model_type == "base":
            return asked
        system = Message("system", render(self.card, "chat_system", {}))
        return Prompt(asked.task_id, messages=(system, *asked.messages), stop=asked.stop)

    def prediction(self, answer: str, model_type: ModelType) -> str:
        """What an answer predicts, as the publisher extracts it."""
        last_line = self.thought and model_type == "chat"
        return predicted(answer, self.scenario, self.thought, last_line)

    def program(self, task: Task, completion: Completion, model_type: ModelType) -> Program:
        """Extract the prediction of one completion and make it a program (pure).

        A completion that is no "answer" is the bare prediction, as in the publisher's
        generations.json.
        """
        if completion.form == "program":
            return as_program(completion, completion.text, "program")
        prediction, found = completion.text, str(completion.form)
        if completion.form == "answer":
            prediction = self.prediction(completion.text, model_type)
            found = "assertion"
        code = task.fields["code"]
        if self.scenario == "input":
            # The publisher asks for the text of a call, to the letter.
            asked = f"{FUNCTION}(" in prediction
            made = input_program(code, prediction, task.tests["kind"] == "input") if asked else ""
        else:
            computed = f"{FUNCTION}({task.fields['input']})" in prediction
            made = "" if computed else output_program(code, prediction)
        return as_program(completion, made, found)


ADAPTER = Adapter(input_task, CruxEval)
