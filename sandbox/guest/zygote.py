"""The fork server: a warm interpreter that has never seen a test.

It is forked from the supervisor before the first task arrives, so that no
player can find a test, an expected value or another sample in its memory.
"""

from __future__ import annotations

import gc
import os
import random
import signal
import socket
import sys
import threading
import time
from typing import Any, Dict, List, Sequence, Tuple

from . import (
    command,
    containment,
    livecodebench,
    livecodebench_names,
    player,
    run_player,
    scratch,
    warm,
    wire,
)
from .cages import Cage

# What programs import most; paid once here instead of by every sample.
WARM = (
    "abc array ast base64 bisect calendar cmath collections collections.abc contextlib copy "
    "copyreg dataclasses datetime decimal enum fractions functools hashlib heapq inspect io "
    "itertools json math numbers operator os pathlib queue random re secrets shutil signal "
    "statistics string struct sys tempfile textwrap threading time traceback types typing "
    "unicodedata uuid warnings zlib"
).split()
# What only some programs need, a third of the memory that a fork would have to copy.
NUMPY = "numpy numpy.fft numpy.linalg numpy.ma numpy.polynomial numpy.random".split()
# What tests compare with: here before a program can put something else in its place.
TESTING = ["numpy.testing"]

TELL = 250  # where a new player says that it is locked in
READY = "ready"
CHANCE = 0  # what random numbers start from: a program that draws some fares alike every time
MODES = {
    "calls": player.serve_calls,
    "command": command.run,
    "fetch": run_player.fetch,
    "livecodebench": livecodebench.serve,
    "run": run_player.run,
    "stdio": player.run_script,
}


def warm_up(names: Sequence[str]) -> None:
    """Import what programs commonly use; a missing module is no failure."""
    for name in names:
        try:
            __import__(name)
        except ImportError:
            pass


def serve(control: socket.socket, cage: Cage, config: Dict[str, Any]) -> None:
    """Import an environment's modules, then fork players until the supervisor goes away.

    `config` may have "warm" (modules) and "environ" (for players). First says
    {"missing"}, the modules that are not there, or {"trouble"}.
    """
    environ = config.get("environ", {})
    os.environ.update(environ)
    containment.usual_signals()
    containment.few_heaps()
    try:
        modules = config.get("warm", ())
        wire.send_with_fds(control, {"missing": warm.up(modules) if modules else []}, [])
    except warm.StartsThreads as why:
        wire.send_with_fds(control, {"trouble": str(why)}, [])
        os._exit(70)
    cage.prepare_zygote()
    _prepare_environment(environ)
    _fork_on_request(control, cage)


def _fork_on_request(control: socket.socket, cage: Cage) -> None:
    """Serve until the supervisor goes away: one player at a time.

    Requests {"op": "start", "mode", "limits"} come with the player's
    descriptors; answers are {"pid"} and, when the player has ended, {"exit":
    pid, "status", "cpu_s", "peak_mb", "left", "trouble"}; where something of it
    is left, {"op": "end", "pid"} ends that, answered by {"gone": pid}. {"op": "split", "for"} comes
    with a socket, on which a second zygote then serves, one that has imported
    more: "numpy", or "unittest" (both).
    """
    gc.collect()
    gc.freeze()
    while True:
        try:
            request, fds = wire.receive_with_fds(control)
        except wire.Closed:
            os._exit(0)
        if request["op"] == "end":
            os.kill(request["pid"], signal.SIGKILL)
            os.waitpid(request["pid"], 0)
            wire.send_with_fds(control, {"gone": request["pid"]}, [])
            continue
        if request["op"] == "split":
            _split(control, socket.socket(fileno=fds[0]), cage, request["for"])
            continue
        pid, told = _fork_player(request, fds, cage)
        for fd in fds:
            os.close(fd)
        wire.send_with_fds(control, {"pid": pid}, [])
        wire.send_with_fds(control, _ended(pid, told, cage), [])


def _ended(pid: int, told: int, cage: Cage) -> Dict[str, Any]:
    """Wait for a player's end, and read what it had told of its start.

    "left" says whether there are processes of it that {"op": "end"} has to end.
    """
    ending, left = cage.wait(pid)
    said = os.read(told, 4096).decode("utf-8", "replace")
    os.close(told)
    trouble = "" if said == READY else said or "it ended before it was locked in"
    return {"exit": pid, **ending, "left": left, "trouble": trouble}


