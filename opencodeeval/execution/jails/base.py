"""The interface of a jail: slots, each of which grades one program at a time in a warm jail.

A jail is a module beside this one that ends with `JAIL = Jail(...)`, or that of another
distribution with an entry point of the group `opencodeeval.jails`.
"""

from __future__ import annotations

import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from opencodeeval.core.errors import SandboxError
from opencodeeval.core.extensions import Seam
from opencodeeval.core.parts import read_part
from opencodeeval.execution.base import Sandbox
from opencodeeval.execution.environments import PLAIN, Environment
from opencodeeval.execution.frames import FrameReader, SlotFailed, pack
from opencodeeval.execution.specification import Specification

START_S = 60.0
WARM_START_S = 240.0  # includes imports from a cold disk
# For the jail's own work on a busy machine, and what it gives back to programs (guest/clock.py).
SPARE_S = 25.0
PREPARE_S = 320.0  # a task's reference solution may be slow; the guest's own limit is lower
JUDGE_MEMORY_MB = 8192
# Judges that a slot keeps for tasks whose samples may still arrive.
JUDGES = 2


class Slot(ABC):
    """Starts a jail, sends it programs, ends it; each subclass is for one kind of jail.

    Not thread-safe: one thread uses a slot at a time.
    """

    def __init__(self, environment: Environment = PLAIN) -> None:
        self.environment = environment
        self.reader = FrameReader()
        self.hello: Mapping[str, Any] = {}
        self.task_key = ""

    @abstractmethod
    def _launch(self) -> None:
        """Start the jail; its channel is open afterwards.

        Raises:
            SlotFailed: it could not be started.
        """

    @abstractmethod
    def _write(self, data: bytes, deadline: float) -> None: ...

    @abstractmethod
    def _read(self, deadline: float) -> bytes:
        """Some bytes of the guest's output."""

    @abstractmethod
    def kill(self) -> None:
        """End the jail within seconds, whatever state it is in; idempotent.

        May be called by another thread than the one that waits for an answer; the
        waiting thread then gets SlotFailed.
        """

    @abstractmethod
    def release(self) -> None:
        """Close the remaining resources of a killed slot, once no thread uses it any more."""

    @abstractmethod
    def last_words(self) -> str:
        """What the guest wrote to its standard error, for error messages."""

    def out_of_memory(self) -> bool:
        """Whether all of the jail's memory was used up, where that can end the jail."""
        return False

    def _cage(self) -> Mapping[str, Any]:
        """How the guest keeps players in (sandbox/guest/cages.py)."""
        # A uid that no other jail on this machine is likely to use: limits count by uid.
        return {"cage": "uid", "player_uid": 100_000 + secrets.randbelow(1_000_000_000)}

    def start(self) -> None:
        """Launch the jail and greet its guest.

        Raises:
            SlotFailed: it failed; the message has the guest's last line.
        """
        deadline = time.monotonic() + (WARM_START_S if self.environment.warm else START_S)
        try:
            self._launch()
            config = {"judges": JUDGES, "judge_memory_mb": JUDGE_MEMORY_MB, **self._cage()}
            config |= self.environment.config()
            self.hello = self._ask({"config": config}, deadline)["hello"]
        except SlotFailed as error:
            words = self.last_words().strip().splitlines()
            self.kill()
            self.release()
            raise SlotFailed(f"{error}{': ' + words[-1] if words else ''}") from None
        except KeyError:
            self.kill()
            self.release()
            raise SlotFailed("the sandbox's guest did not greet") from None
        except BaseException:
            # Kill it here, as no other code knows this jail yet.
            self.kill()
            self.release()
            raise

    def _ask(self, message: Mapping[str, Any], deadline: float) -> dict[str, Any]:
        self._write(pack(message), deadline)
        while True:
            frame = self.reader.frame()
            if frame is not None:
                return frame
            self.reader.add(self._read(deadline))

    def grade(
        self,
        spec: Specification,
        program: str,
        recall: Callable[[], bytes | None] = lambda: None,
    ) -> dict[str, Any]:
        """Grade one program; the guest's answer with "suites" in it.

        `recall` returns what an earlier guest learned from the task's reference; what
        this guest learned is in the answer's "blobs", if there are any.

        Raises:
            SlotFailed: nothing is known about the sample; this slot must be killed.
            DataError: a part of the task cannot be read.
        """
        key, seconds = spec.digest, spec.seconds + SPARE_S
        job: dict[str, Any] = {"task": key, "program": program, "deadline_s": seconds}
        # The guest keeps a few tasks; a task that it holds is not sent again.
        whole = self.task_key != key
        if whole:
            job |= packed_task(spec, recall())
        answer = self._ask(job, time.monotonic() + seconds + SPARE_S + PREPARE_S)
        if "need" in answer and not whole:
            job |= packed_task(spec, recall())
            answer = self._ask(job, time.monotonic() + seconds + SPARE_S + PREPARE_S)
        self.task_key = key
        if "fault" in answer:
            raise SlotFailed(str(answer["fault"]))
        if not isinstance(answer.get("suites"), dict):
            raise SlotFailed("the sandbox's answer has no result")
        return answer


