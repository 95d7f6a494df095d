"""Length-prefixed JSON frames, and descriptors passed over Unix sockets.

A frame may carry bytes beside its JSON: {"blobs": [sizes]} announces them, and
they follow it. Whoever receives the frame finds them in place of the sizes;
whoever hands it on need not look into them.

Used only between trusted parties (host, supervisor, zygote, judge). What a
player writes is read by channel.py, which trusts nothing.
"""

from __future__ import annotations

import array
import json
import os
import select
import socket
import struct
import time
from typing import Any, Dict, List, Optional, Tuple

_text = json.JSONEncoder(separators=(",", ":")).encode
HEADER = struct.Struct("!I")
MAX_FRAME = 256 << 20
MAX_FDS = 8
# The modes of players whose input is a file.
WITH_INPUT = ("run", "stdio")
# Of a message with descriptors. More is more than the allocator gives without asking the kernel.
MAX_MESSAGE = 1 << 16


class Closed(Exception):
    """The other side has gone."""


class Late(Exception):
    """The deadline passed before a whole frame came."""


def pack(message: Dict[str, Any]) -> bytes:
    """One frame: 4-byte big-endian length, then ASCII JSON, then its blobs."""
    blobs = message.get("blobs", ())
    if blobs:
        message = {**message, "blobs": [len(blob) for blob in blobs]}
    body = _text(message).encode("ascii")
    return b"".join([HEADER.pack(len(body)), body, *blobs])


def send(fd: int, message: Dict[str, Any]) -> None:
    """Write one frame to a blocking descriptor."""
    view = memoryview(pack(message))
    while view:
        try:
            view = view[os.write(fd, view) :]
        except (BrokenPipeError, ConnectionResetError) as gone:
            raise Closed from gone


def _read(fd: int, size: int, deadline: Optional[float]) -> bytes:
    parts: List[bytes] = []
    while size:
        if deadline is not None:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([fd], [], [], left)[0]:
                raise Late
        try:
            part = os.read(fd, min(size, 1 << 20))
        except ConnectionResetError as gone:
            raise Closed from gone
        if not part:
            raise Closed
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def receive(fd: int, deadline: Optional[float] = None) -> Dict[str, Any]:
    """Read one frame; `deadline` is on the monotonic clock.

    Raises:
        Closed: end of file. Late: the deadline passed.
    """
    (size,) = HEADER.unpack(_read(fd, HEADER.size, deadline))
    if size > MAX_FRAME:
        raise Closed
    message = json.loads(_read(fd, size, deadline))
    if not isinstance(message, dict):
        raise Closed
    if "blobs" in message:
        if sum(message["blobs"]) > MAX_FRAME:
            raise Closed
        message["blobs"] = [_read(fd, blob, deadline) for blob in message["blobs"]]
    return message


def send_with_fds(sock: socket.socket, message: Dict[str, Any], fds: List[int]) -> None:
    """Send one small message and descriptors over a SOCK_SEQPACKET socket."""
    body = _text(message).encode("ascii")
    ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
    try:
        sock.sendmsg([body], ancillary)
    except (BrokenPipeError, ConnectionResetError) as gone:
        raise Closed from gone


def receive_with_fds(
    sock: socket.socket, deadline: Optional[float] = None
) -> Tuple[Dict[str, Any], List[int]]:
    """Receive what send_with_fds sent.

    Raises:
        Closed: end of file. Late: the deadline passed.
    """
    if deadline is not None:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([sock], [], [], left)[0]:
            raise Late
    fds = array.array("i")
    try:
        body, ancillary, _, _ = sock.recvmsg(MAX_MESSAGE, socket.CMSG_SPACE(MAX_FDS * fds.itemsize))
    except ConnectionResetError as gone:
        raise Closed from gone
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
    if not body:
        raise Closed
    message = json.loads(body)
    return message, list(fds)
