"""Clusters on this machine: a small one, and one with a node for each engine and slot."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator

import pytest

from tests.support.ray_cluster import RayCluster, ray_cluster


@pytest.fixture(scope="module")
def one_node() -> Iterator[RayCluster]:
    """A head and one node with two slots and an engine."""
    _need_ray()
    with ray_cluster() as started:
        started.add(slots=2, engines=1)
        yield started


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayCluster]:
    """A head and four nodes: two for engines, two with a slot each."""
    _need_ray()
    with ray_cluster() as started:
        for _ in range(2):
            started.add(slots=1)
            started.add(engines=1)
        yield started


def _need_ray() -> None:
    if importlib.util.find_spec("ray") is None:
        pytest.skip("Ray is not installed: pip install 'opencodeeval[ray]'")
