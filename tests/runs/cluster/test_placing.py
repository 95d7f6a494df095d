"""Which nodes get slots and engines, and how many."""

from __future__ import annotations

import pytest

import opencodeeval as oce
from opencodeeval.runs.cluster.connection import Node
from opencodeeval.runs.cluster.engines import placement
from opencodeeval.runs.cluster.offers import offers


def node(name: str, **resources: float) -> Node:
    return Node(name, name, resources)


GPUS = node("gpus", CPU=64, GPU=8)
CPUS = node("cpus", CPU=32)
HEAD = node("head")


def slots(*nodes: Node, most: int | None = None) -> dict[str, int]:
    return {offer.node.id: offer.slots for offer in offers(nodes, most)}


def test_programs_run_on_the_processors_of_nodes_without_gpus() -> None:
    assert slots(HEAD, GPUS, CPUS) == {"cpus": 32}


def test_where_all_nodes_have_gpus_they_run_beside_the_engines() -> None:
    assert slots(HEAD, GPUS) == {"gpus": 64}


def test_nodes_with_the_resource_slots_are_the_only_ones_that_grade() -> None:
    marked = node("marked", CPU=16, GPU=1, slots=12)
    assert slots(HEAD, GPUS, CPUS, marked) == {"marked": 12}
    (offer,) = offers([CPUS, marked], None)
    assert offer.needs == {"num_cpus": 0, "resources": {"slots": 12}}


def test_no_more_slots_than_asked_for() -> None:
    other = node("other", CPU=32)
    assert slots(CPUS, other, most=40) == {"cpus": 32, "other": 8}
    assert slots(CPUS, other, most=5) == {"cpus": 5}


def test_an_engine_for_each_group_of_gpus_on_one_node() -> None:
    def engines(*nodes: Node, **options: object) -> tuple[int, int]:
        placed = placement(nodes, oce.BackendOptions(**options), "vllm", None)  # type: ignore[arg-type]
        return placed.engines, placed.gpus

    other = node("other", CPU=8, GPU=3)
    assert engines(GPUS, CPUS, other) == (11, 1)
    assert engines(GPUS, other, tensor_parallel_size=2) == (5, 2)
    both = {"tensor_parallel_size": 2, "engine_args": {"pipeline_parallel_size": 2}}
    assert engines(GPUS, other, **both) == (2, 4)
    with pytest.raises(oce.BackendError, match=r"needs 16 GPUs of one node, .* more than 8"):
        engines(GPUS, tensor_parallel_size=16)


def test_fewer_engines_if_asked_for() -> None:
    assert placement([GPUS], oce.BackendOptions(), "vllm", 3).engines == 3


def test_engines_on_processors_only_where_a_node_says_so() -> None:
    marked = node("marked", CPU=16, engines=2)
    placed = placement([CPUS, marked], oce.BackendOptions(), "vllm", None)
    assert (placed.engines, placed.gpus, placed.threads) == (2, 0, 8)
    with pytest.raises(oce.BackendError, match="has no GPU for vllm"):
        placement([CPUS], oce.BackendOptions(), "vllm", None)
