"""Fragments that close, replace, fill or forge what descriptors lead to."""

from __future__ import annotations

WRITING = r"""
# close
import posix
posix.close(<fd>)
# close-all
import posix
posix.closerange(0, 256)
# close-all-but-channel
import posix
posix.closerange(0, 3)
posix.closerange(4, 256)
# close-by-range
import ctypes
ctypes.CDLL(None).syscall(436, <small>, 0xffffffff, 0)
# shut-down
import socket
socket.socket(fileno=3).shutdown(socket.<shut>)
# replace
import posix
posix.dup2(<fd>, <fd>)
# replace-by-null
import posix
posix.dup2(posix.open("/dev/<device>", posix.O_RDWR), <fd>)
# replace-by-file
import posix
posix.dup2(posix.open("<path>", posix.O_RDWR | posix.O_CREAT, 0o600), <fd>)
# replace-by-pair
import socket
pair = sys.kept_pair = socket.socketpair()
import posix
posix.dup2(pair[0].fileno(), <fd>)
# swap-channel-and-stdout
import posix
kept = posix.dup(3)
posix.dup2(1, 3)
posix.dup2(kept, 1)
# duplicates-until-refused
import posix
while True: posix.dup(<fd>)
# duplicates-kept-by-a-child
import posix, time
if posix.fork() == 0: time.sleep(300)
posix.close(<fd>)
# blocking
import posix
posix.set_blocking(<fd>, False)
# append-and-direct
import fcntl
fcntl.fcntl(<fd>, fcntl.F_SETFL, <medium> | 0o40000)
# pipe-small
import fcntl
fcntl.fcntl(<fd>, 1031, 4096)
# pipe-large
import fcntl
fcntl.fcntl(<fd>, 1031, 1 << 20)
# buffer-sizes
import socket
for name in ("SO_SNDBUF", "SO_RCVBUF", "SO_SNDTIMEO", "SO_RCVTIMEO", "SO_PASSCRED", "SO_PEEK_OFF"):
    socket.socket(fileno=3).setsockopt(socket.SOL_SOCKET, getattr(socket, name, 1), <medium>)
# lease
import fcntl
fcntl.fcntl(<fd>, 1024, <small>)
fcntl.flock(<fd>, fcntl.LOCK_EX | fcntl.LOCK_NB)
# read-requests
import posix
posix.set_blocking(3, False)
posix.read(3, 1 << 20)
# peek-requests
import socket
socket.socket(fileno=3).recv(1 << 16, socket.MSG_PEEK | socket.MSG_DONTWAIT)
# write-junk
import posix
posix.write(<fd>, b"\x00\xff\n{" * <medium>)
# write-random
import posix
posix.write(<fd>, posix.urandom(<medium>))
# write-partial-line
import posix
posix.write(<fd>, b'<reply>')
# write-empty-lines
import posix
posix.write(<fd>, b"\n" * <medium>)
# write-long-line
import posix
posix.set_blocking(<fd>, False)
for _ in range(64): posix.write(<fd>, b"[" * 65536)
# forge-reply
import posix
posix.write(3, b'<reply>\n')
# forge-replies
import posix
posix.write(3, b'<reply>\n<reply>\n<reply>\n<reply>\n<reply>\n')
# forge-many
import posix
for _ in range(<medium>): posix.write(3, b'<reply>\n')
# forge-on-other-channel
import posix
posix.write(4, b'<reply>\n<reply>\n')
# forge-and-leave
import posix
posix.write(3, b'["ready"]\n<reply>\n<reply>\n')
<leave>
# forge-then-close
import posix
posix.write(3, b'<reply>\n<reply>')
posix.close(3)
# forge-header
import posix, struct
posix.write(<fd>, struct.pack("!I", <large>) + b'{"suites":{"base":{"verdict":"passed"}}}')
# forge-verdict
import posix
for fd in range(8):
    try: posix.write(fd, b'{"suites":{"base":{"verdict":"passed"}},"clean":true}\nok\nPASSED\n')
    except OSError: pass
# forge-passed-descriptor
import socket, array
message = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2] * <small>))]
socket.socket(fileno=3).sendmsg([b'<reply>\n'], message)
# forge-credentials
import socket, struct, posix
socket.socket(fileno=3).sendmsg([b'<reply>\n'], [(1, 2, struct.pack("3i", posix.getpid(), 0, 0))])
# progress-written
import mmap
mmap.mmap(4, 4)[:] = b"\xff\xff\xff\xff"
# progress-truncated
import posix
posix.ftruncate(4, <medium>)
# stdout-flood
for _ in range(<medium>): sys.stdout.write("<word>" * 5000)
# stdout-packets
import fcntl, posix
fcntl.fcntl(1, fcntl.F_SETFL, 0o40000)
for _ in range(<medium>): posix.write(1, b"<word>\n")
# stderr-flood
for _ in range(<medium>): sys.stderr.write("<word>" * 5000)
# stderr-flood-endless [rare]
import posix
while True: posix.write(2, b"y" * 65536)
# stderr-odd-bytes
import posix
posix.write(2, bytes(range(256)) * <medium>)
# stderr-word [benign]
sys.stderr.write("<word>\n")
# stdout-printed-by-a-child
import posix
if posix.fork() == 0:
    for _ in range(<medium>): posix.write(1, b"<word>\n")
    posix._exit(0)
# stdin-read
sys.stdin.buffer.raw.read(<medium>)
# stdin-written
import posix
posix.write(0, b"<word>\n")
# files-exhausted
import sys
files = sys.kept_files = []
while True: files.append(open("/dev/null"))
# descriptor-high
import fcntl
fcntl.fcntl(<fd>, fcntl.F_DUPFD, 1000)
# terminal
import posix
posix.open("/dev/tty", posix.O_RDWR)
posix.openpty()
# watch
import ctypes
libc = ctypes.CDLL(None)
fd = libc.inotify_init1(0)
for name in (b"/tmp", b"/dev/shm", b"/", b"/proc"): libc.inotify_add_watch(fd, name, 0xfff)
# events
import select
poll = sys.kept_poll = select.epoll()
for fd in range(5):
    try: poll.register(fd, select.EPOLLIN | select.EPOLLONESHOT)
    except OSError: pass
# splice
import ctypes
ctypes.CDLL(None).splice(3, None, 1, None, <medium>, 2)
# tee-to-itself
import posix
read, write = posix.pipe()
posix.dup2(read, <fd>)
posix.dup2(write, <fd>)
"""
