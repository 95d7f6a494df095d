"""Problems of one's own that take a while, so that a run of them can be disturbed in the middle."""

from __future__ import annotations

import json
from pathlib import Path


def write_slow_tasks(folder: Path, count: int, seconds: float) -> Path:
    """A file of tasks slow/0, slow/1 …: the reference waits so long, and echoes its input."""
    path = folder / "slow.jsonl"
    echo = f"import time\ntime.sleep({seconds})\nprint(input())\n"
    rows = [
        {
            "task_id": f"slow/{number}",
            "style": "stdio",
            "prompt": f"Print what is read. ({number})",
            "entry_point": "",
            "canonical_solution": f"{echo}# {number}\n",
            "tests": [{"input": f"{number}\n", "output": f"{number}\n"}],
        }
        for number in range(count)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path
