"""What every backend has to do: those with a name, those made of values, another distribution's."""

from __future__ import annotations

import asyncio
import importlib.util
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

import opencodeeval as oce
from opencodeeval.backends import BACKENDS, BackendOptions, open_backend
from opencodeeval.backends.base import Backend, Opener, Request
from opencodeeval.backends.carried import CarriedBackend
from opencodeeval.backends.samples import SamplesBackend
from opencodeeval.backends.stored import StoredCompletions
from opencodeeval.cli.main import main
from opencodeeval.core.errors import UsageError
from opencodeeval.core.types import Completion, Message, Prompt, SampleId, Sampling, Style, Task
from tests.support.distributions import install
from tests.support.tiny_models import save_tiny_model
from tests.support.vllm_server import vllm_server

TASKS = [
    Task(f"t/{n}", Style.FUNCTION, "def f():\n", "f", reference=f"# {n}", tests={})
    for n in range(3)
]
REQUESTS = [
    Request(Prompt(task.task_id, text=task.prompt), number) for task in TASKS for number in range(2)
]
CHATS = [
    Request(Prompt(each.prompt.task_id, messages=(Message("user", "Write f."),)), each.sample_id)
    for each in REQUESTS
]
SAMPLING = Sampling(n=2, temperature=0.8, max_tokens=16, seed=5)
READY = [Completion(each.prompt.task_id, each.sample_id, "x = 1") for each in REQUESTS]


def _vllm(folder: Path) -> Backend:
    # float32: the same request may meet other neighbours in its batch.
    options = BackendOptions(dtype="float32", max_model_len=128)
    return open_backend("vllm", str(save_tiny_model(folder)), options)


def _openai(_: Path) -> Backend:
    options = BackendOptions(base_urls=(vllm_server(),), model_type="base")
    return open_backend("openai", "tiny", options)


def _several(_: Path) -> Backend:
    options = BackendOptions(base_urls=(vllm_server(),), model_type="base", samples_per_request=2)
    return open_backend("openai", "tiny", options)


def _litellm(_: Path) -> Backend:
    # Of the services that LiteLLM knows, the one that can be here.
    options = BackendOptions(base_urls=(vllm_server(),))
    return open_backend("litellm", "hosted_vllm/tiny", options)


def _transformers(folder: Path) -> Backend:
    options = BackendOptions(dtype="float32", max_model_len=128, batch_size=4)
    return open_backend("transformers", str(save_tiny_model(folder)), options)


NAMED: dict[str, Callable[[Path], Backend]] = {
    "reference": lambda _: open_backend("reference", "", BackendOptions(), TASKS),
    "vllm": _vllm,
    "openai": _openai,
    "litellm": _litellm,
    "transformers": _transformers,
}
MADE: dict[str, Callable[[Path], Backend]] = {
    "samples": lambda _: SamplesBackend(READY, {"model": "theirs"}),
    "stored": lambda _: StoredCompletions(
        {SampleId(each.task_id, each.sample_id): each for each in READY},
        {"model": "earlier", "backend": "vllm"},
        "base",
    ),
    "several samples a request": _several,
    "carried": lambda _: CarriedBackend(SamplesBackend(READY, {"model": "theirs"}), READY[:2]),
}
WITH_VLLM = [
    pytest.mark.vllm,
    pytest.mark.timeout(900),
    pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed"),
]
WITH_TORCH = [
    pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="PyTorch is not installed")
]
WITH_LITELLM = [
    *WITH_VLLM,
    pytest.mark.skipif(
        importlib.util.find_spec("litellm") is None, reason="LiteLLM is not installed"
    ),
]
NEEDS = {
    "vllm": WITH_VLLM,
    "openai": WITH_VLLM,
    "several samples a request": WITH_VLLM,
    "litellm": WITH_LITELLM,
    "transformers": WITH_TORCH,
}


