"""LoRA adapters: which are refused before a model is loaded, and what those that load answer."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import logging
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import huggingface_hub.constants
import pytest
from transformers import AutoConfig

from opencodeeval.backends import BackendOptions, open_backend
from opencodeeval.backends.adapter_files import find_adapter
from opencodeeval.backends.adapters import check_base, misfit
from opencodeeval.backends.base import AdaptedBackend, Request
from opencodeeval.backends.capabilities import check
from opencodeeval.backends.models import find_model
from opencodeeval.cli.main import main
from opencodeeval.core.errors import BackendError, UsageError
from opencodeeval.core.names import name_of_folder
from opencodeeval.core.types import Message, Prompt, Sampling
from opencodeeval.records.reading import read_records
from tests.support.hub import COMMIT, hub
from tests.support.tiny_adapters import merge, save_tiny_adapter
from tests.support.tiny_models import TEMPLATE, save_tiny_model

VLLM = [
    pytest.mark.vllm,
    pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed"),
]
BOTH = ["transformers", pytest.param("vllm", marks=VLLM)]
GREEDY = Sampling(max_tokens=24)
SPECULATIVE = {
    "speculative_config": {
        "method": "ngram",
        "num_speculative_tokens": 2,
        "prompt_lookup_max": 2,
        "prompt_lookup_min": 1,
    }
}
TEXTS = ("def add(a, b):\n", "x = ", "class A")
ALL = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_tiny_model(tmp_path_factory.mktemp("models") / "base", None)


@pytest.fixture(scope="module")
def two(base: Path) -> list[Path]:
    """Adapters of unlike rank, scaling and modules."""
    return [
        save_tiny_adapter(base.parent / "first", base),
        save_tiny_adapter(
            base.parent / "second", base, rank=12, seed=1, lora_alpha=6, target_modules=list(ALL)
        ),
    ]


def options(*adapters: Path, **fields: Any) -> BackendOptions:
    lora = tuple(str(each) for each in adapters)
    return BackendOptions(dtype="float32", max_model_len=256, lora=lora, **fields)


def opened(name: str, base: Path, *adapters: Path, **fields: Any) -> AdaptedBackend:
    return cast(AdaptedBackend, open_backend(name, str(base), options(*adapters, **fields)))


def texts(*backends: AdaptedBackend) -> list[dict[str, str]]:
    """Each backend's answers, at the same time; closes them."""
    requests = [Request(Prompt(text, text=text), 0) for text in TEXTS]

    async def one(backend: AdaptedBackend) -> dict[str, str]:
        return {each.task_id: each.text async for each in backend.generate(requests, GREEDY)}

    async def all_of_them() -> list[dict[str, str]]:
        found = list(await asyncio.gather(*map(one, backends)))
        for backend in backends:
            await backend.close()
        return found

    return asyncio.run(all_of_them())


@pytest.fixture(scope="module")
def merged(base: Path, two: list[Path]) -> list[dict[str, str]]:
    """What models answer that have an adapter's changes in their weights."""
    models = [merge(base, each, base.parent / f"merged-{each.name}") for each in two]
    found = [texts(opened("transformers", model))[0] for model in models]
    assert found[0] != found[1]
    assert not any(each in found for each in texts(opened("transformers", base)))
    return found


@pytest.mark.parametrize("name", BOTH)
def test_adapters_of_one_load_answer_as_models_with_their_changes_merged(
    name: str, base: Path, two: list[Path], merged: list[dict[str, str]]
) -> None:
    # Which guesses ahead, and so changes no greedy answer; one load is to test both.
    engine_args = SPECULATIVE if name == "vllm" else {}
    first = opened(name, base, *two, engine_args=engine_args)
    second = first.with_adapter(str(two[1]))
    identities = [json.loads(json.dumps(each.identity())) for each in (first, second)]
    with pytest.raises(UsageError, match="opened without the adapter"):
        first.with_adapter(str(base))
    assert texts(first, second, first) == [*merged, merged[0]]
    named = [each.pop("lora") for each in identities]
    assert [each["adapter"] for each in named] == [name_of_folder(Path(each)) for each in two]
    assert [each["rank"] for each in named] == [4, 12]
    assert len({each["digest"] for each in named}) == 2
    # The rest names the base as without adapters, and not what other adapters are beside.
    assert identities[0] == identities[1]
    assert identities[0]["model"] == name_of_folder(base)
    assert identities[0]["engine_args"] == engine_args
    assert first.capabilities.seeds == (name != "vllm")
    if name == "vllm":
        with pytest.raises(BackendError, match=r"not take --min-p \(with speculative decoding\)"):
            check(first.capabilities, Prompt("t"), replace(GREEDY, min_p=0.1))


