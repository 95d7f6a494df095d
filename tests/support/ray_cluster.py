"""A Ray cluster on this machine: a head and more nodes, each with a raylet of its own.

The nodes are real node processes, as `ray start` starts them; only the network between
them is that of one machine.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
# Times are shorter than Ray's, so that a killed node is known to be dead within seconds.
_SETTINGS = {
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 500,
    "health_check_timeout_ms": 2000,
    "health_check_failure_threshold": 4,
    # Ray's own value lets workers wait for everything else on a busy machine.
    "worker_niceness": 0,
}
_STORE_BYTES = 100 << 20


class RayCluster:
    """A head that has neither engines nor slots, and the nodes that were added."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        self._cluster = Cluster(
            initialize_head=True,
            head_node_args={
                "num_cpus": 0,
                "num_gpus": 0,
                "object_store_memory": _STORE_BYTES,
                "include_dashboard": False,
                "_system_config": _SETTINGS,
            },
        )

    @property
    def address(self) -> str:
        """HOST:PORT of the head."""
        return str(self._cluster.address)

    def add(self, cpus: int = 0, **resources: float) -> Any:
        """One more node; `resources` are like `slots=2`, `engines=1`."""
        return self._cluster.add_node(
            num_cpus=cpus, num_gpus=0, resources=resources, object_store_memory=_STORE_BYTES
        )

    def kill(self, node: Any) -> None:
        """Kill a node's raylet at once, as if the machine were switched off."""
        self._cluster.remove_node(node, allow_graceful=False)

    def kill_one_with(self, process: str) -> None:
        """Kill the raylet of a node that has a process whose title begins so (`ray::Engine`)."""
        parents = {
            int(path.parent.joinpath("stat").read_text().rpartition(")")[2].split()[1])
            for path in Path("/proc").glob("[0-9]*/cmdline")
            if _begins(path, process)
        }
        for node in list(self._cluster.worker_nodes):
            (raylet,) = node.all_processes["raylet"]
            if raylet.process.pid in parents:
                self.kill(node)
                return
        raise LookupError(f"no node has a process {process}")

    def stop(self) -> None:
        """End all nodes."""
        self._cluster.shutdown()


@contextmanager
def ray_cluster() -> Iterator[RayCluster]:
    """A cluster whose nodes import this checkout."""
    settings = {
        "PYTHONPATH": str(ROOT),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_DISABLE_IMPORT_WARNING": "1",
    }
    with mock.patch.dict(os.environ, settings):
        cluster = RayCluster()
        try:
            yield cluster
        finally:
            cluster.stop()


def _begins(path: Path, words: str) -> bool:
    try:
        return path.read_bytes().startswith(words.encode())
    except OSError:  # it has ended
        return False
