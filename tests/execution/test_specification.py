"""A task's specification is a value: checked, addressed by its digest, sent as bytes."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from opencodeeval.benchmarks.registry import load_benchmark
from opencodeeval.core import parts
from opencodeeval.core.errors import DataError
from opencodeeval.core.types import Program, Style, Task
from opencodeeval.execution import open_sandbox
from opencodeeval.execution.guest import module
from opencodeeval.execution.specification import decode, specification
from tests.support.livecodebench_rows import problem, write

KINDS = module("kinds")
CODEC = module("codec")
LIMITS = {"test_s": 1.0, "total_s": 5.0, "memory_mb": 512}
STDIO: dict[str, Any] = {
    "kind": "stdio",
    "tests": [{"input": "1", "output": "1"}],
    "compare": {"rule": "lines"},
    "limits": LIMITS,
}


CALLS: dict[str, Any] = {
    "kind": "calls",
    "entry_point": "f",
    "suites": [{"name": "base", "calls": "[1]", "expected": "2"}],
    "compare": {"rule": "value"},
    "limits": {
        "min_call_s": 1.0,
        "reference_factor": 0,
        "total_s": 5.0,
        "grace_s": 1.0,
        "memory_mb": 512,
    },
}


def without(*names: str) -> dict[str, Any]:
    return {name: each for name, each in STDIO.items() if name not in names}


@pytest.mark.parametrize("tol", [None, 0, 1e-6])
def test_a_tolerance_may_be_null(tol: float | None) -> None:
    content = {**STDIO, "compare": {"rule": "lines", "tol": tol}}
    assert specification(content).content == content


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            {},
            f"its kind is None; available: {', '.join(KINDS.KINDS)}",
        ),
        (without("tests"), "it lacks tests"),
        ({**STDIO, "tests": "1 1"}, "its tests is of type str"),
        (
            {**STDIO, "compare": {"rule": "lines", "tol": True}},
            "its compare.tol is of type bool",
        ),
        ({**STDIO, "test": []}, "it has test, which its kind does not use"),
        (without("limits"), "its limits are missing"),
        ({**STDIO, "limits": {**LIMITS, "total_s": "5"}}, "its limits.total_s is of type str"),
        ({**STDIO, "limits": {**LIMITS, "total_s": True}}, "its limits.total_s is of type bool"),
        ({**STDIO, "limits": {"total_s": 5.0, "memory_mb": 1}}, "it lacks limits.test_s"),
        ([1], "they are of type list"),
        (
            {"kind": ["stdio"]},
            f"its kind is ['stdio']; available: {', '.join(KINDS.KINDS)}",
        ),
        ({**STDIO, "limits": [1]}, "its limits is of type list"),
        (
            {**STDIO, "limits": {**LIMITS, "total_s": float("nan")}},
            "its limits.total_s is nan: it must be a number of 0 or more",
        ),
        (
            {**STDIO, "limits": {**LIMITS, "memory_mb": -1}},
            "its limits.memory_mb is -1: it must be a number of 0 or more",
        ),
        ({**STDIO, "tests": []}, "its tests are none: a task needs one at least"),
        ({**STDIO, "tests": [1]}, "its tests[0] is of type int"),
        ({**STDIO, "tests": [{"input": "1"}]}, "it lacks tests[0].output"),
        ({**STDIO, "sha256": ["ab"]}, "its sha256 has 'ab', which is no digest"),
        (
            {**STDIO, "compare": {"rule": "value"}},
            "its compare.rule is 'value'; available: lines, livecodebench",
        ),
        ({**CALLS, "suites": []}, "its suites are none: a task needs one at least"),
        ({**CALLS, "suites": [{"name": "base"}]}, "it lacks suites[0].calls"),
        ({**CALLS, "compare": {"rule": "evalplus", "atol": 0}}, "it lacks compare.dataset"),
    ],
)
def test_what_no_judge_could_use_is_refused(content: Any, words: str) -> None:
    with pytest.raises(DataError) as refused:
        specification(content)
    assert str(refused.value) == f"its tests cannot be judged: {words}"


def test_bytes_are_the_same_value_with_the_same_digest() -> None:
    made = specification(STDIO)
    again = decode(made.encode())
    assert again == made
    assert again.digest == made.digest
    assert (made.parts, made.suites, made.seconds) == ((), ["base"], 6.0)
    with pytest.raises(DataError, match="cannot be read"):
        decode(b"{")
    with pytest.raises(DataError, match="they are of type list"):
        decode(b"[1]")


def test_a_sandbox_refuses_such_a_task_by_name_and_runs_nothing() -> None:
    async def grade() -> None:
        sandbox = open_sandbox("local", 1)
        try:
            task = Task("mine/1", Style.STDIO, "", "", "", without("tests"))
            await sandbox.grade(task, Program("mine/1", 0, "print(1)", "program"))
        finally:
            await sandbox.close()

    with pytest.raises(DataError, match=r"^task 'mine/1': its tests cannot be judged: it lacks"):
        asyncio.run(grade())


def test_every_kind_has_a_judge_that_the_guest_ships(repo_root: Path) -> None:
    guest = repo_root / "sandbox" / "guest"
    assert {f"{kind.judge}.py" for kind in KINDS.KINDS.values()} == {
        path.name for path in guest.glob("judge_*.py")
    }
    table = (guest / "README.md").read_text("utf-8")
    for name, kind in KINDS.KINDS.items():
        assert f"| `{name}` |" in table
        for field in (*kind.required, *kind.optional, *kind.limits, *kind.more_limits):
            assert f"`{field}`" in table, f"{name}: {field} is not in the guest's README"


# The digests by which verdicts are stored: a change makes stored verdicts of these tasks stale.
STARTER = "756b0029d68d7dc7"


def test_the_digests_of_the_starter_s_tasks_stay_what_they_are() -> None:
    digests = "".join(task.tests_digest for task in load_benchmark("starter").tasks)
    assert hashlib.sha256(digests.encode()).hexdigest()[:16] == STARTER


SETS = """
import sys
from opencodeeval.execution.guest import encoded
words = ["one", "two", "three", "four"]
texts = encoded([set(words), frozenset({(1, word) for word in words}), [{3, 1, 2}], {None, "a"}])
sys.stdout.write(texts)
"""


def test_a_task_with_sets_has_the_same_digest_in_every_process() -> None:
    """Python orders a set of texts by a seed of the process."""
    root = str(Path(__file__).resolve().parents[2])
    texts = {
        subprocess.run(
            [sys.executable, "-c", SETS],
            capture_output=True,
            env={**os.environ, "PYTHONPATH": root, "PYTHONHASHSEED": str(seed)},
            check=True,
        ).stdout
        for seed in range(3)
    }
    (text,) = texts
    decoded = [CODEC.decode(line, 100) for line in text.decode().split("\n")]
    words = ("one", "two", "three", "four")
    assert decoded == [set(words), {(1, word) for word in words}, [{1, 2, 3}], {None, "a"}]


# --- parts ---


def test_a_part_is_what_its_digest_says_or_an_error() -> None:
    content = os.urandom(20)
    name = hashlib.sha256(content).hexdigest()
    with pytest.raises(DataError, match="is not here: load its benchmark first"):
        parts.read_part(name)
    parts.keep(name, lambda: content)
    assert parts.read_part(name) == content
    parts.keep(name, lambda: b"other")
    with pytest.raises(DataError, match="has changed"):
        parts.read_part(name)


CHILD = """
import asyncio, json, sys
from pathlib import Path
from opencodeeval.core import parts
from opencodeeval.core.types import Program, Style, Task
from opencodeeval.execution import open_sandbox
from opencodeeval.execution.specification import decode

