"""The engines of a cluster: how many there are and where, and new ones for those that are lost."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from opencodeeval.backends.options import BackendOptions
from opencodeeval.core.errors import BackendError, OpenCodeEvalError, UsageError
from opencodeeval.runs.cluster import connection
from opencodeeval.runs.cluster.connection import ENGINES, Node, NodeLost, answer_of
from opencodeeval.runs.cluster.engine_actor import AboutEngine, Engine, EnginePlan
from opencodeeval.runs.cluster.node import AboutNode, about_here

# Engines that may be lost one after another without an answer between them.
LOSSES = 3
TELLS_S = 60.0
# Settings of engines that are read from the environment where the command was given.
_PASSED_ON = ("VLLM_", "HF_TOKEN", "HF_HUB_OFFLINE")


class Placement(NamedTuple):
    """How many engines, and what each takes of its node.

    `coming`: the cluster has no such node yet, and its autoscaler sees what the engines need.
    """

    engines: int
    gpus: int
    marked: bool
    threads: int | None
    coming: bool = False

    @property
    def needs(self) -> dict[str, Any]:
        """The resources of an engine's actor."""
        needs: dict[str, Any] = {"num_cpus": 0, "num_gpus": self.gpus}
        if self.marked:
            needs["resources"] = {ENGINES: 1}
        return needs


