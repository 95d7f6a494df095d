"""The backend that asks no model: every answer is the task's own reference program."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from opencodeeval.backends.base import Opener, Request
from opencodeeval.backends.capabilities import Capabilities
from opencodeeval.backends.options import BackendOptions
from opencodeeval.core.errors import BackendError, UsageError
from opencodeeval.core.types import Completion, ModelType, Sampling, Task


def require_references(tasks: Sequence[Task]) -> None:
    """See that all tasks have solutions of their own.

    Raises:
        UsageError: some have none, as where a publisher has kept them back.
    """
    without = [task.task_id for task in tasks if not task.reference]
    if without:
        raise UsageError(
            f"{len(without)} of these {len(tasks)} tasks have no published solution "
            f"({without[0]} is the first): choose another data version (`opencodeeval data list` "
            "names them), name a model, or grade samples"
        )


class ReferenceBackend:
    """Answers each task with its reference: a run that must score 100 %."""

    capabilities = Capabilities(thinking_budget=True, overlapping_calls=True)
    model_type: ModelType = "base"

    def __init__(self, tasks: Sequence[Task], label: Mapping[str, str] | None = None) -> None:
        require_references(tasks)
        self._label = dict(label or {})
        self._references = {task.task_id: task.reference for task in tasks}

    def identity(self) -> Mapping[str, Any]:
        own = {"backend": "reference", "model": "reference", "model_type": self.model_type}
        return own | self._label

    async def generate(
        self, requests: Sequence[Request], sampling: Sampling
    ) -> AsyncIterator[Completion]:
        for request in requests:
            task_id = request.prompt.task_id
            if task_id not in self._references:
                raise BackendError(
                    f"the reference backend was opened without task {task_id}: "
                    "open it with the tasks of the benchmark that is run"
                )
            yield Completion(
                task_id=task_id,
                sample_id=request.sample_id,
                text=self._references[task_id],
                finish_reason="reference",
                form="program",
            )

    async def close(self) -> None:
        return None


def _open(model: str, options: BackendOptions, tasks: Sequence[Task]) -> ReferenceBackend:
    return ReferenceBackend(tasks, options.label())


BACKEND = Opener(_open, asks_model=False)
