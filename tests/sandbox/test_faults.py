"""Jails that die, hang or are left behind: no sample pays for it, nothing stays."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from opencodeeval.core.types import Grade, Program, Style, Task, Verdict
from opencodeeval.execution import open_sandbox, pool
from opencodeeval.execution.frames import SlotFailed
from opencodeeval.execution.guest import encoded
from opencodeeval.execution.jails import base, docker, local
from opencodeeval.execution.places import Gate
from opencodeeval.execution.specification import Specification
from tests.sandbox.harness import alive, eventually_none

LABEL = docker.LABEL
IN_EACH_JAIL = pytest.mark.parametrize(
    "jail", [pytest.param("docker", marks=pytest.mark.docker), "local"]
)
BOTH_JAILS = pytest.mark.parametrize(
    "jail",
    [
        pytest.param("docker", marks=pytest.mark.docker),
        "local",
    ],
)
pytestmark = pytest.mark.timeout(120)


def _task(seconds: float = 4.0, suites: int = 1) -> Task:
    reference = "def triple(n):\n    return n * 3\n"
    tests = {
        "kind": "calls",
        "entry_point": "triple",
        "reference": reference,
        "suites": [{"name": f"suite{i}", "calls": encoded([[1], [2]])} for i in range(suites)],
        "compare": {"rule": "value"},
        "limits": {
            "min_call_s": seconds,
            "reference_factor": 4.0,
            "total_s": seconds,
            "grace_s": 0.1,
            "memory_mb": 512,
        },
    }
    return Task("fault", Style.FUNCTION, "", "triple", reference, tests)


def _program(pause: float = 0.0) -> Program:
    code = f"import time\ndef triple(n):\n    time.sleep({pause} * (n == 1))\n    return n * 3\n"
    return Program("fault", 0, code, "program")


class _Opened:
    """A sandbox, what it logged, and the uids of its players."""

    def __init__(self, jail: str, slots: int = 1) -> None:
        self.log: list[str] = []
        self.pool: Any = open_sandbox(jail, slots, self.log.append)

    async def started(self, task: Task, program: Program) -> asyncio.Task[Any]:
        """A grading that is under way."""
        grading = asyncio.create_task(self.pool.grade(task, program))
        for _ in range(200):
            await asyncio.sleep(0.05)
            if self.pool.running:
                break
        await asyncio.sleep(0.6)
        assert not grading.done()
        return grading

    @property
    def slot(self) -> Any:
        (found,) = self.pool.running
        return found


@contextlib.asynccontextmanager
async def opened(jail: str, slots: int = 1) -> AsyncIterator[_Opened]:
    sandbox = _Opened(jail, slots)
    try:
        yield sandbox
    finally:
        await sandbox.pool.close()


def _children(pid: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if int(path.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(path.parent.name))
    return found


def _init_of(jail: str, found: Any) -> int:
    """The pid, as seen here, of the guest's first process."""
    if jail == "docker":
        return int(found.init_pid)
    (init,) = _children(found.process.pid)
    return init


def _ends(pid: int, seconds: float = 5.0) -> bool:
    """Whether a process is gone within some seconds; it is ended here if not."""
    end = time.monotonic() + seconds
    while alive(pid):
        if time.monotonic() > end:
            os.kill(pid, signal.SIGKILL)
            return False
        time.sleep(0.02)
    return True


async def _graded_in_spite_of(jail: str, harm: Callable[[Any], None]) -> _Opened:
    """Grade a slow right program while `harm` is done to its slot."""
    async with opened(jail) as sandbox:
        grading = await sandbox.started(_task(), _program(1.5))
        harm(sandbox.slot)
        grade = await asyncio.wait_for(grading, 60)
        assert grade.suites["suite0"].verdict is Verdict.PASSED
        assert grade.suites["suite0"].tests_run == 2
        return sandbox


@pytest.mark.docker
def test_a_killed_container_costs_its_sample_nothing(docker_image: str) -> None:
    def harm(found: Any) -> None:
        docker.client().containers.get(found.container.id).kill()

    sandbox = asyncio.run(_graded_in_spite_of("docker", harm))
    assert [line for line in sandbox.log if "attempt 1 of 3" in line]