def test_every_backend_with_a_name_is_held_to_this() -> None:
    assert (
        sorted(NAMED)
        == BACKENDS.names()
        == [*("litellm", "openai", "reference", "transformers", "vllm")]
    )
    assert all(isinstance(BACKENDS.load(name), Opener) for name in NAMED)


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=NEEDS.get(name, ())) for name in {**NAMED, **MADE}],
)
def test_every_backend_keeps_the_contract(name: str, tmp_path: Path) -> None:
    # All in one test, so that an engine is loaded once.
    backend = {**NAMED, **MADE}[name](tmp_path)
    asked = REQUESTS if backend.model_type == "base" else CHATS

    async def answers(requests: Sequence[Request]) -> dict[tuple[str, int], str]:
        found = [each async for each in backend.generate(requests, SAMPLING)]
        texts = {(each.task_id, each.sample_id): each.text for each in found}
        assert len(texts) == len(found)  # none twice
        return texts

    async def check() -> None:
        try:
            assert backend.model_type in ("base", "chat")
            identity = dict(backend.identity())
            assert identity["backend"]
            assert identity["model"]
            assert json.loads(json.dumps(identity)) == identity
            whole = await answers(asked)
            assert set(whole) == {(each.prompt.task_id, each.sample_id) for each in asked}
            # A resumed run asks for the rest, in another order, and gets the same,
            # but where samples have no seed of their own.
            together = backend.capabilities.samples_per_request > 1
            rest = await answers(asked[:2:-1])
            assert together or rest == {where: whole[where] for where in rest}
            assert set(rest) == {(each.prompt.task_id, each.sample_id) for each in asked[3:]}
            assert await answers([]) == {}
            if backend.capabilities.overlapping_calls:
                first, second = await asyncio.gather(answers(asked[:3]), answers(asked[3:]))
                assert set(first) | set(second) == set(whole)
                assert together or {**first, **second} == whole
            if together:
                # Nor are they one sample so many times.
                assert len(set(whole.values())) == len(whole)
                assert not backend.capabilities.seeds
            assert dict(backend.identity()) == identity
        finally:
            await backend.close()
            await backend.close()

    asyncio.run(check())


# --- another distribution's ---

THEIRS = """
from opencodeeval.backends.base import Opener
from opencodeeval.backends.capabilities import Capabilities
from opencodeeval.core.types import Completion

class Parrot:
    capabilities = Capabilities()
    model_type = "base"

    def __init__(self, model):
        self.model = model

    def identity(self):
        return {"backend": "parrot", "model": self.model}

    async def generate(self, requests, sampling):
        for each in requests:
            yield Completion(each.prompt.task_id, each.sample_id, "def f(): pass")

    async def close(self):
        pass

BACKEND = Opener(lambda model, options, tasks: Parrot(model))
"""


@pytest.fixture
def parrot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    points = {"opencodeeval.backends": {"parrot": "theirs.parrot"}}
    package = install(tmp_path / "site", "theirs", points, monkeypatch)
    (package / "parrot.py").write_text(THEIRS)


@pytest.mark.usefixtures("parrot")
def test_a_distribution_s_backend_is_chosen_by_its_name(tmp_path: Path) -> None:
    result = oce.evaluate(
        "polly",
        "starter",
        backend="parrot",
        selection=oce.Selection(limit=2),
        sandbox=oce.SandboxOptions("local", slots=1),
        output=oce.Output(tmp_path / "results", "none"),
    )
    (record,) = result.records
    assert record.model.name == "polly"
    assert record.model.backend == "parrot"


@pytest.mark.usefixtures("parrot")
def test_the_command_wants_a_model_for_a_backend_that_asks_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--backend", "parrot", "--bench", "starter"]) == 2
    assert "no model is named: add --model" in capsys.readouterr().err


def test_a_backend_that_is_none_is_refused_before_a_sandbox_is_opened(tmp_path: Path) -> None:
    nowhere = oce.SandboxOptions("no such jail")
    with pytest.raises(UsageError, match=r"there is no backend 'vlm'; did you mean vllm\?"):
        oce.evaluate("m", "starter", backend="vlm", sandbox=nowhere, output=tmp_path)
