"""The executor `ray`: engines and slots on the nodes of a Ray cluster (docs/scale.md)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

from opencodeeval.backends import BackendOptions, check_adapters, open_backend
from opencodeeval.backends.base import Backend
from opencodeeval.core.machine import hardware
from opencodeeval.core.types import Task
from opencodeeval.execution.base import Sandbox
from opencodeeval.runs.cluster import connection
from opencodeeval.runs.cluster.backend import RayBackend
from opencodeeval.runs.cluster.engines import Engines, number_of, placement, plan_of
from opencodeeval.runs.cluster.node import AboutNode
from opencodeeval.runs.cluster.roster import Roster
from opencodeeval.runs.cluster.sandbox import Dispatcher, RaySandbox
from opencodeeval.runs.executors.base import Opener, Provenance, Setup
from opencodeeval.runs.opened import LOADING

ARGS = ("address", "engines", "wait")
WAIT_S = 300.0


class RayExecutor:
    """Engines and slots are actors; this process gives them work and keeps what they return.

    Backends that load no model (servers, reference solutions) answer in this process.
    """

    in_this_process = False

    def __init__(self, setup: Setup) -> None:
        connection.require_ray()
        args = setup.args
        self._setup = setup
        self._address = args.get("address", "auto")
        self._wanted: int | None = None
        if "engines" in args:
            self._wanted = int(number_of(args["engines"], "engines", 1, whole=True))
        self._wait_s = number_of(args["wait"], "wait", 0) if "wait" in args else WAIT_S
        self._roster = Roster(setup.sandbox, setup.log, self._wait_s)
        self._dispatcher = Dispatcher(self._roster, setup.log, self._wait_s)
        self._engines: Engines | None = None
        self._joined = False
        self._connected = False

    def open_backend(
        self, name: str, model: str, options: BackendOptions, tasks: Sequence[Task]
    ) -> Backend:
        if name not in LOADING:
            return open_backend(name, model, options, tasks)
        check_adapters(name, options)
        self._connect()
        placed = placement(connection.nodes(), options, name, self._wanted)
        plan = plan_of(name, model, options, placed.threads)
        self._engines = Engines(plan, placed, self._setup.log, self._wait_s)
        return RayBackend(self._engines, self._engines.open().about)

    def open_sandbox(self, environment: str) -> Sandbox:
        self._connect()
        return RaySandbox(self._dispatcher, environment)

    def provenance(self) -> Provenance:
        import ray

        engines = self._engines.joined if self._engines else []
        graders = [(each.about, each.slots) for each in self._roster.joined.values()]
        left_out, lost = [*self._roster.left_out.values()], self._roster.lost
        said: dict[str, Any] = {
            "name": "ray",
            "version": ray.__version__,
            "engines": _counted([(_machine(each), 0) for each in engines]),
            "nodes": _counted([(_machine(about), slots) for about, slots in graders]),
            "lost": {"engines": self._engines.lost if self._engines else 0, "nodes": lost},
            "left_out": [*left_out, *(self._engines.left_out if self._engines else ())],
        }
        return Provenance(engines[0].hardware if engines else hardware(), said)

    def _connect(self) -> None:
        if not self._connected:
            self._joined = connection.connect(self._address)
            self._connected = True

    async def close(self) -> None:
        if not self._connected:
            return
        self._connected = False
        await self._dispatcher.close()
        if self._engines is not None:
            await self._engines.close()
        if self._joined:
            await asyncio.to_thread(connection.disconnect)


def _machine(about: AboutNode) -> str:
    """A kind of node, without its name or address."""
    gpus = Counter(about.hardware.get("gpus", ()))
    named = [f"{count} x {name}" for name, count in gpus.items()]
    return ", ".join([f"{about.hardware.get('cpu')}, {about.cores} cores", *named])


def _counted(machines: Sequence[tuple[str, int]]) -> list[dict[str, Any]]:
    """How many nodes or engines there are of each kind, and how many slots in each."""
    found: Counter[tuple[str, int]] = Counter(machines)
    return [
        {"count": count, "machine": machine, **({"slots": slots} if slots else {})}
        for (machine, slots), count in sorted(found.items())
    ]


EXECUTOR = Opener(RayExecutor, ARGS)