@IN_EACH_JAIL
def test_a_killed_guest_costs_its_sample_nothing(jail: str, require: Callable[[str], None]) -> None:
    require(jail)
    if jail == "docker" and os.geteuid() != 0:
        pytest.skip("only root may signal a container's processes")
    sandbox = asyncio.run(
        _graded_in_spite_of(jail, lambda found: os.kill(_init_of(jail, found), signal.SIGKILL))
    )
    assert [line for line in sandbox.log if "attempt 1 of 3" in line]


def test_a_killed_bubblewrap_costs_its_sample_nothing(local_jail: None) -> None:
    sandbox = asyncio.run(
        _graded_in_spite_of("local", lambda found: os.kill(found.process.pid, signal.SIGKILL))
    )
    assert [line for line in sandbox.log if "attempt 1 of 3" in line]


@BOTH_JAILS
def test_a_jail_that_does_not_answer_is_replaced(
    jail: str, require: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    require(jail)
    if jail == "docker" and os.geteuid() != 0:
        pytest.skip("only root may signal a container's processes")
    monkeypatch.setattr(base, "SPARE_S", 0.5)
    monkeypatch.setattr(base, "PREPARE_S", 1.0)
    stopped: list[int] = []

    async def run() -> list[str]:
        async with opened(jail) as sandbox:
            grading = await sandbox.started(_task(2.0), _program(1.5))
            stopped.append(_init_of(jail, sandbox.slot))
            os.kill(stopped[0], signal.SIGSTOP)
            grade = await asyncio.wait_for(grading, 60)
            assert grade.suites["suite0"].verdict is Verdict.PASSED
            return sandbox.log

    log = asyncio.run(run())
    assert [line for line in log if "did not answer in time" in line]
    assert _ends(stopped[0])


def test_a_fault_that_persists_is_no_verdict(
    local_jail: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "RESTART_PAUSE_S", 0.0)

    async def run() -> Any:
        async with opened("local") as sandbox:
            os.kill(_init_of("local", sandbox.pool.idle[0]), signal.SIGKILL)
            monkeypatch.setattr(local, "command", lambda *_: ["false"])
            grade = await asyncio.wait_for(
                sandbox.pool.grade(_task(suites=2), _program()), timeout=60
            )
            return grade, sandbox.log

    grade, log = asyncio.run(run())
    assert {suite.verdict for suite in grade.suites.values()} == {Verdict.INFRA_ERROR}
    assert set(grade.suites) == {"suite0", "suite1"}
    assert len([line for line in log if "attempt" in line]) == pool.ATTEMPTS


@BOTH_JAILS
def test_a_player_that_cannot_be_locked_in_runs_nothing(
    jail: str, require: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    require(jail)
    monkeypatch.setattr(pool, "RESTART_PAUSE_S", 0.0)
    task = _task()
    limits = {**task.tests["limits"], "memory_mb": 1 << 60}  # more than any system takes
    hopeless = replace(task, tests={**task.tests, "limits": limits})

    async def run() -> tuple[Any, list[str]]:
        async with opened(jail) as sandbox:
            grade = await asyncio.wait_for(sandbox.pool.grade(hopeless, _program()), 60)
            return grade, sandbox.log

    grade, log = asyncio.run(run())
    assert grade.suites["suite0"].verdict is Verdict.INFRA_ERROR
    assert grade.suites["suite0"].detail.startswith("no player could be started: OverflowError")
    assert len([line for line in log if "attempt" in line]) == pool.ATTEMPTS


def test_a_sandbox_works_again_after_a_fault(local_jail: None) -> None:
    async def run() -> None:
        async with opened("local") as sandbox:
            for _ in range(2):
                for found in [*sandbox.pool.idle, *sandbox.pool.running]:
                    os.kill(_init_of("local", found), signal.SIGKILL)
                grade = await asyncio.wait_for(sandbox.pool.grade(_task(), _program()), 60)
                assert grade.suites["suite0"].verdict is Verdict.PASSED

    asyncio.run(run())


@BOTH_JAILS
def test_closing_while_samples_run_leaves_nothing(
    jail: str, require: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    require(jail)
    uids: set[int] = set()
    inits: list[int] = []
    original = base.Slot._cage

    def cage(self: base.Slot) -> Mapping[str, Any]:
        config = original(self)
        uids.add(int(config.get("player_uid", 0)))
        return config

    monkeypatch.setattr(base.Slot, "_cage", cage)

    async def run() -> float:
        async with opened(jail, slots=2) as sandbox:
            grading = [
                asyncio.create_task(sandbox.pool.grade(_task(30.0), _program(9.0)))
                for _ in range(4)
            ]
            for _ in range(200):
                await asyncio.sleep(0.05)
                if len(sandbox.pool.running) == 2:
                    break
            await asyncio.sleep(0.5)
            inits.extend(_init_of(jail, found) for found in sandbox.pool.running)
            began = time.monotonic()
            await sandbox.pool.close()
            took = time.monotonic() - began
            ended = await asyncio.wait_for(asyncio.gather(*grading, return_exceptions=True), 5)
            assert all(isinstance(each, asyncio.CancelledError) for each in ended)
            return took

    assert asyncio.run(run()) < 6
    assert eventually_none(uids - {0}) == []
    assert len(inits) == 2
    assert all(map(_ends, inits))


_ENDLESS = """
import asyncio, sys
from tests.sandbox import test_faults
async def main():
    sandbox = test_faults._Opened(sys.argv[1])
    grading = await sandbox.started(test_faults._task(60.0), test_faults._program(50.0))
    print(test_faults._init_of(sys.argv[1], sandbox.slot), flush=True)
    await grading
asyncio.run(main())
"""


@IN_EACH_JAIL
def test_a_killed_harness_leaves_nothing(
    jail: str, require: Callable[[str], None], repo_root: Path
) -> None:
    require(jail)
    command = [sys.executable, "-c", textwrap.dedent(_ENDLESS), jail]
    environment = {**os.environ, "PYTHONPATH": str(repo_root)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as harness:
        try:
            assert harness.stdout
            init = int(harness.stdout.readline())
            assert alive(init)
        finally:
            harness.kill()
    if jail == "docker":
        docker.sweep(docker.client())
        assert _eventually(lambda: str(harness.pid) not in _owners())
    assert _ends(init)


def _eventually(holds: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Whether it holds within some seconds: another sweep may be at the same container."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def _owners() -> list[str]:
    found = docker.client().containers.list(all=True, sparse=True, filters={"label": LABEL})
    return [container.attrs["Labels"][LABEL].split(":")[1] for container in found]


@pytest.mark.docker
def test_sweeping_spares_the_living_and_other_machines(docker_image: str) -> None:
    engine = docker.client()
    here = docker.owner().split(":")[0]
    owners = {
        "dead": f"{here}:{2**22 + 1}:1",
        "reborn": f"{here}:{os.getpid()}:1",
        "elsewhere": f"another-machine-than-{here}:1:1",
        # As a harness in a container with this machine's name: its processes are not seen here.
        "container": f"{socket.gethostname()}/1:{2**22 + 1}:1",
        "mine": docker.owner(),
    }
    made = {
        name: engine.containers.create(docker_image, ["true"], labels={LABEL: owner})
        for name, owner in owners.items()
    }
    try:
        docker.sweep(docker.client())
        left = {container.id for container in engine.containers.list(all=True)}
        assert {name for name, container in made.items() if container.id in left} == {
            "elsewhere",
            "container",
            "mine",
        }
    finally:
        for container in made.values():
            with contextlib.suppress(Exception):
                container.remove(force=True)


@pytest.mark.docker
def test_a_leftover_that_the_engine_hangs_on_keeps_nobody(
    docker_image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As happens to an engine that is busy, or short of a disk, with somebody's container."""
    if os.geteuid() != 0:
        pytest.skip("only root may stop a container's supervisor")
    monkeypatch.setattr(docker, "KILL_S", 1.0)
    stuck = docker.client().containers.run(
        docker_image,
        ["sleep", "60"],
        entrypoint=[],
        labels={LABEL: f"{docker.owner().split(':')[0]}:{2**22 + 1}:1"},
        detach=True,
    )
    stuck.reload()
    supervisor = int(
        Path(f"/proc/{stuck.attrs['State']['Pid']}/stat").read_text().rpartition(")")[2].split()[1]
    )
    os.kill(supervisor, signal.SIGSTOP)

    async def run() -> float:
        began = time.monotonic()
        async with opened("docker") as sandbox:
            took = time.monotonic() - began
            grade = await sandbox.pool.grade(_task(), _program())
            assert grade.suites["suite0"].verdict is Verdict.PASSED
        return took

    try:
        # The removal that hangs also holds what another question about it waits for.
        assert docker.sweep(docker.client()) == 0
        with pytest.raises(OSError, match="timed out"):
            docker.client(timeout=1).containers.get(stuck.id)
        assert asyncio.run(run()) < 10
    finally:
        os.kill(supervisor, signal.SIGCONT)
    assert _eventually(lambda: str(2**22 + 1) not in _owners())


class StandInSlot(base.Slot):
    """Stands for a jail whose answers are made up here: no real one starves on request."""

    inside = 0
    seen: list[tuple[str, int]] = []  # noqa: RUF012 - shared by all slots of a test

    def __init__(self, answers: Callable[[str, int], dict[str, Any]]) -> None:
        super().__init__()
        self.answers = answers

    def grade(
        self,
        spec: Specification,
        program: str,
        recall: Any = None,
    ) -> dict[str, Any]:
        kind = type(self)
        kind.inside += 1
        time.sleep(0.02)
        kind.seen.append((program, kind.inside))
        try:
            return self.answers(program, sum(name == program for name, _ in kind.seen))
        finally:
            kind.inside -= 1

    def start(self) -> None: ...
    def kill(self) -> None: ...
    def release(self) -> None: ...
    def last_words(self) -> str:
        return ""

    def _launch(self) -> None: ...
    def _write(self, data: bytes, deadline: float) -> None: ...
    def _read(self, deadline: float) -> bytes:
        return b""


def _answer(verdict: Verdict, **more: Any) -> dict[str, Any]:
    return {"suites": {"suite0": {"verdict": verdict.value, **more}}, "clean": True}


async def _through_stand_ins(
    programs: list[str], slots: int, answers: Callable[[str, int], dict[str, Any]]
) -> tuple[dict[str, Any], list[str]]:
    StandInSlot.inside, StandInSlot.seen = 0, []
    log: list[str] = []

    def make() -> base.Slot:
        return StandInSlot(answers)

    sandbox = pool.SlotPool("stand-in", slots, make, make(), {}, log.append)
    task = _task()
    try:
        grades = await asyncio.wait_for(
            asyncio.gather(
                *(sandbox.grade(task, Program("fault", 0, name, "program")) for name in programs)
            ),
            30,
        )
    finally:
        await sandbox.close()
    return {name: grade.suites["suite0"] for name, grade in zip(programs, grades, strict=True)}, log


def test_sandboxes_of_several_environments_share_the_cores() -> None:
    StandInSlot.inside, StandInSlot.seen = 0, []

    def make() -> base.Slot:
        return StandInSlot(lambda program, time_seen: _answer(Verdict.PASSED))

    async def run() -> None:
        sandboxes = [pool.SlotPool("stand-in", 2, make, make(), {}, print) for _ in range(3)]
        pool.share_cores(sandboxes)
        programs = [Program("fault", number, f"p{number}", "program") for number in range(40)]
        try:
            work = [each.grade(_task(), program) for each in sandboxes for program in programs]
            await asyncio.wait_for(asyncio.gather(*work), 30)
        finally:
            for each in sandboxes:
                await each.close()

    asyncio.run(run())
    assert max(inside for _, inside in StandInSlot.seen) == 2


def test_a_starved_timeout_is_confirmed_with_a_processor_to_spare() -> None:
    def answers(program: str, time_seen: int) -> dict[str, Any]:
        if program.startswith("starved") and time_seen == 1:
            return _answer(Verdict.TIMEOUT, starved=True)
        return _answer(Verdict.PASSED)

    names = [f"plain{i}" for i in range(30)]
    names[5:5] = ["starved1", "starved2"]
    found, _ = asyncio.run(_through_stand_ins(names, 4, answers))
    assert {result.verdict for result in found.values()} == {Verdict.PASSED}
    for name in ("starved1", "starved2"):
        beside = [inside for program, inside in StandInSlot.seen if program == name]
        assert len(beside) == 2
        assert beside[1] <= 4 - 1  # of four processors, itself included
    assert max(inside for _, inside in StandInSlot.seen) > 1


@pytest.mark.parametrize("starved", [True, False])
def test_a_timeout_that_is_confirmed_stays_one(starved: bool) -> None:
    def answers(program: str, time_seen: int) -> dict[str, Any]:
        return _answer(Verdict.TIMEOUT, starved=starved)

    found, _ = asyncio.run(_through_stand_ins(["slow"], 2, answers))
    assert found["slow"].verdict is Verdict.TIMEOUT
    assert len(StandInSlot.seen) == 1 + starved


@pytest.mark.parametrize(
    "why", ["the judge stalled", "the judge died", "the judge failed: ValueError: 40"]
)
def test_a_judge_that_ends_twice_is_the_sample_s_doing(why: str) -> None:
    def answers(program: str, time_seen: int) -> dict[str, Any]:
        if program == "stalls":
            raise SlotFailed(why)
        return _answer(Verdict.PASSED)

    found, log = asyncio.run(_through_stand_ins(["stalls", "plain"], 1, answers))
    assert found["stalls"].verdict is Verdict.ERROR
    assert found["plain"].verdict is Verdict.PASSED
    assert len([line for line in log if "attempt" in line]) == 2


GREEDY = """import os, time
for _ in range(9):
    if os.fork() == 0:
        kept = []
        try:
            while True: kept.append(b"x" * (20 << 20))
        except MemoryError: pass
        time.sleep(60)
time.sleep(15)
def triple(n): return n * 3
"""


@pytest.mark.docker
@pytest.mark.parametrize("runtime", [None, "runsc"])
def test_memory_that_a_program_uses_up_is_the_program_s_doing(
    runtime: str | None, require: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    require("gvisor" if runtime else "docker")
    # Less than usual, so that it is soon used up.
    monkeypatch.setattr(docker, "MEMORY", "1g")
    log: list[str] = []

    async def graded() -> list[Grade]:
        sandbox = open_sandbox("docker", 1, log.append, runtime=runtime)
        programs = [Program("fault", 0, GREEDY, "program"), _program()]
        try:
            return await asyncio.gather(*(sandbox.grade(_task(), each) for each in programs))
        finally:
            await sandbox.close()

    greedy, plain = (grade.suites["suite0"].verdict for grade in asyncio.run(graded()))
    # In gVisor all of the jail ends, elsewhere its largest processes, so that time may run out.
    assert greedy in ((Verdict.MEMORY,) if runtime else (Verdict.MEMORY, Verdict.TIMEOUT))
    assert plain is Verdict.PASSED
    assert not [line for line in log if "attempt 3 of 3" in line]


def test_a_judge_that_stalls_once_is_forgiven() -> None:
    def answers(program: str, time_seen: int) -> dict[str, Any]:
        if time_seen == 1:
            raise SlotFailed("the judge stalled")
        return _answer(Verdict.PASSED)

    found, _ = asyncio.run(_through_stand_ins(["stalls"], 1, answers))
    assert found["stalls"].verdict is Verdict.PASSED


def test_a_jail_that_is_not_clean_is_not_used_again() -> None:
    made: list[StandInSlot] = []

    def answers(program: str, time_seen: int) -> dict[str, Any]:
        return {**_answer(Verdict.PASSED), "clean": program != "dirty"}

    def make() -> base.Slot:
        made.append(StandInSlot(answers))
        return made[-1]

    async def run() -> list[str]:
        log: list[str] = []
        sandbox = pool.SlotPool("stand-in", 1, make, make(), {}, log.append)
        for name in ("plain", "dirty", "after", "last"):
            await sandbox.grade(_task(), Program("fault", 0, name, "program"))
        await sandbox.close()
        return log

    StandInSlot.inside, StandInSlot.seen = 0, []
    log = asyncio.run(run())
    assert len(made) == 2
    assert [line for line in log if "replacing" in line]


def test_a_timeout_is_not_confirmed_in_a_jail_that_is_not_clean() -> None:
    made: list[StandInSlot] = []
    used: list[tuple[str, int]] = []

    class Noting(StandInSlot):
        ended = False

        def grade(self, *arguments: Any, **named: Any) -> dict[str, Any]:
            used.append((arguments[1], made.index(self)))
            assert not self.ended
            return super().grade(*arguments, **named)

        def kill(self) -> None:
            self.ended = True

    def answers(program: str, time_seen: int) -> dict[str, Any]:
        starved = _answer(Verdict.TIMEOUT, starved=True)
        return {**starved, "clean": False} if time_seen == 1 else _answer(Verdict.PASSED)

    def make() -> base.Slot:
        made.append(Noting(answers))
        return made[-1]

    async def run() -> Grade:
        sandbox = pool.SlotPool("stand-in", 1, make, make(), {}, lambda _: None)
        try:
            return await sandbox.grade(_task(), Program("fault", 0, "starved", "program"))
        finally:
            await sandbox.close()

    StandInSlot.inside, StandInSlot.seen = 0, []
    assert asyncio.run(run()).suites["suite0"].verdict is Verdict.PASSED
    assert used == [("starved", 0), ("starved", 1)]


def test_a_slot_in_which_something_unexpected_broke_is_ended() -> None:
    ended: list[StandInSlot] = []

    class Ending(StandInSlot):
        def kill(self) -> None:
            ended.append(self)

    def answers(program: str, time_seen: int) -> dict[str, Any]:
        if program == "breaks":
            raise RuntimeError("a defect of ours")
        return _answer(Verdict.PASSED)

    async def run() -> None:
        first = Ending(answers)
        sandbox = pool.SlotPool("stand-in", 1, lambda: Ending(answers), first, {}, print)
        with pytest.raises(RuntimeError, match="a defect of ours"):
            await sandbox.grade(_task(), Program("fault", 0, "breaks", "program"))
        await sandbox.grade(_task(), Program("fault", 0, "after", "program"))
        assert ended == [first]
        assert sandbox.running.isdisjoint(ended)
        await sandbox.close()

    StandInSlot.inside, StandInSlot.seen = 0, []
    asyncio.run(run())


def test_a_burst_of_a_container_s_standard_error_is_read() -> None:
    """Frames as the engine sends them, over a socket of our own: no guest writes that much."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    slot = docker.DockerSlot("no-image", None)
    slot.socket = ours
    burst = b"".join(docker.STREAM_HEADER.pack(2, 1) + b"x" for _ in range(20_000))
    burst += docker.STREAM_HEADER.pack(2, 5) + b" last" + docker.STREAM_HEADER.pack(1, 4) + b"said"

    def send() -> None:
        theirs.sendall(burst)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        assert slot._read(time.monotonic() + 30) == b"said"
    finally:
        sender.join()
        ours.close()
        theirs.close()
    assert bytes(slot.errors).endswith(b"xxx last")


class Watched:
    """Programs that enter a gate, and the most places that were taken at once."""

    def __init__(self, places: int) -> None:
        self.gate = Gate(places)
        self.order: list[str] = []
        self.most = 0

    def note(self, what: str) -> None:
        self.order.append(what)
        self.most = max(self.most, self.gate.taken)

    async def enters(self, name: str, steps: int = 5) -> None:
        await self.gate.enter()
        self.note(f"{name} in")
        for _ in range(steps):
            await asyncio.sleep(0)
        self.note(f"{name} out")
        await self.gate.leave()

    async def is_set_aside(self, name: str) -> None:
        await self.gate.enter()
        async with self.gate.set_aside():
            self.note(f"{name} aside")
            for _ in range(5):
                await asyncio.sleep(0)
            self.note(f"{name} back")
        await self.gate.leave()


def test_what_is_set_aside_shares_no_processor_and_stops_nobody_who_has_one() -> None:
    async def run() -> Watched:
        seen = Watched(4)
        long = asyncio.create_task(seen.enters("long", steps=200))
        both = [asyncio.create_task(seen.is_set_aside(name)) for name in "ab"]
        await asyncio.gather(*both, *(seen.enters(f"short {number}") for number in range(3)))
        assert not long.done(), "the set aside waited for all others"
        await long
        assert seen.gate.taken == seen.gate.waiting == 0
        return seen

    seen = asyncio.run(asyncio.wait_for(run(), 30))
    assert seen.most == 4
    order = seen.order
    # Only one of the two fits beside the long one.
    assert not order.index("a aside") < order.index("b aside") < order.index("a back")


@pytest.mark.parametrize("places", [1, 2])
def test_with_one_or_two_places_what_is_set_aside_is_alone(places: int) -> None:
    async def run() -> list[str]:
        seen = Watched(places)
        await asyncio.gather(seen.is_set_aside("a"), *(seen.enters(name) for name in "bcd"))
        assert seen.most == places
        return seen.order

    order = asyncio.run(asyncio.wait_for(run(), 30))
    assert order[order.index("a aside") + 1] == "a back"


def test_whoever_gives_up_waiting_to_be_set_aside_leaves_the_places_as_they_were() -> None:
    async def run() -> None:
        seen = Watched(2)
        await seen.gate.enter()
        waiting = asyncio.create_task(seen.is_set_aside("a"))
        for _ in range(10):
            await asyncio.sleep(0)
        assert seen.gate.waiting == 1
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert (seen.gate.taken, seen.gate.waiting) == (2, 0)

    asyncio.run(asyncio.wait_for(run(), 30))