# Refusals; none loads a model


def changed(adapter: Path, folder: Path, **changes: Any) -> Path:
    """A copy of an adapter with other fields in its adapter_config.json."""
    folder.mkdir()
    weights = adapter / "adapter_model.safetensors"
    (folder / weights.name).write_bytes(weights.read_bytes())
    config = json.loads((adapter / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps({**config, **changes}))
    return folder


@pytest.mark.parametrize("name", BOTH)
def test_an_adapter_given_as_a_model_names_the_options_to_use(
    name: str, base: Path, two: list[Path]
) -> None:
    with pytest.raises(BackendError) as caught:
        open_backend(name, str(two[0]), options())
    assert f"use --model {base} --lora {two[0]}" in str(caught.value)


@pytest.mark.parametrize("name", BOTH)
def test_what_is_not_an_adapter_is_refused(
    name: str, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    for given, complaint in (
        (tmp_path / "nowhere", "there is no adapter folder .*nowhere: check the path$"),
        (
            Path("hub/adapter"),
            "not in the local cache, and the hub cannot be reached: check the path, or download",
        ),
        (base, "is not an adapter folder: it is a model: give it as --model"),
        (tmp_path, r"is not an adapter folder: it lacks adapter_config\.json"),
    ):
        with pytest.raises(BackendError, match=complaint):
            opened(name, base, given)


def test_an_incomplete_adapter_is_refused(base: Path, two: list[Path], tmp_path: Path) -> None:
    folder = changed(two[0], tmp_path / "a")
    weights = folder / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(BackendError, match=r"cannot be read .* saved completely"):
        opened("transformers", base, folder)
    weights.unlink()
    with pytest.raises(BackendError, match=r"has no adapter_model\.safetensors"):
        find_adapter(str(folder))
    (folder / "adapter_config.json").write_text("{")
    with pytest.raises(BackendError, match=r"adapter_config\.json cannot be read"):
        find_adapter(str(folder))


def test_an_adapter_that_is_not_lora_is_refused(two: list[Path], tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="of type IA3, and only LORA is taken: merge it"):
        find_adapter(str(changed(two[0], tmp_path / "a", peft_type="IA3")))


@pytest.mark.parametrize("name", BOTH)
def test_an_adapter_of_another_base_is_refused(
    name: str, base: Path, two: list[Path], tmp_path: Path
) -> None:
    wider = tmp_path / "wider"
    wider.mkdir()
    for file in base.iterdir():
        (wider / file.name).write_bytes(file.read_bytes())
    AutoConfig.from_pretrained(base, intermediate_size=512).save_pretrained(wider)
    with pytest.raises(BackendError) as caught:
        opened(name, wider, two[0])
    assert (
        f"the adapter {two[0]} does not fit {wider}: 0.mlp.down_proj is 256 by 128, in the model "
        f"512 by 128, and says it was trained on {base}: give the model that it was trained on"
    ) in str(caught.value)


def test_a_module_is_known_by_the_number_of_its_layer() -> None:
    q, k = "self_attn.q_proj", "self_attn.k_proj"
    layers = {f"{number}.{q}": [(8, 8)] for number in range(2)} | {f"0.{k}": [(8, 4), (2, 2)]}
    assert misfit({f"0.{q}": (8, 8), f"1.{q}": (8, 8)}, layers) == ""
    assert misfit({f"0.{k}": (2, 2)}, layers) == ""  # of a tower for images, say
    assert misfit({f"0.{k}": (4, 8)}, layers) == f"0.{k} is 4 by 8, in the model 8 by 4"
    assert misfit({f"2.{q}": (8, 8)}, layers) == f"the model has no module 2.{q}"
    assert misfit({"0.attn.c_attn": (8, 8)}, layers) == "the model has no module 0.attn.c_attn"
    # What is fused in one library and not in the other is the engine's to judge.
    assert misfit({"0.mlp.experts.3.up_proj": (8, 8)}, layers) == ""


def test_an_adapter_of_a_base_with_fewer_layers_is_refused(two: list[Path], tmp_path: Path) -> None:
    """vLLM would change the layers that there are weights for, and score the model."""
    q = "self_attn.q_proj"
    layers = {f"{number}.{q}": [(8, 8)] for number in range(3)}
    adapted = {f"{number}.{q}": (8, 8) for number in range(2)}
    assert misfit(adapted, layers) == ""
    assert misfit(adapted, layers, True) == f"it has no weights for the model's 2.{q}"
    deep = find_model(str(save_tiny_model(tmp_path / "deep", layers=3)), None)
    with pytest.raises(BackendError, match=r"does not fit .*no weights for the model's 2\."):
        check_base(find_adapter(str(two[0])), deep)
    some = changed(two[0], tmp_path / "some", layers_to_transform=[0, 1])
    check_base(find_adapter(str(some)), deep)


def test_a_base_of_another_name_is_only_a_warning(
    base: Path, two: list[Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    renamed = changed(two[0], tmp_path / "a", base_model_name_or_path="hub/other")
    same = changed(two[0], tmp_path / "b", base_model_name_or_path=f"hub/{base.name}")
    source = find_model(str(base), None)
    with caplog.at_level(logging.WARNING):
        check_base(find_adapter(str(two[0])), source)
        check_base(find_adapter(str(same)), source)
        assert caplog.messages == []
        check_base(find_adapter(str(renamed)), source)
    (said,) = caplog.messages
    assert "was trained on hub/other" in said


@pytest.mark.vllm
@pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed")
@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"r": 1024}, "has rank 1024, and vLLM takes at most 512"),
        ({"rank_pattern": {"q_proj": 1000}}, "has rank 1000, and vLLM"),
        ({"use_dora": True}, "DoRA"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save"),
        ({"bias": "all"}, "bias"),
    ],
)
def test_an_adapter_that_vllm_cannot_use_is_refused_with_what_can_use_it(
    changes: dict[str, Any], complaint: str, base: Path, two: list[Path], tmp_path: Path
) -> None:
    with pytest.raises(BackendError, match=f"{complaint}.*or use --backend transformers"):
        opened("vllm", base, changed(two[0], tmp_path / "a", **changes))


@pytest.mark.vllm
@pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed")
def test_engine_arguments_for_adapters_are_the_user_s(base: Path, two: list[Path]) -> None:
    with pytest.raises(BackendError, match="rank 12 is greater than max_lora_rank 8"):
        opened("vllm", base, two[1], engine_args={"max_lora_rank": 8})
    with pytest.raises(UsageError, match="enable_lora=false rules out --lora"):
        opened("vllm", base, two[1], engine_args={"enable_lora": False})


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("openai", "a server has a model id for each adapter"),
        ("reference", "the backend reference takes no adapters"),
    ],
)
def test_other_backends_refuse_adapters(name: str, complaint: str, two: list[Path]) -> None:
    with pytest.raises(UsageError, match=complaint):
        open_backend(name, "m", options(two[0]))


