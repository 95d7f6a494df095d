"""What vLLM's cache of prompts saves where each task has many samples."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import opencodeeval as oce
from opencodeeval.backends.models import ModelSource
from opencodeeval.backends.rendering import load_tokenizer, render
from opencodeeval.backends.streaming import as_finished
from opencodeeval.backends.vllm_engine import start_engine
from opencodeeval.runs.asking import prompt_of
from tests.bench.measures import ROOT

MODEL = ROOT / "tests" / "checkpoints" / "starter-tiny-chat" / "step-0300"
SAMPLES = 20
LONGEST = 64
IN_FLIGHT = 256


def prefix(rounds: int) -> None:
    """Print seconds, and the share of prompt tokens that came from the cache, with and without."""
    benchmark = oce.load_benchmark("starter")
    sampling = benchmark.default_sampling()
    tokenizer = load_tokenizer(ModelSource(str(MODEL), folder=MODEL))
    prompts = [
        list(render(tokenizer, prompt_of(benchmark, task, sampling, "chat")).token_ids)
        for task in benchmark.tasks
        for _ in range(SAMPLES)
    ]
    print(f"\nprefix caching: starter, {SAMPLES} samples of each of {len(benchmark.tasks)} tasks")
    for cached in (True, False):
        arguments = {
            "model": str(MODEL),
            "dtype": "float32",
            "max_model_len": 1024,
            "enable_prefix_caching": cached,
        }
        engine = start_engine({**arguments, "disable_log_stats": True}, local=True)
        try:
            found = asyncio.run(_generated(engine, prompts, rounds))
        finally:
            engine.shutdown()
        seconds, share = min(found)
        print(
            f"{'with' if cached else 'without':8} {seconds:6.1f} s, best of {rounds}; "
            f"{100 * share:.0f} % of {sum(map(len, prompts))} prompt tokens from the cache",
            flush=True,
        )


async def _generated(
    engine: Any, prompts: Sequence[list[int]], rounds: int
) -> list[tuple[float, float]]:
    """Of each round, the seconds and the share of prompt tokens from the cache."""
    found = []
    for _ in range(rounds):
        # The prompts of the round before must not count.
        await engine.llm.reset_prefix_cache()
        start, taken = time.perf_counter(), 0
        stream = as_finished(prompts, lambda prompt: _answer(engine, prompt), IN_FLIGHT)
        async for cached in stream:
            taken += cached
        found.append((time.perf_counter() - start, taken / sum(map(len, prompts))))
    return found


async def _answer(engine: Any, prompt: list[int]) -> int:
    """Generate one answer; how many tokens of its prompt came from the cache."""
    from vllm.sampling_params import RequestOutputKind, SamplingParams

    number = next(engine.numbers)
    parameters = SamplingParams(
        temperature=0.8, seed=number, max_tokens=LONGEST, output_kind=RequestOutputKind.FINAL_ONLY
    )
    answer = engine.llm.generate({"prompt_token_ids": prompt}, parameters, str(number))
    return max([output.num_cached_tokens or 0 async for output in answer])