def placement(
    nodes: Sequence[Node], options: BackendOptions, name: str, wanted: int | None
) -> Placement:
    """One engine for each group of GPUs, or for each `engines` of the nodes that say so.

    A group has the tensor-parallel times the pipeline-parallel GPUs, on one node. Where no node
    has GPUs or `engines`, `wanted` engines wait for nodes with GPUs.

    Raises:
        BackendError: the cluster has no place for an engine.
    """
    group = _group(options)
    marked = [node for node in nodes if node.total(ENGINES)]
    with_gpus = [node for node in marked or nodes if node.total("GPU")]
    if with_gpus:
        most = max(node.total("GPU") for node in with_gpus)
        if most < group:
            raise BackendError(
                f"an engine needs {group} GPUs of one node, and no node of the Ray cluster has "
                f"more than {most}: lower --tensor-parallel-size, or add such a node"
            )
        count = sum(
            min(node.total("GPU") // group, node.total(ENGINES) or node.total("GPU"))
            for node in with_gpus
        )
        return Placement(wanted or count, group, bool(marked), None)
    if not marked and wanted:
        return Placement(wanted, group, False, None, coming=True)
    if not marked:
        raise BackendError(
            f"the Ray cluster has no GPU for {name}: add a node with GPUs, or, for engines on "
            "processors, start nodes with `ray start --resources='{\"engines\": 1}'`; if the "
            "cluster starts nodes with GPUs by itself, add --executor-arg engines=N"
        )
    threads = min(max(1, node.total("CPU") // node.total(ENGINES)) for node in marked)
    return Placement(wanted or sum(node.total(ENGINES) for node in marked), 0, True, threads)


def _group(options: BackendOptions) -> int:
    arguments = options.engine_args
    tensor = int(arguments.get("tensor_parallel_size", options.tensor_parallel_size))
    return tensor * int(arguments.get("pipeline_parallel_size", 1))


@dataclass(eq=False)
class Running:
    """An engine that is loaded. `flying` requests are there, of about `tokens` tokens."""

    actor: Any
    node: AboutNode
    about: AboutEngine
    flying: int = 0
    tokens: float = 0.0
    recent: dict[str, None] = field(default_factory=dict)


class Engines:
    """All engines of one model. Those that are lost are replaced where their resources are."""

    def __init__(
        self,
        plan: EnginePlan,
        placed: Placement,
        log: Callable[[str], None],
        wait_s: float,
    ) -> None:
        self.plan, self._placed, self._log, self._wait_s = plan, placed, log, wait_s
        self.running: list[Running] = []
        self.joined: list[AboutNode] = []
        self._first: AboutEngine | None = None
        self.lost = 0
        self.left_out: list[str] = []
        self._reason = "none was started"
        self._since_answer = 0
        self._starting: dict[Any, tuple[Any, Any]] = {}
        self._actors: list[Any] = []
        self._waiting: dict[Any, asyncio.Task[None]] = {}
        self._none_since: float | None = None
        self.changed = asyncio.Condition()

    def open(self) -> Running:
        """Start all engines, and return the first that is loaded; the others join later. Blocks.

        Raises:
            UsageError, BackendError: as `open_backend`, where no engine can be loaded.
        """
        for _ in range(self._placed.engines):
            self._start()
        count = self._placed.engines
        if self._placed.coming:
            self._log(
                f"no node has GPUs yet: waiting up to {self._wait_s:g} s for one (if the cluster "
                f"starts nodes by itself, it is asked for {count} engine(s))"
            )
        else:
            self._log(f"{count} engine(s) are started on the cluster")
        began = time.monotonic()
        told = began + TELLS_S
        errors: list[BaseException] = []
        while not self.running:
            if not self._starting:
                raise self._none_started(errors)
            if time.monotonic() - began > self._wait_s and self._no_node_came():
                raise BackendError(
                    f"the Ray cluster has no GPU, and no node with {self._placed.gpus} came within "
                    f"{self._wait_s:g} s: add one, or see in `ray status` why the cluster started "
                    "none"
                )
            found = connection.answers_of(
                {actor: each[1] for actor, each in self._starting.items()}, connection.TICK_S
            )
            for actor, said in found.items():
                about = connection.answers_of({0: self._starting.pop(actor)[0]}, 30.0).get(0)
                why = self._join(actor, about, said)
                if why and isinstance(said, BaseException):
                    errors.append(said)
            if time.monotonic() > told and not self.running and self._starting:
                told += TELLS_S
                self._log("no engine is loaded yet (`ray status` shows what is not placed)")
        return self.running[0]

    def watch(self) -> None:
        """Let engines join that are still loading; needs a running event loop."""
        for actor in self._starting:
            if actor not in self._waiting:
                self._waiting[actor] = asyncio.create_task(self._wait_for(actor))

    async def lose(self, engine: Running, why: str) -> None:
        """An engine is gone: start another one."""
        if engine not in self.running:
            return
        self.running.remove(engine)
        self._log(f"an engine is lost ({why}): its {engine.flying} request(s) are asked again")
        self._replace(engine.actor)
        self.watch()
        async with self.changed:
            self.changed.notify_all()

    def _no_node_came(self) -> bool:
        """Whether engines wait for a first node that has room for one."""
        if not self._placed.coming:
            return False
        abouts = {actor: each[0] for actor, each in self._starting.items()}
        return not self.joined and not connection.answers_of(abouts, connection.TICK_S)

    def _replace(self, actor: Any) -> None:
        """Start another engine for one that is lost."""
        connection.drop(actor)
        self.lost += 1
        self._since_answer += 1
        if self._since_answer <= LOSSES:
            self._start()

    def answered(self) -> None:
        """An engine has answered, so that those lost before it count no more."""
        self._since_answer = 0

    def hopeless(self) -> BackendError | None:
        """Why no engine will come; None while there is one, or one may come."""
        if self.running:
            self._none_since = None
            return None
        if self._since_answer > LOSSES:
            return BackendError(
                f"{self._since_answer} engines were lost one after another without an answer: see "
                "their nodes' logs (`ray logs`); the same command continues the run"
            )
        self._none_since = self._none_since or time.monotonic()
        if not self._starting:
            return BackendError(f"no engine is left on the cluster: {self._reason}")
        if time.monotonic() - self._none_since > self._wait_s:
            return BackendError(
                f"no engine is left, and none came within {self._wait_s:g} s: the same command "
                "continues the run when the cluster has room for one"
            )
        return None

    async def close(self) -> None:
        """End all engines."""
        waiting, self._waiting = list(self._waiting.values()), {}
        for each in waiting:
            each.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        actors, self._actors = self._actors, []
        loaded = [each.actor for each in self.running]
        self.running, self._starting = [], {}
        # One that is still loading would answer only when it has loaded.
        for actor in actors:
            if actor not in loaded:
                connection.drop(actor)
        await asyncio.to_thread(connection.end, loaded, 40.0)

    def _start(self) -> None:
        actor = connection.actor_of(Engine, None, **self._placed.needs)
        self._actors.append(actor)
        self._starting[actor] = (actor.about.remote(), actor.open.remote(self.plan))

    async def _wait_for(self, actor: Any) -> None:
        about_reference, reference = self._starting[actor]
        try:
            about = await answer_of(about_reference)
            said = await answer_of(reference)
        except Exception as error:
            about, said = None, error
        self._starting.pop(actor, None)
        self._waiting.pop(actor, None)
        self._join(actor, about, said)
        self.watch()
        async with self.changed:
            self.changed.notify_all()

    def _join(self, actor: Any, about: Any, said: Any) -> str:
        """Take an engine in that says it is loaded; else say why not."""
        why = self._unusable(about, said)
        if not why:
            self._first = self._first or said
            self.running.append(Running(actor, about, said))
            self.joined.append(about)
            self._log(f"engine {len(self.running)} of {self._placed.engines} is loaded")
            return ""
        if isinstance(said, NodeLost):
            self._log(f"an engine is lost while it was loaded ({why})")
            self._reason = why
            self._replace(actor)
            return why
        self._reason = why
        self.left_out.append(why)
        self._log(f"an engine is left out: {why}")
        connection.drop(actor)
        return why

    def _unusable(self, about: Any, said: Any) -> str:
        if isinstance(said, BaseException) or not isinstance(said, AboutEngine):
            return str(said) if isinstance(said, (OpenCodeEvalError, NodeLost)) else repr(said)
        if not isinstance(about, AboutNode):
            return "its node did not answer"
        if about.sources != about_here().sources:
            return (
                f"its node has another opencodeeval ({about.version}) than this process: install "
                "the same build on every node"
            )
        if self._first and said != self._first:
            ours, theirs = self._first.identity, said.identity
            unlike = sorted(name for name in {*ours, *theirs} if ours.get(name) != theirs.get(name))
            return f"it differs from the other engines in {', '.join(unlike) or 'capabilities'}"
        return ""

    def _none_started(self, errors: Sequence[BaseException]) -> OpenCodeEvalError:
        for error in errors:
            if isinstance(error, OpenCodeEvalError):
                return error
        return BackendError(f"no engine could be loaded on the cluster: {self._reason}")


def plan_of(name: str, model: str, options: BackendOptions, threads: int | None) -> EnginePlan:
    """The plan of engines that load a model as the command's own process would."""
    passed_on = {key: os.environ[key] for key in os.environ if key.startswith(_PASSED_ON)}
    return EnginePlan(name, model, options, os.getcwd(), passed_on, threads)


def number_of(text: str, what: str, smallest: float, whole: bool = False) -> float:
    """A number of --executor-arg.

    Raises:
        UsageError: it is none, or too small.
    """
    try:
        number = float(text)
    except ValueError:
        number = smallest - 1
    if not smallest <= number < float("inf") or (whole and number % 1):
        kind = "a whole number" if whole else "a number"
        raise UsageError(f"--executor-arg {what}={text}: must be {kind} from {smallest:g} up")
    return number
