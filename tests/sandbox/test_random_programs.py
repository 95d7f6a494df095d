"""Random hostile programs in every jail: no rule is broken, and a broken rule is seen.

OPENCODEEVAL_RANDOM_PROGRAMS=10000 runs that many in each jail.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from opencodeeval.core.types import Program, Verdict
from opencodeeval.execution import open_sandbox
from tests.sandbox.random_programs import grading
from tests.sandbox.random_programs.grammar import ACTS, WRAPS, Core, Random, program
from tests.sandbox.random_programs.tasks import KINDS

COUNT = int(os.environ.get("OPENCODEEVAL_RANDOM_PROGRAMS", "300"))
SEED = 1
ALLOWED_S = 120 + COUNT * 0.3
IN_EACH_JAIL = pytest.mark.parametrize(
    "jail", [pytest.param("docker", marks=pytest.mark.docker), "local", "unprivileged"]
)


@IN_EACH_JAIL
@pytest.mark.timeout(ALLOWED_S + 30)
def test_no_random_program_breaks_a_rule(
    jail: str, require: Callable[[str], None], repo_root: Path
) -> None:
    require(jail)
    words = ["--jail", jail, "--count", str(COUNT), "--seed", str(SEED), "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.sandbox.random_programs", *words],
        cwd=repo_root,
        env={**os.environ, "PYTHONPATH": str(repo_root)},
        capture_output=True,
        text=True,
        timeout=ALLOWED_S,
        check=False,
    )
    assert done.stdout, done.stderr[-3000:]
    report: dict[str, Any] = json.loads(done.stdout)
    assert report["broken"] == []
    assert done.returncode == 0
    assert sum(report["verdicts"].values()) == COUNT
    assert report["controls"] >= COUNT // (2 * grading.CONTROL_EVERY)


def test_a_seed_makes_the_same_programs_of_every_fragment(repo_root: Path) -> None:
    script = (
        "import hashlib\n"
        "from tests.sandbox.random_programs.grammar import program\n"
        "text = ''.join(program(7, number).code for number in range(500))\n"
        "print(hashlib.sha256(text.encode()).hexdigest())\n"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", script],
            cwd=repo_root,
            env={**os.environ, "PYTHONPATH": str(repo_root), "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1
    used = set()
    for number in range(10_000):
        made = program(SEED, number)
        compile(made.code, "program.py", "exec")
        used |= {part.partition(" ")[0] for part in made.parts}
    assert used == {fragment.name for group in (*ACTS, WRAPS) for fragment in group}


def test_wrong_cores_fail_and_right_ones_pass_by_themselves(
    require: Callable[[str], None],
) -> None:
    require("local")

    async def verdicts() -> dict[tuple[str, str], list[Verdict]]:
        sandbox = open_sandbox("local", 2)
        try:
            found = {}
            for kind in KINDS:
                for core in (kind.right, *kind.wrong):
                    code = "import sys\n" + kind.frame(core, "pass", "value")
                    own = Program(kind.task.task_id, 0, code, "program")
                    grade = await sandbox.grade(kind.task, own)
                    found[kind.name, core] = [each.verdict for each in grade.suites.values()]
            return found
        finally:
            await sandbox.close()

    right = {(kind.name, kind.right) for kind in KINDS}
    for key, found in asyncio.run(verdicts()).items():
        if key in right:
            assert set(found) == {Verdict.PASSED}, key
        else:
            assert set(found) <= {Verdict.WRONG, Verdict.ERROR}, key


def test_a_broken_rule_is_seen(
    require: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    require("local")
    kind = KINDS[0]
    made = [(Core.WRONG, kind.right), (Core.BENIGN, kind.wrong[0]), (Core.RIGHT, kind.wrong[0])]

    def mislabelled(seed: int, number: int, lacking: frozenset[str]) -> Random:
        core, body = made[number]
        return Random(number, kind, core, (), kind.frame(body, "pass", "value"))

    monkeypatch.setattr(grading, "program", mislabelled)
    report = asyncio.run(grading.graded("local", SEED, range(3), slots=1))
    assert [line.partition(":")[0] for line in report.broken] == [
        "passed though its values are wrong",
        "wrong though it is right",
    ]
    assert (report.wrong_passes, report.not_passed) == (1, 1)
