"""Starting and ending vLLM's asynchronous engine, quietly and completely."""

from __future__ import annotations

import dataclasses
import importlib.util
import itertools
import logging
import os
import re
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import wait
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, TextIO

from opencodeeval.backends.lifeline import Lifeline, output_to
from opencodeeval.backends.vllm_advice import with_advice
from opencodeeval.core import alive
from opencodeeval.core.background import in_background
from opencodeeval.core.errors import BackendError

# A user who sets the level wants to read the log on the terminal.
_LEVEL = "VLLM_LOGGING_LEVEL"
_DEFAULT_ENVIRONMENT = {
    "VLLM_LOGGING_STREAM": "ext://sys.stderr",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    # A fork would copy the locks of this process's threads.
    "VLLM_WORKER_MULTIPROC_METHOD": "spawn",
    "TOKENIZERS_PARALLELISM": "false",
}
_SHUTDOWN_S = 20.0
_GIVE_UP_S = 1.0
# A seeded sample whose prompt is split into chunks kills the engine on a CPU
# ("CPU Generator does not use offset", vLLM 0.32).
_CPU_DEFAULTS = {"enforce_eager": True, "enable_chunked_prefill": False}

_LOG_PREFIX = re.compile(
    r"^(\([^()]* pid=\d+\) )?((DEBUG|INFO|WARNING|ERROR|CRITICAL) \S+ \S+ \[[^\]]*\] )?"
)
_ERROR_LINE = re.compile(r"^(?P<kind>[\w.]*(?:Error|Exception)): (?P<reason>\S.*)$")
# Errors that only point to another one.
_VAGUE = re.compile(r"stack trace|root cause|^cancelled$|^Executor failed", re.IGNORECASE)
_DEATH_LINE = re.compile(r"Worker proc \S+ died unexpectedly")


class Engine:
    """A running vLLM engine (`llm` is vLLM's AsyncLLM) with its processes and its log."""

    def __init__(self, llm: Any, lifeline: Lifeline, log: Path | None) -> None:
        self.llm = llm
        # Names of requests, which all users of the engine must take from one place.
        self.numbers = itertools.count()
        self._lifeline = lifeline
        self._log = log
        self._ending = threading.Lock()
        _never_linger(llm)

    def failure(self) -> str:
        """Why the engine died, as far as its log and its processes tell."""
        return _why(self._lifeline, self._log)

    def shutdown(self) -> None:
        """End every process of the engine; a second call only waits for the first.

        vLLM closes its sockets in the event loop, which therefore has to go on until the
        end: ZeroMQ would wait for an open one for ever when its context is collected.
        """
        with self._ending:
            llm, self.llm = self.llm, None
            if llm is None:
                return
            healthy = not llm.errored
            try:
                llm.shutdown(timeout=_SHUTDOWN_S)
            finally:
                self._lifeline.end()
                if healthy and self._log:
                    self._log.unlink(missing_ok=True)


def start_engine(arguments: Mapping[str, Any], local: bool) -> Engine:
    """Load a model into vLLM; takes seconds to minutes and blocks meanwhile.

    `arguments` are those of AsyncEngineArgs; `local` says that the model is a
    folder, for which nothing is asked of the network. While it runs, what this
    process prints goes to the engine's log, unless VLLM_LOGGING_LEVEL is set.

    Raises:
        BackendError: vLLM is not installed, or the engine does not start.
    """
    require_vllm()
    log = None if os.environ.get(_LEVEL) else _new_log()
    if log:
        alive.remark(f"vLLM's log is {log}")
    lifeline = Lifeline()
    with _output(log) as stream, _environment(local):
        try:
            return Engine(_interruptibly(_constructor(arguments, stream), lifeline), lifeline, log)
        except BaseException as error:
            if log and not (lifeline.processes and isinstance(error, Exception)):
                log.unlink()
            if not isinstance(error, Exception):
                raise
            reason = _why(lifeline, log, error)
            raise BackendError(f"the vLLM engine did not start: {reason}") from error


def require_vllm() -> None:
    """Raise BackendError unless vLLM is installed."""
    if importlib.util.find_spec("vllm") is None:
        raise BackendError(
            "vLLM is not installed: pip install 'opencodeeval[vllm]' for NVIDIA GPUs, "
            "or 'opencodeeval[cpu]' without"
        )


def engine_argument_names() -> frozenset[str]:
    """The arguments that the installed vLLM's AsyncEngineArgs takes."""
    with open(os.devnull, "w") as nowhere, output_to(nowhere.fileno()), _environment(local=False):
        from vllm.engine.arg_utils import AsyncEngineArgs

    return frozenset(each.name for each in dataclasses.fields(AsyncEngineArgs))


