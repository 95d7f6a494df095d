"""The folders that a program may write to: given to it, emptied and set back after it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import struct
import time
from functools import lru_cache
from typing import List

from . import containment

WORK = "/tmp/work"
SCRATCH_ROOTS = ("/tmp", "/dev/shm", "/dev/mqueue", "/var/tmp")

INODES = 16384  # as the host asks for where an engine makes the folders
# FS_IOC_GETFLAGS and FS_IOC_SETFLAGS, which the kernel declares with a long.
_LONG = struct.calcsize("l")
_GET_FLAGS, _SET_FLAGS = 0x80006601 | _LONG << 16, 0x40006602 | _LONG << 16


def give_to(uid: int) -> None:
    """Make the scratch folders a player's own, as /tmp is in a container of one's own."""
    for root in writable_roots():
        with contextlib.suppress(OSError):  # one that is mounted from elsewhere
            os.chown(root, uid, uid)


def limit_inodes() -> bool:
    """Let each scratch folder have so many files, if that is not so yet; whether it is so."""
    roots = writable_roots()
    for root in roots:
        with contextlib.suppress(OSError):
            if not _is_limited(root):
                containment.limit_inodes(root, INODES)
    return all(map(_is_limited, roots))


def _is_limited(root: str) -> bool:
    return 0 < os.statvfs(root).f_files <= INODES


def empty(deadline: float) -> bool:
    """As the player: empty every writable place and make a new working folder.

    Whether nothing of any player is left there; what is not done by the deadline is left.
    """
    empty = [_emptied(root, deadline) for root in writable_roots()]
    try:
        os.mkdir(WORK, 0o700)
        os.chmod(WORK, 0o700)
    except OSError:
        return False
    return all(empty)


def keep_usable(deadline: float) -> None:
    """As the player: let the working folder be one that the next player can be in.

    The program before it may have taken that away. Where no folder can be made, because the
    files take all the room, none of them is kept.
    """
    set_back()
    try:
        if not os.path.lexists(WORK):
            os.mkdir(WORK)
        elif not stat.S_ISDIR(os.lstat(WORK).st_mode):
            os.unlink(WORK)
            os.mkdir(WORK)
        os.chmod(WORK, 0o700)
    except OSError:
        empty(deadline)


@lru_cache(maxsize=None)
def writable_roots() -> List[str]:
    """The roots that there are in this jail, but for what is mounted read-only."""
    there = [root for root in SCRATCH_ROOTS if os.path.isdir(root)]
    return [root for root in there if not os.statvfs(root).f_flag & os.ST_RDONLY]


def set_back() -> None:
    """Give the scratch folders back what their owner may have changed of them.

    Permissions, times and, where anything of the kind is left, flags and extended
    attributes (default access lists among them).
    """
    for root in writable_roots():
        with contextlib.suppress(OSError):  # not a player's to change
            _clear_flags(root)
        with contextlib.suppress(OSError):
            os.chmod(root, 0o1777)
            os.utime(root)
        with contextlib.suppress(OSError):
            for name in os.listxattr(root):
                os.removexattr(root, name)


def _clear_flags(root: str) -> None:
    """Take away what chattr(1) gives, as "append only" and "no access times"."""
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        flags = struct.unpack("l", fcntl.ioctl(folder, _GET_FLAGS, bytes(_LONG)))[0]
        if flags:
            fcntl.ioctl(folder, _SET_FLAGS, bytes(_LONG))
    finally:
        os.close(folder)


def _emptied(root: str, deadline: float) -> bool:
    try:
        names = os.listdir(root)
        if names:
            _remove(root, names, deadline)
            return not os.listdir(root)
    except OSError:  # whoever may not look cannot say that there is nothing
        return False
    return True


def _remove(root: str, names: List[str], deadline: float) -> None:
    """Remove what `root` has under these names, without recursion and without following links.

    A folder's folders are first moved up to `root`: names stay short however
    deep the tree is.
    """
    todo = [os.path.join(root, name) for name in names]
    # A name that nobody can have guessed, and put something there.
    serial, own = 0, os.urandom(12).hex()
    while todo and time.monotonic() < deadline:
        path = todo.pop()
        try:
            mode = os.lstat(path).st_mode
            if not stat.S_ISDIR(mode):
                os.unlink(path)
                continue
            os.chmod(path, 0o700)
            for entry in list(os.scandir(path)):
                if entry.is_dir(follow_symlinks=False):
                    serial += 1
                    moved = os.path.join(root, f".{own}-{serial}")
                    os.chmod(entry.path, 0o700)
                    os.rename(entry.path, moved)
                    todo.append(moved)
                else:
                    os.unlink(entry.path)
            os.rmdir(path)
        except OSError:
            continue  # what stays is seen by whoever lists the root again