def _split(control: socket.socket, other: socket.socket, cage: Cage, kind: str) -> None:
    """Fork a zygote that imports more, which serves on `other`."""
    pid = os.fork()
    if pid:
        other.close()
        wire.send_with_fds(control, {"pid": pid}, [])
        return
    try:
        control.close()
        warm_up(NUMPY)
        _fix_chance()
        if kind == "unittest":
            warm_up(TESTING)
            from . import libraries, unit_player

            libraries.look_ahead()
            MODES["unittest"] = unit_player.run
        _fork_on_request(other, cage)
    finally:
        os._exit(70)


def _prepare_environment(environ: Dict[str, str]) -> None:
    """What every player finds: its environment, and streams as over pipes.

    Every page of memory that a player has to change costs it a page fault, so
    what can be made before the fork is.
    """
    os.environ.clear()
    os.environ.update(
        PATH=_path(),
        HOME=scratch.WORK,
        LANG="C.UTF-8",
        OMP_NUM_THREADS="1",
        OPENBLAS_NUM_THREADS="1",
        **environ,
    )
    time.tzset()
    _fix_chance()
    saved = [os.dup(fd) for fd in (0, 1, 2)]
    read, write = os.pipe()
    for fd, end in ((0, read), (1, write), (2, write)):
        os.dup2(end, fd)
    player.open_streams()
    for fd in (0, 1, 2):
        os.dup2(saved[fd], fd)
    for fd in (*saved, read, write):
        os.close(fd)
    livecodebench_names.learn()


def _path() -> str:
    """The usual folders and, before them, that of this Python: programs may start it by name."""
    usual, own = "/usr/local/bin:/usr/bin:/bin", os.path.dirname(sys.executable)
    return usual if own in usual.split(":") else f"{own}:{usual}"


def _fix_chance() -> None:
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed(CHANCE)


def _fork_player(request: Dict[str, object], fds: List[int], cage: Cage) -> Tuple[int, int]:
    """A new player's pid, and a descriptor to be read when it has ended.

    It has READY once the player has given up all that it must not have: a
    program that fails from there on has failed by itself. Else it has the
    reason why the player could not be locked in, and no program was run.
    """
    told, tell = os.pipe()
    pid = cage.fork()
    if pid:
        os.close(tell)
        return pid, told
    try:
        mode = str(request["mode"])
        os.dup2(tell, TELL)
        _become_player(fds, mode, cage, request["limits"])  # type: ignore[arg-type]
    except BaseException as error:  # nothing may unwind into the zygote's loop
        os.write(TELL, repr(error).encode()[:4096])
        os._exit(70)
    try:
        os.write(TELL, READY.encode())
        os.close(TELL)
        MODES[mode]()
        os._exit(0)
    finally:
        os._exit(70)


def _become_player(fds: List[int], mode: str, cage: Cage, limits: Dict[str, int]) -> None:
    """Keep only the player's own descriptors, drop every privilege, apply limits.

    `fds` are channel, stdout, stderr and, for stdin/stdout tasks, stdin, for
    function calls the progress file. They become 3, 1, 2, 0 and 4.
    """
    channel, out, err = fds[0], fds[1], fds[2]
    source = fds[3] if mode in wire.WITH_INPUT else os.open("/dev/null", os.O_RDONLY)
    own = [source, out, err, channel, *(fds[3:] if mode == "calls" else [])]
    high = [os.dup2(fd, 200 + i) for i, fd in enumerate(own)]
    for target, fd in enumerate(high):
        os.dup2(fd, target, inheritable=target < 3)
    os.closerange(len(own), TELL)
    os.closerange(TELL + 1, os.sysconf("SC_OPEN_MAX"))
    os.setsid()
    random.seed(CHANCE)  # which every fork sets anew
    threading.main_thread()._set_native_id()  # type: ignore[attr-defined]
    cage.enter(limits)
    os.chdir(scratch.WORK)
    if mode != "unittest":
        sys.path.insert(0, scratch.WORK)  # as it is for a script: its own modules are there
