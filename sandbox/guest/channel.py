"""The judge's end of a player: hostile bytes in, deadlines and caps on everything."""

from __future__ import annotations

import fcntl
import os
import select
import socket
import sys
import time
from collections import deque
from typing import Any, Deque, Dict, List, Optional, Sequence

from . import clock, codec, wire

TAIL = 4096
HEAD = 2048
CHUNK = 1 << 16
MAX_LINE = 16 << 20
SEALS = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL
CONTROL_S = 20.0  # how long the supervisor may take for its part


class Gone(Exception):
    """The player closed its channel or died without an answer."""


class TimeUp(Exception):
    """The deadline passed; `starved` if the processor was busy elsewhere."""

    def __init__(self, starved: bool) -> None:
        super().__init__()
        self.starved = starved


class Garbage(Exception):
    """The channel carried what no honest player sends."""


class TooLong(Garbage):
    """More than any right answer: not right, but nothing that only a cheat sends."""


class Tail:
    """The first and the last bytes of a stream, and how often it had some texts."""

    def __init__(self, sought: Sequence[bytes] = ()) -> None:
        self.data = b""
        self.total = 0
        self.head = b""
        self.found = dict.fromkeys(sought, 0)

    def add(self, part: bytes) -> None:
        self.total += len(part)
        self.head += part[: max(0, HEAD - len(self.head))]
        for text in self.found:
            # One that began in the part before is shorter there than itself, so counted once.
            self.found[text] += (self.data[-len(text) + 1 :] * (len(text) > 1) + part).count(text)
        self.data = (self.data + part)[-TAIL:]

    def text(self) -> str:
        return self.data.decode("utf-8", "replace")


class Room:
    """Asks the supervisor for players, one at a time."""

    def __init__(self, control: socket.socket) -> None:
        self.control = control

    def start(self, mode: str, limits: Dict[str, Any]) -> "Player":
        """A fresh player in an empty working folder, or in the one that `stop` has kept."""
        deadline = time.monotonic() + CONTROL_S
        wire.send_with_fds(self.control, {"op": "start", "mode": mode, "limits": limits}, [])
        answer, fds = wire.receive_with_fds(self.control, deadline)
        return Player(int(answer["pid"]), mode, fds, self)

    def stop(self, keep: bool = False) -> Dict[str, Any]:
        """End the player and all it started; its status, cpu_s and peak_mb.

        With `keep` its files stay for the player after it.
        """
        deadline = time.monotonic() + CONTROL_S
        wire.send_with_fds(self.control, {"op": "stop", "keep": keep}, [])
        while True:
            answer, _ = wire.receive_with_fds(self.control, deadline)
            if "stopped" in answer:
                stopped: Dict[str, Any] = answer["stopped"]
                return stopped


