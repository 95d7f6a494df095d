"""The slots that a run still wants, for the cluster's autoscaler."""

from __future__ import annotations

import threading
from typing import Any

# An autoscaler of Ray looks at no more.
MOST = 1000


class Demand:
    """Slots that a run waits for; an autoscaler starts nodes that have them.

    Each is a placement group of one slot. Ray removes it with the process that made it,
    however that ends; what `ray.autoscaler.sdk.request_resources` asks for would stay, and
    keep nodes alive, after a killed command. And if the cluster can grow to a part of them
    only, it grows to that part.

    A group takes its slot of the node that comes, so `clear` before you use that node.
    """

    def __init__(self) -> None:
        self._wanted: tuple[str, int] = ("", 0)
        self._groups: list[Any] = []
        self._changing = threading.Lock()
        self._closed = False

    def set(self, resource: str, count: int) -> None:
        """Wait for `count` units of a resource, one by one, instead of what was waited for."""
        from ray.util import placement_group

        wanted = (resource, min(count, MOST))
        with self._changing:
            if self._closed or wanted == self._wanted:
                return
            self._remove()
            for _ in range(wanted[1]):
                self._groups.append(placement_group([{resource: 1}]))
            self._wanted = wanted

    def clear(self) -> None:
        """Wait for nothing."""
        with self._changing:
            self._remove()

    def give_back(self) -> None:
        """Leave what was taken on nodes that are not used, such as processors of nodes with GPUs.

        It is not waited for again until another number is.
        """
        from ray.util import placement_group_table, remove_placement_group

        with self._changing:
            if not self._groups:
                return
            states = {key: each["state"] for key, each in placement_group_table().items()}
            taken = [each for each in self._groups if states.get(each.id.hex()) == "CREATED"]
            self._groups = [each for each in self._groups if each not in taken]
            for each in taken:
                remove_placement_group(each)

    def close(self) -> None:
        """Wait for nothing from now on."""
        with self._changing:
            self._closed = True
            self._remove()

    def _remove(self) -> None:
        from ray.util import remove_placement_group

        self._wanted = ("", 0)
        while self._groups:
            remove_placement_group(self._groups.pop())
