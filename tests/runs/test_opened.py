"""A finished command that is given again loads no model; any other does."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path

import pytest

from opencodeeval.backends import BackendOptions
from opencodeeval.backends.capabilities import Capabilities
from opencodeeval.cli import main as cli
from opencodeeval.runs.opened import Engines, KnownEngine

TINY = Path(__file__).resolve().parents[1] / "checkpoints" / "starter-tiny-chat" / "step-0300"
SAID = "is not loaded"

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("transformers") is None, reason="transformers is not installed"
)


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    shutil.copytree(TINY, tmp_path / "model")
    return tmp_path / "model"


def run(model: Path, *options: str) -> int:
    command = ["--backend", "transformers", "--model", str(model), "--bench", "starter"]
    command += ["--sandbox", "local", "--dtype", "float32", "--limit", "2", "--max-tokens", "40"]
    command += ["--output", str(model.parent / "out")]
    if "--max-model-len" not in options:
        command += ["--max-model-len", "1024"]
    return cli.main([*command, *options])


def test_a_finished_command_loads_no_model_and_changes_nothing(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = model.parent / "out"
    assert run(model) == 0
    first = capsys.readouterr()
    assert SAID not in first.err
    (path,) = output.glob("starter/*.json")
    before = path.read_bytes()
    assert run(model) == 0
    again = capsys.readouterr()
    assert f"all runs are finished, so {model} {SAID}" in again.err
    assert (again.out, path.read_bytes()) == (first.out, before)
    # What the run lacks is generated.
    (completions,) = output.glob("runs/*/completions.jsonl")
    completions.write_text(completions.read_text().splitlines(keepends=True)[0])
    assert run(model) == 0
    assert SAID not in capsys.readouterr().err
    assert len(completions.read_text().splitlines()) == 2


def test_another_engine_or_other_weights_are_loaded(
    model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    output = model.parent / "out"
    assert run(model) == 0
    assert run(model, "--max-model-len", "1000") == 0
    assert run(model, "--output", str(output / "other")) == 0
    assert SAID not in capsys.readouterr().err
    # A setting that an engine reads from the environment.
    monkeypatch.setenv("TORCH_NONSENSE", "1")
    assert run(model) == 0
    monkeypatch.delenv("TORCH_NONSENSE")
    assert SAID not in capsys.readouterr().err
    config = model / "generation_config.json"
    config.write_text(config.read_text() + "\n" if config.exists() else "{}\n")
    assert run(model) == 0
    assert SAID not in capsys.readouterr().err
    assert run(model) == 0
    assert SAID in capsys.readouterr().err


def test_another_spelling_is_no_other_model_and_another_tokenizer_is(
    model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = model.parent / "tokenizer"
    shutil.copytree(TINY, other)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (model / name).unlink()
    named = ("--tokenizer", str(other), "--name", "mine")
    assert run(model, *named) == 0
    assert "model: mine\n" in capsys.readouterr().out
    monkeypatch.chdir(model)
    assert run(model, "--model", ".", *named) == 0
    assert SAID in capsys.readouterr().err
    template = other / "chat_template.jinja"
    template.write_text(template.read_text() + " ")
    assert run(model, *named) == 0
    assert SAID not in capsys.readouterr().err
    assert len(list((model.parent / "out").glob("starter/*.json"))) == 2


def test_a_cache_that_is_damaged_or_cannot_be_written_is_no_failure(
    model: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(model) == 0
    (kept,) = (model.parent / "cache").glob("opencodeeval/engines/*.json")
    kept.write_text('{"weights": 3}')
    assert run(model) == 0
    assert SAID not in capsys.readouterr().err
    monkeypatch.setenv("XDG_CACHE_HOME", "/proc/nowhere")
    assert run(model) == 0
    assert SAID not in capsys.readouterr().err


def test_other_weights_of_a_draft_model_are_another_engine(model: Path, tmp_path: Path) -> None:
    draft = tmp_path / "draft"
    shutil.copytree(model, draft)
    args = {"speculative_config": {"model": str(draft), "num_speculative_tokens": 2}}
    options = BackendOptions(engine_args=args)
    identity = {"backend": "vllm", "model": "m", "weights_digest": "d"}
    engine = KnownEngine(identity, "chat", Capabilities())

    def known() -> int:
        Engines("vllm", str(model), options).remember("", engine)
        return len(list((tmp_path / "cache").rglob("engines/*.json")))

    assert [known(), known()] == [1, 1]
    config = draft / "config.json"
    config.write_text(config.read_text() + "\n")
    assert known() == 2
