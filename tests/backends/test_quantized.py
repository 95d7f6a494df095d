"""Quantized checkpoints: what a record says of them, and what engines write with them.

With OPENCODEEVAL_TEST_ENGINES=all also in vLLM, which loads three engines (three minutes).
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from opencodeeval.backends import BackendOptions, open_backend
from opencodeeval.backends.base import Request
from opencodeeval.core.errors import BackendError
from opencodeeval.core.types import Prompt, Sampling
from tests.support.engines import loads_engines
from tests.support.quantized import save_quantized

pytest.importorskip("compressed_tensors")
pytest.importorskip("transformers")
# Of twelve tokens the first rounding that decides one is not among them.
SAMPLING = Sampling(max_tokens=12)
TEXTS = ("def add(a, b):\n", "x = ", "class A", "import ")


@pytest.fixture(scope="module")
def whole(repo_root: Path) -> Path:
    return repo_root / "tests" / "checkpoints" / "starter-tiny-chat" / "step-0300"


@pytest.fixture(scope="module")
def quantized(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("quantized")
    return {name: save_quantized(whole, folder / name, name) for name in ("W8A8", "W4A16")}


def texts(backend: str, model: Path, **engine_args: Any) -> tuple[dict[str, str], dict[str, Any]]:
    """The answers, and what the backend says of itself."""
    options = BackendOptions(
        dtype="bfloat16" if engine_args else "float32",
        max_model_len=256,
        model_type="base",
        engine_args=engine_args,
    )
    opened = open_backend(backend, str(model), options)

    async def answers() -> dict[str, str]:
        requests = [Request(Prompt(text, text=text), 0) for text in TEXTS]
        found = {each.task_id: each.text async for each in opened.generate(requests, SAMPLING)}
        await opened.close()
        return found

    return asyncio.run(answers()), dict(opened.identity())


# How many answers are those of the model itself: four bits round away more than eight.
@pytest.mark.parametrize(("scheme", "same"), [("W8A8", 2), ("W4A16", 1)])
def test_transformers_loads_them_and_the_record_names_the_method(
    scheme: str, same: int, whole: Path, quantized: dict[str, Path]
) -> None:
    plain, described = texts("transformers", whole)
    assert "quantization" not in described
    found, described = texts("transformers", quantized[scheme])
    assert described["quantization"] == "compressed-tensors"
    assert sum(found[text] == plain[text] for text in plain) >= same


@pytest.mark.vllm
@pytest.mark.timeout(1800)
@loads_engines("three engines")
def test_vllm_loads_them_quantizes_while_loading_and_says_what_it_lacks(
    whole: Path, quantized: dict[str, Path]
) -> None:
    plain, _ = texts("transformers", quantized["W8A8"])
    found, described = texts("vllm", quantized["W8A8"])
    assert described["quantization"] == "compressed-tensors"
    assert sum(found[text] == plain[text] for text in plain) >= len(plain) - 1
    method = "int8_per_channel_weight_only"
    _, described = texts("vllm", whole, quantization=method)
    assert described["quantization"]
    assert described["engine_args"]["quantization"] == method
    # Without AVX-512, vLLM 0.32 has no kernel for it.
    try:
        found, _ = texts("vllm", quantized["W4A16"])
    except BackendError as error:
        assert "use --backend transformers" in str(error)  # noqa: PT017
    else:
        assert found.keys() == plain.keys()
