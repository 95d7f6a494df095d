"""LiveCodeBench's self-repair: the failed programs of a run, with what its grader says of them.

A task is one sample of that run. As with the publisher, samples that were right
already are kept as they are, and count: the score is that of the repaired set.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from opencodeeval.benchmarks.adapter import Adapter
from opencodeeval.benchmarks.cards import render
from opencodeeval.benchmarks.finished import FinishedSample
from opencodeeval.benchmarks.livecodebench import metadata
from opencodeeval.core.types import Completion, Message, ModelType, Prompt, Task

from ..livecodebench.adapter import LiveCodeBench, about, to_task


def tasks_of(samples: Sequence[FinishedSample], suite: str) -> list[Task]:
    """A task for every sample of a finished run of code generation, judged under `suite`."""
    return [_task(sample, suite) for sample in samples]


def _task(sample: FinishedSample, suite: str) -> Task:
    right = sample.passes[suite]
    told = {} if right else metadata(sample.suites[suite])
    return replace(
        sample.task,
        task_id=f"{sample.task.task_id}#{sample.sample_id}",
        fields={
            **sample.task.fields,
            "program": sample.solution,
            "check": check(told),
            "right": right,
            "cluster": sample.task.task_id,
        },
    )


def check(told: Mapping[str, Any]) -> str:
    """What the publisher tells a model of its failed program.

    Its own code stops at an error that it has no words for (-5); here such a
    program comes back without any.
    """
    given, right = told.get("inputs", ""), told.get("expected", "")
    error = told.get("error") or told.get("error_message", "")
    code = told.get("error_code")
    if code == -2:
        return (
            f"The above code is incorrect and got a wrong answer.\nInput: {given}\n"
            f"Generated Output: {told.get('output', '')}\nExpected: {right}"
        )
    if code == -3:
        return (
            f"The above code is incorrect and got time limit exceeded.\n{error}\n"
            f"Input: {given}\nExpected: {right}"
        )
    if code == -4:
        return (
            f"The above code is incorrect and got a runtime error.\nInput: {given}\n"
            f"Expected: {right}\n{error}"
        )
    return ""


class Repair(LiveCodeBench):
    """Programs to be repaired, and those that need it not."""

    def template(self, task: Task, model_type: ModelType) -> str:
        """The same for all: starter code is not shown again."""
        return f"{model_type}_repair"

    def prompt(self, task: Task, model_type: ModelType) -> Prompt:
        """The publisher's system and user messages; a base model gets the latter (pure)."""
        asked = super().prompt(task, model_type)
        if model_type == "base":
            return asked
        system = Message("system", render(self.card, "chat_repair_system", {}))
        return replace(asked, messages=(system, *asked.messages[1:]))

    def about(self, task: Task) -> Mapping[str, str]:
        """As of the problem, whose samples are one cluster."""
        return {**about(task), "cluster": str(task.fields["cluster"])}

    def carried(self) -> Sequence[Completion]:
        """The programs that were right already."""
        return [
            Completion(
                task.task_id, 0, task.fields["program"], finish_reason="carried", form="program"
            )
            for task in self.tasks
            if task.fields["right"]
        ]

    def describe(self) -> Mapping[str, Any]:
        """What a record stores of the benchmark, and how many samples are no repair."""
        kept, all_samples = len(self.carried()), len(self.tasks)
        note = (
            f"{kept} of {all_samples} samples were right already and are kept; the publisher "
            f"counts them too, so the score is that of all, not of {all_samples - kept} repairs"
        )
        return {**super().describe(), "notes": [note]}


ADAPTER = Adapter(to_task, Repair, about=about, repairs=tasks_of)