class Folder:
    def read(self, sha256):
        path = Path(sys.argv[1]) / sha256
        return path.read_bytes() if path.exists() else None

async def grade():
    spec = decode(sys.stdin.buffer.read())
    task = Task("sent", Style.STDIO, "", "", "", spec.content)
    sandbox = open_sandbox("local", 1)
    try:
        programs = [Program("sent", n, code, "program") for n, code in enumerate(sys.argv[2:])]
        grades = [await sandbox.grade(task, each) for each in programs]
    finally:
        await sandbox.close()
    print(json.dumps([grade.suites["base"].verdict.value for grade in grades]))

parts.add_source(Folder())
asyncio.run(grade())
"""


def test_a_task_is_graded_by_another_process_from_bytes_and_parts_alone(tmp_path: Path) -> None:
    rows = [problem(("1\n", "1\n"), private=[("2\n", "2\n")], question_id="a")]
    path = write(tmp_path / "rows.jsonl", rows)
    (task,) = load_benchmark(f"livecodebench@file:{path}").tasks
    spec = specification(task.tests)
    assert str(tmp_path) not in json.dumps(spec.content)
    assert pickle.loads(pickle.dumps(task)).tests_digest == spec.digest
    store = tmp_path / "parts"
    store.mkdir()
    for sha256 in spec.parts:
        (store / sha256).write_bytes(parts.read_part(sha256))
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(store), "print(input())\n", "print(1)\n"],
        input=spec.encode(),
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert json.loads(done.stdout) == ["passed", "wrong"]
