"""vLLM in several processes writes what it writes in one.

Runs with OPENCODEEVAL_TEST_ENGINES=all (four minutes on two cores).
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from opencodeeval.backends import BackendOptions, open_backend
from opencodeeval.backends.base import Request
from opencodeeval.core.types import Prompt, Sampling
from tests.support.engines import loads_engines

TEXTS = ("def add(a, b):\n", "x = ", "class A", "import ")
SAMPLINGS = (Sampling(max_tokens=48), Sampling(n=2, temperature=0.8, max_tokens=48))


@pytest.mark.vllm
@pytest.mark.timeout(1800)
@loads_engines("three engines")
def test_answers_are_the_same_with_parallel_engines(
    repo_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # This machine may have one NUMA node.
    monkeypatch.setenv("VLLM_CPU_OMP_THREADS_BIND", "nobind")
    model = repo_root / "tests" / "checkpoints" / "starter-tiny-chat" / "step-0300"
    requests = [Request(Prompt(text, text=text), number) for text in TEXTS for number in (0, 1)]

    async def answers(engine_args: dict[str, Any]) -> dict[tuple[str, int, float], str]:
        options = BackendOptions(
            dtype="float32", max_model_len=256, model_type="base", engine_args=engine_args
        )
        backend = open_backend("vllm", str(model), options)
        assert dict(backend.identity()["engine_args"]).items() >= engine_args.items()
        found = {
            (each.task_id, each.sample_id, sampling.temperature): each.text
            for sampling in SAMPLINGS
            async for each in backend.generate(requests, sampling)
        }
        await backend.close()
        return found

    alone = asyncio.run(answers({}))
    assert len(set(alone.values())) > 2 * len(TEXTS)
    assert asyncio.run(answers({"tensor_parallel_size": 2})) == alone
    assert asyncio.run(answers({"data_parallel_size": 2})) == alone
