"""Ports, space and attributes of folders that a program leaves: the next one sees none of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.sandbox.conftest import RUN_S

pytestmark = pytest.mark.timeout(RUN_S + 30)

RIGHT = "def triple(n):\n    return n * 3\n"
IN_EACH_JAIL = pytest.mark.parametrize(
    "jail", [pytest.param("docker", marks=pytest.mark.docker), "local", "unprivileged"]
)
NOT_SUPPORTED = "Operation not supported", "Inappropriate ioctl"

# Both ends are closed, the server's first: it keeps its port.
CONNECTION_CLOSED = """
import socket
server = socket.create_server(("127.0.0.1", 0))
client = socket.create_connection(server.getsockname())
accepted = server.accept()[0]
accepted.close()
assert client.recv(1) == b""
client.close()
server.close()
"""
SAME_PORT_TWICE = CONNECTION_CLOSED.replace('", 0)', '", 8766)', 1) * 2
NO_CONNECTION_SEEN = """
for name in ("tcp", "tcp6"):
    with open("/proc/net/" + name) as file:
        assert file.read().count("\\n") <= 1
"""

# Sockets that were sent through themselves outlive their process, with all that goes with them.
_SENT = """
import array, os, socket
{held}
for _ in range(3):
    left, right = pair = socket.socketpair()
    numbers = array.array("i", [left.fileno(), right.fileno(), held])
    for each in pair: each.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, numbers)])
    for each in pair: each.close()
"""
SPACE_HELD = _SENT.format(
    held="""
held = os.open("/tmp/file", os.O_CREAT | os.O_RDWR)
os.unlink("/tmp/file")
os.posix_fallocate(held, 0, 200 << 20)
"""
)
PORT_HELD = _SENT.format(
    held="server = socket.create_server(('127.0.0.1', 8765))\nheld = server.fileno()"
)
ALL_THERE = """
import os, socket
room = os.statvfs("/tmp")
assert room.f_bfree == room.f_blocks
socket.create_server(("127.0.0.1", 8765)).close()
"""

_FOLDERS = '("/tmp", "/dev/shm")'
# Of each pair, the first program changes the folders and the second looks.
ATTRIBUTES = (
    f"""
import os
for each in {_FOLDERS}: os.setxattr(each, "user.left", b"seen")
""",
    f"""
import os
for each in {_FOLDERS}: assert os.listxattr(each) == []
""",
)
DEFAULT_ACCESS_LISTS = (
    f"""
import os, struct
entries = [struct.pack("<HHI", tag, 0, 2**32 - 1) for tag in (1, 4, 0x20)]
for each in {_FOLDERS}:
    os.setxattr(each, "system.posix_acl_default", struct.pack("<I", 2) + b"".join(entries))
""",
    f"""
import os
for each in {_FOLDERS}:
    os.mkdir(each + "/own")
    assert os.stat(each + "/own").st_mode & 0o777 == 0o755
""",
)
_FLAGS = """
import fcntl, os, struct
def flags(folder):
    return struct.unpack("l", fcntl.ioctl(folder, 0x80086601, bytes(8)))[0]
"""
INODE_FLAGS = (
    f"""{_FLAGS}
for each in {_FOLDERS}:
    folder = os.open(each, os.O_RDONLY)
    fcntl.ioctl(folder, 0x40086602, struct.pack("l", 0x40 | 0x80))
    assert flags(folder) & 0xc0 == 0xc0
""",
    f"""{_FLAGS}
for each in {_FOLDERS}:
    assert flags(os.open(each, os.O_RDONLY)) & 0xc0 == 0
""",
)
TIMES = (
    f"""
import os
for each in {_FOLDERS}: os.utime(each, (1, 2))
""",
    f"""
import os
for each in {_FOLDERS}: assert os.stat(each).st_atime > 1
""",
)
PERMISSIONS = (
    f"""
import os
for each in {_FOLDERS}: os.chmod(each, 0)
""",
    f"""
import os
for each in {_FOLDERS}: assert os.stat(each).st_mode & 0o7777 == 0o1777
""",
)


def in_turn(run_plan: Callable[..., dict[str, Any]], jail: str, *programs: str) -> dict[str, Any]:
    """The report on programs that run one after the other in one slot."""
    rows = [[str(place), "triple", code + RIGHT] for place, code in enumerate(programs)]
    return run_plan(jail, "sequence", json.dumps(rows))


@IN_EACH_JAIL
def test_a_closed_connection_is_not_seen_by_the_next_program(
    jail: str, require: Callable[[str], None], run_plan: Callable[..., dict[str, Any]]
) -> None:
    require(jail)
    found = in_turn(run_plan, jail, CONNECTION_CLOSED, NO_CONNECTION_SEEN)
    assert {row["verdict"] for row in found["outcomes"].values()} == {"passed"}, found
    assert not [line for line in found["log"] if "replacing" in line]


@IN_EACH_JAIL
def test_the_port_of_a_closed_connection_is_free_at_once(
    jail: str, require: Callable[[str], None], run_plan: Callable[..., dict[str, Any]]
) -> None:
    require(jail)
    found = in_turn(run_plan, jail, SAME_PORT_TWICE)
    assert found["outcomes"]["0"]["verdict"] == "passed", found


@IN_EACH_JAIL
def test_what_is_held_by_sockets_in_sockets_is_freed_before_the_next_program(
    jail: str, require: Callable[[str], None], run_plan: Callable[..., dict[str, Any]]
) -> None:
    require(jail)
    found = in_turn(run_plan, jail, *[SPACE_HELD, ALL_THERE, PORT_HELD, ALL_THERE] * 3)
    assert {row["verdict"] for row in found["outcomes"].values()} == {"passed"}, found
    assert not [line for line in found["log"] if "replacing" in line]


@IN_EACH_JAIL
@pytest.mark.parametrize(
    "left",
    [
        pytest.param(ATTRIBUTES, id="attributes"),
        pytest.param(DEFAULT_ACCESS_LISTS, id="access-lists"),
        pytest.param(INODE_FLAGS, id="flags"),
        pytest.param(TIMES, id="times"),
        pytest.param(PERMISSIONS, id="permissions"),
    ],
)
def test_the_owner_of_the_scratch_folders_leaves_nothing_of_them_changed(
    left: tuple[str, str],
    jail: str,
    require: Callable[[str], None],
    run_plan: Callable[..., dict[str, Any]],
) -> None:
    require(jail)
    found = in_turn(run_plan, jail, *left)
    first, second = found["outcomes"].values()
    if any(words in first["stderr"] for words in NOT_SUPPORTED):
        pytest.skip("this kernel's tmpfs keeps nothing of the kind")
    assert (first["verdict"], second["verdict"]) == ("passed", "passed"), found
    assert not [line for line in found["log"] if "replacing" in line]
