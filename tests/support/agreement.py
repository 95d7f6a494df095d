"""Prints how far verdicts agree with EvalPlus's: published ones, and its own given here.

`python -m tests.support.agreement [--peer]`, with the folder of data files. The rows of
docs/agreement.md for HumanEval+ and MBPP+; with `--peer`, evalplus is run on
the same samples (six minutes in all). Those of the other benchmarks are tests.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from opencodeeval.core.types import Grade, Program, Task, Verdict
from opencodeeval.execution import open_sandbox
from tests.bench.evalplus_rows import ROWS, VERDICTS, Row
from tests.bench.measures import WORKERS, shared_data


def main() -> None:
    """Compare what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", action="store_true", help="run evalplus too")
    parser.add_argument("--sandbox", default="local", choices=("local", "docker"))
    options = parser.parse_args()
    data = shared_data()
    if data is None:
        sys.exit("there is no folder of data files: name it in OPENCODEEVAL_SHARED_DATA")
    for row in ROWS.values():
        tasks, programs = row.read(data)
        ours = asyncio.run(_ours(options.sandbox, tasks, programs))
        folder = data / VERDICTS / row.dataset
        with gzip.open(folder / "generated_eval_results.json.gz") as file:
            _report(f"{row.title}, published", ours, json.load(file)["eval"])
        if options.peer:
            _report(f"{row.title}, evalplus run here", ours, _theirs(row, data))


async def _ours(jail: str, tasks: list[Task], programs: list[Program]) -> list[Grade]:
    sandbox = open_sandbox(jail, WORKERS)
    by_id = {task.task_id: task for task in tasks}
    try:
        return await asyncio.gather(*(sandbox.grade(by_id[p.task_id], p) for p in programs))
    finally:
        await sandbox.close()


def _theirs(row: Row, data: Path) -> Mapping[str, Any]:
    """Results of evalplus.evaluate, with the floor of its repository (see quirks.toml)."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "rows.jsonl").write_bytes(gzip.decompress((data / row.rows).read_bytes()))
        samples = folder / "samples.jsonl"
        samples.write_bytes(gzip.decompress(row.samples(data).read_bytes()))
        command = [sys.executable, "-m", "evalplus.evaluate", "--dataset", row.dataset]
        command += ["--samples", str(samples), "--parallel", str(WORKERS), "--min_time_limit", "4"]
        override = {f"{row.dataset.upper()}_OVERRIDE_PATH": str(folder / "rows.jsonl")}
        subprocess.run(
            command,
            env={**os.environ, **override, "XDG_CACHE_HOME": str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
        )
        (results,) = folder.glob("*eval_results.json")
        found: dict[str, Any] = json.loads(results.read_text())["eval"]
        return found


def _report(title: str, ours: list[Grade], theirs: Mapping[str, Any]) -> None:
    total = sum(len(grade.suites) for grade in ours)
    differ = list(_differences(ours, theirs))
    print(f"{title}: {total - len(differ)} of {total} agree", *differ, sep="\n  ", flush=True)


def _differences(ours: list[Grade], theirs: Mapping[str, Any]) -> Iterator[str]:
    for grade in ours:
        for suite, result in grade.suites.items():
            status = theirs[grade.task_id][0][f"{suite}_status"]
            if (result.verdict is Verdict.PASSED) != (status == "pass"):
                here = f"{result.verdict.value} here"
                why = f" ({result.detail})" if result.detail else ""
                yield f"{grade.task_id} {suite}: {here}{why}, {status} there"


if __name__ == "__main__":
    main()
