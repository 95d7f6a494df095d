"""One generation for several protocols: answers to the very same prompts are taken over.

Under two protocols that ask the same and draw alike a model says the same. What
one of them has drawn is copied into the other's run folder, so that each
protocol has a run of its own that knows nothing of the other: its record is the
one that it would have alone, and it is continued alone too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from opencodeeval.benchmarks.base import Benchmark
from opencodeeval.core.types import ModelType, SampleId, Sampling, digest
from opencodeeval.runs.store import RunStore


def draw_alike(one: Sampling, other: Sampling) -> bool:
    """Whether a sample of a prompt is the same under both; `n` does not matter."""
    return (one.temperature, one.top_p, one.max_tokens, one.seed) == (
        *(other.temperature, other.top_p, other.max_tokens, other.seed),
    )


def take_answers(
    benchmark: Benchmark,
    model_type: ModelType,
    sampling: Sampling,
    store: RunStore,
    sources: Sequence[RunStore],
) -> int:
    """Copy into `store` what it lacks and one of `sources` was answered; returns how many.

    The sources must be of the same model, and their sampling must draw alike.

    Raises:
        StoreError: `store` cannot be written.
    """
    taken = 0
    for task in benchmark.tasks:
        prompt = benchmark.prompt(task, model_type)
        asked = digest(asdict(prompt))
        same = [source for source in sources if source.prompts.get(task.task_id) == asked]
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