def _constructor(arguments: Mapping[str, Any], stream: TextIO) -> Callable[[], Any]:
    from vllm.engine.arg_utils import AsyncEngineArgs
    from vllm.platforms import current_platform
    from vllm.v1.engine.async_llm import AsyncLLM

    for handler in logging.getLogger("vllm").handlers:
        if type(handler) is logging.StreamHandler:
            # Not setStream, which flushes the stream before, be it closed.
            handler.stream = stream
    defaults = _CPU_DEFAULTS if current_platform.is_cpu() else {}
    return lambda: AsyncLLM.from_engine_args(AsyncEngineArgs(**{**defaults, **arguments}))


def _never_linger(llm: Any) -> None:
    """Drop messages that a dead engine will not take: ZeroMQ would wait for it for ever."""
    resources = llm.engine_core.resources
    for socket in (resources.input_socket, resources.output_socket):
        if socket is not None:
            socket.linger = 0


def _interruptibly(construct: Callable[[], Any], lifeline: Lifeline) -> Any:
    # vLLM swallows a KeyboardInterrupt while it waits for its processes. In a
    # thread it gets none; here it ends those processes, and so the waiting.
    def tied() -> Any:
        with lifeline.tied():
            return construct()

    work = in_background(tied)
    try:
        return work.result()
    except BaseException:
        lifeline.end()
        # What waits for those processes has ended with them; what imports may take long.
        wait([work], _GIVE_UP_S)
        raise


def _new_log() -> Path:
    descriptor, name = tempfile.mkstemp(prefix="opencodeeval-vllm-", suffix=".log")
    os.close(descriptor)
    return Path(name)


@contextmanager
def _output(log: Path | None) -> Iterator[TextIO]:
    """Send all output to a log, or to stderr; yields the stream that leads there.

    The stream stays open: handlers of vLLM's logging that are made inside keep it.
    """
    stream = log.open("a", buffering=1) if log else sys.stderr
    with output_to(stream.fileno() if log else 2), redirect_stdout(stream), redirect_stderr(stream):
        yield stream


@contextmanager
def _environment(local: bool) -> Iterator[None]:
    """The settings that vLLM reads from the environment, where the user made none."""
    # Read now, so that being offline holds for the engine's processes only:
    # this process may have data sets to fetch.
    import huggingface_hub.constants  # noqa: F401

    wanted = {_LEVEL: "WARNING", **_DEFAULT_ENVIRONMENT}
    if local:
        wanted["HF_HUB_OFFLINE"] = "1"
    added = {name: value for name, value in wanted.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            os.environ.pop(name, None)


def _why(lifeline: Lifeline, log: Path | None, error: Exception | None = None) -> str:
    """The reason, what to change if that is known, and where the log is."""
    kept = log is not None and log.exists()
    text = log.read_text(errors="replace") if log and kept else ""
    reason = _reason(lifeline, text, error)
    if not reason:
        reason = "it gave no reason" + ("" if kept else " but what it printed above")
    return with_advice(reason) + (f" (its log is {log})" if kept else "")


def _reason(lifeline: Lifeline, log: str, error: Exception | None) -> str:
    if error is not None and not _VAGUE.search(str(error)):
        return one_line(error)
    if reason := last_error(log):
        return reason
    for process in lifeline.processes:
        if process.exitcode is not None and process.exitcode < 0:
            name = signal.Signals(-process.exitcode).name
            hint = ", perhaps for want of memory" if name == "SIGKILL" else ""
            return f"its process was ended by {name}{hint}"
    return ""


def last_error(log: str) -> str:
    """What the last line of a log that names an error says, or ""."""
    for line in reversed(log.splitlines()):
        found = _ERROR_LINE.match(_LOG_PREFIX.sub("", line).strip())
        if found and not _VAGUE.search(found["reason"]):
            # One word alone, as of a KeyError, tells nothing without its kind.
            return found["reason"] if " " in found["reason"] else found[0]
    if _DEATH_LINE.search(log):
        return "one of its workers was killed, perhaps for want of memory"
    return ""


def one_line(error: BaseException) -> str:
    """An error's message in one line; of a pydantic error, its first objection."""
    objections = getattr(error, "errors", None)
    if callable(objections):
        first = objections(include_url=False)[0]
        place = f"{first['loc'][0]}: " if first["loc"] else ""
        return place + str(first["msg"]).removeprefix("Value error, ").splitlines()[0]
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
