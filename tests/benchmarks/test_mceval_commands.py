"""McEval's AWK: commands that are judged by what they print beside the publisher's."""

from __future__ import annotations

import asyncio
import base64
import os
from functools import cache
from pathlib import Path
from typing import Any, cast

import pytest

from opencodeeval.benchmarks.card_benchmark import CardBenchmark
from opencodeeval.benchmarks.cards import read_card
from opencodeeval.benchmarks.registry import load_benchmark
from opencodeeval.core.errors import DataError, SandboxError
from opencodeeval.core.types import Completion, Program, SuiteResult, Task, Verdict
from opencodeeval.execution import Sandbox, open_sandbox
from opencodeeval.execution.environments import read_environment
from opencodeeval.execution.specification import specification
from opencodeeval.execution.toolchains import check_languages, here
from opencodeeval_benchmarks.mceval import adapter
from tests.support.one_task import of_row

# The accounts whose number is below 4.
REFERENCE = "awk -F: '$3 < 4 && NF > 6 && $3 != \"\" {print $1}' /etc/passwd"
NAMES = "root\ndaemon\nbin\n"


def row(**changed: Any) -> dict[str, Any]:
    """A row of our own."""
    asked = "Using the awk command in Linux, print the names of accounts below 4 in /etc/passwd"
    found = {"task_id": "AWK/1000", "prompt": asked, "instruction": asked}
    return {**found, "canonical_solution": REFERENCE, **changed}


@cache
def benchmark() -> CardBenchmark:
    return of_row("mceval", row(), "mceval", "awk")


def graded(pairs: list[tuple[Task, str]]) -> list[SuiteResult]:
    """What became of commands in the local jail, as programs of a file."""

    async def grade() -> list[SuiteResult]:
        sandbox = open_sandbox("local", 2, environment="mceval")
        try:
            programs = [(task, Program(task.task_id, 0, code, "program")) for task, code in pairs]
            found = await asyncio.gather(*(sandbox.grade(*each) for each in programs))
        finally:
            await sandbox.close()
        return [each.suites["base"] for each in found]

    return asyncio.run(grade())


# --- tasks and commands ---


@pytest.mark.shared
def test_every_row_is_a_task_that_a_judge_takes(shared_data: Path) -> None:
    loaded = load_benchmark("mceval@awk", data_dir=shared_data)
    assert len(loaded.tasks) == 50
    for task in loaded.tasks:
        assert task.integrity == "forge-proof"
        assert specification(task.tests).suites == ["base"]
        assert loaded.prompt(task, "base").text == task.prompt
        assert " /etc/" not in task.reference
    assert loaded.describe()["language"] == "awk"


def test_a_row_without_a_command_is_refused() -> None:
    with pytest.raises(DataError, match="its field canonical_solution is missing or empty"):
        adapter.to_task(row(canonical_solution=" "), read_card("mceval").protocols[0])


@pytest.mark.parametrize(
    ("answer", "command"),
    [
        ("```sh\nls\n```\nor\n```bash\nawk 1 /etc/passwd\n```\n", "awk 1 etc/passwd\n"),
        ("awk 1 /etc/services", "awk 1 etc/services\n"),
        ("```\ncat /etc/passwd | awk 1\n```", "cat etc/passwd | awk 1\n"),
        ("```\nawk 1 /etc/passwd- /x/etc/passwd\n```", "awk 1 /etc/passwd- /x/etc/passwd\n"),
        (" \n", ""),
    ],
)
def test_a_command_is_taken_from_an_answer(answer: str, command: str) -> None:
    task = benchmark().tasks[0]
    made = benchmark().program(task, Completion(task.task_id, 0, answer), "chat")
    assert made.code == command


def test_a_time_limit_is_for_the_command() -> None:
    limits = benchmark().tasks[0].tests["limits"]
    assert (limits["run_s"], limits["total_s"]) == (15.0, 15.0)
    limits = benchmark().with_time_limit(2).tasks[0].tests["limits"]
    assert (limits["run_s"], limits["total_s"], limits["memory_mb"]) == (2, 2, 4096)


def test_a_sandbox_without_awk_is_refused_before_anything_runs() -> None:
    class WithoutAwk:
        """A sandbox's description alone: every jail here has an awk."""

        def describe(self) -> dict[str, Any]:
            return {"jail": "docker", "toolchains": {"sh": "5.2"}}

    with pytest.raises(SandboxError, match="has no toolchain for awk: install gawk"):
        check_languages(cast("Sandbox", WithoutAwk()), benchmark())


