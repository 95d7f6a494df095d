"""Draft models for vLLM's speculative decoding: found, named, refused, and what they change.

With OPENCODEEVAL_TEST_ENGINES=all also an engine on the CPU that has one (a minute).
"""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest

from opencodeeval.backends import BackendOptions, open_backend
from opencodeeval.backends.base import Backend, Request
from opencodeeval.backends.models import weight_digest
from opencodeeval.backends.vllm_drafts import describe_draft, draft_arguments, find_draft
from opencodeeval.core.errors import BackendError, UsageError
from opencodeeval.core.types import Prompt, Sampling
from tests.support.engines import loads_engines
from tests.support.hub import COMMIT
from tests.support.tiny_adapters import save_tiny_adapter
from tests.support.tiny_models import save_tiny_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("models") / "draft", None)


def given(model: Any, **more: Any) -> dict[str, Any]:
    return {"speculative_config": {"model": model, "num_speculative_tokens": 2, **more}}


def test_a_draft_model_is_named_by_its_weights(model: Path, tmp_path: Path) -> None:
    # A draft that was trained for its model has no tokenizer.
    bare = tmp_path / "bare"
    shutil.copytree(model, bare, ignore=shutil.ignore_patterns("tokenizer*"))
    engine_args = given(str(bare))
    draft = find_draft(engine_args)
    assert draft_arguments(draft, engine_args) == engine_args
    named = describe_draft(draft)["draft"]
    assert named == {
        "model": f"{tmp_path.name}/bare",
        "revision": None,
        "weights_digest": weight_digest(bare),
    }


def test_a_draft_model_of_the_hub_is_named_by_its_commit(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = tmp_path / "models--org--draft"
    snapshot = repository / "snapshots" / COMMIT
    shutil.copytree(model, snapshot)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    draft = find_draft(given("org/draft"))
    assert draft_arguments(draft, given("org/draft")) == given(str(snapshot))
    named = describe_draft(draft)["draft"]
    assert named == {"model": "org/draft", "revision": COMMIT, "weights_digest": None}


@pytest.mark.parametrize(
    "engine_args",
    [
        {},
        {"speculative_config": None},
        {"speculative_config": {"method": "ngram", "num_speculative_tokens": 2}},
        {"speculative_config": {"method": "ngram", "model": "ngram"}},
    ],
)
def test_without_a_draft_model_nothing_is_looked_for(engine_args: dict[str, Any]) -> None:
    assert find_draft(engine_args) is None
    assert draft_arguments(None, engine_args) == {}
    assert describe_draft(None) == {}


def test_what_is_no_draft_model_is_refused_before_a_model_is_loaded(
    model: Path, tmp_path: Path
) -> None:
    adapter = save_tiny_adapter(tmp_path / "adapter", model)
    for wanted, complaint in (
        ("ngram", r'takes a JSON object: \{"method": "ngram"'),
        ({"model": str(tmp_path / "none")}, "draft model .* there is no model folder"),
        ({"model": str(adapter)}, "draft model .* is an adapter without its model"),
    ):
        options = BackendOptions(engine_args={"speculative_config": wanted})
        with pytest.raises((UsageError, BackendError), match=complaint):
            open_backend("vllm", str(model), options)


@pytest.mark.vllm
@pytest.mark.timeout(1800)
@loads_engines("two engines")
def test_with_a_draft_model_greedy_answers_are_the_same(repo_root: Path) -> None:
    """Two checkpoints of one training: the later one answers, the earlier one drafts."""
    steps = repo_root / "tests" / "checkpoints" / "starter-tiny-chat"
    draft, answering = (steps / name for name in ("step-0116", "step-0300"))
    texts = ("def add(a, b):\n", "x = ", "class A")
    requests = [Request(Prompt(text, text=text), 0) for text in texts]

    async def answers(backend: Backend) -> dict[str, str]:
        sampling = Sampling(max_tokens=48)
        found = {each.task_id: each.text async for each in backend.generate(requests, sampling)}
        await backend.close()
        return found

    found = []
    for engine_args in ({}, given(str(draft))):
        options = BackendOptions(
            dtype="float32", max_model_len=256, model_type="base", engine_args=engine_args
        )
        backend = open_backend("vllm", str(answering), options)
        assert backend.capabilities.seeds == (not engine_args)
        drafted = dict(backend.identity()).get("draft")
        assert drafted == (describe_draft(find_draft(engine_args)).get("draft"))
        found.append(asyncio.run(answers(backend)))
    assert found[0] == found[1]
    assert len(set(found[0].values())) > 1
