"""Shares samples between protocols: identical prompts are answered only once.

Two protocols with the same prompt and the same sampling settings get the same
samples. Those generated for one are copied into the other's run folder, so that
each protocol has a separate, complete run: its record is the same as without the
other protocol, and it can be continued alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace

from opencodeeval.benchmarks.base import Benchmark
from opencodeeval.core.types import ModelType, SampleId, Sampling, digest
from opencodeeval.runs.asking import prompt_of
from opencodeeval.runs.store import RunStore


def draw_alike(one: Sampling, other: Sampling) -> bool:
    """Whether both give the same sample for a prompt; `n` does not matter."""
    # Nor does it matter where the values come from.
    return one == replace(other, n=one.n, from_generation_config=one.from_generation_config)


def take_answers(
    benchmark: Benchmark,
    model_type: ModelType,
    sampling: Sampling,
    store: RunStore,
    sources: Sequence[RunStore],
) -> int:
    """Copy missing completions from `sources` into `store`; returns how many.

    The sources must have the same model and the same sampling settings.

    Raises:
        StoreError: `store` cannot be written.
    """
    taken = 0
    for task in benchmark.tasks:
        prompt = prompt_of(benchmark, task, sampling, model_type)
        prompt_digest = digest(asdict(prompt))
        same = [source for source in sources if source.prompts.get(task.task_id) == prompt_digest]
        for sample_id in range(sampling.n):
            where = SampleId(task.task_id, sample_id)
            answers = (source.completions.get(where) for source in same)
            answer = next((each for each in answers if each is not None), None)
            if answer is None or where in store.completions:
                continue
            if task.task_id not in store.prompts:
                store.add_prompt(prompt)
            store.add_completion(answer)
            taken += 1
    return taken
