"""Length-prefixed JSON frames between the host and a jail, with deadlines.

The guest's own half is sandbox/guest/wire.py. A frame is a 4-byte big-endian
length and ASCII JSON.
"""

from __future__ import annotations

import json
import os
import select
import struct
import time
from collections.abc import Mapping
from typing import Any

HEADER = struct.Struct("!I")
# A result is a few kilobytes of text; a guest that says more is not ours any more.
MAX_ANSWER = 8 << 20


class SlotFailed(Exception):
    """The jail died, hung or spoke nonsense: nothing is known about the sample."""


def pack(message: Mapping[str, Any]) -> bytes:
    """One frame."""
    body = json.dumps(message, separators=(",", ":")).encode("ascii")
    return HEADER.pack(len(body)) + body


def _wait(fd: int, writing: bool, deadline: float) -> None:
    left = deadline - time.monotonic()
    poll = select.poll()
    poll.register(fd, select.POLLOUT if writing else select.POLLIN)
    if left <= 0 or not poll.poll(left * 1000):
        raise SlotFailed("the sandbox did not answer in time")


def write_all(fd: int, data: bytes, deadline: float) -> None:
    """Write to a non-blocking descriptor.

    Raises:
        SlotFailed: closed, or not accepted before `deadline` (monotonic).
    """
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fd, view) :]
        except BlockingIOError:
            _wait(fd, True, deadline)
        except OSError as error:
            raise SlotFailed(f"the sandbox has gone ({error.strerror})") from None


def read_some(fd: int, size: int, deadline: float) -> bytes:
    """At least one byte from a non-blocking descriptor.

    Raises:
        SlotFailed: closed, or nothing before `deadline` (monotonic).
    """
    while True:
        try:
            part = os.read(fd, size)
        except BlockingIOError:
            _wait(fd, False, deadline)
            continue
        except OSError as error:
            raise SlotFailed(f"the sandbox has gone ({error.strerror})") from None
        if not part:
            raise SlotFailed("the sandbox has gone")
        return part


class FrameReader:
    """Collects bytes into frames."""

    def __init__(self) -> None:
        self.buffer = bytearray()

    def add(self, data: bytes) -> None:
        """Take in bytes of the guest's output."""
        self.buffer += data
        if len(self.buffer) > MAX_ANSWER + HEADER.size:
            raise SlotFailed("the sandbox's answer is too long")

    def frame(self) -> dict[str, Any] | None:
        """The next complete frame, if there is one.

        Raises:
            SlotFailed: it is no frame of ours.
        """
        if len(self.buffer) < HEADER.size:
            return None
        (size,) = HEADER.unpack(self.buffer[: HEADER.size])
        if size > MAX_ANSWER:
            raise SlotFailed("the sandbox's answer is too long")
        if len(self.buffer) < HEADER.size + size:
            return None
        body = bytes(self.buffer[HEADER.size : HEADER.size + size])
        del self.buffer[: HEADER.size + size]
        try:
            message = json.loads(body)
        except (ValueError, RecursionError):
            raise SlotFailed("the sandbox's answer is not readable") from None
        if not isinstance(message, dict):
            raise SlotFailed("the sandbox's answer is not readable")
        return message
