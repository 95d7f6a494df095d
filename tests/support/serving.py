"""A server of the grader, in a process of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[2]

AS_VERSION = """
import sys, opencodeeval
opencodeeval.__version__ = sys.argv.pop(1)
from opencodeeval.cli.main import main
sys.exit(main())
"""


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class Server:
    """`opencodeeval serve`; `url` stays the same when it is started again.

    Without a `jail` it gets no such option: its programs run elsewhere. `version` is what it
    takes for its own, if that is another one.
    """

    def __init__(
        self, log: Path, *arguments: str, jail: str = "local", version: str = "", **environment: str
    ) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = log
        self._arguments = (*(["--sandbox", jail] if jail else []), *arguments)
        self._environment = environment
        self._version = version
        self.start()

    def start(self) -> None:
        program = ["-m", "opencodeeval"]
        if self._version:
            program = ["-c", AS_VERSION, self._version]
        command = [sys.executable, *program, "serve", "--port", str(self.port)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, *self._arguments],
                env={**os.environ, "PYTHONPATH": str(ROOT), **self._environment},
                stdout=log,
                stderr=log,
            )
        end = time.monotonic() + 120
        while time.monotonic() < end and self.process.poll() is None:
            try:
                if httpx.get(f"{self.url}/ready", timeout=5).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.1)
        raise AssertionError(self.log.read_text())

    def end(self, number: int = signal.SIGTERM) -> int:
        """Signal it, and wait until it has ended; its exit status."""
        self.process.send_signal(number)
        return self.process.wait(timeout=100)
