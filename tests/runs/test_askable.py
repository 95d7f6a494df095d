"""What a model cannot be asked is refused before its weights are loaded."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from opencodeeval.cli import main as cli

pytest.importorskip("transformers")
CHECKPOINTS = Path(__file__).parents[1] / "checkpoints"


@pytest.mark.parametrize(
    ("kind", "options", "complaint"),
    [
        ("chat", ["--thinking-budget", "20"], "--thinking-budget needs marks around"),
        ("chat", ["--chat-template-arg", "enable_thinkin=false"], "not read 'enable_thinkin'"),
        ("chat", ["--reasoning-effort", "low"], "does not read 'reasoning_effort'"),
        ("base", ["--system-prompt", "Be brief."], "--system-prompt is for chat models"),
    ],
)
def test_it_is_refused_although_the_weights_could_not_be_loaded(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    kind: str,
    options: list[str],
    complaint: str,
) -> None:
    model = tmp_path / "model"
    shutil.copytree(CHECKPOINTS / f"starter-tiny-{kind}" / "step-0300", model)
    (model / "model.safetensors").write_bytes(b"no weights")
    command = ["run", "--model", str(model), "--backend", "transformers", "--bench", "starter"]
    assert cli.main([*command, "--output", str(tmp_path / "results"), *options]) in (2, 4)
    assert complaint in capsys.readouterr().err
    assert not (tmp_path / "results").exists()
