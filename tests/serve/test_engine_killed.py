"""A Docker engine that is killed while a server grades: an engine of the test's own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import httpx
import pytest

from opencodeeval.benchmarks.registry import load_benchmark
from opencodeeval.serve.client import GraderClient, Waiting
from tests.support.engine import engine_with
from tests.support.serving import Server

COUNT = 40
RISES = next(task for task in load_benchmark("starter").tasks if task.task_id == "starter/0")
WRONG = "def count_rises(values):\n    return len(values)\n"
PAUSE = "import time\ntime.sleep(0.3)\n"


@pytest.mark.docker
@pytest.mark.timeout(240)
def test_a_killed_engine_changes_no_verdict_and_clients_finish(
    guest_image: str,
    tmp_path_factory: pytest.TempPathFactory,
    start: Callable[..., Server],
) -> None:
    programs = [RISES.reference if number % 2 else WRONG for number in range(COUNT)]
    asked = [
        {"bench": "starter", "task_id": RISES.task_id, "program": f"# {number}\n{PAUSE}{program}"}
        for number, program in enumerate(programs)
    ]
    found: dict[int, bool] = {}
    # A short path: an engine has sockets in it, whose names may have 108 characters.
    with engine_with(guest_image, tmp_path_factory.mktemp("engine")) as engine:
        options = ("--bench", "starter", "--slots", "2")
        server = start(*options, jail="docker", DOCKER_HOST=engine.address)

        def ask() -> None:
            with GraderClient(server.url, waiting=Waiting(give_up_s=200)) as client:
                for index, result in client.grade_many(asked):
                    found[index] = result.passed

        asking = threading.Thread(target=ask)
        asking.start()
        end = time.monotonic() + 60
        while len(found) < 4 and time.monotonic() < end:
            time.sleep(0.02)
        engine.kill()
        # Without an engine a program is refused: that is no verdict.
        alone = {**asked[0], "program": "# while it is away\n" + RISES.reference}
        answer = httpx.post(f"{server.url}/grade", json=alone, timeout=120)
        assert answer.status_code == 503
        assert answer.headers["retry-after"]
        assert "no verdict" in answer.json()["error"]
        assert len(found) < COUNT
        engine.start()
        asking.join(timeout=200)
        assert found == {number: bool(number % 2) for number in range(COUNT)}
        server.end()
