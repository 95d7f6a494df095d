"""The slots that the nodes of a cluster have for a run."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from opencodeeval.runs.cluster.connection import ENGINES, SLOTS, Node


class Offer(NamedTuple):
    """Slots that a node has for us, and the resource that they take."""

    node: Node
    slots: int
    resource: str

    @property
    def needs(self) -> dict[str, Any]:
        """The resources of its actor."""
        if self.resource == "CPU":
            return {"num_cpus": self.slots}
        return {"num_cpus": 0, "resources": {self.resource: self.slots}}


def offers(nodes: Sequence[Node], most: int | None, but: Collection[str] = ()) -> list[Offer]:
    """Slots for programs, `most` in all: one for each `slots` of the nodes that say so.

    Where none says so: one for each processor of the nodes without GPUs and engines, and of
    all nodes if there are no such nodes. The nodes whose ids are in `but` are not counted.
    """
    marked = [node for node in nodes if node.total(SLOTS)]
    cores = [node for node in nodes if node.total("CPU")]
    plain = [node for node in cores if not node.total("GPU") and not node.total(ENGINES)]
    resource = SLOTS if marked else "CPU"
    found, left = [], most
    for node in marked or plain or cores:
        if node.id in but:
            continue
        slots = node.total(resource) if left is None else min(left, node.total(resource))
        if slots > 0:
            found.append(Offer(node, slots, resource))
            left = None if left is None else left - slots
    return found
