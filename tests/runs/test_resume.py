"""A run that is killed at any moment continues, and ends as if nothing had happened.

The real command with the reference backend and the local jail, on tasks of
its own that are slow enough to be killed in the middle.
"""

from __future__ import annotations

import ctypes
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.slow_tasks import write_slow_tasks

TASKS = 16

# A record without its timing, and the seconds that its run took.
Undisturbed = tuple[dict[str, Any], float]

PR_SET_CHILD_SUBREAPER = 36


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Problems whose reference program takes a quarter of a second a test."""
    return write_slow_tasks(tmp_path_factory.mktemp("own"), TASKS, 0.25)


@pytest.fixture(autouse=True)
def orphans_come_to_us() -> Iterator[None]:
    """Processes that lose their parent become children of this one, and so can be seen."""
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
    yield
    libc.prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


def start(tasks: Path, output: Path) -> subprocess.Popen[str]:
    root = Path(__file__).resolve().parents[2]
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "opencodeeval", "--backend", "reference"),
            *("--bench", str(tasks), "--sandbox", "local", "--slots", "2"),
            *("--output", str(output), "--json"),
        ],
        env={**os.environ, "PYTHONPATH": str(root)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(tasks: Path, output: Path) -> dict[str, Any]:
    """Run to the end; the record without its timing."""
    process = start(tasks, output)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    record: dict[str, Any] = json.loads(
        Path(json.loads(out)["benchmarks"][0]["record"]).read_text()
    )
    assert record.pop("timing")
    return record


def lines(output: Path, name: str) -> list[dict[str, Any]]:
    return [
        json.loads(line)
        for path in output.glob(f"runs/*/{name}.jsonl")
        for line in path.read_text().splitlines()
    ]


def verdicts_so_far(output: Path) -> int:
    return sum(path.read_bytes().count(b"\n") for path in output.glob("runs/*/verdicts.jsonl"))


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def descendants() -> set[int]:
    """Everything below this process that is alive; the dead among it are reaped."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        pid, state, parent = int(stat.parent.name), fields[0], int(fields[1])
        if state == "Z" and parent == os.getpid():
            os.waitpid(pid, os.WNOHANG)
        elif state != "Z":
            parents[pid] = parent
    below = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in below} - below:
        below |= more
    return below - {os.getpid()}


def assert_nothing_is_left_beside(before: set[int]) -> None:
    if not wait_until(lambda: descendants() <= before, 10):
        left_over = descendants() - before
        commands = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in left_over]
        pytest.fail(f"processes were left over: {commands}")


def assert_each_sample_once(output: Path) -> None:
    each_once = {(f"slow/{number}", 0): 1 for number in range(TASKS)}
    for name in ("completions", "programs", "verdicts"):
        where = Counter((row["task_id"], row["sample_id"]) for row in lines(output, name))
        assert where == each_once, name
    assert Counter(row["task_id"] for row in lines(output, "prompts")) == {
        task_id: 1 for task_id, _ in each_once
    }
    assert lines(output, "faults") == []


@pytest.fixture(scope="module")
def undisturbed(tasks: Path, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """What a run leaves that nothing happened to."""
    output = tmp_path_factory.mktemp("undisturbed")
    began = time.monotonic()
    record = finish(tasks, output)
    return record, time.monotonic() - began


def test_killed_at_random_moments_it_ends_in_the_undisturbed_record(
    tasks: Path, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    record, seconds = undisturbed
    assert record["pass@k"]["base"]["pass@1"]["value"] == 1.0
    moments = random.Random(1)
    before = descendants()
    disturbed = 0
    for _ in range(6):
        process = start(tasks, tmp_path)
        time.sleep(moments.uniform(0.2, 1.0) * seconds)
        process.kill()
        process.communicate()
        disturbed += process.returncode == -signal.SIGKILL
        assert_nothing_is_left_beside(before)
    assert disturbed
    assert finish(tasks, tmp_path) == record
    assert_each_sample_once(tmp_path)


@pytest.mark.parametrize("number", range(0, TASKS - 4, 5))
def test_killed_right_after_a_verdict_it_continues_with_the_next(
    tasks: Path, undisturbed: Undisturbed, tmp_path: Path, number: int
) -> None:
    process = start(tasks, tmp_path)
    assert wait_until(lambda: verdicts_so_far(tmp_path) > number, 60)
    process.kill()
    process.communicate()
    assert number < len(lines(tmp_path, "verdicts")) < TASKS
    assert finish(tasks, tmp_path) == undisturbed[0]
    assert_each_sample_once(tmp_path)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_closes_everything_and_says_that_the_run_continues(
    tasks: Path,
    undisturbed: Undisturbed,
    tmp_path: Path,
    number: signal.Signals,
    status: int,
) -> None:
    before = descendants()
    process = start(tasks, tmp_path)
    assert wait_until(lambda: verdicts_so_far(tmp_path) > 2, 60)
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert process.returncode == status, err
    assert out == ""
    assert "Traceback" not in err
    # At once, and at the end, when everything is closed.
    assert "opencodeeval: interrupted: closing what is open; once more ends at once\n" in err
    assert err.splitlines()[-1].startswith("opencodeeval: error: interrupted")
    assert "the same command continues" in err
    assert descendants() <= before
    assert finish(tasks, tmp_path) == undisturbed[0]
    assert_each_sample_once(tmp_path)


def test_a_second_process_is_told_that_the_run_is_taken(tasks: Path, tmp_path: Path) -> None:
    first = start(tasks, tmp_path)
    assert wait_until(lambda: verdicts_so_far(tmp_path) > 0, 60)
    # Or it might end while the second one starts.
    first.send_signal(signal.SIGSTOP)
    second = start(tasks, tmp_path)
    _, err = second.communicate(timeout=60)
    first.send_signal(signal.SIGCONT)
    assert second.returncode == 6
    assert "another process has" in err
    _, err = first.communicate(timeout=60)
    assert first.returncode == 0, err
    assert_each_sample_once(tmp_path)