class Player:
    """One running player: its channel, its pipes, and whether it has ended."""

    def __init__(self, pid: int, mode: str, fds: List[int], room: Room) -> None:
        self.pid = pid
        self.room = room
        self.channel, self.out, self.err = fds[0], fds[1], fds[2]
        self.stdin: Optional[int] = fds[3] if mode in wire.WITH_INPUT else None
        self.progress: Optional[int] = fds[3] if mode == "calls" else None
        for fd in fds[:3]:
            os.set_blocking(fd, False)
        self.stdout, self.stderr = Tail(), Tail()
        self.lines: Deque[bytes] = deque()
        self.partial = bytearray()
        self.max_line = MAX_LINE
        self.unsent = memoryview(b"")
        self.collected: Optional[bytearray] = None
        self.exit: Optional[Dict[str, Any]] = None
        self.eof = False
        self.began = time.monotonic()
        self.clock = clock.Clock(pid)

    def send(self, text: str) -> None:
        """Queue one request line."""
        self.unsent = memoryview(bytes(self.unsent) + text.encode("ascii") + b"\n")

    def line(self, deadline: float) -> bytes:
        """The next reply line.

        Raises:
            Gone, TimeUp, Garbage (a line longer than `max_line`).
        """
        while not self.lines:
            if self.eof:
                raise Gone
            self.pump(deadline)
        return self.lines.popleft()

    def pump(self, deadline: float) -> None:
        """Wait for something to happen, until `deadline` of clock.now, and take in what came.

        Raises:
            TimeUp: nothing more may be waited for.
        """
        left = deadline - clock.now()
        if left <= 0 and self.clock.give_back():
            left = deadline - clock.now()
        if left <= 0:
            raise TimeUp(self.clock.starved())
        reads = [fd for fd in (self.out, self.err) if fd >= 0]
        if not self.eof and self.channel >= 0:
            reads.append(self.channel)
        reads.append(self.room.control.fileno())
        writes = [self.channel] if self.unsent and not self.eof else []
        early = self.clock.early()
        readable, writable, _ = select.select(reads, writes, [], min(left, early))
        if early < left and not readable and not writable:
            self.clock.early()
            left = max(0.0, deadline - clock.now())
            readable, writable, _ = select.select(reads, writes, [], left)
        if writable:
            self._write()
        for fd in readable:
            self._read(fd)

    def _write(self) -> None:
        try:
            self.unsent = self.unsent[os.write(self.channel, self.unsent[: 1 << 18]) :]
        except BlockingIOError:
            return
        except OSError:  # the other side closed: what it does not read it does not need
            self.unsent = memoryview(b"")

    def _read(self, fd: int) -> None:
        if fd == self.room.control.fileno():
            message, _ = wire.receive_with_fds(self.room.control)
            self.exit = message
            return
        try:
            part = os.read(fd, CHUNK)
        except BlockingIOError:
            return
        except OSError:
            part = b""
        if fd == self.channel:
            self._take(part)
        elif fd == self.out:
            self._printed(part)
        elif part:
            self.stderr.add(part)
        else:
            os.close(self.err)
            self.err = -1

    def _printed(self, part: bytes) -> None:
        if not part:
            os.close(self.out)
            self.out = -1
            return
        self.stdout.add(part)
        if self.collected is not None:
            self.collected += part

    def _take(self, part: bytes) -> None:
        if not part:
            self.eof = True
            return
        fresh = part.rfind(b"\n")
        end = len(self.partial) + fresh
        self.partial += part
        if fresh >= 0:
            lines = bytes(self.partial[:end]).split(b"\n")
            self.lines.extend(lines)
            del self.partial[: end + 1]
            if end > self.max_line and any(len(line) > self.max_line for line in lines):
                raise TooLong("a reply longer than any right answer")
        if len(self.partial) > self.max_line:
            raise TooLong("a reply longer than any right answer")

    def under_way(self) -> int:
        """The call that the player says it is in; believed for display only."""
        if self.progress is None:
            return 0
        return int.from_bytes(os.pread(self.progress, 4, 0), sys.byteorder)

    def printed(self) -> List[str]:
        """The tails of what it printed, as text that `take_printed` takes."""
        return [tail.data.decode("latin-1") for tail in (self.stdout, self.stderr)]

    def take_printed(self, tails: List[str]) -> None:
        """Go on from what was read of the same player in a fork of this process."""
        for tail, text in zip((self.stdout, self.stderr), tails):
            tail.data = text.encode("latin-1")

    def drain(self) -> None:
        """Take what the pipes still hold, without waiting."""
        for _ in range(1 << 10):
            fds = [fd for fd in (self.out, self.err) if fd >= 0]
            ready = select.select(fds, [], [], 0)[0] if fds else []
            if not ready:
                return
            for fd in ready:
                self._read(fd)

    def give(self, data: bytes) -> None:
        """All of the program's input, before it is sent: a file, so this does not wait.

        Nobody can write to it afterwards: where a player has no uid of its own it owns the
        file, which would be memory that no limit counts.
        """
        if self.stdin is not None:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(self.stdin, rest) :]
            fcntl.fcntl(self.stdin, fcntl.F_ADD_SEALS, SEALS)
            os.close(self.stdin)
            self.stdin = None

    def finish(self, keep: bool = False) -> Dict[str, Any]:
        """Stop the player; its usage with `wall_s` added. With `keep` its files stay."""
        self.drain()
        usage = self.room.stop(keep)
        usage["wall_s"] = time.monotonic() - self.began
        for fd in (self.channel, self.out, self.err, self.stdin, self.progress):
            if fd is not None and fd >= 0:
                os.close(fd)
        self.clock.close()
        return usage


def parse(line: bytes) -> List[Any]:
    """A reply line as [kind, body...], not yet decoded.

    Raises:
        Garbage: anything else.
    """
    try:
        reply = codec.parse_json(line)
    except (ValueError, RecursionError):
        raise Garbage("not a reply") from None
    if type(reply) is not list or not reply or type(reply[0]) is not str:
        raise Garbage("not a reply")
    return reply
