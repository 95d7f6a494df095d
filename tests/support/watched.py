"""A stand-in for the evaluation of a checkpoint: what `--launcher` runs in tests of `watch`.

    python watched.py SECONDS LOG [the evaluation's command line]

Takes the options of `opencodeeval run` that come after the command, waits, and
leaves a record in which a checkpoint of step s solves s of 100 tasks. For every further
benchmark it leaves one in which no task is solved.
"""

from __future__ import annotations

import json
import sys
import time
from itertools import pairwise
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.support.records import greedy, record, write

TASKS = 100


def main() -> None:
    """Evaluate; a checkpoint whose name has "broken" in it cannot be."""
    seconds, log, *command = sys.argv[1:]
    options = dict(pairwise(command))
    model = Path(options["--model"])
    sizes = [path.stat().st_size for path in sorted(model.iterdir())]
    with open(log, "a", encoding="ascii") as file:
        file.write(json.dumps({"model": model.name, "sizes": sizes, "command": command}) + "\n")
    time.sleep(float(seconds))
    if "broken" in model.name:
        sys.exit(4)
    step = int(model.name.rpartition("-")[2])
    benches = [value for name, value in pairwise(command) if name == "--bench"]
    paths = []
    for place, bench in enumerate(benches):
        solved = 0 if place else step
        bits = "1" * solved + "0" * (TASKS - solved)
        paths.append(
            write(
                Path(options["--output"]), record(greedy(bits), model=str(model), benchmark=bench)
            )
        )
    print(json.dumps({"benchmarks": [{"record": str(path)} for path in paths]}))


if __name__ == "__main__":
    main()
