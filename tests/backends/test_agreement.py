"""All engines write the same texts: vLLM in process and behind a server, and transformers."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import opencodeeval as oce
from opencodeeval.backends import BackendOptions
from opencodeeval.core.types import Completion, SampleId
from opencodeeval.records.schema import content_of
from opencodeeval.runs.store import read_run
from tests.backends.test_openai_backend import EVERYTHING
from tests.support.openai_server import Server
from tests.support.vllm_server import CHECKPOINT, vllm_server

# Those that change no prompt.
SETTINGS = replace(EVERYTHING, max_tokens=64, chat_template_args={}, reasoning_effort="")
# What a record says of the backend, the machine and the time.
OF_ITS_OWN = {"digest", "hardware", "lacks", "model", "run_id", "timing"}
Completions = dict[SampleId, Completion]


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
