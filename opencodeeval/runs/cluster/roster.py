"""The nodes that grade: which there are, which are left out and why, which come and go."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from opencodeeval.core.errors import OpenCodeEvalError, SandboxError
from opencodeeval.execution.identity import differing, sandbox_identity
from opencodeeval.execution.images import ImageMissing
from opencodeeval.runs.cluster import connection
from opencodeeval.runs.cluster.connection import SLOTS, Node, NodeLost
from opencodeeval.runs.cluster.demand import Demand
from opencodeeval.runs.cluster.images import bring
from opencodeeval.runs.cluster.node import AboutNode, about_here
from opencodeeval.runs.cluster.offers import Offer, offers
from opencodeeval.runs.cluster.slot_actor import OpenedSlots, Slots
from opencodeeval.runs.options import SandboxOptions

# A node that does not answer so long has no processors free for us.
ANSWERS_S = 120.0
# Also starts a guest with a large environment from a cold disk.
OPENS_S = 400.0
LOOKS_S = 5.0
TRIES = 3


@dataclass(eq=False)
class Grader:
    """A node that grades. `flying` programs are there; `sent` are the tasks that it has."""

    node: Node
    slots: int
    actor: Any
    about: AboutNode
    described: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    flying: int = 0
    sent: dict[str, asyncio.Future[None]] = field(default_factory=dict)


class Roster:
    """The nodes with slots, opened for the environments of a run."""

    def __init__(self, options: SandboxOptions, log: Callable[[str], None], wait_s: float) -> None:
        """`wait_s`: how long to wait for a first node, in seconds, if `options` have `slots`."""
        self._options, self._log, self._wait_s = options, log, wait_s
        self._demand = Demand()
        # Nodes that are still to come have to say that they are for programs.
        self._resource = SLOTS
        self.graders: Mapping[str, Grader] = {}
        self._changing = threading.Lock()
        # Everything that was started, for `close`.
        self._actors: list[Any] = []
        self._environments: list[str] = []
        self._identities: dict[str, Mapping[str, Any]] = {}
        self._tries: Counter[str] = Counter()
        self.left_out: dict[str, str] = {}
        # Every node that graded, also those that are lost.
        self.joined: dict[str, Grader] = {}
        self._reasons: list[str] = []
        self.lost = 0
        self._closed = False

    @property
    def slots(self) -> int:
        """The slots of all nodes that grade."""
        return sum(each.slots for each in self.graders.values())

    def open(self, environment: str) -> Mapping[str, Any]:
        """Open an environment on every node; returns the description that the nodes share.

        Raises:
            UsageError, SandboxError: no node can grade; the message has the first node's reason.
        """
        self._environments.append(environment)
        found = list(self.graders.values())
        if not found:
            found = self._meet(self._first_offers())
        self.graders = {each.node.id: each for each in self._opened(found, environment)}
        self.joined = dict(self.graders)
        self._want()
        if self.graders:
            self._log(f"grading on {len(self.graders)} node(s) with {self.slots} slot(s)")
        else:
            raise SandboxError(
                f"no node of the Ray cluster can grade: {self._reasons[0]}"
                if self._reasons
                else "the Ray cluster has no node with slots: start one with `ray start "
                "--address=HEAD --num-cpus=N`, or with --resources='{\"slots\": N}'; if the "
                "cluster starts nodes by itself, add --slots N"
            )
        return self._identities[environment]

    def look(self) -> bool:
        """See which nodes have come since; returns whether any was opened. Blocks."""
        have = {*self.graders, *self.left_out}
        have |= {key for key, tries in self._tries.items() if tries >= TRIES}
        left = self._left()
        if left == 0:
            self._demand.clear()
            return False
        new = offers(connection.nodes(), left, have)
        if new:
            self._demand.clear()
        else:
            self._demand.give_back()
        came = self._meet(new) if new else []
        self._want(came)
        for environment in self._environments:
            came = self._opened(came, environment)
        for each in came:
            self._log(f"node {each.node.address} grades with {each.slots} slot(s)")
        # Only now: what is here is given programs at once, by another thread.
        with self._changing:
            self.graders = {**self.graders, **{each.node.id: each for each in came}}
            self.joined |= {each.node.id: each for each in came}
        return bool(came)

    def lose(self, grader: Grader, why: str) -> None:
        """A node is gone; the programs that it had are queued again by those who gave them."""
        with self._changing:
            if self.graders.get(grader.node.id) is not grader:
                return
            self.graders = {key: each for key, each in self.graders.items() if each is not grader}
        self.lost += 1
        self._log(
            f"node {grader.node.address} is lost ({why}): its {grader.flying} program(s) run again "
            "on others"
        )
        connection.drop(grader.actor)

    def close(self) -> None:
        """End all slots on all nodes."""
        self._closed = True
        self._demand.close()
        actors, self._actors = self._actors, []
        self.graders = {}
        connection.end(actors, 30.0)

    def _left(self) -> int | None:
        """How many slots are wanted beyond these; None where no number was asked for."""
        wanted = self._options.slots
        return None if wanted is None else max(0, wanted - self.slots)

    def _want(self, coming: Sequence[Grader] = ()) -> None:
        """Let the cluster's autoscaler know what is wanted beyond these nodes and the `coming`."""
        left = (self._left() or 0) - sum(each.slots for each in coming)
        if left > 0:
            self._demand.set(self._resource, left)
        else:
            self._demand.clear()

    def _first_offers(self) -> list[Offer]:
        """What the nodes have for us; where none has, and slots are asked for, it waits for one.

        Raises:
            SandboxError: none came.
        """
        found = offers(connection.nodes(), self._options.slots)
        if found or self._options.slots is None:
            return found
        self._log(
            f"no node has slots yet: waiting up to {self._wait_s:g} s for one (if the cluster "
            f"starts nodes by itself, it is asked for {self._options.slots} slots)"
        )
        deadline = time.monotonic() + self._wait_s
        while not found:
            if time.monotonic() > deadline:
                raise SandboxError(
                    f"the Ray cluster has no node with slots, and none came within "
                    f"{self._wait_s:g} s: start one with `ray start --address=HEAD "
                    "--resources='{\"slots\": N}'`, or see in `ray status` why the cluster started "
                    "none"
                )
            self._want()
            time.sleep(connection.TICK_S)
            found = offers(connection.nodes(), self._options.slots)
        self._demand.clear()
        return found

    def _check(self) -> None:
        """End what waits for nodes in a thread of its own, once this is closed."""
        if self._closed:
            raise NodeLost("the run has ended")

    def _meet(self, found: Sequence[Offer]) -> list[Grader]:
        """Start an actor on each node, and keep those that run the same package."""
        actors = {}
        for offer in found:
            self._tries[offer.node.id] += 1
            self._resource = offer.resource
            actors[offer.node.id] = connection.actor_of(Slots, offer.node, **offer.needs)
        self._actors += actors.values()
        said = connection.answers_of(
            {key: actor.about.remote() for key, actor in actors.items()}, ANSWERS_S, self._check
        )
        ours, met = about_here(), []
        for offer in found:
            about = said.get(offer.node.id)
            why = _unusable(about, ours)
            if why:
                self._leave_out(offer.node, actors[offer.node.id], why)
                continue
            assert isinstance(about, AboutNode)
            met.append(Grader(offer.node, offer.slots, actors[offer.node.id], about))
        processors = {
            str(each.about.hardware.get("cpu")) for each in [*self.graders.values(), *met]
        }
        if len(processors) > 1 and met:
            self._log(
                "the nodes that grade have different processors, so programs near their time "
                f"limit may get other verdicts: {', '.join(sorted(processors))}"
            )
        return met

    def _opened(self, graders: Sequence[Grader], environment: str) -> list[Grader]:
        """Open an environment on nodes; those where it differs or cannot be are left out."""
        said = self._ask_to_open(graders, environment)
        lacking = [each for each in graders if isinstance(said.get(each.node.id), ImageMissing)]
        if lacking:
            having = [each for each in graders if isinstance(said.get(each.node.id), OpenedSlots)]
            having += [each for each in self.graders.values() if environment in each.described]
            self._log(f"{len(lacking)} node(s) lack the sandbox's image: it is sent to them")
            have = bring(
                having[0].actor if having else None,
                {each.node.id: each.actor for each in lacking},
                environment,
                self._options,
                self._check,
            )
            now = [each for each in lacking if each.node.id in have]
            said |= self._ask_to_open(now, environment)
        lines: dict[str, None] = {}
        for each in graders:
            found = said.get(each.node.id)
            if isinstance(found, OpenedSlots):
                each.described[environment] = found.described
                lines.update(dict.fromkeys(found.log))
            else:
                self._leave_out(each.node, each.actor, _reason(found, "its sandbox"))
        for line in lines:  # once, where several nodes say the same
            self._log(line)
        opened = [each for each in graders if environment in each.described]
        if opened and environment not in self._identities:
            self._identities[environment] = _commonest(opened, environment)
        alike = []
        for each in opened:
            unlike = differing(self._identities[environment], each.described[environment])
            if unlike:
                why = f"its sandbox differs from that of the other nodes in {', '.join(unlike)}"
                self._leave_out(each.node, each.actor, why)
            else:
                alike.append(each)
        return alike

    def _ask_to_open(self, graders: Sequence[Grader], environment: str) -> dict[str, Any]:
        """Node id -> what its sandbox said when it was opened, or why it was not."""
        asked = {}
        for each in graders:
            wanted = replace(self._options, slots=each.slots)
            asked[each.node.id] = each.actor.open.remote(environment, wanted)
        return connection.answers_of(asked, OPENS_S, self._check)

    def _leave_out(self, node: Node, actor: Any, why: str) -> None:
        self.left_out[node.id] = why
        self._reasons.append(f"node {node.address}: {why}")
        self._log(f"node {node.address} is left out: {why}")
        connection.drop(actor)


def _commonest(graders: Sequence[Grader], environment: str) -> Mapping[str, Any]:
    """The description of the sandbox that has the most slots; of the first of several."""
    slots: Counter[str] = Counter()
    for each in graders:
        slots[sandbox_identity(each.described[environment])] += each.slots
    most = max(slots.values())
    return next(
        each.described[environment]
        for each in graders
        if slots[sandbox_identity(each.described[environment])] == most
    )


def _unusable(about: Any, ours: AboutNode) -> str:
    """Why a node cannot be used; "" if it can."""
    if not isinstance(about, AboutNode):
        return _reason(about, "its actor")
    if about.version != ours.version:
        return (
            f"it has opencodeeval {about.version} and this process has {ours.version}: install "
            "the same version on every node"
        )
    if about.sources != ours.sources:
        return (
            f"its opencodeeval {about.version} is not the same code as this process's: install "
            "the same build on every node"
        )
    return ""


def _reason(error: Any, what: str) -> str:
    if error is None:
        return f"{what} did not start in time, perhaps as other jobs use the node's resources"
    if isinstance(error, (OpenCodeEvalError, NodeLost)):
        return str(error)
    return f"{what} failed ({type(error).__name__}: {error})"
