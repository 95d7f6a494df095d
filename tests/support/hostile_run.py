"""A real run whose every text is HTML that would like to be executed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

HOSTILE = "</script><script>window.harm=1</script><img src=x onerror=window.harm=2>\"'`<!--"
TASK = "task/" + HOSTILE
SAMPLES = (
    "def echo(x):\n    return x\n",
    f"def echo(x):\n    return x + {HOSTILE!r}\n",
    "\n".join(
        [
            "import sys",
            "def echo(x):",
            f"    print({HOSTILE!r})",
            f"    print({HOSTILE!r}, file=sys.stderr)",
            f"    raise ValueError({HOSTILE!r})",
        ]
    ),
)


def make(output: Path) -> Path:
    """Grade the samples in the local jail; the run folder."""
    row = {
        "style": "function",
        "prompt": f'def echo(x):\n    """{HOSTILE}"""\n',
        "entry_point": "echo",
        "canonical_solution": "    return x\n",
        "inputs": [[HOSTILE]],
        "expected": [HOSTILE],
    }
    ids = (TASK, "task/plain")
    tasks, samples = output / "tasks.jsonl", output / "samples.jsonl"
    _write(tasks, [{**row, "task_id": task_id} for task_id in ids])
    _write(samples, [{"task_id": each, "solution": code} for each in ids for code in SAMPLES])
    command = (
        "grade",
        samples,
        "--bench",
        f"file:{tasks}",
        "--model",
        HOSTILE,
        "--source",
        HOSTILE,
    )
    opencodeeval(*command, "--sandbox", "local", "--quiet", "--output", output / "out")
    (folder,) = (output / "out" / "runs").iterdir()
    return folder


def opencodeeval(*arguments: str | Path) -> None:
    """The command in a process of its own: the browser's event loop is in this one."""
    done = subprocess.run(
        [sys.executable, "-m", "opencodeeval", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def _write(path: Path, rows: list[dict[str, object]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="ascii")