def packed_task(specification: Specification, known: bytes | None) -> dict[str, Any]:
    """A task's tests as parts of a frame: long texts beside the JSON, not in it.

    In "spec" a suite's "calls" and "expected" are indexes of "blobs", and so are the
    parts of the "payload"; the last blob ("known") has an earlier guest's values.
    """
    spec = specification.content
    payload = [read_part(sha256) for sha256 in specification.parts]
    blobs: list[bytes] = []
    suites = []
    for suite in spec.get("suites", ()):
        light = dict(suite)
        for name in ("calls", "expected"):
            if name in light:
                blobs.append(light[name].encode("ascii"))
                light[name] = len(blobs) - 1
        suites.append(light)
    parts: dict[str, Any] = {"spec": {**spec, "suites": suites} if suites else dict(spec)}
    if payload:
        parts["spec"]["payload"] = [len(blobs) + number for number in range(len(payload))]
        blobs.extend(payload)
    if known is not None:
        blobs.append(known)
        parts["known"] = True
    if blobs:
        parts["blobs"] = blobs
    return parts


@dataclass(frozen=True)
class Wanted:
    """The options of a jail.

    `slots` programs run at once with the packages of `environment`; log lines go to
    `log`. `image` and `runtime` are for jails that have them, None for the default;
    with `build` the default image may be built.
    """

    slots: int
    log: Callable[[str], None]
    environment: Environment = PLAIN
    image: str | None = None
    runtime: str | None = None
    build: bool = False


@dataclass(frozen=True)
class Jail:
    """A kind of jail, chosen by its name.

    `open(wanted)` returns a sandbox with its first slot running. It raises SandboxError
    if that is not possible; the message says what to do.
    """

    open: Callable[[Wanted], Sandbox]
    takes_images: bool = False


JAILS = Seam("jail", "opencodeeval.execution.jails", "JAIL", Jail)

AnySlot = TypeVar("AnySlot", bound=Slot)


def started(make: Callable[[], AnySlot]) -> AnySlot:
    """A first slot, started.

    Raises:
        SandboxError: it does not start.
    """
    slot = make()
    try:
        slot.start()
    except SlotFailed as error:
        raise SandboxError(f"the sandbox does not start: {error}") from None
    return slot


def lacking(slot: Slot) -> list[str]:
    """The protections of every jail that this kernel or runtime lacks."""
    missing = [f"no {name}: the runtime refuses it" for name in slot.hello["missing_limits"]]
    if slot.hello["not_warm"]:
        missing.append(f"not in the environment: {', '.join(slot.hello['not_warm'])}")
    if not slot.hello["seccomp"]:
        missing.append("no system-call filter: the kernel or runtime does not take one")
    return missing


def lacks(slot: Slot) -> list[str]:
    """The same as codes, which do not change when the sentences are reworded."""
    codes = [f"limit:{name}" for name in slot.hello["missing_limits"]]
    codes += [f"module:{name}" for name in slot.hello["not_warm"]]
    return codes if slot.hello["seccomp"] else [*codes, "seccomp"]
