"""What a signal turns into (apart from signals.py, whose asyncio makes --help slow)."""

from __future__ import annotations

import signal


class Interrupted(BaseException):
    """The process was asked to end."""

    def __init__(self, number: int = signal.SIGINT) -> None:
        super().__init__("interrupted: what was done is stored, the same command continues from it")
        self.exit_status = 128 + number
