"""All engines write the same texts: vLLM in process and behind a server, and transformers."""

from __future__ import annotations

import asyncio
import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import opencodeeval as oce
from opencodeeval.backends import BackendOptions, open_backend
from opencodeeval.backends.base import Request
from opencodeeval.core.types import Completion, Prompt, SampleId, Sampling
from opencodeeval.records.schema import content_of
from opencodeeval.runs.store import read_run
from tests.support.openai_asking import EVERYTHING
from tests.support.openai_server import Server
from tests.support.vllm_server import CHECKPOINT, vllm_server

# Those that change no prompt.
SETTINGS = replace(EVERYTHING, max_tokens=64, chat_template_args={}, reasoning_effort="")
# What a record says of the backend, the machine and the time.
OF_ITS_OWN = {"digest", "hardware", "lacks", "model", "run_id", "timing"}
Completions = dict[SampleId, Completion]
# Tasks, and how long their prompts are.
SIZES = ((0, 100), (1, 400))


@pytest.mark.vllm
@pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed")
@pytest.mark.timeout(1200)  # loads a server and an engine
def test_all_engines_write_the_same_texts_whatever_happens_between(
    server: Server, tmp_path: Path
) -> None:
    greedy = oce.load_benchmark("starter")
    # Of one load of the model: a benchmark whose own sampling is another.
    sampled = replace(greedy, protocol_card=replace(greedy.protocol_card, sampling=SETTINGS))

    card = replace(greedy.protocol_card, sampling=replace(SETTINGS, temperature=0.0))
    penalised = replace(greedy, protocol_card=card)

    results: dict[str, list[dict[str, Any]]] = {}

    def answers(name: str, backend: str, url: str = "") -> list[Completions]:
        here = BackendOptions(dtype="float32", max_model_len=1024)
        options = BackendOptions(base_urls=(url,)) if url else here
        runs = oce.evaluate(
            "tiny" if url else str(CHECKPOINT),
            # Two engines draw other samples from the same seed.
            [greedy, penalised, *([] if backend == "transformers" else [sampled])],
            backend=backend,
            backend_options=options,
            sandbox=oce.SandboxOptions("local"),
            output=oce.Output(tmp_path / name, "none"),
        ).runs
        origin = "server" if url else "engine"
        assert {run.record.model.origin for run in runs} == {origin}
        results[name] = [content_of(run.record) for run in runs]
        found = [dict(read_run(run.run_folder).completions) for run in runs]
        assert {len(each) for each in found} == {24}
        return found

    def texts(found: list[Completions]) -> list[dict[SampleId, str]]:
        return [{where: each.text for where, each in one.items()} for one in found]

    engine = answers("engine", "vllm")
    # Prompts, finish reasons and numbers of tokens, too.
    assert answers("transformers", "transformers") == engine[:2]
    assert texts(answers("direct", "openai", vllm_server())) == texts(engine)
    server.upstream = vllm_server()
    server.owned_by("vllm", max_model_len=1024)
    server.faults = [429, 500, "drop", "cut", "slow", "garbage"] * 2
    assert texts(answers("faulty", "openai", server.url)) == texts(engine)
    # Slow answers are waited for.
    assert len(server.bodies) == 3 * 24 + 12 - 2
    # The records are alike, but for where the samples came from.
    for name, records in results.items():
        for record, other in zip(records, results["engine"], strict=False):
            for part in set(other) - OF_ITS_OWN:
                assert record[part] == other[part], (name, part)
            assert record["totals"]["samples"] == 24


@pytest.mark.vllm
@pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed")
@pytest.mark.timeout(900)  # loads a server where the test above has not
def test_vllm_s_server_shortens_an_answer_that_may_be_longer_than_its_context() -> None:
    options = BackendOptions(base_urls=(vllm_server(),), model_type="base")
    backend = open_backend("openai", "tiny", options)

    async def run() -> list[Completion]:
        requests = [Request(Prompt(f"t/{n}", text="def f(x):\n" * times), 0) for n, times in SIZES]
        sampling = Sampling(max_tokens=5000, ignore_eos=True)
        try:
            return [each async for each in backend.generate(requests, sampling)]
        finally:
            await backend.close()

    short, long = sorted(asyncio.run(run()), key=lambda each: each.task_id)
    assert short.finish_reason == "length"
    assert short.prompt_tokens + short.completion_tokens == 1024
    assert long.finish_reason == "prompt_too_long"
