"""Every hostile sample through the server: its verdict, and those of the clients beside it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from opencodeeval.benchmarks.registry import load_benchmark
from opencodeeval.core.types import Task
from opencodeeval.serve.client import GraderClient
from opencodeeval.serve.share import COUNTED
from tests.sandbox import catalogue, second_round
from tests.support.serving import Server

pytestmark = [pytest.mark.shared, pytest.mark.timeout(600)]

ALL = os.environ.get("OPENCODEEVAL_TEST_JAILS") == "all"
STARTER = next(task for task in load_benchmark("starter").tasks if task.task_id == "starter/0")
# A right and a wrong program: what other clients send meanwhile.
BESIDE = {STARTER.reference: "passed", "def count_rises(values):\n    return -1\n": "wrong"}
# The local jail has no limit for the memory of all processes: these take gigabytes.
CONTAINED_ONLY = ("_contained", "dos-", "oom-score", "dirs-600k")

Hostile = tuple[str, Task, str, set[str]]


def _catalogue(folder: Path) -> Iterable[Hostile]:
    for sample in catalogue.read(folder):
        yield sample.id, sample.task, sample.program.code, {each.value for each in sample.accept}


def _second_round(folder: Path, data: Path, jail: str) -> Iterable[Hostile]:
    for sample in second_round.read(folder, data, jail):
        yield sample.id, sample.task, sample.program.code, set(sample.accept)


def _can_be_sent(task: Task) -> bool:
    """Whether a task's tests are all in its specification, not in files beside it."""
    return "sha256" not in str(task.tests)


@pytest.mark.parametrize(
    "jail",
    [
        pytest.param("local"),
        pytest.param("docker", marks=pytest.mark.docker),
    ],
)
@pytest.mark.skipif(not ALL, reason="it takes minutes: set OPENCODEEVAL_TEST_JAILS=all")
def test_every_hostile_sample_gets_its_verdict_and_moves_no_other(
    jail: str, tmp_path: Path, shared_data: Path, needs_local: None
) -> None:
    folder = shared_data.parent / "hostile"
    if not (folder / "second_round.jsonl").is_file():
        pytest.skip(f"no hostile samples at {folder}")
    samples = [*_catalogue(folder), *_second_round(folder, shared_data, jail)]
    sent = [
        sample
        for sample in samples
        if _can_be_sent(sample[1])
        and (jail == "docker" or not any(word in sample[0] + sample[2] for word in CONTAINED_ONLY))
    ]
    assert len(sent) >= 250
    server = Server(tmp_path / "log", "--bench", "starter", "--slots", "2", jail=jail)
    beside = _Beside(server.url)
    try:
        astray = dict(_astray(server.url, sent))
        counted = [sample for sample in sent if sample[1].tests["kind"] in COUNTED]
        assert len(counted) >= 150
        astray |= dict(_astray(server.url, counted, tell=["share"]))
        beside.stop()
    finally:
        server.end()
    assert not astray
    assert not beside.wrong
    print(beside.told())


def _astray(url: str, sent: list[Hostile], **more: Any) -> Iterable[tuple[str, Any]]:
    requests: list[dict[str, Any]] = []
    with GraderClient(url) as client:
        for _, task, program, _ in sent:
            digest = client.put_spec(task.tests)
            requests.append({"spec_digest": digest, "program": program, **more})
        for index, result in client.grade_many(requests):
            name, _, _, accept = sent[index]
            if not {suite.verdict for suite in result.suites.values()} <= accept:
                yield name, (result.verdict, accept)
            if more and (result.share == 1) != result.passed:
                yield f"the share of {name}", (result.verdict, result.share)


class _Beside:
    """Two clients that have harmless programs graded, each a new text, until they are stopped."""

    def __init__(self, url: str) -> None:
        self.url, self.over = url, threading.Event()
        self.wrong: list[tuple[str, str]] = []
        self.took: list[float] = []
        self.threads = [threading.Thread(target=self._ask, args=(number,)) for number in (0, 1)]
        for thread in self.threads:
            thread.start()

    def _ask(self, number: int) -> None:
        count = 0
        with GraderClient(self.url) as client:
            while not self.over.is_set():
                for program, verdict in BESIDE.items():
                    count += 1
                    began = time.monotonic()
                    found = client.grade(
                        bench="starter",
                        task_id=STARTER.task_id,
                        program=f"{program}# {number} {count}\n",
                    )
                    self.took.append(time.monotonic() - began)
                    if found.verdict != verdict:
                        self.wrong.append((verdict, found.verdict))
                time.sleep(0.05)

    def stop(self) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join()

    def told(self) -> str:
        took = sorted(self.took)
        middle, last = took[len(took) // 2], took[int(len(took) * 0.99)]
        return f"{len(took)} programs beside: {middle:.2f} s in the middle, 99 % in {last:.2f} s"
