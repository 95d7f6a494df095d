"""One address before several hosts: the queue is here, and the programs run there."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from prometheus_client import CollectorRegistry, Gauge

from opencodeeval.core.types import Grade
from opencodeeval.serve.dispatch import Crew, Dispatcher, Place
from opencodeeval.serve.hosts import Away, Host, HostSandbox, State, Unfit
from opencodeeval.serve.messages import HostState, Ready, SandboxState
from opencodeeval.serve.refusals import no_host
from opencodeeval.serve.waiting import Job

# Between two looks at a host.
LOOK_S = 1.0
# A host that was silent so many times in a row is taken to be dead.
SILENT = 3
# How long a host that takes no connections may finish what it has.
AWAY_S = 120.0


class Front(Dispatcher):
    """Gives programs to hosts that run `opencodeeval serve`.

    Hosts may go and come back. What a host has when it is lost goes to another. Only hosts
    with this version are used, and only such whose sandboxes are alike, because verdicts could
    depend on the host otherwise: those of the first that answers. `languages` are those that
    the tasks of an environment need.
    """

    def __init__(
        self,
        hosts: Sequence[Host],
        environments: Iterable[str],
        capacity: int,
        log: Callable[[str], None],
        languages: Mapping[str, frozenset[str]] | None = None,
    ) -> None:
        super().__init__({}, capacity, environments=environments)
        self.hosts, self.log, self.languages = hosts, log, dict(languages or {})
        self._crews: dict[Host, list[Crew]] = {host: [] for host in hosts}
        # Of hosts that may still finish what they have.
        self._leaving: dict[Host, list[Crew]] = {host: [] for host in hosts}
        self._suspected = {host: asyncio.Event() for host in hosts}
        self._pattern: dict[str, SandboxState] = {}
        self._watching: asyncio.Task[None] | None = None

    def start(self) -> None:
        """See Dispatcher: begin to look for the hosts."""
        for host in self.hosts:
            host.fallen = self._fallen(host)
        self._watching = asyncio.create_task(self._watch_all())

    async def close(self) -> None:
        """See Dispatcher."""
        self.closed = True
        if self._watching:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        leaving = [
            worker for each in self._leaving.values() for crew in each for worker in crew.workers
        ]
        for worker in leaving:
            worker.cancel()
        await asyncio.gather(*leaving, return_exceptions=True)
        await super().close()
        for host in self.hosts:
            await host.close()

    async def grade(
        self, wanted: Job, deadline_s: float | None = None, place: Place | None = None
    ) -> Grade:
        """See Dispatcher; what none of the hosts in use can run is refused."""
        environments = {crew.environment for crew in self.crews}
        if environments and wanted.environment not in environments:
            raise no_host(wanted.environment)
        return await super().grade(wanted, deadline_s, place)

    def about(self) -> Ready:
        """See Dispatcher; with the hosts."""
        found = super().about()
        found.sandboxes = {name: self._pattern[name] for name in found.slots}
        found.hosts = [
            HostState(url=host.url, state=host.state.value, why=host.why, running=host.running)
            for host in self.hosts
        ]
        return found

    def register(self, registry: CollectorRegistry) -> None:
        """See Dispatcher; with gauges of each host."""
        gauges: dict[str, tuple[str, Callable[[Host], float]]] = {
            "used": ("1 if programs are given to the host", lambda h: h.state is State.USED),
            "running": ("Programs that the host has", lambda h: h.running),
            "graded": ("Programs of which the host gave verdicts", lambda h: h.graded),
            "lost": ("Programs that the host gave no verdict of", lambda h: h.lost),
        }
        for name, (said, value) in gauges.items():
            gauge = Gauge(f"opencodeeval_host_{name}", said, ["host"], registry=registry)
            for host in self.hosts:
                gauge.labels(host.url).set_function(partial(value, host))

    async def _watch_all(self) -> None:
        # In their order, so that it does not depend on chance whose sandboxes are used.
        first = await asyncio.gather(*(host.look() for host in self.hosts), return_exceptions=True)
        for host, found in zip(self.hosts, first, strict=True):
            if isinstance(found, Ready):
                self._judge(host, found)
            else:
                self._leave(host, found)
        await asyncio.gather(*(self._watch(host) for host in self.hosts))

    async def _watch(self, host: Host) -> None:
        silent, seen = 0, time.monotonic()
        while True:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._suspected[host].wait(), LOOK_S)
            # Not at once again and again where a host falls each time.
            await asyncio.sleep(LOOK_S / 10)
            self._suspected[host].clear()
            try:
                found = await host.look()
            except Away as error:
                silent += error.silent
                if silent >= SILENT or not error.silent:
                    self._leave(host, error)
            except Unfit as error:
                self._leave(host, error)
            else:
                silent, seen = 0, time.monotonic()
                self._judge(host, found)
            if silent >= SILENT or time.monotonic() - seen > AWAY_S:
                self._give_up(host)

    def _judge(self, host: Host, found: Ready) -> None:
        """Use a host that answers, if it may be used."""
        if host.state is State.USED and _counted(found) == _counted(host.ready):
            return
        try:
            self._check(host, found)
        except Unfit as error:
            self._leave(host, error)
            return
        if found.instance != host.ready.instance:
            # Another process: what the one before had is lost.
            self._leave(host, None)
            self._give_up(host)
        elif host.state is State.USED:
            self._leave(host, None)
        host.ready, host.state, host.why = found, State.USED, ""
        slots = {name: each for name, each in found.slots.items() if name in self._names}
        for name, each in slots.items():
            self._pattern.setdefault(name, found.sandboxes[name])
            environment = self._names[name]
            crew = self.employ(environment, HostSandbox(host, environment, each))
            self._crews[host].append(crew)
        self.log(f"{host.url} is used: {max(slots.values(), default=0)} slot(s)")

    @property
    def _names(self) -> dict[str, str]:
        return {name or "plain": name for name in self._queues}

    def _check(self, host: Host, found: Ready) -> None:
        used = [other for other in self.hosts if other is not host and other.state is State.USED]
        for other in used:
            if other.ready.instance == found.instance:
                raise Unfit(f"it is the same server as {other.url}")
        if not used:
            # Nobody is there to be alike to; what was graded by others is forgotten.
            if any(each != found.sandboxes.get(name) for name, each in self._pattern.items()):
                self.known.clear()
            self._pattern.clear()
        for name, sandbox in found.sandboxes.items():
            if self._pattern.get(name, sandbox).identity != sandbox.identity:
                raise Unfit(
                    f"its sandbox ({name}) is not like that of the hosts in use (jail, image, "
                    "guest, Python, NumPy or toolchains differ), so verdicts could depend on the "
                    "host"
                )
            lacking = self.languages.get(self._names.get(name, ""), frozenset()) - {
                *sandbox.languages
            }
            if lacking and name in self._names:
                raise Unfit(f"its sandbox ({name}) lacks {', '.join(sorted(lacking))}")

    def _fallen(self, host: Host) -> Callable[[str], None]:
        def fallen(why: str) -> None:
            self._leave(host, Away(why))
            self._suspected[host].set()

        return fallen

    def _leave(self, host: Host, why: BaseException | None) -> None:
        """Give a host no more programs; what it has may come to its end there."""
        for crew in self._crews[host]:
            self.retire(crew)
        self._leaving[host] += self._crews[host]
        self._crews[host] = []
        self._leaving[host] = [
            crew for crew in self._leaving[host] if not all(each.done() for each in crew.workers)
        ]
        if why is None:
            return
        before, said = (host.state, host.why), str(why) or type(why).__name__
        host.state = State.UNFIT if isinstance(why, Unfit) else State.AWAY
        host.why = said
        if before != (host.state, host.why):
            self.log(f"{host.url} is not used: {said}")

    def _give_up(self, host: Host) -> None:
        """Give what a host has to others."""
        for crew in self._leaving[host]:
            self.dismiss(crew)
        self._leaving[host] = []


def _counted(ready: Ready) -> tuple[object, ...]:
    return ready.instance, ready.slots, ready.sandboxes
