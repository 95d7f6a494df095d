"""The connection to a Ray cluster: joining it, its nodes, and what can go wrong between."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import opencodeeval
from opencodeeval.core.errors import OpenCodeEvalError, UsageError
from opencodeeval.core.text import one_line

# Resources of `ray start --resources` that say what a node is for.
SLOTS, ENGINES = "slots", "engines"
TICK_S = 1.0
ANSWERS_S = 10.0


class NodeLost(Exception):
    """A node or its actor is gone: what it had in hand is to be done elsewhere."""


@dataclass(frozen=True)
class Node:
    """A node of the cluster that is alive; `resources` are its totals by name."""

    id: str
    address: str
    resources: Mapping[str, float]

    def total(self, resource: str) -> int:
        """How much of a resource the node has, in whole units."""
        return int(self.resources.get(resource, 0))


def require_ray() -> None:
    """See that Ray is installed.

    Raises:
        UsageError: it is not.
    """
    if importlib.util.find_spec("ray") is None:
        raise UsageError(
            "--executor ray needs Ray, which is not installed: pip install 'opencodeeval[ray]' "
            "here and on every node of the cluster"
        )


def connect(address: str) -> bool:
    """Join the cluster at `address` ("auto": RAY_ADDRESS, else the one of this machine).

    Returns:
        Whether this call made the connection; False where the process had one already.

    Raises:
        UsageError: there is no such cluster, or it runs other versions of Ray or Python.
    """
    # What happens to nodes is told by us; Ray would print it on stdout.
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".*")
    import ray

    if ray.is_initialized():
        return False
    if address.startswith("ray://"):
        raise UsageError(
            f"{address} is a Ray Client address: run the command on a node of the cluster, such "
            "as with `ray job submit`, and leave the address out"
        )
    _check_address(os.environ.get("RAY_ADDRESS", address) if address == "auto" else address)
    main = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGTERM) if main else None
    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    except (ConnectionError, ValueError) as error:
        raise _none("on this machine" if address == "auto" else f"at {address}", error) from None
    except RuntimeError as error:
        raise UsageError(
            f"the Ray cluster cannot be joined ({_short(error)}): install the same versions of Ray "
            "and Python on every node"
        ) from None
    finally:
        if main:
            # Ray puts a handler of its own there, which would end a run without closing it.
            signal.signal(signal.SIGTERM, before)
    return True


def _check_address(address: str) -> None:
    """See that somebody answers at HOST:PORT: Ray itself would try for minutes."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=ANSWERS_S).close()
    except (OSError, OverflowError) as error:
        raise _none(f"at {address}", error) from None


def _none(where: str, error: Exception) -> UsageError:
    return UsageError(
        f"there is no Ray cluster {where} ({_short(error)}): start one with `ray start --head`, or "
        "name its head with --executor-arg address=HOST:PORT"
    )


def disconnect() -> None:
    """Leave the cluster; Ray ends all actors of this process."""
    import ray

    ray.shutdown()


def nodes() -> list[Node]:
    """The nodes that are alive, in the order of their addresses and ids."""
    import ray

    found = [
        Node(each["NodeID"], each["NodeManagerAddress"], dict(each["Resources"]))
        for each in ray.nodes()
        if each["Alive"]
    ]
    return sorted(found, key=lambda node: (node.address, node.id))


def actor_of(kind: type[Any], node: Node | None, **options: Any) -> Any:
    """An actor of this class, on a node or where its resources are."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    if node is not None:
        options["scheduling_strategy"] = NodeAffinitySchedulingStrategy(node.id, soft=False)
    return ray.remote(kind).options(max_restarts=0, max_concurrency=10_000, **options).remote()


async def answer_of(reference: Any) -> Any:
    """What an actor's method returned.

    Raises:
        NodeLost: the actor is gone, or cannot be reached.
        OpenCodeEvalError: the method raised it.
    """
    try:
        return await reference
    except Exception as error:
        raise _meant(error) from None


def answers_of(
    references: Mapping[Any, Any], seconds: float, tick: Callable[[], None] = lambda: None
) -> dict[Any, Any]:
    """Key -> what a method returned or raised, of those that answered within `seconds`.

    `tick` is called every second; what it raises ends the waiting.
    """
    import ray

    left = {reference: key for key, reference in references.items()}
    found: dict[Any, Any] = {}
    deadline = time.monotonic() + seconds
    while left and time.monotonic() < deadline:
        with _as_raised():
            ready, _ = ray.wait(list(left), num_returns=len(left), timeout=TICK_S)
        tick()
        for reference in ready:
            key = left.pop(reference)
            try:
                found[key] = ray.get(reference)
            except Exception as error:
                found[key] = _meant(error)
    return found


@contextlib.contextmanager
def _as_raised() -> Iterator[None]:
    """Let what a signal's handler raises while Ray waits come out as it is."""
    try:
        yield
    except SystemError as error:
        if error.__cause__ is None:
            raise
        raise error.__cause__ from None


def end(actors: Sequence[Any], seconds: float) -> None:
    """Let actors close what they hold, for at most `seconds`, then end them."""
    import ray

    if not ray.is_initialized():
        return
    answers_of({actor: actor.close.remote() for actor in actors}, seconds)
    for actor in actors:
        drop(actor)


def drop(actor: Any) -> None:
    """End an actor at once, whatever it is doing; its node may be gone."""
    import ray

    with contextlib.suppress(Exception):
        ray.kill(actor, no_restart=True)


def _meant(error: BaseException) -> BaseException:
    """An error of Ray's as one of ours, where it is one."""
    from ray.exceptions import RayError, RayTaskError

    cause: BaseException | None = getattr(error, "cause", None)
    if isinstance(cause, OpenCodeEvalError):
        return cause
    if "failed to import" in str(error) or "No module named 'opencodeeval" in str(error):
        return UsageError(
            f"it cannot import opencodeeval {opencodeeval.__version__}: install the same version "
            "on every node"
        )
    of_ray = isinstance(error, RayError) and not isinstance(error, RayTaskError)
    return NodeLost(_short(error)) if of_ray else error


def _short(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return one_line(lines[0] if lines else type(error).__name__).rstrip(".:")
