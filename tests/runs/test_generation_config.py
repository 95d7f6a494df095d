"""The values of a model's generation_config.json: which are taken, and that it is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from opencodeeval.backends import BackendOptions
from opencodeeval.cli import main as cli
from opencodeeval.core.errors import BackendError, UsageError
from opencodeeval.core.types import Sampling
from opencodeeval.runs.generation_config import taken, with_model_values
from opencodeeval.runs.options import SamplingOptions
from tests.support.openai_server import Server

# The values of Qwen2.5-Coder-Instruct, and fields that decide nothing here.
PUBLISHED = {
    "do_sample": True,
    "repetition_penalty": 1.1,
    "temperature": 0.7,
    "top_k": 20,
    "top_p": 0.8,
    "max_new_tokens": 2048,
    "eos_token_id": [1, 2],
}
FROM_MODEL = SamplingOptions(generation_config="model")
OWN = Sampling(n=10, temperature=0.2, top_p=0.95, max_tokens=2000)


def model(folder: Path, content: Any) -> Path:
    folder.mkdir()
    for name in ("config.json", "tokenizer.json", "model.safetensors"):
        (folder / name).write_text(name)
    (folder / "generation_config.json").write_text(json.dumps(content))
    return folder


def test_the_model_s_values_stand_where_the_user_has_none_and_it_is_said(tmp_path: Path) -> None:
    said: list[str] = []
    asked = SamplingOptions(top_k=5, max_tokens=99, generation_config="model")
    folder = model(tmp_path / "m", PUBLISHED)
    found = with_model_values(asked, folder, BackendOptions(), said.append)
    values = "temperature 0.7, top-p 0.8, repetition penalty 1.1"
    assert said == [f"sampling from the generation_config.json of {folder}: {values}"]
    names = ("repetition_penalty", "temperature", "top_p")
    drawn = Sampling(10, 0.7, 0.8, 99, 0, 5, 0.0, 1.1, from_generation_config=names)
    assert found.applied(OWN) == drawn
    # What was read already is not read again.
    assert with_model_values(found, folder, BackendOptions(), said.append) is found


def test_without_the_option_nothing_of_it_is_used(tmp_path: Path) -> None:
    asked = SamplingOptions()
    folder = model(tmp_path / "m", PUBLISHED)
    assert with_model_values(asked, folder, BackendOptions(), pytest.fail) is asked
    assert asked.applied(OWN) == OWN


def test_a_model_that_decodes_greedily_is_decoded_greedily() -> None:
    assert taken({**PUBLISHED, "do_sample": False}) == {
        "temperature": 0.0,
        "repetition_penalty": 1.1,
    }
    greedy = SamplingOptions(generation_config={"temperature": 0.0})
    assert greedy.applied(OWN).n == 1


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ({"top_k": "many"}, "top_k in the model's generation_config.json is 'many'"),
        ({"temperature": True}, "not a number"),
        ({"top_p": 1.5}, "top-p must be above 0 and at most 1, got 1.5"),
        ({"top_k": -1}, "top-k must be 0"),
    ],
)
def test_values_that_cannot_be_sampled_with_are_refused(
    tmp_path: Path, content: Any, complaint: str
) -> None:
    folder = model(tmp_path / "m", content)
    with pytest.raises(UsageError, match=complaint):
        with_model_values(FROM_MODEL, folder, BackendOptions(), lambda _: None).applied(OWN)


def test_a_file_that_is_missing_or_damaged_is_named(tmp_path: Path) -> None:
    def read() -> None:
        with_model_values(FROM_MODEL, folder, BackendOptions(), pytest.fail)

    folder = model(tmp_path / "m", [1])
    with pytest.raises(BackendError, match="is not a JSON object"):
        read()
    (folder / "generation_config.json").write_text("{")
    with pytest.raises(BackendError, match=r"generation_config\.json of .* cannot be read"):
        read()
    (folder / "generation_config.json").unlink()
    with pytest.raises(BackendError, match=r"has no generation_config\.json: leave out"):
        read()


def test_a_server_does_not_show_the_model_s_files(capsys: pytest.CaptureFixture[str]) -> None:
    server = Server()
    try:
        asked = ["--backend", "openai", "--base-url", server.url, "--model", "tiny"]
        assert cli.main([*asked, "--bench", "starter", "--generation-config", "model"]) == 2
    finally:
        server.stop()
    assert "from a model folder or the hub only" in capsys.readouterr().err
