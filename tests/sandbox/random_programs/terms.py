"""What stands for `<name>` in a fragment: one of these, and again whatever it names in turn."""

from __future__ import annotations

_LINES: dict[str, str] = {
    "coin": "True | False",
    "truth": "True | False | None | NotImplemented | ...",
    "small": "0 | 1 | 2 | 3 | 5 | 7 | -1",
    "medium": "17 | 40 | 64 | 100",
    "large": "1000 | 4096 | 60000",
    "huge": "300000 | 1000000 | 3000000",
    "size": "4096 | 1048576 | 50331648 | 314572800 | 8589934592 | 1099511627776",
    "files": "100 | 3000 | 12000",
    "deep": "10 | 90 | 400",
    "number": "0 | -0.0 | 1e308 | 2**63 | 2**64 - 1 | -1 | 1e-300 | True",
    "odd_float": "nan | inf | -inf | 1e999 | -0.0",
    "seconds": "0.0005 | 0.002 | 0.01 | 0.05",
    "word": "passed | OK | x | work | solution | __main__ | ready | 0",
    "fd": "0 | 1 | 2 | 3 | 4 | 5 | 200 | 250",
    "pid": "1 | -1 | 2 | 0 | 7",
    "mode": "0 | 0o1 | 0o500 | 0o111 | 0o7777 | 0o1222",
    "port": "0 | 8765 | 47123 | 80",
    "address": "127.0.0.1 | 10.0.0.1 | ::1 | localhost | 169.254.169.254",
    "builtin": "len | print | isinstance | type | open | sorted | abs | range | list | int | repr "
    "| exec | compile | map | str | getattr | __import__ | BaseException | MemoryError | any | all",
    "type": "int | list | str | dict | type | object | float | BaseException | type(None)",
    "module": "json | os | posix | sys | builtins | math | numpy | unittest | guest | codecs | io "
    "| guest.codec | guest.player | traceback | threading | select | gc | socket | signal | atexit "
    "| solution | __main__ | linecache | random | collections.abc | numpy.testing | unittest.case "
    "| encodings.utf_8 | time | types",
    "guest_module": "player | codec | codec_encoder | fingerprint | containment | livecodebench",
    "function_owner": "json | os | socket | select | time | struct | random | traceback | codecs "
    "| threading | io | sys | json.JSONEncoder | socket.socket | io.TextIOWrapper",
    "function_name": "dumps | loads | encode | write | read | close | _exit | send | sendall "
    "| pack | select | monotonic | flush | setstate | getstate | _shutdown | lookup | fork | kill",
    "object": "None | 0 | [] | {} | object() | float('nan') | '<word>' | b'' | type | <callable>",
    "callable": "(lambda *_, **__: True) | (lambda *_, **__: None) | (lambda *_, **__: '<word>') "
    "| (lambda *_, **__: <leave>) | (lambda *_, **__: 1 / 0) | print | id "
    "| (lambda each, *_: each)",
    "leave": "__import__('os')._exit(<small>) | __import__('posix')._exit(0) | exit(<small>) "
    "| sys.exit() | __import__('posix').kill(__import__('posix').getpid(), <ending_signal>) "
    "| __import__('posix').abort() | (lambda: (_ for _ in ()).throw(<exception>))()"
    " | next(_ for _ in () if 1) | __import__('_thread').interrupt_main()"
    " | __import__('ctypes').string_at(0)",
    "libc_exit": "exit | _exit | quick_exit | abort | pthread_exit",
    "exit_call": "60 | 231",
    "exception": "SystemExit | KeyboardInterrupt | GeneratorExit | BaseException | MemoryError "
    "| RecursionError | StopIteration | AssertionError | Exception | TimeoutError | OSError "
    "| StopAsyncIteration | UnicodeDecodeError",
    "crash": "_sigsegv | _sigabrt | _sigfpe | _read_null | _stack_overflow",
    "mock": "ANY | MagicMock() | sentinel.value | Mock(return_value=value)",
    "signal": "<ending_signal> | <continuing_signal> | 33 | 50",
    "ending_signal": "9 | 15 | 6 | 11 | 2 | 3 | 7 | 31 | 13 | 24 | 1 | 35 | 40 | 64",
    "continuing_signal": "10 | 12 | 14 | 17 | 18 | 23 | 28 | 34 | 63",
    "disposition": "SIG_IGN | SIG_DFL",
    "timer": "ITIMER_REAL | ITIMER_VIRTUAL | ITIMER_PROF",
    "limit": "RLIMIT_AS | RLIMIT_DATA | RLIMIT_STACK | RLIMIT_NOFILE | RLIMIT_FSIZE | RLIMIT_NPROC "
    "| RLIMIT_CPU | RLIMIT_CORE | RLIMIT_MEMLOCK | RLIMIT_SIGPENDING",
    "prctl": "1 | 3 | 4 | 8 | 10 | 13 | 14 | 15 | 23 | 25 | 28 | 29 | 31 | 36 | 38 | 41 | 42 | 53",
    "policy": "BATCH | IDLE | FIFO | RR | OTHER",
    "oom_score": "-1000 | 0 | 1 | 1000",
    "set_id": "setuid | setgid | seteuid | setegid",
    "namespace": "0x10000000 | 0x20000000 | 0x00020000 | 0x40000000 | 0x00000200 | 0x7e020000",
    "start_method": "fork | spawn | forkserver",
    "command": "true | sleep 300 | exit 3 | kill -9 $PPID | echo <word> | yes | cat | trap '' 15 "
    "| sleep 300 & | (sleep 300 &) & | echo <word> >&3 | kill -STOP $PPID; kill -CONT $PPID",
    "python": "print(1) | import time; time.sleep(300) | import os; os.write(3, b'[]') | 1/0",
    "path": "full | /tmp/full | /dev/shm/full | /tmp/work/solution.py | /var/tmp/x | /dev/mqueue/x",
    "folder": "/tmp | /tmp | /tmp/work | /dev/shm | /dev/shm | /var/tmp | . | .",
    "target": "/ | /proc/1/root | /etc/passwd | . | /dev/shm | /proc/self/fd | nowhere",
    "maker": "mkdir('/tmp/work', 0) | mkdir('/tmp/work', 0o777) | mkfifo('/tmp/work') "
    "| symlink('/tmp', '/tmp/work')",
    "inode_flags": "0x20 | 0x10 | 0x80 | 0x40 | 0xb0",
    "device": "null | zero | full | urandom | ptmx | tty",
    "shut": "SHUT_RD | SHUT_WR | SHUT_RDWR",
    "family": "AF_INET | AF_INET6 | AF_UNIX | AF_NETLINK | AF_PACKET | AF_ALG | AF_VSOCK",
    "socket_kind": "SOCK_STREAM | SOCK_DGRAM | SOCK_RAW | SOCK_SEQPACKET",
    "audit_event": "exec | compile | import | os.fork | object.__getattr__ | open | gc.get_objects",
    "locale": "C | POSIX | C.UTF-8 | de_DE.UTF-8 | tr_TR",
    "encoding": "ascii | utf-16 | latin-1 | cp037 | idna | rot13 | utf-8",
    "dtype": "f8 | f2 | >f8 | i1 | u8 | c16 | ? | O | S3 | U3 | M8[s] | m8[D] | g",
    "zone": "datetime.timezone.utc | None",
    "reply": '["v",0] | ["v",null] | ["v",true] | ["v",{"f":"nan"}] | ["v",[]] | ["ready"] | []'
    ' | {} | ["e","SystemExit"] | ["e","x",""] | ["h","00"] | ["h","<word>"] | ["loaded"]'
    ' | ["loaded",""] | ["done","",""] | ["t","test_first","ok","00"] | ["tampered","x"]'
    ' | ["tampered"] | ["u","x"] | ["v",{"t":[0]}] | ["v",{"s":[0,0]}] | ["v",1e999]'
    ' | nan | "passed" | ["v" | [[[[[[[[ | 1',
    "reply_body": '0 | null | "<word>" | [0] | {"f":"nan"} | {"o":"x"} | ],[ | 0]\\n["v",0',
}

TERMS = {name: tuple(each.strip() for each in line.split(" | ")) for name, line in _LINES.items()}
