"""What a host's answers become: verdicts, or errors that send the program elsewhere.

The host here is a stand-in that answers as it is told: a real one gives no verdict about
another program, and is not busy when a test needs it. test_front.py has real ones.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from opencodeeval import __version__
from opencodeeval.core.errors import SandboxError
from opencodeeval.core.types import Grade, Program, Style, Task, Verdict, digest
from opencodeeval.serve.dispatch import Lost
from opencodeeval.serve.hosts import Away, Host, HostSandbox, Unfit
from opencodeeval.serve.tries import proxy_for

TESTS: dict[str, Any] = {
    "kind": "stdio",
    "tests": [{"input": "1\n", "output": "1\n"}],
    "compare": {"rule": "lines"},
    "limits": {"test_s": 4.0, "total_s": 20.0, "memory_mb": 512},
}
TASK = Task("t", Style.STDIO, "", "", "", TESTS)
PROGRAM = Program("t", 7, "print(input())", "program")
KEY = digest([TASK.tests_digest, "", PROGRAM.code])
SUITE = {"verdict": "passed", "wall_s": 0.1, "cpu_s": 0.1, "tests_passed": 1, "tests_total": 1}
RESULT = {
    "task_id": "t",
    "passed": True,
    "verdict": "passed",
    "suites": {"base": SUITE},
    "digest": KEY,
}
READY = {"slots": {"plain": 1}, "version": __version__, "instance": "a"}


class StandIn(ThreadingHTTPServer):
    """Gives the answers of a path in their order, the last one again and again."""

    def __init__(self) -> None:
        self.answers: dict[str, list[tuple[int, Any]]] = {
            "/ready": [(200, READY)],
            "/benches": [(200, [])],
        }
        self.asked: list[str] = []
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: StandIn

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        path = self.path.split("/sp")[0] or "/specs"
        self.server.asked.append(path)
        answers = self.server.answers[path]
        status, body = answers.pop(0) if len(answers) > 1 else answers[0]
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_PUT = do_GET

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    with StandIn() as found:
        thread = threading.Thread(target=found.serve_forever, args=(0.01,))
        thread.start()
        yield found
        found.shutdown()
        thread.join()


def graded(stand_in: StandIn, fallen: Callable[[str], None] = lambda why: None) -> Grade:
    async def run() -> Grade:
        host = Host(stand_in.url, None)
        host.fallen = fallen
        try:
            return await HostSandbox(host, "", 1).grade(TASK, PROGRAM)
        finally:
            await host.close()

    return asyncio.run(run())


def looked(url: str) -> Any:
    async def run() -> Any:
        host = Host(url, None)
        try:
            return await host.look()
        finally:
            await host.close()

    return asyncio.run(run())


def test_a_verdict_is_read_whole(stand_in: StandIn) -> None:
    stand_in.answers["/grade"] = [(200, {**RESULT, "stdout": "1"})]
    grade = graded(stand_in)
    assert (grade.task_id, grade.sample_id, grade.stdout) == ("t", 7, "1")
    assert grade.suites["base"].verdict is Verdict.PASSED
    assert grade.suites["base"].tests_total == 1


def test_a_specification_that_the_host_lacks_is_put_there(stand_in: StandIn) -> None:
    stand_in.answers["/grade"] = [(404, {"error": "no specification"}), (200, RESULT)]
    stand_in.answers["/specs"] = [(204, b"")]
    assert graded(stand_in).suites["base"].verdict is Verdict.PASSED
    assert stand_in.asked == ["/grade", "/specs", "/grade"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"digest": "0" * 64},
        {"suites": {}},
        {"suites": {"base": SUITE, "plus": SUITE}},
    ],
)
def test_a_verdict_about_something_else_is_none(stand_in: StandIn, wrong: dict[str, Any]) -> None:
    stand_in.answers["/grade"] = [(200, {**RESULT, **wrong})]
    with pytest.raises(Lost, match="a verdict about something else"):
        graded(stand_in)


@pytest.mark.parametrize(
    ("status", "body", "counts"),
    [
        (429, {"error": "too many", "retry_after_s": 0.01}, False),
        (503, {"error": "the sandbox failed"}, True),
        (401, {"error": "no valid token"}, False),
    ],
)
def test_an_error_status_sends_the_program_elsewhere(
    stand_in: StandIn, status: int, body: Any, counts: bool
) -> None:
    stand_in.answers["/grade"] = [(status, body)]
    with pytest.raises(Lost) as lost:
        graded(stand_in)
    assert lost.value.counts is counts


def test_a_host_that_ends_is_told_apart_from_a_sandbox_that_fails(stand_in: StandIn) -> None:
    fallen: list[str] = []
    stand_in.answers["/grade"] = [(503, {"error": "shutting down"})]
    stand_in.answers["/ready"] = [(503, {"error": "shutting down"})]
    with pytest.raises(Lost) as lost:
        graded(stand_in, fallen.append)
    assert lost.value.counts is False
    assert fallen == ["it is not ready: shutting down"]


@pytest.mark.parametrize(
    "answer", [(400, {"error": "its limits are too high"}), (413, {"error": "larger than"})]
)
def test_what_a_host_refuses_is_an_error(stand_in: StandIn, answer: tuple[int, Any]) -> None:
    stand_in.answers["/grade"] = [answer]
    with pytest.raises(SandboxError, match=r"refuses it \(HTTP 4"):
        graded(stand_in)


def test_an_answer_that_cannot_be_read_is_no_verdict(stand_in: StandIn) -> None:
    for body in (b"", b"{}", b"<html>", json.dumps({**RESULT, "passed": "yes"}).encode()):
        stand_in.answers["/grade"] = [(200, body)]
        with pytest.raises(Exception, match=r"truncated|missing|malformed|Expected"):
            graded(stand_in)


def test_a_host_is_used_only_if_it_may_be(stand_in: StandIn) -> None:
    assert looked(stand_in.url).slots == {"plain": 1}
    stand_in.answers["/benches"] = [(401, {"error": "no valid token"})]
    with pytest.raises(Unfit, match="OPENCODEEVAL_HOSTS_TOKEN"):
        looked(stand_in.url)
    for ready, why in (
        ({**READY, "version": "0.0.1"}, "it runs 0.0.1"),
        ({"slots": {"plain": 2}}, "an older version"),
        (["x"], "is not `opencodeeval serve`"),
        (b"hello", "is not `opencodeeval serve`"),
    ):
        stand_in.answers["/ready"] = [(200, ready)]
        with pytest.raises(Unfit, match=why):
            looked(stand_in.url)
    with pytest.raises(Away, match="it cannot be reached"):
        looked("http://127.0.0.1:1")


def test_the_proxy_is_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://proxy.invalid:3128")
    monkeypatch.setenv("no_proxy", "127.0.0.1,near.invalid")
    assert proxy_for("http://far.invalid:8321") == "http://proxy.invalid:3128"
    assert proxy_for("http://near.invalid:8321") is None
    assert proxy_for("http://127.0.0.1:8321") is None
