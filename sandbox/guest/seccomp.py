"""System calls that no player needs, refused by the kernel.

Each of them leaves something that outlives its process or escapes the limits
(System V objects, keyrings, anonymous memory files), opens kernel surface that
programs of a benchmark have no use for, or makes namespaces. They fail with
ENOSYS, as on a kernel that lacks them, so that libraries fall back.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from typing import List, Tuple

# name: (x86_64, aarch64); -1 where the architecture has no such call
REFUSED = {
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "mq_open": (240, 180),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "userfaultfd": (323, 282),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "io_uring_setup": (425, 425),
    "io_setup": (206, 0),  # their number is limited for the whole machine
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "clone3": (435, 435),  # its flags are behind a pointer: glibc falls back to clone
    "personality": (135, 92),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
}
_CLONE = (56, 220)
_ARCHITECTURES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_NAMESPACES = 0x7E020000  # every CLONE_NEW* flag that clone(2) takes
_X32 = 0x40000000

_LOAD, _JEQ, _JGE, _JSET, _RET = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL = 0x7FFF0000, 0x80000000
_REFUSE = 0x00050000 | errno.ENOSYS
_PR_SET_SECCOMP, _MODE_FILTER = 22, 2


def filter_for(machine: str) -> bytes:
    """The classic BPF program for an architecture.

    Raises:
        KeyError: no table for this architecture.
    """
    column, audit = _ARCHITECTURES[machine]
    code: List[Tuple[int, int, int, int]] = [
        (_LOAD, 0, 0, 4),
        (_JEQ, 1, 0, audit),
        (_RET, 0, 0, _KILL),  # another architecture's calls would have other numbers
        (_LOAD, 0, 0, 0),
        (_JGE, 0, 1, _X32),
        (_RET, 0, 0, _REFUSE),
    ]
    for numbers in REFUSED.values():
        if numbers[column] >= 0:
            code += [(_JEQ, 0, 1, numbers[column]), (_RET, 0, 0, _REFUSE)]
    code += [
        (_JEQ, 0, 3, _CLONE[column]),
        (_LOAD, 0, 0, 16),
        (_JSET, 0, 1, _NAMESPACES),
        (_RET, 0, 0, _REFUSE),
        (_RET, 0, 0, _ALLOW),
    ]
    return b"".join(struct.pack("HBBI", *line) for line in code)


def apply() -> bool:
    """Refuse the calls in this process and its descendants; False if the kernel cannot."""
    if _PROGRAM is None:
        return False
    program = _PROGRAM
    text = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HxxxxxxQ", len(program) // 8, ctypes.addressof(text))
    libc = ctypes.CDLL(None, use_errno=True)
    refused: int = libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, header, 0, 0)
    return refused == 0


# Made once, before any player is forked.
_PROGRAM = filter_for(platform.machine()) if platform.machine() in _ARCHITECTURES else None


def works() -> bool:
    """Whether `apply` works here, tried in a child."""
    from . import containment

    pid = os.fork()
    if pid == 0:
        containment.prctl(containment.PR_SET_NO_NEW_PRIVS, 1)
        os._exit(0 if apply() else 1)
    return os.waitpid(pid, 0)[1] == 0
