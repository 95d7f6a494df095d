"""Fragments that use up or leave behind: memory, files, sockets, attributes, folders."""

from __future__ import annotations

LEAVING = r"""
# memory
sys.kept_memory = bytearray(<size>)
# memory-touched
sys.kept_memory = b"x" * (400 << 20)
# memory-mapped
import mmap
maps = sys.kept_map = []
while True: maps.append(mmap.mmap(-1, 1 << 24))
# memory-mapped-shared
import mmap
for _ in range(8): sys.kept_map = mmap.mmap(-1, 64 << 20); sys.kept_map.write(bytes(64 << 20))
# memory-of-children
import posix, time
for _ in range(3):
    if posix.fork() == 0:
        block = b"x" * (120 << 20)
        time.sleep(300)
# memory-locked
import ctypes
ctypes.CDLL(None).mlockall(3)
# memory-fragments
import mmap
blocks = sys.kept_blocks = []
while True: blocks.append(mmap.mmap(-1, 4096, prot=1 + len(blocks) % 2))
# stack-deep
import ctypes, sys
sys.setrecursionlimit(10**6)
def deeper(n): return [deeper(n + 1)]
deeper(0)
# sort-of-liars
class Lying:
    def __lt__(self, other): raise MemoryError
sorted([Lying()] * <large>)
# file [benign]
with open("notes.txt", "w") as file: file.write("<word>")
# file-filling-scratch
with open("<path>", "wb", 0) as file:
    while True: file.write(bytes(1 << 22))
# file-allocated
import posix
fd = posix.open("<path>", posix.O_RDWR | posix.O_CREAT, 0o600)
posix.posix_fallocate(fd, 0, <size>)
# file-sparse
with open("<path>", "wb") as file: file.truncate(1 << 40)
# file-sealed-name
import os
for number in range(40): open("<folder>/.<word>%d-%d" % (os.getpid(), number), "w").close()
# files-many
for number in range(<files>): open("<folder>/n%d" % number, "w").close()
# file-odd-names
for name in (b"\xff\xfe", b"\n", b"-rf", b" ", b"\x1b[2J", b"a" * 255):
    open(b"<folder>/" + name, "w").close()
# file-deleted-but-open
import posix
sys.kept_file = open("<folder>/deleted", "wb+")
posix.unlink("<folder>/deleted")
while True: sys.kept_file.write(bytes(1 << 20))
# file-mapped-and-deleted
import mmap, posix
fd = posix.open("<folder>/mapped", posix.O_RDWR | posix.O_CREAT)
posix.ftruncate(fd, 1 << 20)
sys.kept_map = mmap.mmap(fd, 1 << 20)
posix.unlink("<folder>/mapped")
posix.ftruncate(fd, 0)
sys.kept_map[0]
# file-executable
import posix
with open("<folder>/run", "w") as file: file.write("#!/bin/sh\nsleep 300\n")
posix.chmod("<folder>/run", 0o7777)
posix.posix_spawn("<folder>/run", ["run"], {})
# file-temporary [benign]
import tempfile
try:
    with tempfile.TemporaryDirectory() as folder: open(folder + "/<word>", "w").close()
except TypeError: pass
# file-unnamed
import posix
sys.kept_fd = posix.open("<folder>", posix.O_TMPFILE | posix.O_RDWR, 0o600)
posix.write(sys.kept_fd, bytes(1 << 20))
# folders-deep
import posix
for _ in range(<deep>):
    posix.mkdir("d" * 60)
    posix.chdir("d" * 60)
posix.chmod(".", 0)
# folders-wide
import posix
for number in range(2000): posix.mkdir("<folder>/w%d" % number, 0)
# folder-closed
import posix
posix.chmod("<folder>", <mode>)
# folder-removed
import os, shutil
shutil.rmtree(os.getcwd())
# folder-left
import posix
posix.chdir("<folder>")
# folder-renamed
import posix
posix.rename("/tmp/work", "/tmp/<word>")
# folder-made-again
import posix
posix.rename("/tmp/work", "/tmp/<word>")
posix.<maker>
# folder-is-a-file
import posix
posix.rename("/tmp/work", "/tmp/<word>")
open("/tmp/work", "w").close()
# folder-is-a-link
import posix
posix.rename("/tmp/work", "/tmp/<word>")
posix.symlink("<target>", "/tmp/work")
# folder-sticky
import posix
posix.mkdir("<folder>/s", 0o7777)
posix.chmod("<folder>/s", <mode>)
# folder-refilled
import posix, time
if posix.fork() == 0:
    number = 0
    while True:
        number += 1
        try: open("<folder>/f%d" % (number % 500), "w").close()
        except OSError: pass
# folder-swapped
import posix
if posix.fork() == 0:
    while True:
        try:
            posix.mkdir("/tmp/a")
            posix.rename("/tmp/a", "/tmp/b")
            posix.symlink("/usr", "/tmp/a")
            posix.unlink("/tmp/a")
            posix.rmdir("/tmp/b")
        except OSError: pass
# links
import posix
for name, target in (("l", "<target>"), ("m", "m"), ("n", "/proc/self/fd/3"), ("o", "/tmp")):
    posix.symlink(target, "<folder>/" + name)
# hard-links
import posix
open("<folder>/first", "w").close()
for number in range(500): posix.link("<folder>/first", "<folder>/h%d" % number)
# fifo
import posix
posix.mkfifo("<folder>/fifo", 0)
# fifo-waited-for [rare]
import posix
posix.mkfifo("<folder>/fifo", 0o600)
open("<folder>/fifo").read()
# device
import posix, stat
posix.mknod("<folder>/node", stat.S_IFSOCK | 0o600)
posix.mknod("<folder>/disk", stat.S_IFBLK | 0o600, posix.makedev(8, 0))
# umask
import posix
posix.umask(<mode>)
# umask-usual [benign]
import posix
posix.umask(0o022)
# owner
import posix
posix.chown("<folder>", -1, <small>)
# times
import posix
posix.utime("<folder>", (<large>, <large>))
# attributes
import posix
for name in ("user.<word>", "security.<word>", "trusted.<word>", "system.posix_acl_default"):
    for path in ("<folder>", "<path>"):
        try: posix.setxattr(path, name, b"<word>")
        except OSError: pass
# access-list
import posix, struct
entries = [(1, 7, 2**32 - 1), (4, 0, 2**32 - 1), (16, 7, 2**32 - 1), (32, 0, 2**32 - 1)]
acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *each) for each in entries)
posix.setxattr("<folder>", "system.posix_acl_default", acl)
# flags-of-folder
import fcntl, posix, struct
fd = posix.open("<folder>", posix.O_RDONLY)
fcntl.ioctl(fd, 0x40086602, struct.pack("l", <inode_flags>))
# locks-of-file
import fcntl
sys.kept_lock = open("<folder>/lock", "w")
for number in range(500): fcntl.lockf(sys.kept_lock, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, number * 2)
# files-beside-folders
import posix
for number in range(3000):
    posix.mkdir("<folder>/x%d" % number)
    open("<folder>/x%d/y" % number, "w").close()
# files-in-every-folder
import posix
for number in range(<deep>):
    for name in range(20): open(str(name), "w").close()
    posix.mkdir("d")
    posix.chdir("d")
# names-long
import posix
for number in range(3000): open("<folder>/%0250d" % number, "w").close()
# quota
import ctypes
ctypes.CDLL(None).quotactl(<small>, b"<path>", 0, None)
# sysv
import ctypes
libc = ctypes.CDLL(None)
libc.shmget(<small>, 4096, 0o1666)
libc.semget(<small>, 8, 0o1666)
libc.msgget(<small>, 0o1666)
# message-queue
import ctypes
ctypes.CDLL(None).mq_open(b"/<word>", 0o102, 0o666, None)
# semaphore-named
import ctypes
ctypes.CDLL(None).sem_open(b"/<word>", 0o102, 0o666, 1)
# shared-memory
from multiprocessing import shared_memory
sys.kept_shared = shared_memory.SharedMemory(create=True, size=<large>)
# shared-memory-file
with open("/dev/shm/<word>", "wb") as file: file.writelines([bytes(1 << 20)] * <medium>)
# memory-file
import os
os.memfd_create("<word>")
# keys
import ctypes
ctypes.CDLL(None).syscall(248, b"user", b"<word>", b"x", 1, -4)
# asynchronous-calls
import ctypes
context = ctypes.c_ulong()
ctypes.CDLL(None).syscall(206, <large>, ctypes.byref(context))
ctypes.CDLL(None).syscall(425, <small>, ctypes.byref(ctypes.create_string_buffer(120)))
# socket-listening
import socket
server = sys.kept_server = socket.create_server(("127.0.0.1", <port>))
# socket-pair-of-ports [ports]
import socket
server = socket.create_server(("127.0.0.1", <port>), reuse_port=True)
client = sys.kept_client = socket.create_connection(server.getsockname())
other = sys.kept_other = server.accept()[0]
# socket-closed [ports]
import socket
server = socket.create_server(("127.0.0.1", <port>))
client = socket.create_connection(server.getsockname())
server.accept()[0].close()
client.close()
# socket-closed-half [ports]
import socket
server = socket.create_server(("::1", <port>), family=socket.AF_INET6)
client = socket.create_connection(server.getsockname()[:2])
sys.kept_other = server.accept()[0]
client.shutdown(socket.SHUT_WR)
# socket-of-datagrams
import socket
each = sys.kept_socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
each.bind(("0.0.0.0", <port>))
each.sendto(b"x" * 60000, ("127.0.0.1", <port>))
# socket-abstract
import socket
each = sys.kept_abstract = socket.socket(socket.AF_UNIX)
each.bind("\0<word>")
each.listen()
# socket-file
import socket
each = sys.kept_named = socket.socket(socket.AF_UNIX)
each.bind("<folder>/socket")
# socket-odd
import socket
socket.socket(socket.<family>, socket.<socket_kind>, <small>)
# sockets-many
import socket
sockets = sys.kept_sockets = []
while True: sockets.append(socket.socketpair())
# socket-holding-descriptors
import socket, array
left, right = sys.kept_flight = socket.socketpair()
for _ in range(<medium>):
    message = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [left.fileno(), 1, 2]))]
    left.sendmsg([b"x"], message, socket.MSG_DONTWAIT)
# socket-in-itself
import socket, array
left, right = socket.socketpair()
both = array.array("i", [left.fileno(), right.fileno()])
message = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, both)]
left.sendmsg([b"x"], message)
right.sendmsg([b"x"], message)
# socket-holding-a-file
import socket, array, posix
held = posix.open("<folder>/held", posix.O_CREAT | posix.O_RDWR)
posix.unlink("<folder>/held")
posix.posix_fallocate(held, 0, 40 << 20)
left, right = socket.socketpair()
numbers = array.array("i", [left.fileno(), right.fileno(), held])
left.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, numbers)])
# socket-holding-a-port
import socket, array
server = socket.create_server(("127.0.0.1", <port>))
left, right = socket.socketpair()
numbers = array.array("i", [left.fileno(), right.fileno(), server.fileno()])
left.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, numbers)])
# socket-of-many-paths
import socket
server = sys.kept_server = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
server.bind(("127.0.0.1", 0))
server.listen()
client = sys.kept_client = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
client.connect(server.getsockname())
# network
import socket
socket.create_connection(("<address>", <port>), timeout=0.1)
# name-looked-up
import socket
socket.gethostbyname("localhost")
# loopback-taken-down
import fcntl, socket, struct
each = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
fcntl.ioctl(each, 0x8914, struct.pack("16sh14x", b"lo", 0))
# settings-of-the-kernel
for name in ("kernel/hostname", "kernel/ns_last_pid", "vm/drop_caches", "net/ipv4/ip_forward",
             "net/ipv4/tcp_max_tw_buckets", "kernel/core_pattern", "fs/mqueue/msg_max"):
    try:
        with open("/proc/sys/" + name, "w") as file: file.write("<small>")
    except OSError: pass
# own-settings
for name in ("coredump_filter", "timerslack_ns", "autogroup", "clear_refs", "comm", "loginuid"):
    try:
        with open("/proc/self/" + name, "w") as file: file.write("<small>")
    except OSError: pass
# mounts
import ctypes
ctypes.CDLL(None).mount(b"none", b"<folder>", b"tmpfs", 0, None)
ctypes.CDLL(None).umount2(b"<folder>", 2)
# root-changed
import posix
posix.chroot("<folder>")
# guest-files
import guest
for name in ("codec", "player", "__init__"):
    with open("%s/%s.py" % (guest.__path__[0], name), "w") as file: file.write("<word>")
"""
