"""A cluster that starts and ends its nodes by itself: Ray's own autoscaler, from no node at all.

With OPENCODEEVAL_TEST_RAY=all also the autoscaler's second version, and nodes for engines.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import opencodeeval as oce
from opencodeeval.records.schema import Record, content_of
from opencodeeval.runs.cluster import connection
from opencodeeval.runs.cluster.demand import Demand
from opencodeeval.runs.executors.options import ExecutorOptions
from tests.support.ray_cluster import ROOT, RayCluster, autoscaling_cluster
from tests.support.slow_tasks import write_slow_tasks

ALL = os.environ.get("OPENCODEEVAL_TEST_RAY") == "all"
ONLY_ALL = pytest.mark.skipif(not ALL, reason="takes a minute: OPENCODEEVAL_TEST_RAY=all")
KINDS: dict[str, dict[str, Any]] = {
    "slots": {"resources": {"slots": 1}, "node_config": {}, "min_workers": 0, "max_workers": 2},
    "gpus": {"resources": {"GPU": 1}, "node_config": {}, "min_workers": 0, "max_workers": 1},
}
# Of which the cluster can have no more than two.
WANTED = 3
MODEL = ROOT / "tests/checkpoints/starter-tiny-chat/step-0300"

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="Ray is not installed"
)


@pytest.fixture(scope="module", params=[1, pytest.param(2, marks=ONLY_ALL)])
def cluster(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RayCluster]:
    """A head alone, with the first or the second version of the autoscaler."""
    folder = tmp_path_factory.mktemp("autoscaler")
    with autoscaling_cluster(folder, KINDS, second=request.param == 2) as started:
        yield started


def wait_until(condition: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


def assert_let_go(cluster: RayCluster) -> None:
    """See that the autoscaler ends all nodes, which it does when nothing needs them."""
    wait_until(lambda: cluster.nodes_with("slots") == cluster.nodes_with("GPU") == 0)


def on(cluster: RayCluster, **more: str) -> ExecutorOptions:
    return ExecutorOptions("ray", {"address": cluster.address, **more})


def compared(record: Record) -> dict[str, Any]:
    """A record without its provenance, of which the number of slots is a part here."""
    found = content_of(record)
    sandbox = {key: each for key, each in found["sandbox"].items() if key != "slots"}
    return {**found, "timing": None, "executor": None, "digest": None, "sandbox": sandbox}


def test_a_run_waits_for_its_first_node_and_lets_all_go(
    cluster: RayCluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(output: str, executor: str | ExecutorOptions) -> Record:
        evaluation = oce.evaluate(
            "reference",
            "starter",
            backend="reference",
            sandbox=oce.SandboxOptions("local", slots=WANTED),
            executor=executor,
            output=tmp_path / output,
        )
        return evaluation.records[0]

    assert cluster.nodes_with("slots") == 0
    made = run("made", on(cluster))
    assert f"it is asked for {WANTED} slots" in capsys.readouterr().err
    assert made.executor["nodes"][0]["slots"] == 1
    assert made.executor["lost"] == {"engines": 0, "nodes": 0}
    assert compared(made) == compared(run("alone", "local"))
    assert_let_go(cluster)


def test_a_killed_command_keeps_no_node_alive(cluster: RayCluster, tmp_path: Path) -> None:
    # More than it can do: a third node, which cannot come, is wanted until it is killed.
    tasks = write_slow_tasks(tmp_path, 4000, 0.3)
    said = tmp_path / "stderr"
    with said.open("w") as stderr:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "opencodeeval", "--backend", "reference"),
                *("--bench", str(tasks), "--sandbox", "local", "--slots", str(WANTED)),
                *("--executor", "ray", "--executor-arg", f"address={cluster.address}"),
                *("--progress", "lines"),
            ],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=stderr,
            stderr=stderr,
        )
        try:
            # The first is there before the run, and this is the second.
            wait_until(lambda: "grades with 1 slot" in said.read_text() or _ended(process))
            assert not _ended(process), said.read_text()
            assert cluster.nodes_with("slots") == 2
        finally:
            process.kill()
            process.wait()
    assert_let_go(cluster)


def _ended(process: subprocess.Popen[Any]) -> bool:
    return process.poll() is not None


def test_where_no_node_comes_it_says_so(cluster: RayCluster, tmp_path: Path) -> None:
    with pytest.raises(oce.SandboxError, match=r"and none came within 0 s: start one with `ray"):
        oce.evaluate(
            "reference",
            "starter",
            backend="reference",
            sandbox=oce.SandboxOptions("local", slots=1),
            executor=on(cluster, wait="0"),
            output=oce.Output(tmp_path, "none"),
        )
    with pytest.raises(oce.SandboxError, match="starts nodes by itself, add --slots N"):
        oce.evaluate(
            "reference",
            "starter",
            backend="reference",
            sandbox=oce.SandboxOptions("local"),
            executor=on(cluster),
            output=oce.Output(tmp_path, "none"),
        )


def test_what_is_waited_for_takes_nothing_of_nodes_that_are_not_used(cluster: RayCluster) -> None:
    import ray

    node = cluster.add(cpus=2)
    assert connection.connect(cluster.address)
    demand = Demand()
    try:
        demand.set("CPU", 3)
        wait_until(lambda: _states()["CREATED"] == 2)

        def all_given_back() -> bool:
            # A run does it whenever it looks: the third may get what the others had.
            demand.give_back()
            waiting = _states()["CREATED"] + _states()["PENDING"]
            return not waiting and ray.available_resources().get("CPU", 0) == 2

        wait_until(all_given_back)
        demand.set("CPU", 3)  # no change, so nothing is taken again
        assert _states()["CREATED"] + _states()["PENDING"] == 0
        demand.set("CPU", 4)
        wait_until(lambda: _states()["CREATED"] == _states()["PENDING"] == 2)
        demand.close()
        wait_until(lambda: _states()["CREATED"] + _states()["PENDING"] == 0)
    finally:
        connection.disconnect()
        cluster.kill(node)
        wait_until(lambda: cluster.nodes_with("CPU") == 0)


def _states() -> Counter[str]:
    """What waits on the cluster (PENDING), and what has a place (CREATED)."""
    import ray

    return Counter(str(each["state"]) for each in ray.util.placement_group_table().values())


@ONLY_ALL
@pytest.mark.timeout(600)
def test_a_node_for_an_engine_comes_too(cluster: RayCluster, tmp_path: Path) -> None:
    pytest.importorskip("torch")

    def run(output: str, executor: str | ExecutorOptions) -> Record:
        evaluation = oce.evaluate(
            MODEL,
            "starter",
            backend="transformers",
            backend_options=oce.BackendOptions(dtype="float32", max_model_len=1024),
            sampling=oce.SamplingOptions(n=1, temperature=0.8, max_tokens=96),
            sandbox=oce.SandboxOptions("local", slots=2),
            executor=executor,
            output=oce.Output(tmp_path / output, "none"),
        )
        return evaluation.records[0]

    made = run("made", on(cluster, engines="1"))
    assert sum(each["count"] for each in made.executor["engines"]) == 1
    assert made.tasks == run("alone", "local").tasks
    assert_let_go(cluster)
