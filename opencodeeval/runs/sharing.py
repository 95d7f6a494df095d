"""Shares samples between runs: identical prompts are answered only once.

Two protocols with the same prompt and the same sampling settings get the same
samples. Those generated for one are copied into the other's run folder, so that
each protocol has a separate, complete run: its record is the same as without the
other protocol, and it can be continued alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, TypeAlias

from opencodeeval.benchmarks.base import Benchmark
from opencodeeval.core.types import (
    DEFAULT,
    ORIGINS,
    Completion,
    ModelType,
    Prompt,
    SampleId,
    Sampling,
    digest,
)
from opencodeeval.runs.asking import prompt_of
from opencodeeval.runs.lacking import remember, remembered
from opencodeeval.runs.packed import MANIFEST
from opencodeeval.runs.rows import read_prompts
from opencodeeval.runs.store import RunStore, read_completions


class StoredAnswers:
    """The answers in a run folder, which may be missing; read when they are needed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @cached_property
    def prompts(self) -> Mapping[str, str]:
        """Task id -> digest of the prompt."""
        if not any((self._folder / name).exists() for name in ("prompts.jsonl", MANIFEST)):
            return {}
        return {row.task_id: row.digest for row in read_prompts(self._folder).values()}

    @cached_property
    def completions(self) -> Mapping[SampleId, Completion]:
        """Sample -> completion."""
        return read_completions(self._folder)

    @property
    def lacks(self) -> Sequence[str]:
        """What the answers do without."""
        return remembered(self._folder)


class Question(NamedTuple):
    """What decides an answer but for the number of the sample: model, prompt and settings."""

    backend: int
    prompt: Prompt
    sampling: Sampling


Answer: TypeAlias = "asyncio.Future[Completion | None]"


class Asked:
    """The samples that runs of one command have asked for and that have no answer yet."""

    def __init__(self) -> None:
        # None where nobody waits for the answer.
        self._waiting: dict[Question, dict[int, Answer | None]] = {}

    def claim(self, question: Question, sample_id: int) -> Answer | None:
        """The answer that another run is waiting for, or None: then the caller has to ask.

        The future's result is None if the other run ended without the answer.
        """
        waiting = self._waiting.setdefault(question, {})
        if sample_id not in waiting:
            waiting[sample_id] = None
            return None
        answer = waiting[sample_id] or asyncio.get_running_loop().create_future()
        waiting[sample_id] = answer
        return answer

    def settle(self, question: Question, sample_id: int, answer: Completion | None) -> None:
        """Hand the answer of a claimed sample, or None, to those who wait for it."""
        waiting = self._waiting.get(question, {})
        promised = waiting.pop(sample_id, None)
        if not waiting:
            self._waiting.pop(question, None)
        if promised is not None and not promised.done():
            promised.set_result(answer)


@dataclass(frozen=True)
class Shared:
    """What a run has in common with the other runs of its command.

    `sources` have answers to the same questions; `log` gets a line about this run.
    """

    asked: Asked = field(default_factory=Asked)
    sources: Sequence[StoredAnswers] = ()
    log: Callable[[str], None] = lambda _: None


def drawn_as(sampling: Sampling) -> Sampling:
    """The settings that decide the sample for a prompt; `n` does not matter."""
    # Nor does it matter where the values come from.
    return replace(sampling, n=1, **{name: getattr(DEFAULT, name) for name in ORIGINS})


def draw_alike(one: Sampling, other: Sampling) -> bool:
    """Whether both give the same sample for a prompt."""
    return drawn_as(one) == drawn_as(other)


def take_answers(
    benchmark: Benchmark,
    model_type: ModelType,
    sampling: Sampling,
    store: RunStore,
    sources: Sequence[StoredAnswers],
) -> int:
    """Copy missing completions from `sources` into `store`; returns how many.

    The sources must have the same model and the same sampling settings.

    Raises:
        StoreError: `store` cannot be written, or a source is damaged.
    """
    if not sources:
        return 0
    taken, used = 0, list[StoredAnswers]()
    for task in benchmark.tasks:
        prompt = prompt_of(benchmark, task, sampling, model_type)
        prompt_digest = digest(asdict(prompt))
        same = [source for source in sources if source.prompts.get(task.task_id) == prompt_digest]
        for sample_id in range(sampling.n):
            where = SampleId(task.task_id, sample_id)
            if where in store.completions:
                continue
            source = next((each for each in same if where in each.completions), None)
            if source is None:
                continue
            if source not in used:
                used.append(source)
                remember(store.folder, source.lacks)
            if task.task_id not in store.prompts:
                store.add_prompt(prompt)
            store.add_completion(source.completions[where])
            taken += 1
    return taken
