"""`python -m tests.sandbox.random_programs --count 10000 --seed 1 --jail docker`.

Prints how many programs got which verdict, and every broken rule: `infra_error`, a lost
slot, `passed` for wrong values, anything else for a right program. Exit status 1 if there
is one. `--show N` prints program N; `--only N` grades it alone.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys

from opencodeeval.core.paths import sandbox_dir
from tests.sandbox.harness import as_unprivileged
from tests.sandbox.random_programs import grading
from tests.sandbox.random_programs.grammar import program


def main() -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.sandbox.random_programs")
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--start", type=int, default=0, help="number of the first program")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--slots", type=int, default=2)
    parser.add_argument(
        "--jail", default="docker", choices=("docker", "local", "unprivileged", "gvisor")
    )
    parser.add_argument("--only", type=int, nargs="+", help="grade these programs alone")
    parser.add_argument("--show", type=int, help="print this program")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    options = parser.parse_args()
    if options.show is not None:
        made = program(options.seed, options.show)
        print(f"# {made.kind.name}, {made.core.value}: {', '.join(made.parts)}\n{made.code}")
        return 0
    if options.jail == "unprivileged":
        words = [word for word in sys.argv[1:] if word != "unprivileged"]
        words = [word for word in words if word != "--jail"]
        own = ["-m", "tests.sandbox.random_programs", *words, "--jail", "local"]
        repository = sandbox_dir().resolve().parent
        return subprocess.run([*as_unprivileged(repository), *own], check=False).returncode
    numbers = options.only or range(options.start, options.start + options.count)
    slots = 1 if options.only else options.slots
    report = asyncio.run(grading.graded(options.jail, options.seed, numbers, slots))
    if options.json:
        print(json.dumps(report.as_json()))
    else:
        _show(options.jail, report)
    return 1 if report.broken else 0


def _show(jail: str, report: grading.Report) -> None:
    counts = ", ".join(f"{count} {verdict}" for verdict, count in report.verdicts.most_common())
    print(f"{jail}: {report.verdicts.total()} programs in {report.seconds} s: {counts}")
    print(
        f"{report.controls} controls; {report.infra_errors} infra_error, {report.lost_slots} lost "
        f"slots, {report.wrong_passes} wrong passes, {report.not_passed} right and not passed"
    )
    for line in report.broken:
        print(line)


if __name__ == "__main__":
    sys.exit(main())
