"""Several hosts behind one address: real servers, of which some are killed, stopped or unfit."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from opencodeeval.benchmarks.registry import load_benchmark
from opencodeeval.cli.main import main
from opencodeeval.core.errors import UsageError
from opencodeeval.serve.client import GraderClient, Waiting
from tests.serve.conftest import OTHER, TOKEN
from tests.support.serving import Server

RISES = next(task for task in load_benchmark("starter").tasks if task.task_id == "starter/0")
WRONG = "def count_rises(values):\n    return len(values)\n"
SLOW = "import time\ntime.sleep(2)\n"
SPEC: dict[str, Any] = {
    "kind": "stdio",
    "tests": [{"input": "2 3\n", "output": "5\n"}],
    "compare": {"rule": "lines"},
    "limits": {"test_s": 4.0, "total_s": 20.0, "memory_mb": 512},
}
ADDS = "print(sum(map(int, input().split())))\n"

Start = Callable[..., Server]


def pair(start: Start) -> tuple[Server, Server, Server]:
    """Two hosts and the server before them."""
    hosts = start("--slots", "1"), start("--slots", "1")
    front = start("--bench", "starter", "--behind", ",".join(each.url for each in hosts), jail="")
    until(lambda: len(used(front)) == 2)
    return *hosts, front


def of(program: str) -> dict[str, Any]:
    return {"bench": "starter", "task_id": RISES.task_id, "program": program}


def until(holds: Callable[[], bool], seconds: float = 100) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.05)


def states(front: Server) -> dict[str, dict[str, Any]]:
    hosts = httpx.get(f"{front.url}/ready", timeout=30).json()["hosts"]
    return {host["url"]: host for host in hosts}


def used(front: Server) -> list[str]:
    return [url for url, host in states(front).items() if host["state"] == "used"]


def counted(front: Server, name: str, host: Server) -> float:
    text = httpx.get(f"{front.url}/metrics", timeout=30).text
    start = f'opencodeeval_host_{name}{{host="{host.url}"}} '
    return float(next(line for line in text.splitlines() if line.startswith(start)).split()[-1])


def kept(server: Server) -> float:
    """How many verdicts a server remembers."""
    text = httpx.get(f"{server.url}/metrics", timeout=30).text
    lines = (line for line in text.splitlines() if line.startswith("opencodeeval_remembered "))
    return float(next(lines).split()[-1])


class Asking(threading.Thread):
    """A client of many programs, every second of them right; `found` are its verdicts so far."""

    def __init__(self, front: Server, count: int, prefix: str = "") -> None:
        super().__init__()
        programs = [RISES.reference if number % 2 else WRONG for number in range(count)]
        self.asked = [of(f"# {number}\n{prefix}{each}") for number, each in enumerate(programs)]
        self.expected = {number: bool(number % 2) for number in range(count)}
        self.front, self.found = front, dict[int, bool]()
        self.start()

    def run(self) -> None:
        with GraderClient(self.front.url, waiting=Waiting(give_up_s=200)) as client:
            for index, result in client.grade_many(self.asked):
                self.found[index] = result.passed

    def finish(self) -> None:
        self.join(timeout=200)
        assert self.found == self.expected


def test_programs_go_to_all_hosts_and_to_the_others_when_one_is_killed(start: Start) -> None:
    one, two, front = pair(start)
    assert httpx.get(f"{front.url}/ready").json()["slots"] == {"plain": 2}
    asking = Asking(front, 80)
    until(lambda: len(asking.found) >= 10)
    assert counted(front, "running", one) > 0
    one.end(signal.SIGKILL)
    until(lambda: used(front) == [two.url])
    asking.finish()
    assert counted(front, "graded", one) > 0
    assert counted(front, "graded", two) > 0
    assert counted(front, "used", one) == 0
    # It is used again when it is back, and so is one that has lost its specifications.
    one.start()
    until(lambda: len(used(front)) == 2)
    two.end(signal.SIGKILL)
    again = Asking(front, 10, "# again\n")
    again.finish()
    # With nobody there, programs wait.
    one.end(signal.SIGKILL)
    until(lambda: not used(front))
    assert httpx.get(f"{front.url}/ready").status_code == 503
    last = Asking(front, 30, "# last\n")
    one.start()
    # Nor does the death of the server before the hosts cost a verdict.
    until(lambda: len(last.found) >= 2)
    front.end(signal.SIGKILL)
    front.start()
    last.finish()


def test_a_host_that_hangs_loses_its_programs(start: Start) -> None:
    one, two, front = pair(start)
    asking = Asking(front, 8, SLOW)
    until(lambda: counted(front, "running", one) > 0)
    one.process.send_signal(signal.SIGSTOP)
    asking.finish()
    assert counted(front, "lost", one) > 0
    assert used(front) == [two.url]
    one.process.send_signal(signal.SIGCONT)
    until(lambda: len(used(front)) == 2)


def test_a_host_that_is_told_to_end_finishes_what_it_has(start: Start) -> None:
    one, two, front = pair(start)
    asking = Asking(front, 6, SLOW)
    until(lambda: counted(front, "running", one) > 0)
    one.end(signal.SIGTERM)
    asking.finish()
    assert counted(front, "graded", one) > 0
    assert used(front) == [two.url]


def test_specifications_that_were_put_reach_the_hosts(start: Start) -> None:
    host = start("--slots", "1")
    front = start("--behind", host.url, "--environment", "bigcodebench", jail="")
    other = {"spec": SPEC, "program": ADDS, "environment": "bigcodebench"}
    answer = httpx.post(f"{front.url}/grade", json=other)
    assert answer.status_code == 503
    assert "no host in use has the environment bigcodebench" in answer.json()["error"]
    with GraderClient(front.url) as client:
        name = client.put_spec(SPEC)
        assert client.grade(spec_digest=name, program=ADDS).verdict == "passed"
        host.end(signal.SIGKILL)
        host.start()
        tell = ["tests", "failure", "output"]
        found = client.grade(spec_digest=name, program="print(6)", tell=tell)
        assert found.verdict == "wrong"
        suite = found.suites["base"]
        assert (suite.tests_passed, suite.tests_total) == (0, 1)
        assert suite.failure
        assert suite.failure["got"] == "6\n"
    # As a server without hosts says it.
    with GraderClient(host.url) as client:
        client.put_spec(SPEC)
        direct = client.grade(spec_digest=name, program="print(6)", tell=tell)
        assert direct.digest == found.digest
        assert direct.suites["base"].failure == suite.failure


def test_large_tests_reach_the_hosts_as_parts(start: Start) -> None:
    host = start("--slots", "1")
    front = start("--behind", host.url, jail="")
    texts = [json.dumps(SPEC["tests"]).encode(), json.dumps(SPEC["tests"] * 2).encode()]
    limits = {"test_s": 6, "spare_s": 5, "total_s": 60, "memory_mb": 4096}
    spec: dict[str, Any] = {"kind": "livecodebench", "function": "", "processes": False}
    with GraderClient(front.url) as client:
        spec |= {"limits": limits, "sha256": [client.put_part(text) for text in texts]}
        assert client.grade(spec=spec, program=ADDS).verdict == "passed"
        # The host has lost them.
        host.end(signal.SIGKILL)
        host.start()
        found = client.grade(spec=spec, program="print(4)", tell=["tests"])
        assert found.verdict == "wrong"
        assert found.suites["base"].tests_total == 3
    answer = httpx.put(f"{front.url}/parts/{'0' * 64}", content=b"other")
    assert answer.status_code == 400
    assert "the SHA-256 of this part is" in answer.json()["error"]


def test_shares_and_what_programs_print_come_from_the_hosts(start: Start) -> None:
    *hosts, front = pair(start)
    with GraderClient(front.url) as client:
        here = client.grade(**of(WRONG), tell=["share"])
    with GraderClient(hosts[0].url) as client:
        there = client.grade(spec=RISES.tests, program=WRONG, tell=["share"])
    assert here.share == there.share
    assert 0 < (here.share or 0) < 1
    known = [kept(each) for each in (*hosts, front)]
    ran = httpx.post(
        f"{front.url}/run_code",
        json={"code": "print(input()[::-1])", "language": "python", "stdin": "abc"},
        timeout=100,
    ).json()
    assert (ran["status"], ran["run_result"]["stdout"]) == ("Success", "cba\n")
    # What it printed may be large: nobody keeps it.
    assert [kept(each) for each in (*hosts, front)] == known
    # That it ended well is no verdict about anything, so nobody gets one.
    run = {
        "kind": "run",
        "file": "solution.py",
        "compile": [],
        "command": [],
        "input": "",
        "files": {},
        "fetch": [],
        "limits": {"compile_s": 1.0, "run_s": 1.0, "total_s": 9.0, "memory_mb": 512},
    }
    with GraderClient(front.url) as client, pytest.raises(UsageError, match="has no tests"):
        client.grade(spec=run, program="1")


def test_hosts_take_the_token_and_unfit_ones_are_not_used(start: Start) -> None:
    known = start("--slots", "1", OPENCODEEVAL_SERVE_TOKENS=f"front={TOKEN}")
    stranger = start("--slots", "1", OPENCODEEVAL_SERVE_TOKENS=f"front={OTHER}")
    older = start("--slots", "1", version="0.0.1")
    gone = start("--slots", "1")
    gone.end(signal.SIGKILL)
    urls = ",".join(each.url for each in (older, known, stranger, gone))
    front = start("--behind", urls, jail="", OPENCODEEVAL_HOSTS_TOKEN=TOKEN)
    found = states(front)
    assert used(front) == [known.url]
    assert found[stranger.url]["state"] == "unfit"
    assert "OPENCODEEVAL_HOSTS_TOKEN" in found[stranger.url]["why"]
    assert found[older.url]["state"] == "unfit"
    assert "it runs 0.0.1" in found[older.url]["why"]
    assert found[gone.url]["state"] == "away"
    with GraderClient(front.url) as client:
        assert client.grade(spec=SPEC, program=ADDS).passed
    front.end()
    text = front.log.read_text()
    assert f"{older.url} is not used: it runs 0.0.1" in text
    assert TOKEN not in text


@pytest.mark.docker
def test_a_host_with_another_sandbox_is_not_used(start: Start, guest_image: str) -> None:
    one, other = start("--slots", "1"), start("--slots", "1", jail="docker")
    front = start("--behind", f"{one.url},{other.url}", jail="")
    assert used(front) == [one.url]
    assert "verdicts could depend on the host" in states(front)[other.url]["why"]
    # But when the others are gone it is.
    one.end(signal.SIGKILL)
    until(lambda: used(front) == [other.url])
    with GraderClient(front.url) as client:
        assert client.grade(spec=SPEC, program=ADDS).passed
    one.start()
    until(lambda: states(front)[one.url]["state"] == "unfit")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--behind", "ftp://a"], "addresses like http://HOST:8321, not 'ftp://a'"),
        (["--behind", "http://me:secret@a:1"], "addresses without a password"),
        (["--behind", "http://a", "--slots", "2"], "are options of the hosts"),
    ],
)
def test_what_cannot_be_before_hosts_is_told_at_once(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", "--port", "0", *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "secret" not in error
