"""A server from its options: benchmarks, sandboxes and the socket."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import socket
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from opencodeeval.core.errors import UsageError
from opencodeeval.core.machine import usable_cores
from opencodeeval.execution.base import Sandbox
from opencodeeval.execution.environments import names
from opencodeeval.execution.pool import share_cores
from opencodeeval.execution.toolchains import check_languages
from opencodeeval.runs.options import SandboxOptions, Selection
from opencodeeval.serve.tokens import VARIABLE, Tokens

if TYPE_CHECKING:
    from opencodeeval.benchmarks.card_benchmark import CardBenchmark
    from opencodeeval.serve.app import Service
    from opencodeeval.serve.front import Front

# The token that is sent to the hosts of --behind.
HOSTS_TOKEN = "OPENCODEEVAL_HOSTS_TOKEN"
NEEDED = ("starlette", "uvicorn", "prometheus_client")


@dataclass(frozen=True)
class ServerOptions:
    """What is served, and where.

    `benches` are names as `--bench` takes them; `environments` those of specifications, beside
    the plain one and those of the benchmarks. At most `queue` programs wait.
    On SIGTERM what was accepted is graded for `grace_s` seconds more. A client that reads
    nothing for `patience_s` is disconnected. `behind` are the addresses of hosts that run the
    programs; without any they run here.
    """

    benches: Sequence[str] = ()
    environments: Sequence[str] = ()
    selection: Selection = field(default_factory=Selection)
    sandbox: SandboxOptions = field(default_factory=SandboxOptions)
    host: str = "127.0.0.1"
    port: int = 8321
    queue: int = 4096
    grace_s: int = 60
    patience_s: int = 120
    behind: Sequence[str] = ()


def serve(options: ServerOptions, log: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM.

    Raises:
        UsageError: the options cannot be used together, or a package is missing.
        SandboxError: there is no sandbox.
    """
    for name in NEEDED:
        if importlib.util.find_spec(name) is None:
            raise UsageError(f"{name} is not installed: pip install 'opencodeeval[serve]'")
    import uvicorn

    tokens = Tokens(os.environ.get(VARIABLE, ""))
    if not tokens and not _is_local(options.host):
        raise UsageError(
            f"--host {options.host} can be reached from elsewhere, and {VARIABLE} is not set: set "
            "it to NAME=TOKEN,NAME=TOKEN, or leave --host at 127.0.0.1"
        )
    with ExitStack() as stack:
        listener = stack.enter_context(_listen(options.host, options.port))
        # What is sent and not read is held by the kernel, which ends such a connection; one that
        # was closed here would stay until its client reads. Accepted connections inherit this.
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux has it
            milliseconds = options.patience_s * 1000
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)
        service = open_service(options, tokens, log)
        config = uvicorn.Config(
            service.app(),
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            lifespan="on",
            timeout_graceful_shutdown=options.grace_s,
        )
        port = listener.getsockname()[1]
        log(f"serving {', '.join(service.served.benchmarks) or 'specifications only'}")
        log(f"listening on http://{options.host}:{port} (Ctrl-C ends it)")
        uvicorn.Server(config).run(sockets=[listener])


def open_service(options: ServerOptions, tokens: Tokens, log: Callable[[str], None]) -> Service:
    """The service with its sandboxes open.

    Raises:
        UsageError: there is no such benchmark or environment.
        SandboxError: a sandbox cannot be had.
    """
    from opencodeeval.serve.app import Service
    from opencodeeval.serve.dispatch import Dispatcher
    from opencodeeval.serve.served import Served

    if options.patience_s < 1:
        raise UsageError(f"--patience must be at least 1, got {options.patience_s}")
    if options.queue < 1:
        raise UsageError(f"--queue must be at least 1, got {options.queue}")
    unknown = sorted(set(options.environments) - {*names(), ""})
    if unknown:
        raise UsageError(f"there is no environment {unknown[0]!r}; available: {', '.join(names())}")
    benchmarks = {bench: _load(options.selection, bench) for bench in options.benches}
    wanted = {"", *options.environments, *(each.environment for each in benchmarks.values())}
    if options.behind:
        dispatcher: Dispatcher = _front(options, wanted, benchmarks.values(), log)
    else:
        dispatcher = Dispatcher(_opened(options, wanted, benchmarks.values(), log), options.queue)

    def under(bench: str, protocol: str) -> CardBenchmark:
        return _load(replace(options.selection, protocols=[protocol]), bench)

    return Service(Served(benchmarks, frozenset(wanted), under), dispatcher, tokens)


def _opened(
    options: ServerOptions,
    environments: Iterable[str],
    benchmarks: Iterable[CardBenchmark],
    log: Callable[[str], None],
) -> dict[str, Sandbox]:
    """The sandboxes of this machine, by environment."""
    sandboxes: dict[str, Sandbox] = {}
    try:
        for name in sorted(environments):
            sandboxes[name] = options.sandbox.open(name, log)
        for each in benchmarks:
            check_languages(sandboxes[each.environment], each)
    except BaseException:
        asyncio.run(_close(sandboxes.values()))
        raise
    share_cores(list(sandboxes.values()))
    log(f"{options.sandbox.slots or usable_cores()} programs run at a time")
    return sandboxes


def _front(
    options: ServerOptions,
    environments: Iterable[str],
    benchmarks: Iterable[CardBenchmark],
    log: Callable[[str], None],
) -> Front:
    """What gives the programs to other hosts."""
    if importlib.util.find_spec("aiohttp") is None:
        raise UsageError("aiohttp is not installed: pip install 'opencodeeval[serve]'")
    from opencodeeval.serve.front import Front
    from opencodeeval.serve.hosts import Host

    if options.sandbox != SandboxOptions():
        raise UsageError(
            "--sandbox, --slots, --image and --runtime are options of the hosts: leave them out "
            "beside --behind"
        )
    token = os.environ.get(HOSTS_TOKEN, "").strip() or None
    if token and not (token.isascii() and token.isprintable()):
        raise UsageError(f"{HOSTS_TOKEN} has characters that no token has: correct it")
    hosts = [Host(_address(url), token) for url in dict.fromkeys(options.behind)]
    languages: dict[str, frozenset[str]] = {}
    for each in benchmarks:
        tests = [task.tests for task in each.tasks if "language" in task.tests]
        spoken = frozenset(str(found["language"]) for found in tests)
        languages[each.environment] = languages.get(each.environment, frozenset()) | spoken
    return Front(hosts, environments, options.queue, log, languages)


def _address(url: str) -> str:
    try:
        found = urlsplit(url)
        usable = found.scheme in ("http", "https") and found.hostname and found.port != 0
    except ValueError:
        usable = False
    if not usable or found.query or found.fragment:
        raise UsageError(f"--behind takes addresses like http://HOST:8321, not {url!r}")
    if found.username or found.password:
        raise UsageError(f"--behind takes addresses without a password: set {HOSTS_TOKEN}")
    return url


def _load(selection: Selection, bench: str) -> CardBenchmark:
    loaded = selection.load(bench)
    if len(loaded) > 1:
        raise UsageError("a request names its protocol: leave out --protocol here")
    return loaded[0]


async def _close(sandboxes: Iterable[Sandbox]) -> None:
    for each in sandboxes:
        await each.close()


def _listen(host: str, port: int) -> socket.socket:
    """A bound socket, before anything slow is done."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        raise UsageError(
            f"cannot listen on {host}, port {port} ({error.strerror or error}): choose another "
            "with --host and --port"
        ) from None
    return listener


def _is_local(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
