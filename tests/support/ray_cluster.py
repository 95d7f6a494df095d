"""A Ray cluster on this machine: a head and more nodes, each with a raylet of its own.

The nodes are real node processes, as `ray start` starts them; only the network between
them is that of one machine.
"""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
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
_ENVIRONMENT = {
    "PYTHONPATH": str(ROOT),
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DISABLE_IMPORT_WARNING": "1",
}
# What the autoscaler's configuration has to have, and this one has none of.
_LISTS = (
    *("cluster_synced_files", "rsync_exclude", "rsync_filter", "initialization_commands"),
    *("setup_commands", "head_setup_commands", "worker_setup_commands"),
    *("head_start_ray_commands", "worker_start_ray_commands"),
)


class RayCluster:
    """A head that has neither engines nor slots, and the nodes that were added."""

    def __init__(self, **head: Any) -> None:
        """`head`: more arguments of the head's process."""
        from ray.cluster_utils import Cluster

        self._cluster = Cluster(
            initialize_head=True,
            head_node_args={
                "num_cpus": 0,
                "num_gpus": 0,
                "object_store_memory": _STORE_BYTES,
                "include_dashboard": False,
                "_system_config": _SETTINGS,
                **head,
            },
        )

    @property
    def address(self) -> str:
        """HOST:PORT of the head."""
        return str(self._cluster.address)

    def nodes_with(self, resource: str) -> int:
        """How many nodes that are alive have a resource."""
        table = self._cluster.global_state.node_table()
        return sum(bool(each["Alive"] and each["Resources"].get(resource)) for each in table)

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
    with mock.patch.dict(os.environ, _ENVIRONMENT):
        cluster = RayCluster()
        try:
            yield cluster
        finally:
            cluster.stop()


@contextmanager
def autoscaling_cluster(
    folder: Path, kinds: Mapping[str, Mapping[str, Any]], second: bool = False
) -> Iterator[RayCluster]:
    """A head alone, whose autoscaler starts and ends nodes of these kinds.

    Ray's own autoscaler, with its provider that starts raylets on this machine instead of
    machines; its `AutoscalingCluster` is not used, because it ends every other cluster of the
    machine. `kinds` is the autoscaler's `available_node_types`. A node ends when it was idle
    for some seconds. `second`: the autoscaler of version 2, which KubeRay uses. `folder`
    is for the configuration.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    import ray
    from ray.autoscaler._private.fake_multi_node.node_provider import (
        FAKE_HEAD_NODE_ID,
        FakeMultiNodeProvider,
    )

    address = f"{ray.util.get_node_ip_address()}:{port}"
    head_kind: dict[str, Any] = {"resources": {}, "node_config": {}, "max_workers": 0}
    config = {
        "cluster_name": "on-this-machine",
        "max_workers": 8,
        "upscaling_speed": 1.0,
        "idle_timeout_minutes": 0.05,
        "provider": {
            # By its module: what Ray reads for its name is not in its wheel.
            "type": "external",
            "module": f"{FakeMultiNodeProvider.__module__}.{FakeMultiNodeProvider.__name__}",
            "gcs_address": address,
            "use_node_id_as_ip": True,
            "disable_node_updaters": True,
            "disable_launch_config_check": True,
            **({"launch_multiple": True, "head_node_id": FAKE_HEAD_NODE_ID} if second else {}),
        },
        "auth": {},
        "available_node_types": {"ray.head.default": head_kind, **kinds},
        "head_node_type": "ray.head.default",
        "file_mounts": {},
        "docker": {},
        **{name: [] for name in _LISTS},
        "file_mounts_sync_continuously": False,
    }
    path = folder / "autoscaler.json"
    path.write_text(json.dumps(config))
    head_id = {"RAY_OVERRIDE_NODE_ID_FOR_TESTING": FAKE_HEAD_NODE_ID}
    more = {"RAY_FAKE_CLUSTER": "1", "AUTOSCALER_UPDATE_INTERVAL_S": "1"}
    if second:
        head_id |= {"RAY_CLOUD_INSTANCE_ID": FAKE_HEAD_NODE_ID}
        more |= {"RAY_enable_autoscaler_v2": "1"}
    with mock.patch.dict(os.environ, {**_ENVIRONMENT, **more}):
        cluster = RayCluster(autoscaling_config=str(path), gcs_server_port=port, env_vars=head_id)
        try:
            yield cluster
        finally:
            cluster.stop()
            _end_raylets_of(address)


def _end_raylets_of(address: str) -> None:
    """End the nodes that an autoscaler of a cluster that has ended has left."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode(errors="replace").split("\0")
        except OSError:  # it has ended
            continue
        if Path(words[0]).name == "raylet" and f"--gcs-address={address}" in words:
            with suppress(ProcessLookupError):
                os.kill(int(path.parent.name), signal.SIGKILL)


def _begins(path: Path, words: str) -> bool:
    try:
        return path.read_bytes().startswith(words.encode())
    except OSError:  # it has ended
        return False
