"""The example of docs/examples as a script and in a notebook, with a real engine.

It is transformers; with OPENCODEEVAL_TEST_ENGINES=all vLLM, which takes minutes to load.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from opencodeeval.decide.gate import Answer
from tests.support.engines import WANTED

ENGINE = "vllm" if WANTED else "transformers"
AS_WRITTEN = "backend_options=engine"
pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec(ENGINE) is None, reason=f"no {ENGINE} here"),
    pytest.mark.timeout(600),
]
ANSWERS = {answer.value for answer in Answer}


@pytest.fixture
def folder(repo_root: Path, tmp_path: Path) -> Path:
    """A folder with what the example names: the checkpoints and a file of own tasks."""
    (tmp_path / "tests").symlink_to(repo_root / "tests")
    rows = (repo_root / "benchmarks" / "starter" / "tasks.jsonl").read_text().splitlines(True)
    (tmp_path / "mine.jsonl").write_text("".join(rows[:6]))
    return tmp_path


def with_engine(code: str) -> str:
    """The code, with the engine that is tested instead of vLLM."""
    assert code.count(AS_WRITTEN) == 1
    return code if WANTED else code.replace(AS_WRITTEN, f'backend="{ENGINE}", {AS_WRITTEN}')


def test_a_script_scores_compares_and_gates(repo_root: Path, folder: Path) -> None:
    script = repo_root / "docs" / "examples" / "score_and_gate.py"
    assert len(script.read_text().splitlines()) <= 25
    copy = folder / script.name
    copy.write_text(with_engine(script.read_text()))
    done = subprocess.run(
        [sys.executable, str(copy)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(repo_root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    printed = done.stdout.splitlines()
    assert any(line.startswith("starter ") for line in printed)
    assert any(line.startswith("file-mine: ") for line in printed)
    assert any(line.startswith("overall: ") for line in printed)
    assert printed[-1].partition(":")[0] in ANSWERS
    assert len(list((folder / "results").glob("*/*--*.json"))) == 4


CELLS = [
    """
import opencodeeval as oce
benchmarks = ["starter", "file:mine.jsonl"]
before = oce.evaluate("reference", benchmarks, backend="reference")
""",
    """
engine = oce.BackendOptions(dtype="float32", max_model_len=1024)
checkpoint = "tests/checkpoints/starter-tiny-chat/step-0300"
after = oce.evaluate(checkpoint, benchmarks, backend_options=engine)
""",
    """
comparisons = oce.compare(before, after)
decision = oce.gate(before, after, oce.Policy(margin=0.2))
print(len(comparisons), "comparisons:", decision.answer)
""",
]


def test_a_notebook_does_the_same_and_shows_progress(
    repo_root: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real kernel. One load: the earlier records are those of the benchmark's own solutions."""
    import nbformat
    from nbclient import NotebookClient

    monkeypatch.setenv("PYTHONPATH", str(repo_root))
    v4: Any = nbformat.v4
    cells = [CELLS[0], with_engine(CELLS[1]), CELLS[2]]
    notebook = v4.new_notebook(cells=[v4.new_code_cell(cell) for cell in cells])
    client = NotebookClient(notebook, timeout=500, resources={"metadata": {"path": str(folder)}})
    client.execute()
    shown = ["".join(map(str, cell.outputs)) for cell in notebook.cells]
    for text in shown[:2]:
        assert "starter graded" in text
        assert "pass@1" in text
    answers = [f"3 comparisons: {answer}" for answer in sorted(ANSWERS)]
    assert any(answer in shown[2] for answer in answers)
