"""Many samples a task, through the command: distinct programs cost, identical ones do not.

And the same samples with 1, 2 and 8 slots, three times each: whether verdicts
depend on load.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from opencodeeval.core.types import Program
from tests.bench.evalplus_rows import ROWS
from tests.bench.measures import ROOT

SLOTS = (1, 2, 8)
RUNS = 3


def scale(jails: list[str], data: Path | None, counts: tuple[int, ...]) -> None:
    """Print how time and the harness's memory grow with the number of samples a task."""
    if data is None:
        print("scale: not measured, for there is no folder of data files")
        return
    _, programs = ROWS["humaneval_plus"].read(data)
    print("\nHumanEval+ v0.1.9, Qwen2.5-Coder-1.5B, many samples a task")
    print(f"{'':10} samples  distinct  executed  wall s  ms a distinct program  harness MB")
    for jail in jails:
        for count in counts:
            for distinct in sorted({1, count}):
                _scale(jail, data, programs, count, distinct)


def _scale(jail: str, data: Path, programs: list[Program], count: int, distinct: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (folder / "samples.jsonl").open("w") as file:
            for program in programs:
                for number in range(count):
                    text = f"{program.code}\n# {number % distinct}\n"
                    file.write(json.dumps({"task_id": program.task_id, "solution": text}) + "\n")
        record, peak_mb = _grade(folder, data, jail, 2, folder / "samples.jsonl")
    timing = record["timing"]
    number = len(programs) * distinct
    print(
        f"{jail:10} {len(programs) * count:7}  {number:8}  {timing['executed']:8}"
        f"  {timing['wall_s']:6.1f}  {1000 * timing['wall_s'] / number:21.1f}  {peak_mb:10.0f}",
        flush=True,
    )


def slots(jails: list[str], data: Path | None) -> None:
    """Print which verdicts are not the same in every run at every number of slots."""
    if data is None:
        print("slots: not measured, for there is no folder of data files")
        return
    row = ROWS["humaneval_plus"]
    print(f"\n{row.title}, Qwen2.5-Coder-1.5B, verdicts of {RUNS} runs each at {SLOTS} slots")
    for jail in jails:
        seen: dict[tuple[str, str], Counter[str]] = {}
        walls = []
        for count in SLOTS:
            for _ in range(RUNS):
                with tempfile.TemporaryDirectory() as name:
                    record, _ = _grade(Path(name), data, jail, count, row.samples(data))
                walls.append(f"{count}: {record['timing']['wall_s']:.0f} s")
                for task_id, task in record["tasks"].items():
                    for suite, found in task["verdicts"].items():
                        seen.setdefault((task_id, suite), Counter()).update(
                            [json.dumps(found, sort_keys=True)]
                        )
        differ = {key: dict(found) for key, found in seen.items() if len(found) > 1}
        print(f"{jail:10} {len(seen)} verdicts, {len(differ)} that differ {differ or ''}".rstrip())
        print(f"{'':10} {', '.join(walls)}", flush=True)


def _grade(
    folder: Path, data: Path, jail: str, count: int, samples: Path
) -> tuple[dict[str, Any], float]:
    """Run `opencodeeval grade`; its record and the most memory that it had, in MiB."""
    command = [sys.executable, "-m", "opencodeeval", "grade", str(samples), "--bench"]
    command += [ROWS["humaneval_plus"].spec, "--data", str(data), "--sandbox", jail]
    command += ["--slots", str(count), "--output", str(folder / "results")]
    # GNU time's own figure would count children: the jails.
    watched = (
        "import runpy, sys; sys.argv = sys.argv[1:]\n"
        "try: runpy.run_module('opencodeeval', run_name='__main__')\n"
        "finally: print(open('/proc/self/status').read(), file=sys.stderr)\n"
    )
    done = subprocess.run(
        [command[0], "-c", watched, *command[2:]],
        cwd=ROOT,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode:
        sys.exit(f"opencodeeval grade failed: {done.stderr[-2000:]}")
    found = re.search(r"VmHWM:\s+(\d+) kB", done.stderr)
    assert found
    (record,) = (folder / "results").glob("humaneval_plus/*.json")
    return json.loads(record.read_text("utf-8")), int(found[1]) / 1024