# --- verdicts ---

RIGHT = "cut -d: -f1 etc/passwd | head -n 3"
LISTS = "cat /etc/passwd; ls; touch left"
# What becomes of a command, by the command.
CASES = {
    **dict.fromkeys(
        (
            RIGHT,
            f"{RIGHT}; echo more >&2; exit 3",
            f"{RIGHT} > found; echo :::::: > etc/passwd; cat found",
        ),
        Verdict.PASSED,
    ),
    **dict.fromkeys(
        (
            "true",
            f"printf 'root\\ndaemon\\nbin'  # {RIGHT}",
            f"{RIGHT}; echo",
            f"{RIGHT} >&2",
            "cat command.sh",
            f"( sleep 1; {RIGHT} ) & exit 0",
        ),
        Verdict.WRONG,
    ),
    **dict.fromkeys(
        (
            "awk '{print $1' etc/passwd",
            "kill -9 $$",
            f"{RIGHT} > /proc/$PPID/fd/1",
            "cat ../*/command.sh /tmp/*/command.sh /proc/[0-9]*/cmdline | sh",
        ),
        Verdict.ERROR,
    ),
    **dict.fromkeys(
        (f"{RIGHT}; sleep 60", "printf 'root\\n'; while :; do echo daemon; done"), Verdict.TIMEOUT
    ),
}


@pytest.fixture(scope="module")
def found() -> dict[str, SuiteResult]:
    """What became of all commands, of two that list their folder, and of a broken reference."""
    if "awk" not in here(read_environment("mceval")):
        pytest.skip("this machine has no awk")
    protocol = read_card("mceval").protocols[0]
    ours = benchmark().with_time_limit(1).tasks[0]
    lists = adapter.to_task(row(canonical_solution=LISTS), protocol)
    broken = adapter.to_task(row(canonical_solution="exit 3"), protocol)
    pairs = [(ours, code) for code in CASES]
    shows = "head -c 99999 etc/passwd"
    listed = f"{adapter.to_task(row(canonical_solution=LISTS), protocol).reference}# "
    pairs += [(ours, shows), (lists, f"{listed}1"), (lists, f"{listed}2"), (broken, "true")]
    names = [*CASES, "shows", "first", "second", "broken"]
    return dict(zip(names, graded(pairs), strict=True))


def test_what_is_printed_decides_alone(found: dict[str, SuiteResult]) -> None:
    assert {name: found[name].verdict for name in CASES} == CASES


def test_commands_read_files_of_this_harness(found: dict[str, SuiteResult]) -> None:
    files = benchmark().tasks[0].tests["files"]
    accounts = base64.b64decode(files["etc/passwd"]).decode()
    assert accounts.startswith("root:x:0:0:root:/root:/bin/bash\n")
    assert found["shows"].detail == f"printed {accounts[:200]!r}..., not {NAMES!r}"


def test_a_program_finds_nothing_that_another_has_left(found: dict[str, SuiteResult]) -> None:
    """The reference has made a file too: what they list would differ."""
    assert [found[name].verdict for name in ("first", "second")] == [Verdict.PASSED] * 2


def test_a_reference_that_fails_is_no_verdict(found: dict[str, SuiteResult]) -> None:
    assert found["broken"].verdict is Verdict.INFRA_ERROR
    assert "its reference printed 0 bytes: exit status 3" in found["broken"].detail


@pytest.mark.shared
def test_the_publisher_s_commands_pass_and_silence_does_not(shared_data: Path) -> None:
    if "awk" not in here(read_environment("mceval")):
        pytest.skip("this machine has no awk")
    """With OPENCODEEVAL_MCEVAL=all those of all tasks, else of each fifth and of the errata."""
    loaded = load_benchmark("mceval@awk", data_dir=shared_data)
    errata = [each.task for each in loaded.errata if each.task.startswith("AWK/")]
    step = 1 if os.environ.get("OPENCODEEVAL_MCEVAL") == "all" else 5
    tasks = [
        task for at, task in enumerate(loaded.tasks) if at % step == 0 or task.task_id in errata
    ]
    grades = graded([(task, code) for task in tasks for code in (task.reference, "true")])
    passed = [each.verdict is Verdict.PASSED for each in grades]
    assert all(passed[::2])
    silent = [task.task_id for task, each in zip(tasks, passed[1::2], strict=True) if each]
    assert silent == errata
