"""A cluster of one head and four nodes: two for engines, two with a slot each."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator

import pytest

from tests.support.ray_cluster import RayCluster, ray_cluster


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayCluster]:
    if importlib.util.find_spec("ray") is None:
        pytest.skip("Ray is not installed: pip install 'opencodeeval[ray]'")
    with ray_cluster() as started:
        for _ in range(2):
            started.add(slots=1)
            started.add(engines=1)
        yield started