# Adapters on the hub

_FIND = """
import json, sys
from opencodeeval.backends.adapter_files import find_adapter
from opencodeeval.backends.models import find_model
from opencodeeval.core.errors import BackendError
for name in sys.argv[1:-1]:
    try:
        print(json.dumps(find_adapter(name).identity()))
    except BackendError as error:
        print(error)
try:
    find_model(sys.argv[-1], None)
except BackendError as error:
    print(error)
"""


def found_in_new_process(endpoint: str, cache: Path, *names: str) -> list[str]:
    """What is said of adapters of these names, and of the last as a model, line by line."""
    # The hub's library reads its settings once per process.
    environment = {**os.environ, "HF_ENDPOINT": endpoint, "HF_HOME": str(cache)}
    command = [sys.executable, "-c", _FIND, *names]
    done = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, text=True, timeout=300, check=True
    )
    return done.stdout.splitlines()


def test_an_adapter_on_the_hub_is_downloaded_once_and_recorded_with_its_commit(
    base: Path, two: list[Path], tmp_path: Path
) -> None:
    cache = tmp_path / "cache"
    asked = ("org/ad", "org/ad@v1", "org/ad@v2", "org/base", "org/none")
    known = {"org/ad": two[0], "org/base": base}
    with hub(known, ("main", "v1")) as endpoint:
        said = found_in_new_process(endpoint, cache, *asked, "org/ad")
    here = find_adapter(str(two[0])).identity()
    whole, tagged = (json.loads(line) for line in said[:2])
    assert whole == {**here, "adapter": "org/ad", "revision": COMMIT}
    assert tagged == {**whole, "adapter": "org/ad@v1"}
    assert said[2:] == [
        "the adapter org/ad has no revision v2: give a branch, tag or commit after the @",
        "org/base on the hub is a model, not an adapter: give it as --model",
        said[4],
        "the hub model org/ad is an adapter without its model: use --model BASE --lora org/ad",
    ]
    assert said[4].startswith("there is no folder org/none and no such adapter on the hub: check")
    # Later, without a network.
    names = ("org/ad", "org/ad@v1", f"org/ad@{COMMIT}", "org/ad@v2")
    said = found_in_new_process("http://127.0.0.1:9", cache, *names, "org/ad")
    assert [json.loads(line)["revision"] for line in said[:3]] == [COMMIT] * 3
    assert "the adapter is not in the local cache, and the hub cannot be reached" in said[3]
    assert said[4].startswith("the hub model org/ad is an adapter without its model: use --model")


