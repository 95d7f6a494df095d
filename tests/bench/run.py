"""`make bench`: what grading costs here and with the published tools, in one run.

Each row is the same samples on the same machine with the same number of
workers, several rounds taken in turn; figures are medians. `floor` is what the
samples' own processes used, as the guest measured it; `overhead` is all else,
per sample. Needs the folder of data files (OPENCODEEVAL_SHARED_DATA) for
published samples; without it the rows that need it say so.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import partial

from opencodeeval.core.types import Program, Style, Task
from tests.bench import usage
from tests.bench.bigcodebench_row import bigcodebench
from tests.bench.evalplus_rows import ROWS as EVALPLUS_ROWS
from tests.bench.evalplus_rows import against, evalplus
from tests.bench.executors_row import executors
from tests.bench.folder_row import run_folder
from tests.bench.livecodebench_row import livecodebench
from tests.bench.measures import WORKERS, Measure, of_command, ours, report, shared_data
from tests.bench.memory_row import memory
from tests.bench.multipl_e_row import multipl_e
from tests.bench.prefix_row import prefix
from tests.bench.profile import profile
from tests.bench.scale import scale, slots
from tests.bench.serve_row import serve
from tests.bench.stream_row import stream
from tests.bench.timeouts_row import timeouts


def trivial(jails: list[str], rounds: int) -> None:
    """What a sample costs that does nothing, against a bare fork of a warm interpreter."""
    for kind, tests, program in usage.TRIVIAL:
        task = Task(kind, Style.FUNCTION, "", "f", "", tests)
        programs = [Program(kind, i, f"{program}#{i}\n", "program") for i in range(400)]
        runs: dict[str, Callable[[], Measure]] = {
            f"opencodeeval, {jail}": partial(ours, jail, [task], programs) for jail in jails
        }
        runs["bare fork"] = partial(usage_of_forks, len(programs))
        report(f"trivial sample, {kind}", runs, rounds)


def usage_of_forks(count: int) -> Measure:
    """Forking an interpreter that has NumPy, and waiting."""
    code = (
        "import numpy, os, gc; gc.freeze()\n"
        f"for _ in range({count}):\n"
        "    pid = os.fork()\n"
        "    if not pid: os._exit(0)\n"
        "    os.waitpid(pid, 0)\n"
    )
    start = of_command([sys.executable, "-c", "import numpy, os, gc"], count)
    whole = of_command([sys.executable, "-c", code], count)
    cpu = whole.cpu - start.cpu
    return Measure(whole.wall - start.wall, cpu, cpu, whole.peak_mb, count)


ROWS = (
    "trivial",
    "profile",
    "humaneval_plus",
    "mbpp_plus",
    "cold",
    "bigcodebench",
    "livecodebench",
    "multipl_e",
    "slots",
    "timeouts",
    "scale",
    "run_folder",
    "stream",
    "prefix",
    "serve",
    "executors",
)
# Rows that take too long to be measured with the others.
LONG = ("memory",)


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jails", default="local,docker")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=(*ROWS, *LONG))
    parser.add_argument(
        "--samples",
        default="1,10",
        help="samples a task in the row `scale`, e.g. 1,10,50 (50 take half an hour)",
    )
    parser.add_argument(
        "--requests", type=int, default=100_000, help="requests in the row `memory` (100000)"
    )
    parser.add_argument(
        "--folder-samples",
        type=int,
        default=44,
        help="samples a task, of 1,140, in the row `run_folder` (200 take ten minutes)",
    )
    parser.add_argument(
        "--against",
        metavar="COMMIT",
        help="measure HumanEval+ (or `--only mbpp_plus`) here and at another commit of this "
        "repository, and nothing else",
    )
    options = parser.parse_args()
    jails, data = options.jails.split(","), shared_data()
    if options.against:
        row = options.only or "humaneval_plus"
        if row not in EVALPLUS_ROWS:
            parser.error(f"--against measures {' or '.join(EVALPLUS_ROWS)}")
        against(row, jails, options.rounds, data, options.against)
        return
    counts = tuple(map(int, options.samples.split(",")))
    rows: dict[str, Callable[[], None]] = {
        "trivial": lambda: trivial(jails, options.rounds),
        "profile": lambda: profile(jails),
        "humaneval_plus": lambda: evalplus("humaneval_plus", jails, options.rounds, data, False),
        "mbpp_plus": lambda: evalplus("mbpp_plus", jails, options.rounds, data, False),
        "cold": lambda: evalplus("humaneval_plus", jails, options.rounds, data, True),
        "bigcodebench": lambda: bigcodebench(data, WORKERS),
        "livecodebench": lambda: livecodebench(jails, options.rounds),
        "multipl_e": lambda: multipl_e(data, options.rounds),
        "slots": lambda: slots(jails, data),
        "timeouts": lambda: timeouts(jails),
        "scale": lambda: scale(jails[-1:], data, counts),
        "run_folder": lambda: run_folder(options.folder_samples),
        "stream": lambda: stream(data, options.rounds),
        "prefix": lambda: prefix(options.rounds),
        "serve": lambda: serve(jails, data),
        "memory": lambda: memory(jails, options.requests),
        "executors": lambda: executors(jails[:1], options.rounds),
    }
    for name in [options.only] if options.only else ROWS:
        rows[name]()


if __name__ == "__main__":
    main()
