"""The service as its clients see it: a real server, real sandboxes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from opencodeeval.benchmarks.registry import load_benchmark
from opencodeeval.cli.main import main
from opencodeeval.core.errors import UsageError
from opencodeeval.core.types import digest
from opencodeeval.serve.client import AsyncGraderClient, GraderClient, NotGraded, Waiting
from tests.serve.conftest import OTHER, TOKEN
from tests.support.serving import Server

STARTER = {task.task_id: task for task in load_benchmark("starter").tasks}
RISES = "starter/0"
RIGHT = STARTER[RISES].reference
WRONG = "def count_rises(values):\n    return len(values)\n"
SLOW = "import time\ntime.sleep(1.5)\n" + RIGHT
SPEC: dict[str, Any] = {
    "kind": "stdio",
    "tests": [{"input": "2 3\n", "output": "5\n"}, {"input": "4 5\n", "output": "9\n"}],
    "compare": {"rule": "lines"},
    "limits": {"test_s": 4.0, "total_s": 20.0, "memory_mb": 512},
}
ADDS = "print(sum(map(int, input().split())))\n"


def grade(server: Server, body: Any, **options: Any) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx.post(f"{server.url}/grade", content=content, timeout=120, **options)


def of(program: str, **fields: Any) -> dict[str, Any]:
    return {"bench": "starter", "task_id": RISES, "program": program, **fields}


def test_a_program_gets_its_verdict_and_no_more_is_told(server: Server) -> None:
    found = grade(server, of(RIGHT)).json()
    assert found["passed"] is True
    assert found["verdict"] == "passed"
    assert set(found["suites"]["base"]) == {"verdict", "wall_s", "cpu_s", "peak_mb"}
    wrong = grade(server, of(WRONG)).json()
    assert (wrong["passed"], wrong["verdict"]) == (False, "wrong")
    assert set(wrong) == {"task_id", "passed", "verdict", "suites", "digest"}
    assert grade(server, of(WRONG)).json() == wrong


def test_more_is_told_where_it_is_asked_for(server: Server) -> None:
    asked = of("print('here')\n" + WRONG, tell=["tests", "failure", "output"])
    found = grade(server, asked).json()
    base = found["suites"]["base"]
    assert (base["tests_passed"], base["tests_total"]) == (0, 9)
    assert base["failure"]["expected"] == "2"
    assert found["stdout"] == "here"
    half = "def count_rises(values):\n    return 2 if values and values[0] == 3 else 0\n"
    suite = grade(server, of(half, tell=["tests"])).json()["suites"]["base"]
    assert (suite["tests_passed"], "failure" in suite) == (3, False)


def test_code_is_extracted_from_an_answer(server: Server) -> None:
    asked = {"bench": "starter", "task_id": RISES}
    answer = f"Here it is:\n```python\n{RIGHT}```\nIt counts."
    assert grade(server, {**asked, "answer": answer}).json()["passed"] is True
    assert grade(server, {**asked, "answer": "I cannot."}).json()["verdict"] == "no_code"
    completion = "    return sum(b > a for a, b in zip(values, values[1:]))\n"
    assert grade(server, {**asked, "completion": completion}).json()["passed"] is True


def test_tests_of_one_s_own_whole_or_by_their_digest(server: Server) -> None:
    whole = grade(server, {"spec": SPEC, "program": ADDS}).json()
    assert (whole["passed"], whole["suites"]["base"]["verdict"]) == (True, "passed")
    named = {"spec_digest": digest(SPEC), "program": ADDS + "print()"}
    assert grade(server, named).status_code == 404
    with GraderClient(server.url) as client:
        assert client.put_spec(SPEC) == digest(SPEC)
        assert client.grade(**named).verdict == "passed"
        assert client.grade(spec_digest=digest(SPEC), program="print(5)").verdict == "wrong"


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in SPEC.items() if key != name}


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"{", 400, "cannot be read"),
        (b"[]", 400, "Expected `object`"),
        (b'{"program": "\xff"}', 400, "cannot be read"),
        (b'{"a":' * 5000, 400, "cannot be read"),
        ({"bench": "starter", "task_id": RISES}, 400, "exactly one of answer, completion and"),
        ({"program": "x"}, 400, "exactly one of bench, spec and spec_digest"),
        (of(RIGHT, answer="x"), 400, "exactly one of answer, completion and program"),
        (of(RIGHT, bench="mbpp"), 404, "'mbpp' is not served here; served: starter"),
        (of(RIGHT, task_id="starter/99"), 404, "its tasks are named like 'starter/0'"),
        (of(RIGHT, protocol="evalplus"), 404, "evalplus"),
        (of(RIGHT, deadline_s=-1), 400, "deadline_s"),
        (of(RIGHT, priority=11), 400, "priority"),
        (of(RIGHT, deadlin_s=1), 400, "deadlin_s"),
        (of(RIGHT, environment="bigcodebench"), 400, "leave out environment"),
        ({"spec": without("tests"), "program": ADDS}, 400, "it lacks tests"),
        ({"spec": {**SPEC, "kind": "shell"}, "program": ADDS}, 400, "its kind is 'shell'"),
        (
            {"spec": {**SPEC, "sha256": ["0" * 64]}, "program": ADDS},
            404,
            "is not here: put it to /parts",
        ),
        ({"spec": SPEC, "answer": ADDS}, 400, "give a program"),
        ({"spec": SPEC, "program": ADDS, "environment": "moon"}, 404, "no environment 'moon'"),
        (
            {"spec": {**SPEC, "limits": {**SPEC["limits"], "total_s": 1e6}}, "program": ADDS},
            400,
            "lower total_s",
        ),
        (
            {"spec": {**SPEC, "limits": {**SPEC["limits"], "memory_mb": 1e6}}, "program": ADDS},
            400,
            "lower it",
        ),
    ],
)
def test_what_cannot_be_graded_is_told_in_one_sentence(
    server: Server, body: Any, status: int, said: str
) -> None:
    answer = grade(server, body)
    assert answer.status_code == status
    assert said in answer.json()["error"]
    assert "verdict" not in answer.json()
    assert "\n" not in answer.json()["error"]


def test_a_digest_that_does_not_fit_is_told(server: Server) -> None:
    answer = httpx.put(f"{server.url}/specs/{'0' * 64}", json=SPEC)
    assert answer.status_code == 400
    assert digest(SPEC) in answer.json()["error"]


def test_what_is_too_large_is_not_read(server: Server) -> None:
    read = []

    def pieces() -> Any:
        for _ in range(100):
            read.append(1)
            yield b" " * (1 << 20)

    answer = httpx.post(f"{server.url}/grade", content=pieces(), timeout=60)
    assert answer.status_code == 413
    assert "larger than 16777216 bytes" in answer.json()["error"]


def test_other_addresses_and_methods_are_told(server: Server) -> None:
    assert httpx.get(f"{server.url}/grades").json()["error"].startswith("there is no /grades")
    answer = httpx.get(f"{server.url}/grade")
    assert (answer.status_code, "does not take GET" in answer.json()["error"]) == (405, True)


def test_a_batch_is_answered_line_by_line_and_a_wrong_one_spoils_no_other(server: Server) -> None:
    asked = [of(SLOW), of(RIGHT), {"bench": "nope"}, of(WRONG), {"bench": 3}]
    lines = []
    with httpx.stream(
        "POST", f"{server.url}/grade/batch", json={"requests": asked}, timeout=120
    ) as answer:
        assert answer.headers["content-type"] == "application/x-ndjson"
        lines = [json.loads(line) for line in answer.iter_lines()]
    assert sorted(line["index"] for line in lines) == [0, 1, 2, 3, 4]
    assert lines[-1]["index"] == 0
    by_index = {line["index"]: line for line in lines}
    assert [by_index[i]["status"] for i in range(5)] == [200, 200, 400, 200, 400]
    assert [by_index[i]["result"]["passed"] for i in (0, 1, 3)] == [True, True, False]


def test_a_batch_that_does_not_fit_is_refused(start: Callable[..., Server]) -> None:
    server = start("--bench", "starter", "--queue", "3")
    large = [of(f"# {number}\n{RIGHT}") for number in range(4)]
    answer = httpx.post(f"{server.url}/grade/batch", json={"requests": large}, timeout=60)
    assert answer.status_code == 413
    assert "may have 3 requests here, and this has 4" in answer.json()["error"]
    # What was kept for refused requests is given back.
    for _ in range(3):
        wrong = {"requests": [{"bench": 1}] * 3}
        answer = httpx.post(f"{server.url}/grade/batch", json=wrong, timeout=60)
        assert [json.loads(line)["status"] for line in answer.text.splitlines()] == [400] * 3
    with GraderClient(server.url) as client:
        assert dict.fromkeys(range(3), True) == {
            index: result.passed for index, result in client.grade_many(large[:3])
        }


def test_programs_of_a_client_that_left_are_not_run(server: Server) -> None:
    slow = [of(f"# {number}\nimport time\ntime.sleep(2)\n{RIGHT}") for number in range(50)]
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{server.url}/grade/batch", json={"requests": slow}, timeout=0.5)
    # Fifty of them would take fifty seconds on two slots.
    end = time.monotonic() + 20
    while (waiting := counted(server, "opencodeeval_waiting")) and time.monotonic() < end:
        time.sleep(0.1)
    assert waiting == 0
    assert grade(server, of("# after\n" + RIGHT)).json()["passed"] is True


def counted(server: Server, name: str) -> float:
    lines = httpx.get(f"{server.url}/metrics").text.splitlines()
    return float(next(line.split()[-1] for line in lines if line.startswith(name)))


def test_a_deadline_ends_the_waiting_and_is_no_verdict(server: Server) -> None:
    answer = grade(server, of("# late\n" + SLOW, deadline_s=0.3))
    assert answer.status_code == 504
    assert "no verdict within deadline_s" in answer.json()["error"]
    with GraderClient(server.url) as client, pytest.raises(NotGraded, match="deadline"):
        client.grade(**of("# later\n" + SLOW, deadline_s=0.3))


def test_the_metrics_count(server: Server) -> None:
    before = counted(server, 'opencodeeval_verdicts_total{verdict="passed"}')
    grade(server, of(RIGHT))
    assert counted(server, 'opencodeeval_verdicts_total{verdict="passed"}') == before + 1


def test_the_description_names_every_address(server: Server) -> None:
    described = httpx.get(f"{server.url}/openapi.json").json()
    assert set(described["paths"]) == {
        *("/grade", "/grade/batch", "/specs/{digest}", "/parts/{sha256}", "/benches"),
        *("/metrics", "/health", "/ready", "/run_code", "/submit"),
    }
    text = json.dumps(described)
    names = {part.split('"')[0] for part in text.split('"#/components/schemas/')[1:]}
    assert names <= set(described["components"]["schemas"])
    assert "deadline_s" in described["components"]["schemas"]["GradeRequest"]["properties"]


def test_many_clients_at_once(server: Server) -> None:
    async def all_of_them() -> list[bool]:
        async with AsyncGraderClient(server.url) as client:
            programs = [f"# {number}\n{RIGHT if number % 2 else WRONG}" for number in range(200)]
            calls = [client.grade(**of(program)) for program in programs]
            return [found.passed for found in await asyncio.gather(*calls)]

    assert asyncio.run(all_of_them()) == [bool(number % 2) for number in range(200)]


def test_clients_read_batches_and_benches(server: Server) -> None:
    asked = [of(RIGHT), of(WRONG)]
    with GraderClient(server.url) as client:
        assert {index: each.passed for index, each in client.grade_many(asked)} == {
            0: True,
            1: False,
        }
        assert client.benches()[0].tasks == list(STARTER)
        with pytest.raises(UsageError, match="request 1: the benchmark 'x' is not served"):
            list(client.grade_many([of(RIGHT), of(RIGHT, bench="x")]))
        with pytest.raises(UsageError, match="this cannot be graded"):
            client.grade(bench="starter", nonsense=1)

    async def also() -> dict[int, bool]:
        async with AsyncGraderClient(server.url) as client:
            return {index: each.passed async for index, each in client.grade_many(asked)}

    assert asyncio.run(also()) == {0: True, 1: False}


def test_clients_are_known_by_their_tokens(start: Callable[..., Server]) -> None:
    tokens = f"ours={TOKEN}, theirs={OTHER}"
    server = start("--bench", "starter", OPENCODEEVAL_SERVE_TOKENS=tokens)
    assert grade(server, of(RIGHT)).status_code == 401
    for wrong in (f"Bearer {TOKEN}x", f"Basic {TOKEN}", "Bearer", TOKEN):
        answer = grade(server, of(RIGHT), headers={"Authorization": wrong})
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    for token in (TOKEN, OTHER):
        with GraderClient(server.url, token) as client:
            assert client.grade(**of(RIGHT)).passed
    with GraderClient(server.url) as client, pytest.raises(UsageError, match="no valid token"):
        client.grade(**of(RIGHT))
    server.end()
    assert TOKEN not in server.log.read_text()


def test_a_server_that_is_told_to_end_finishes_what_it_took(start: Callable[..., Server]) -> None:
    server = start("--bench", "starter")
    answers: list[httpx.Response] = []
    asking = threading.Thread(target=lambda: answers.append(grade(server, of(SLOW))))
    asking.start()
    while counted(server, "opencodeeval_running") == 0:
        time.sleep(0.05)
    status = server.end(signal.SIGTERM)
    asking.join()
    assert answers[0].json()["passed"] is True
    assert status in (0, -signal.SIGTERM)


def test_clients_finish_although_the_server_is_killed(start: Callable[..., Server]) -> None:
    server = start("--bench", "starter", "--slots", "2")
    programs = [f"# {number}\n{RIGHT if number % 2 else WRONG}" for number in range(60)]
    found: dict[int, bool] = {}
    also: dict[int, bool] = {}

    def ask() -> None:
        with GraderClient(server.url, waiting=Waiting(give_up_s=200)) as client:
            for index, result in client.grade_many([of(program) for program in programs]):
                found[index] = result.passed

    async def ask_at_once() -> None:
        async with AsyncGraderClient(server.url, waiting=Waiting(give_up_s=200)) as client:

            async def one(number: int) -> None:
                result = await client.grade(**of(f"# alone\n{programs[number]}"))
                also[number] = result.passed

            await asyncio.gather(*map(one, range(len(programs))))

    asking = threading.Thread(target=ask)
    asking_at_once = threading.Thread(target=lambda: asyncio.run(ask_at_once()))
    asking.start()
    asking_at_once.start()
    end = time.monotonic() + 60
    while not found and time.monotonic() < end:
        time.sleep(0.01)
    server.end(signal.SIGKILL)
    server.start()
    asking.join(timeout=200)
    asking_at_once.join(timeout=200)
    assert found == also == {number: bool(number % 2) for number in range(60)}


def test_killed_slots_change_no_verdict(start: Callable[..., Server]) -> None:
    server = start("--bench", "starter", "--slots", "2")
    programs = [f"# {number}\n{RIGHT if number % 2 else WRONG}" for number in range(60)]
    found: dict[int, bool] = {}
    kills = 0
    with GraderClient(server.url) as client:
        for index, result in client.grade_many([of(program) for program in programs]):
            found[index] = result.passed
            if len(found) in (3, 20, 40):
                for jail in children(server.process.pid):
                    os.kill(jail, signal.SIGKILL)
                    kills += 1
    assert kills >= 3
    assert found == {number: bool(number % 2) for number in range(60)}
    assert counted(server, "opencodeeval_remembered") == 60


def children(pid: int) -> list[int]:
    """The processes that this one has started."""
    found = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for each in found for child in each.read_text().split()]


@pytest.mark.parametrize(
    ("arguments", "tokens", "said"),
    [
        (["--host", "0.0.0.0"], "", "OPENCODEEVAL_SERVE_TOKENS is not set"),
        (["--host", "no.such.host.invalid"], f"a={TOKEN}", "cannot listen on"),
        ([], "secret", "tokens of 16 characters or more"),
        (["--bench", "nope"], "", "no benchmark"),
        (["--bench", "starter", "--environment", "moon"], "", "no environment 'moon'"),
        (["--bench", "starter", "--queue", "0"], "", "--queue must be at least 1"),
    ],
)
def test_what_cannot_be_served_is_told_at_once(
    arguments: list[str],
    tokens: str,
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENCODEEVAL_SERVE_TOKENS", tokens)
    assert main(["serve", "--port", "0", "--sandbox", "local", *arguments]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "secret" not in error


def test_a_port_that_is_taken_is_told(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--port", str(server.port), "--sandbox", "local"]) == 2
    assert f"cannot listen on 127.0.0.1, port {server.port}" in capsys.readouterr().err