def test_the_command_scores_an_adapter_from_the_hub_s_cache(
    base: Path,
    two: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    repository = tmp_path / "hub" / "models--org--ad"
    shutil.copytree(two[1], repository / "snapshots" / COMMIT)
    (repository / "refs").mkdir()
    (repository / "refs" / "v1").write_text(COMMIT)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    asked = ["--backend", "transformers", "--model", str(base), "--lora", "org/ad@v1", "--bench"]
    asked += ["starter", "--limit", "1", "--max-tokens", "4", "--sandbox", "local"]
    assert main([*asked, "--output", str(tmp_path / "out")]) == 0
    (path,) = (tmp_path / "out").glob("starter/*.json")
    (stored,) = read_records(path)
    assert stored.record.model.identity["lora"]["revision"] == COMMIT
    assert stored.record.model.adapter == "org/ad@v1"
    assert "org/ad@v1" in capfd.readouterr().out


# What an adapter's folder says of prompts


def test_a_chat_template_and_end_token_of_the_adapter_are_used(
    base: Path, two: list[Path], tmp_path: Path
) -> None:
    folder = changed(two[0], tmp_path / "a")
    before = find_adapter(str(folder)).digest
    (folder / "chat_template.jinja").write_text(TEMPLATE)
    (folder / "tokenizer_config.json").write_text(json.dumps({"eos_token": "<|end|>"}))
    assert find_adapter(str(folder)).digest != before
    backend = opened("transformers", base, folder, two[0])
    assert backend.model_type == "chat"
    assert backend.with_adapter(str(two[0])).model_type == "base"
    asked = Request(Prompt("t", messages=(Message("user", "Write add."),)), 0)

    async def answer() -> str:
        (found,) = [each async for each in backend.generate([asked], GREEDY)]
        await backend.close()
        return found.prompt

    assert asyncio.run(answer()).endswith("Write add.<|end|>\n<|assistant|>\n")
    needed = {"added_tokens_decoder": {"900": {"content": "<|assistant|>"}}}
    (folder / "tokenizer_config.json").write_text(json.dumps(needed))
    with pytest.raises(BackendError, match=r"has the token <\|assistant\|>, which the tokenizer"):
        opened("transformers", base, folder)


def test_the_digest_names_what_changes_answers(two: list[Path], tmp_path: Path) -> None:
    digest = find_adapter(str(two[0])).digest
    copied = changed(two[0], tmp_path / "a")
    (copied / "optimizer.pt").write_text("other")
    assert find_adapter(str(copied)).digest == digest
    assert find_adapter(str(changed(two[0], tmp_path / "b", lora_alpha=3))).digest != digest
