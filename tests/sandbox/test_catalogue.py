"""The catalogue of hostile samples that comes with the data files."""

from __future__ import annotations

import fnmatch
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox import catalogue
from tests.sandbox.conftest import RUN_S

pytestmark = [pytest.mark.shared, pytest.mark.timeout(RUN_S + 30)]

BAIT = {"HF_TOKEN": "hf_CANARY_token", "OPENAI_API_KEY": "sk-CANARY-key"}
CANARY_PORT = 47123
CANARY_FILE = Path("/etc/hostile_canary")


@pytest.fixture(scope="module")
def folder(shared_data: Path) -> Path:
    found = shared_data.parent / "hostile"
    if not found.is_dir():
        pytest.skip(f"no catalogue at {found}")
    return found


@pytest.fixture(scope="module")
def visitors() -> Iterator[list[Any]]:
    """Listens where the catalogue's network samples knock; who came."""
    came: list[Any] = []
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", CANARY_PORT))
    except OSError as error:
        pytest.skip(f"port {CANARY_PORT} is taken: {error}")
    listener.listen()

    def accept() -> None:
        while True:
            try:
                came.append(listener.accept()[1])
            except OSError:
                return

    threading.Thread(target=accept, daemon=True).start()
    yield came
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


@pytest.fixture(scope="module")
def canary_file() -> Iterator[None]:
    mine = os.geteuid() == 0 and not CANARY_FILE.exists()
    if mine:
        CANARY_FILE.write_text("CANARY\n")
    yield
    if mine:
        CANARY_FILE.unlink()


@pytest.fixture(scope="module", params=[pytest.param("docker", marks=pytest.mark.docker), "local"])
def report(
    request: pytest.FixtureRequest,
    require: Callable[[str], None],
    run_plan: Callable[..., dict[str, Any]],
    folder: Path,
    visitors: list[Any],
    canary_file: None,
) -> dict[str, Any]:
    require(request.param)
    found = run_plan(request.param, "catalogue", str(folder), environment=BAIT)
    found["visitors"] = list(visitors)
    return found


def test_every_sample_gets_a_verdict_that_is_right_for_it(
    report: dict[str, Any], folder: Path
) -> None:
    samples = catalogue.read(folder)
    assert len(samples) == len(report["outcomes"]) >= 80
    astray = {
        sample.id: report["outcomes"][sample.id]
        for sample in samples
        if report["outcomes"][sample.id]["verdict"] not in {str(v) for v in sample.accept}
    }
    assert not astray


def test_no_slot_was_lost(report: dict[str, Any]) -> None:
    assert not [line for line in report["log"] if "attempt" in line or "replacing" in line]


def test_no_sample_takes_longer_than_it_may(report: dict[str, Any], folder: Path) -> None:
    slow = {
        sample.id: report["outcomes"][sample.id]["wall_s"]
        for sample in catalogue.read(folder)
        if report["outcomes"][sample.id]["wall_s"] > sample.wall_below
    }
    assert not slow


def test_no_process_outlives_its_sample(report: dict[str, Any]) -> None:
    assert report["left_before_close"] == report["left_after_close"] == []


def test_no_file_appears_on_the_host(report: dict[str, Any], folder: Path) -> None:
    patterns = [
        check.partition(":")[2]
        for sample in catalogue.read(folder)
        for check in sample.checks
        if check.startswith("no_file:")
    ]
    assert patterns
    roots = [Path("/"), Path("/tmp"), Path.home(), Path.cwd(), Path("/var/tmp"), Path("/dev/shm")]
    there = [str(path) for root in roots for path in root.iterdir()]
    assert not [path for path in there for pattern in patterns if fnmatch.fnmatch(path, pattern)]


def test_nobody_came_through_the_network(report: dict[str, Any]) -> None:
    assert report["visitors"] == []


def test_harness_stays_small(report: dict[str, Any]) -> None:
    assert report["rss_mb"] < 300
