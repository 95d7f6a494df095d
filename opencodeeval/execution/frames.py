"""Length-prefixed JSON frames between the host and a jail, with deadlines.

The guest's half is sandbox/guest/wire.py. A frame is a 4-byte big-endian
length and ASCII JSON, whose "blobs" (sizes) announce bytes that follow it.
"""

from __future__ import annotations

import json
import os
import select
import struct
import time
from collections.abc import Mapping
from typing import Any, cast

from opencodeeval.core.text import one_line

HEADER = struct.Struct("!I")
# A result is a few kilobytes of text; a guest that sends more has been taken over.
MAX_ANSWER = 8 << 20


class SlotFailed(Exception):
    """The jail died, hung or sent unreadable data: nothing is known about the sample."""

    def __init__(self, why: str) -> None:
        super().__init__(one_line(why))


def pack(message: Mapping[str, Any]) -> bytes:
    """One frame; "blobs" of the message, if any, are bytes sent after it."""
    blobs = message.get("blobs", ())
    if blobs:
        message = {**message, "blobs": [len(blob) for blob in blobs]}
    body = json.dumps(message, separators=(",", ":")).encode("ascii")
    return b"".join([HEADER.pack(len(body)), body, *blobs])


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
        """Add bytes of the guest's output."""
        self.buffer += data
        if len(self.buffer) > MAX_ANSWER + HEADER.size:
            raise SlotFailed("the sandbox's answer is too long")

    def frame(self) -> dict[str, Any] | None:
        """The next complete frame, if there is one, with its blobs in place of their sizes.

        Raises:
            SlotFailed: it is not a valid frame.
        """
        if len(self.buffer) < HEADER.size:
            return None
        (size,) = HEADER.unpack(self.buffer[: HEADER.size])
        if size > MAX_ANSWER:
            raise SlotFailed("the sandbox's answer is too long")
        end = HEADER.size + size
        if len(self.buffer) < end:
            return None
        message = _message(bytes(self.buffer[HEADER.size : end]))
        sizes = message.get("blobs", ())
        if len(self.buffer) < end + sum(sizes):
            return None
        blobs = []
        for blob in sizes:
            blobs.append(bytes(self.buffer[end : end + blob]))
            end += blob
        if blobs:
            message["blobs"] = blobs
        del self.buffer[:end]
        return message


def _message(body: bytes) -> dict[str, Any]:
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        raise SlotFailed("the sandbox's answer is not readable") from None
    sizes = message.get("blobs", []) if isinstance(message, dict) else None
    if not isinstance(sizes, list) or not all(type(size) is int and size >= 0 for size in sizes):
        raise SlotFailed("the sandbox's answer is not readable")
    return cast(dict[str, Any], message)
