"""Errors whose message is meant for the person at the keyboard.

Each message is one sentence that says what is wrong and what to do next.
The command line prints it to stderr without a traceback and exits with the
class's `exit_status`.
"""

from __future__ import annotations

from opencodeeval.core.text import one_line


class OpenCodeEvalError(Exception):
    """Base of every expected failure."""

    exit_status = 1

    def __init__(self, message: str) -> None:
        # Messages quote engines, tools and files, whose words may have line breaks in them.
        super().__init__(one_line(message))


class UsageError(OpenCodeEvalError):
    """The request itself cannot be carried out as written."""

    exit_status = 2


class DataError(OpenCodeEvalError):
    """A data set, sample file or record is missing, damaged or of another version."""

    exit_status = 3


class ExtensionError(OpenCodeEvalError):
    """A benchmark, backend, jail, format or tracker that another package installs is unusable."""

    exit_status = 1


class BackendError(OpenCodeEvalError):
    """The model or the inference engine cannot be used."""

    exit_status = 4


class SandboxError(OpenCodeEvalError):
    """No sandbox can be had, or it failed persistently (no score results)."""

    exit_status = 5


class StoreError(OpenCodeEvalError):
    """The output folder cannot be written or read."""

    exit_status = 6
